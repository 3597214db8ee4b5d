//! Mailboxes: nodes that hold envelopes for personas whose home sleeps.
//!
//! A mailbox knows tags, sizes and times. It cannot open what it holds, and nothing it is told
//! names a persona: the depositor of an envelope shows the [`Token`] behind the tag, or a proof of
//! [`work`] where it shares no secret with the recipient; the reader shows the same token; and who
//! has committed an envelope gives it free with a [`ReleaseKey`] whose lock came with the deposit.
//!
//! Sender and recipient are never awake together, so an envelope lies at up to [`REPLICAS`]
//! mailboxes, the ones its recipient's card names, and counts as stored once [`needed`] of them
//! have answered with a signed [`Stored`].
//!
//! The messages are written down in `protocol/spec/mailbox.md`.

pub mod host;
mod release;
mod replicas;
mod request;
mod stored;
mod token;
mod work;

pub use release::{ReleaseKey, ReleaseLock};
pub use replicas::{REPLICAS, needed, replicas};
pub use request::{
    ANSWERS_MAX, Access, Answer, CLAIMS_MAX, Claim, Deposit, KEEP_MS_MAX, LOCKS_MAX, Refusal,
    Reply, Request,
};
pub use stored::Stored;
pub use token::Token;
pub use work::{WORK_BITS, is_done, work};
