//! Conversations: MLS groups, the envelopes their messages travel in, and the commit log that
//! says in which order a group changes.
//!
//! Every conversation, of two personas or of many, is one MLS group (RFC 9420, ciphersuite
//! 0x0003). Alice creates it and is its *sequencer*: she alone commits in this version. Each of
//! her commits travels with a [`SeqEntry`], signed by her leaf key and chained to the entry
//! before it. Bob merges a commit only if its entry continues the chain he holds and names the
//! very epoch the commit leads to, so two members that merged the same entry are in the same
//! epoch with the same keys.
//!
//! ```text
//!  Alice (sequencer)                                   Bob
//!  add(bob's key package)
//!    └─ welcome ──────── sealed box, addressed ──────► join
//!                        by Bob's sealing key
//!  seal(message) ─────── envelope, addressed ────────► open ─► Opened::Message
//!                        by a tag of the epoch
//!  remove(carol) ─────── envelope: commit + entry ───► open ─► Opened::Change
//! ```
//!
//! All of it travels in one format, [`Envelope`]: padded to a few lengths, addressed by a tag
//! that changes every day and every epoch. Who carries an envelope learns neither the
//! conversation, nor the author, nor whether it is a message, a commit or a first contact.
//!
//! | module | holds |
//! | --- | --- |
//! | `engine` | [`GroupEngine`], the trait the rest of the node talks to, and its values |
//! | `openmls` | [`OpenMls`], that trait over the openmls library |
//! | `storage` | what openmls keeps, as ordered rows with all-or-nothing changes |
//! | `credential` | who stands behind a leaf, signed by the persona |
//! | `policy`, `log` | who may commit, and the signed chain of commits |
//! | [`succession`] | who may commit when the sequencer is gone, and which branch holds |
//! | `signal` | what members say about a group outside of it: votes, and what they followed |
//! | `envelope`, `padding`, `tag`, `frame` | the outer format and what it encloses |
//! | `rejoin` | how a member that lost its keys asks to come back |
//! | `sealed_box` | first contact, in the same format |
//!
//! Two things do not come in as values here, because openmls takes them itself: it reads the
//! system clock to date and to check the lifetime of key packages, and its crypto provider
//! brings its own random numbers. Everything else that depends on time takes `now_ms`.

mod credential;
mod engine;
mod envelope;
mod error;
mod frame;
mod leaf;
mod log;
mod openmls;
mod padding;
mod policy;
mod rejoin;
mod sealed_box;
mod signal;
mod storage;
pub mod succession;
mod tag;
mod welcome;

pub use self::{
    credential::{
        CREDENTIAL_LIFETIME_MS, CredentialError, DEVICE_CREDENTIAL_BYTES, DeviceCredential,
    },
    engine::{Change, GroupEngine, Opened, Position, StateWrite},
    envelope::{ENVELOPE_BYTES_MAX, Envelope, EnvelopeError},
    error::{Fault, SessionError},
    frame::{FrameError, RECEIPTS_MAX, SealedFrame},
    log::{EntryError, EntryKind, SeqEntry, SignedEntry},
    openmls::{OUT_OF_ORDER_MAX, OpenMls, PAST_EPOCHS},
    padding::{BUCKET_STEP, BUCKETS},
    policy::{GroupPolicy, GuardedOperation, POLICY_EXTENSION},
    rejoin::{REJOIN_LIFETIME_MS, RejoinError, RejoinRequest, SignedRejoin},
    sealed_box::{SealingSecret, contact_tags, open_sealed, seal_to},
    signal::{SIGNAL_LIFETIME_MS, Signal, SignedSignal, Word},
    tag::{Tag, TagKey, WINDOW_MS},
    welcome::Invitation,
};
