//! What the owner sees: plain snapshots of the node's state, made for screens and programs.

use personas::{Settings, TimeRange};
use protocol::{
    decision::{Caster, Choice, Fraction, Mandate, Rule},
    identity::{ConversationId, FileId, MessageId, PersonaId, ProposalId},
};

use crate::request::{ConversationKind, LocalId};

/// A persona of this node.
#[derive(Debug, Clone)]
pub struct PersonaView {
    /// Its key.
    pub id: PersonaId,
    /// For people.
    pub name: String,
    /// `maya#4f2k`.
    pub handle: String,
    /// What its owner allows.
    pub settings: Settings,
    /// The calendar file it reads and books in.
    pub calendar: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub created_at_ms: u64,
    /// Whether its card has been put into the DHT since it last changed.
    pub published: bool,
}

/// Another persona one of ours knows.
#[derive(Debug, Clone)]
pub struct ContactView {
    /// Whose contact.
    pub owner: PersonaId,
    /// Who.
    pub persona: PersonaId,
    /// What it calls itself.
    pub name: String,
    /// Its handle.
    pub handle: String,
    /// How far it is trusted: `blocked`, `unknown`, `known`, `trusted`, `operator`.
    pub tier: &'static str,
    /// How far the acquaintance has come.
    pub state: ContactState,
    /// Whether its home node is connected to ours now.
    pub online: bool,
    /// How that node is reached: `here` for our own, `direct`, `relayed` or `none`.
    pub path: &'static str,
    /// When its home node was last connected, milliseconds since the Unix epoch.
    pub last_seen_ms: Option<u64>,
}

/// How far an acquaintance has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum ContactState {
    /// We asked; no answer yet.
    Requested,
    /// They asked; our owner has not answered.
    Pending,
    /// Both agreed.
    Established,
}

/// A member of a conversation.
#[derive(Debug, Clone)]
pub struct MemberView {
    /// Who.
    pub persona: PersonaId,
    /// What it calls itself, where its card is known.
    pub name: String,
    /// Whether it is a persona of this node.
    pub ours: bool,
    /// Whether its home node is connected to ours now (ours always is).
    pub online: bool,
    /// When it last came back with new keys, if it did, milliseconds since the Unix epoch.
    pub rejoined_at_ms: Option<u64>,
}

/// A conversation as one of our personas sees it.
#[derive(Debug, Clone)]
pub struct ConversationView {
    /// Which.
    pub id: ConversationId,
    /// Our persona in it.
    pub persona: PersonaId,
    /// Direct or group.
    pub kind: ConversationKind,
    /// For people.
    pub title: String,
    /// Everyone in it.
    pub members: Vec<MemberView>,
    /// Who orders membership changes.
    pub sequencer: PersonaId,
    /// The MLS epoch.
    pub epoch: u64,
    /// Whether we are still in it.
    pub active: bool,
    /// How our persona stands to it where it lost its keys, or came back, or another copy of it
    /// did.
    pub rejoin: Option<RejoinView>,
    /// Milliseconds since the Unix epoch.
    pub created_at_ms: u64,
    /// When something was last said or decided in it, or else when it was opened, milliseconds
    /// since the Unix epoch.
    pub last_activity_ms: u64,
    /// What somebody last said, or the last message of the protocol where nobody said anything
    /// lately. Filled in by [`crate::Engine::query`] only: the messages are in the ledger.
    pub last_message: Option<LastMessageView>,
}

/// How a persona of ours stands to a conversation whose keys it lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejoinView {
    /// It asks the others to be let back in. What is written meanwhile leaves when it is.
    Asking {
        /// Since when, milliseconds since the Unix epoch.
        since_ms: u64,
        /// How many of the others were asked.
        asked: usize,
    },
    /// It came back.
    Back {
        /// When, milliseconds since the Unix epoch.
        at_ms: u64,
    },
    /// Another copy of it came back, and this one is locked out.
    Replaced {
        /// Since when, milliseconds since the Unix epoch.
        at_ms: u64,
    },
}

/// The last message of a conversation, for a list.
#[derive(Debug, Clone)]
pub struct LastMessageView {
    /// Which.
    pub id: MessageId,
    /// Who wrote it.
    pub author: PersonaId,
    /// What the author calls itself.
    pub author_name: String,
    /// Our clock when it was committed, milliseconds since the Unix epoch.
    pub committed_at_ms: u64,
    /// As in [`MessageView::kind`].
    pub kind: &'static str,
    /// The beginning of its text, at most [`LastMessageView::CHARS_MAX`] characters.
    pub text: String,
}

impl LastMessageView {
    /// As much of a text as a list can show, in characters.
    pub const CHARS_MAX: usize = 200;
}

/// A message.
#[derive(Debug, Clone)]
pub struct MessageView {
    /// Which.
    pub id: MessageId,
    /// Where.
    pub conversation: ConversationId,
    /// Who wrote it.
    pub author: PersonaId,
    /// What the author calls itself.
    pub author_name: String,
    /// Whether one of our personas wrote it.
    pub ours: bool,
    /// The author's clock, milliseconds since the Unix epoch.
    pub sent_at_ms: u64,
    /// Our clock when it was committed, milliseconds since the Unix epoch.
    pub committed_at_ms: u64,
    /// The kind of content, by name: `text`, `agent_request`, `decision`, ...
    pub kind: &'static str,
    /// Text for people. Protocol messages have a one-line summary.
    pub text: String,
    /// The proposal it is about, for the messages of a vote.
    pub proposal: Option<ProposalId>,
    /// The file it shares.
    pub file: Option<Box<FileView>>,
    /// Its count among the messages of its author here.
    pub seq: u64,
    /// The message it answers.
    pub reply_to: Option<MessageId>,
    /// That message, where it is here. Filled in by [`crate::Engine::query`] only.
    pub quoted: Option<QuoteView>,
    /// What others think of it, each emoji once. Filled in by [`crate::Engine::query`] only.
    pub reactions: Vec<ReactionView>,
    /// When its author last gave it another text, milliseconds since the Unix epoch.
    pub edited_at_ms: Option<u64>,
    /// When its author's deletion reached us, milliseconds since the Unix epoch.
    pub deleted_at_ms: Option<u64>,
    /// What became of it, per recipient; empty for messages of others.
    pub deliveries: Vec<DeliveryView>,
}

/// A message that was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HitView {
    /// Which.
    pub id: MessageId,
    /// Where.
    pub conversation: ConversationId,
    /// Who wrote it.
    pub author: PersonaId,
    /// What the author calls itself.
    pub author_name: String,
    /// Whether one of our personas wrote it.
    pub ours: bool,
    /// The author's clock, milliseconds since the Unix epoch.
    pub sent_at_ms: u64,
    /// The kind of content, as in a message.
    pub kind: &'static str,
    /// The part of its text around the first hit.
    pub excerpt: Vec<ExcerptPart>,
}

/// A piece of an excerpt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExcerptPart {
    /// As it stands in the text.
    pub text: String,
    /// Whether it is a word that was looked for.
    pub hit: bool,
}

/// A file a message shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileView {
    /// Which.
    pub id: FileId,
    /// For people; never a path.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// As its sender says.
    pub media_type: String,
    /// What its sender says about it; may be empty.
    pub caption: String,
    /// Whether it is here.
    pub state: FileState,
    /// Bytes of it that are here.
    pub have: u64,
    /// Why it is not, where there is a reason.
    pub reason: Option<String>,
}

/// Whether a file is on this node's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// Whole.
    Here,
    /// It is being fetched.
    Fetching,
    /// It will be, as soon as somebody who has it can be asked.
    Waiting,
    /// It is too large to be fetched unless the owner asks.
    Offered,
    /// A limit forbids it.
    Refused,
    /// The owner does not want it.
    Stopped,
    /// Nothing is known of it any more.
    Lost,
}

impl FileState {
    /// Its name on the local API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Fetching => "fetching",
            Self::Waiting => "waiting",
            Self::Offered => "offered",
            Self::Refused => "refused",
            Self::Stopped => "stopped",
            Self::Lost => "lost",
        }
    }
}

/// The message another one answers.
#[derive(Debug, Clone)]
pub struct QuoteView {
    /// Who wrote it.
    pub author: PersonaId,
    /// What the author calls itself.
    pub author_name: String,
    /// The beginning of its text, at most [`LastMessageView::CHARS_MAX`] characters; empty when
    /// it was deleted.
    pub text: String,
}

/// Who thinks the same of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactionView {
    /// In a picture.
    pub emoji: String,
    /// Who, in the order of their keys.
    pub by: Vec<PersonaId>,
}

/// A text a message had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditView {
    /// The text.
    pub text: String,
    /// The author's clock, milliseconds since the Unix epoch.
    pub sent_at_ms: u64,
}

/// What became of a message for one recipient.
#[derive(Debug, Clone)]
pub struct DeliveryView {
    /// For whom.
    pub recipient: PersonaId,
    /// How far.
    pub state: DeliveryState,
    /// When that state was reached, milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum DeliveryState {
    /// On our disk, waiting for the recipient's node.
    Queued,
    /// On the recipient's disk, by its signed receipt.
    Delivered,
    /// The recipient or we left before it was known to be delivered.
    Failed,
    /// Mailboxes hold it for the recipient, by their signed word.
    Stored {
        /// How many.
        held: u8,
        /// How many the recipient has.
        of: u8,
    },
    /// It waited for its recipient as long as anything may.
    Expired,
    /// The owner took it back before it left.
    Cancelled,
}

/// A proposal as one of our personas sees it.
#[derive(Debug, Clone)]
pub struct ProposalView {
    /// Which.
    pub id: ProposalId,
    /// Where.
    pub conversation: ConversationId,
    /// Our persona in it.
    pub persona: PersonaId,
    /// Who asked.
    pub proposer: PersonaId,
    /// The question.
    pub question: String,
    /// The options; empty for yes or no.
    pub options: Vec<String>,
    /// How it is decided.
    pub rule: Rule,
    /// Milliseconds since the Unix epoch.
    pub opens_at_ms: u64,
    /// Milliseconds since the Unix epoch.
    pub deadline_ms: u64,
    /// Whether voting ends as soon as the outcome cannot change any more.
    pub early_close: bool,
    /// `open`, `closing`, `deciding`, `decided` or `forked`; of a hidden vote also `revealing`.
    pub phase: &'static str,
    /// What it waits for, in words, such as "closed, waiting for 2 of 4 confirmations".
    pub waiting: String,
    /// Who may vote and what is known of their vote.
    pub voters: Vec<VoterView>,
    /// Votes per option (or yes, no, abstain), provisional until decided.
    pub tally: Vec<u32>,
    /// Ballots counted so far.
    pub cast: u32,
    /// The outcome in words, when decided.
    pub outcome: Option<String>,
    /// Options that won, when decided.
    pub winners: Vec<u16>,
    /// Whether an option that did not win has as many votes as one that did.
    pub tie: bool,
    /// Whether the certificate can be fetched.
    pub certified: bool,
    /// How many sealers signed that they hold our ballot; none when we have not voted. Of a hidden
    /// vote first what we committed to, then what we revealed.
    pub receipts: Option<u16>,
    /// With how many receipts our ballot is counted, whatever the others do.
    pub receipts_needed: u16,
    /// Who contradicted itself under its own signature.
    pub evidence: Vec<EvidenceView>,
    /// Whether our owner was reminded to vote, and still may.
    pub reminded: bool,
    /// What our owner is asked about it: to vote, or to book what was decided.
    pub approval: Option<LocalId>,
}

/// A question that binds nobody, and what was answered.
#[derive(Debug, Clone)]
pub struct InquiryView {
    /// Which: the message that asked.
    pub id: MessageId,
    /// Where.
    pub conversation: ConversationId,
    /// Who asked.
    pub asker: PersonaId,
    /// What it calls itself.
    pub asker_name: String,
    /// `broadcast` or `sequential`.
    pub way: &'static str,
    /// The question.
    pub question: String,
    /// When it was asked, milliseconds since the Unix epoch.
    pub asked_at_ms: u64,
    /// Until when answers count, milliseconds since the Unix epoch.
    pub deadline_ms: u64,
    /// How long one turn is, in milliseconds; nought when all are asked at once.
    pub turn_ms: u64,
    /// When the turn passes that is on now, milliseconds since the Unix epoch.
    pub turn_ends_at_ms: Option<u64>,
    /// The share of those asked whose answers are enough.
    pub enough: Fraction,
    /// `open`, `complete`, `enough` or `too_few`.
    pub phase: &'static str,
    /// What it waits for or what came of it, in words.
    pub waiting: String,
    /// How many have answered in time.
    pub answered: usize,
    /// Who was asked, in the order of their turns.
    pub asked: Vec<AskedView>,
}

/// Somebody who was asked.
#[derive(Debug, Clone)]
pub struct AskedView {
    /// Who.
    pub persona: PersonaId,
    /// What it calls itself.
    pub name: String,
    /// Whether it is a persona of this node.
    pub ours: bool,
    /// `answered`, `late`, `due`, `next`, `passed` or `silent`.
    pub standing: &'static str,
    /// What it answered, if it had anything to say.
    pub text: Option<String>,
    /// When, by its own clock, milliseconds since the Unix epoch.
    pub answered_at_ms: Option<u64>,
    /// Whose answers it had then.
    pub had_seen: Vec<PersonaId>,
}

/// Somebody who signed two things of which an honest member signs one.
#[derive(Debug, Clone)]
pub struct EvidenceView {
    /// Who.
    pub persona: PersonaId,
    /// What it calls itself.
    pub name: String,
    /// What it did, such as `two_ballots`.
    pub offence: &'static str,
}

/// A voter and what is known of its vote.
#[derive(Debug, Clone)]
pub struct VoterView {
    /// Who.
    pub persona: PersonaId,
    /// What it calls itself.
    pub name: String,
    /// Whether it is a persona of this node.
    pub ours: bool,
    /// Whether it has voted and its choice cannot be seen: not yet, or never, if the vote was
    /// hidden and is decided.
    pub hidden: bool,
    /// Its ballot, once seen.
    pub choice: Option<Choice>,
    /// Whether its owner decided the ballot or the persona by itself, and under which mandate.
    pub by: Option<Caster>,
    /// Whether it signed two different ballots, which voids both.
    pub void: bool,
}

/// What a persona may vote on by itself, or might once.
#[derive(Debug, Clone)]
pub struct MandateView {
    /// Whose.
    pub persona: PersonaId,
    /// What it says.
    pub mandate: Mandate,
    /// What it covers, in words.
    pub covers: String,
    /// When the owner took it back, milliseconds since the Unix epoch.
    pub revoked_at_ms: Option<u64>,
    /// `standing`, `expired` or `revoked`.
    pub state: &'static str,
}

/// Something the owner asked its persona to do.
#[derive(Debug, Clone)]
pub struct TaskView {
    /// Which.
    pub id: LocalId,
    /// Which persona does it.
    pub persona: PersonaId,
    /// The owner's words.
    pub text: String,
    /// `asking`, `gathering`, `voting`, `booking`, `done`, `failed`, `question`.
    pub state: &'static str,
    /// What has happened, oldest first.
    pub steps: Vec<StepView>,
    /// What the persona needs to know, when the state is `question`.
    pub question: Option<String>,
    /// The conversation used.
    pub conversation: Option<ConversationId>,
    /// The proposal made.
    pub proposal: Option<ProposalId>,
    /// The time agreed on.
    pub slot: Option<TimeRange>,
    /// The result in words.
    pub result: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub created_at_ms: u64,
}

/// A step of a task.
#[derive(Debug, Clone)]
pub struct StepView {
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// In words.
    pub text: String,
}

/// Something that waits for the owner's word.
#[derive(Debug, Clone)]
pub struct ApprovalView {
    /// Which.
    pub id: LocalId,
    /// For which persona.
    pub persona: PersonaId,
    /// `contact`, `availability`, `vote` or `booking`.
    pub kind: &'static str,
    /// What is asked, in one sentence.
    pub summary: String,
    /// Who asks.
    pub from: Option<PersonaId>,
    /// What that persona calls itself.
    pub from_name: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub created_at_ms: u64,
    /// Milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
}

/// The network as this node sees it.
#[derive(Debug, Clone)]
pub struct NetworkView {
    /// This node's key, in hexadecimal.
    pub node: String,
    /// Multiaddresses this node listens on, with `/p2p/...`.
    pub addresses: Vec<String>,
    /// Multiaddresses others are told to try, best first.
    pub told: Vec<String>,
    /// Whether others can dial this node: `unknown`, `direct`, `relayed` or `hidden`.
    pub reachability: &'static str,
    /// What is so and what to do about it, in words.
    pub findings: Vec<FindingView>,
    /// Who is connected.
    pub peers: Vec<PeerView>,
    /// Entries in the Kademlia routing table.
    pub routing_table: usize,
}

/// Something found out about the network.
#[derive(Debug, Clone)]
pub struct FindingView {
    /// How much it matters: `good`, `note` or `problem`.
    pub level: &'static str,
    /// What it is about, in a word.
    pub about: &'static str,
    /// What is so, in a sentence.
    pub words: String,
    /// What to do about it, in a sentence.
    pub remedy: Option<String>,
}

/// A connected node.
#[derive(Debug, Clone)]
pub struct PeerView {
    /// Its key, in hexadecimal.
    pub node: String,
    /// The address in use.
    pub address: String,
    /// `quic` or `tcp`.
    pub transport: &'static str,
    /// `direct` or `relayed`.
    pub path: &'static str,
    /// The last round trip, in milliseconds, rounded up.
    pub rtt_ms: Option<u64>,
    /// Names of contacts that live there.
    pub contacts: Vec<String>,
}

/// What still waits for its recipients.
#[derive(Debug, Clone)]
pub struct QueueView {
    /// Envelopes somebody waits for, receipts and membership changes included.
    pub envelopes: usize,
    /// Their bytes.
    pub bytes: usize,
    /// When the oldest was sealed, milliseconds since the Unix epoch.
    pub oldest_ms: Option<u64>,
    /// Who waits.
    pub recipients: Vec<WaitingView>,
    /// The messages among them, oldest first, at most 200.
    pub messages: Vec<QueuedView>,
}

/// What waits for one recipient.
#[derive(Debug, Clone)]
pub struct WaitingView {
    /// Who.
    pub recipient: PersonaId,
    /// What it calls itself.
    pub name: String,
    /// Whether its home is connected.
    pub online: bool,
    /// When its home was last connected, milliseconds since the Unix epoch.
    pub last_seen_ms: Option<u64>,
    /// When its home will be tried again, milliseconds since the Unix epoch.
    pub next_try_ms: Option<u64>,
    /// How many mailboxes it has.
    pub mailboxes: usize,
    /// Envelopes it waits for.
    pub envelopes: usize,
    /// Their bytes.
    pub bytes: usize,
    /// Of those, the ones enough of its mailboxes hold.
    pub stored: usize,
    /// When the oldest was sealed, milliseconds since the Unix epoch.
    pub oldest_ms: u64,
}

/// A message that waits.
#[derive(Debug, Clone)]
pub struct QueuedView {
    /// Which.
    pub message: MessageId,
    /// Where.
    pub conversation: ConversationId,
    /// Which of our personas wrote it.
    pub author: PersonaId,
    /// Milliseconds since the Unix epoch.
    pub created_at_ms: u64,
    /// For whom.
    pub waiting: Vec<PersonaId>,
    /// Whether it can still be taken back.
    pub cancellable: bool,
}

/// One thing said or done in the owner's name.
#[derive(Debug, Clone)]
pub struct AuditView {
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// By which persona, where one did it.
    pub persona: Option<PersonaId>,
    /// Who asked for it through the local API, where somebody did.
    pub by: Option<String>,
    /// What, as `noun.verb`, such as `availability.answered`.
    pub action: String,
    /// In words.
    pub detail: String,
}

/// How many entries the queues of an engine hold, for metrics. Each has a bound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Depths {
    /// Envelopes some recipient still waits for.
    pub outbox: usize,
    /// Envelopes under a tag nobody knows yet.
    pub parked: usize,
    /// Their bytes.
    pub parked_bytes: usize,
    /// Votes that came before their proposal, of the persona that has most.
    pub early: usize,
    /// Questions to the outside world without an answer.
    pub errands: usize,
}
