//! The engine's state, its way in and its way out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use protocol::{
    card::{HomeNode, PersonaCard, SignedCard},
    identity::{ConversationId, EnvelopeId, NodeId, PersonaId, ProposalId},
    session::Tag,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use thiserror::Error;

use crate::{
    about::Ahead,
    agent::Errand,
    conversations::{Affairs, Returns},
    decisions::{Early, Missing, Poll},
    effect::{Change, Effect, Table, Ticket, Write},
    event::{Event, EventBody},
    files::Files,
    input::Input,
    inquiries::Inquiries,
    mail::Source,
    mailboxes::Mailboxes,
    mandates::Mandates,
    outbox::Outbox,
    peers::Peers,
    persona::Hosted,
    questions::Questions,
    request::LocalId,
    rows::{
        self, ApprovalRow, AuthorRow, ContactRow, ConversationRow, IdempotencyRow, InboxRow,
        InviteRow, TaskRow,
    },
    seek::Search,
    tags::Parked,
};

/// The state of a node and the rules by which it changes.
pub struct Engine {
    /// The time of the input being handled, milliseconds since the Unix epoch.
    pub(crate) now_ms: u64,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) home: HomeNode,
    pub(crate) personas: BTreeMap<PersonaId, Hosted>,
    pub(crate) cards: BTreeMap<PersonaId, KnownCard>,
    pub(crate) contacts: BTreeMap<(PersonaId, PersonaId), ContactRow>,
    pub(crate) invites: BTreeMap<[u8; 16], InviteRow>,
    pub(crate) conversations: BTreeMap<(PersonaId, ConversationId), ConversationRow>,
    pub(crate) affairs: Affairs,
    pub(crate) returns: Returns,
    pub(crate) tags: BTreeMap<Tag, BTreeSet<(PersonaId, ConversationId)>>,
    /// Under which tags strangers address our personas.
    pub(crate) contact_tags: BTreeMap<Tag, PersonaId>,
    /// The 24-hour window the tags were computed for.
    pub(crate) tags_window: u64,
    pub(crate) outbox: Outbox,
    pub(crate) mailboxes: Mailboxes,
    pub(crate) inbox: BTreeMap<(EnvelopeId, PersonaId), InboxRow>,
    pub(crate) parked: VecDeque<Parked>,
    pub(crate) decisions: BTreeMap<(PersonaId, ProposalId), Poll>,
    /// Decisions with slots on their way to the disk, whose signatures wait.
    pub(crate) unsigned: BTreeSet<(PersonaId, ProposalId)>,
    pub(crate) early: Early,
    /// Proposals that are spoken of and have not come.
    pub(crate) missing: BTreeMap<(PersonaId, ProposalId), Missing>,
    pub(crate) inquiries: Inquiries,
    pub(crate) tasks: BTreeMap<LocalId, TaskRow>,
    pub(crate) questions: Questions,
    pub(crate) approvals: BTreeMap<LocalId, ApprovalRow>,
    pub(crate) mandates: Mandates,
    pub(crate) idempotency: BTreeMap<Vec<u8>, IdempotencyRow>,
    pub(crate) peers: Peers,
    pub(crate) search: Option<Search>,
    pub(crate) errands: BTreeMap<Ticket, Errand>,
    /// Envelopes for personas of this very node, and parked ones whose tag is known now, with the
    /// node each came from; handled within the same step.
    pub(crate) arrived: VecDeque<(Source, Vec<u8>)>,
    /// What has been received of the authors of other nodes.
    pub(crate) authors: BTreeMap<(ConversationId, PersonaId), AuthorRow>,
    /// What they said about messages while earlier ones of theirs are missing.
    pub(crate) ahead: Ahead,
    pub(crate) files: Files,
    pub(crate) next_message_order: u64,
    next_ticket: u64,
    next_audit: u64,
    writes: Vec<Write>,
    outward: Vec<Effect>,
    effects: VecDeque<Effect>,
}

/// The newest card of another persona.
pub(crate) struct KnownCard {
    pub(crate) signed: SignedCard,
    pub(crate) card: PersonaCard,
}

/// Why the ledger could not be read.
#[derive(Debug, Error)]
pub enum LoadError {
    /// A row is of a newer version, or damaged.
    #[error("{table:?} has a row this version cannot read: {reason}")]
    Row {
        /// In which table.
        table: Table,
        /// What is wrong.
        reason: String,
    },
}

impl Engine {
    /// The engine of a node, as its ledger left it.
    ///
    /// `rows` are all rows under the prefixes of [`Table::LOADED`], in key order within a table;
    /// `seed` is fresh randomness.
    ///
    /// # Errors
    /// [`LoadError`] when a row cannot be read; nothing is skipped in silence.
    pub fn load(
        node: NodeId,
        seed: [u8; 32],
        rows: impl IntoIterator<Item = (Table, Vec<u8>, Vec<u8>)>,
        now_ms: u64,
    ) -> Result<Self, LoadError> {
        let mut engine = Self {
            now_ms,
            rng: ChaCha20Rng::from_seed(seed),
            home: HomeNode { node, addresses: Vec::new() },
            personas: BTreeMap::new(),
            cards: BTreeMap::new(),
            contacts: BTreeMap::new(),
            invites: BTreeMap::new(),
            conversations: BTreeMap::new(),
            affairs: Affairs::default(),
            returns: Returns::default(),
            tags: BTreeMap::new(),
            contact_tags: BTreeMap::new(),
            tags_window: 0,
            outbox: Outbox::default(),
            mailboxes: Mailboxes::default(),
            inbox: BTreeMap::new(),
            parked: VecDeque::new(),
            decisions: BTreeMap::new(),
            unsigned: BTreeSet::new(),
            early: BTreeMap::new(),
            missing: BTreeMap::new(),
            inquiries: Inquiries::new(),
            tasks: BTreeMap::new(),
            questions: Questions::new(),
            approvals: BTreeMap::new(),
            mandates: Mandates::new(),
            idempotency: BTreeMap::new(),
            peers: Peers::default(),
            search: None,
            errands: BTreeMap::new(),
            arrived: VecDeque::new(),
            authors: BTreeMap::new(),
            ahead: Ahead::new(),
            files: Files::default(),
            next_message_order: 0,
            next_ticket: 0,
            next_audit: 0,
            writes: Vec::new(),
            outward: Vec::new(),
            effects: VecDeque::new(),
        };
        let mut tables = Rows::new();
        for (table, key, value) in rows {
            tables.entry(table).or_default().push((key, value));
        }
        crate::persona::load(&mut engine, &mut tables)?;
        crate::contacts::load(&mut engine, &mut tables)?;
        crate::conversations::load(&mut engine, &mut tables)?;
        crate::messages::load(&mut engine, &mut tables)?;
        crate::log::load(&mut engine, &mut tables)?;
        crate::files::load(&mut engine, &mut tables)?;
        crate::mail::load(&mut engine, &mut tables)?;
        crate::decisions::load(&mut engine, &mut tables)?;
        crate::tasks::load(&mut engine, &mut tables)?;
        crate::approvals::load(&mut engine, &mut tables)?;
        engine.refresh_tags();
        engine.seek_now();
        engine.resume_inquiries();
        engine.resume_questions();
        engine.resume_tasks();
        engine.forget_old_files();
        engine.finish();
        Ok(engine)
    }

    /// Takes one input and decides what to do; [`Engine::poll_effect`] hands it out.
    pub fn handle(&mut self, input: Input, now_ms: u64) {
        self.now_ms = now_ms;
        match input {
            Input::Request { id, request, by } => self.on_request(id, request, by),
            Input::Frame { node, frame } => self.on_frame(node, frame),
            Input::Connected(node) => self.on_connected(node),
            Input::Path { node, relayed } => self.peers.on_path(node, relayed),
            Input::Disconnected(node) => self.on_disconnected(node),
            Input::Listening(addresses) => self.on_listening(addresses),
            Input::Mailboxes(mailboxes) => self.on_mailboxes(mailboxes),
            Input::FromMailbox { node, reply } => self.on_mailbox_reply(node, reply),
            Input::MailboxLost(node) => self.on_mailbox_lost(node),
            Input::Found { ticket, records } => self.on_found(ticket, records),
            Input::CalendarRead { ticket, result } => self.on_calendar_read(ticket, result),
            Input::Booked { ticket, result } => self.on_booked(ticket, result),
            Input::FilesOnDisk { whole, limits } => self.on_files_on_disk(whole, limits),
            Input::FileNews { file, news } => self.on_file_news(file, news),
            Input::Stored => self.on_stored(),
            Input::Timeout => self.on_timeout(),
        }
        self.finish();
    }

    /// The next thing to do, in an order that is safe to perform.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// The node this engine runs on.
    pub fn node(&self) -> NodeId {
        self.home.node
    }

    /// When [`Input::Timeout`] is due, milliseconds since the Unix epoch.
    pub fn poll_timeout(&self) -> Option<u64> {
        [
            self.outbox.poll_timeout(),
            self.mailboxes.poll_timeout(),
            self.peers.poll_timeout(),
            self.seek_timeout(),
            self.decisions_timeout(),
            self.inquiries_timeout(),
            self.tasks_timeout(),
            self.approvals_timeout(),
            self.mandates_timeout(),
            self.cards_timeout(),
            self.affairs_timeout(),
            self.returns_timeout(),
            self.files_timeout(),
            Some((self.tags_window + 1) * WINDOW_MS),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn on_timeout(&mut self) {
        self.on_late_envelopes();
        self.on_mailbox_timeout();
        self.redial();
        self.on_seek_timeout();
        self.on_decision_timeout();
        self.on_inquiry_timeout();
        self.on_task_timeout();
        self.expire_approvals();
        self.on_mandates_timeout();
        self.refresh_cards();
        self.on_affairs_timeout();
        self.on_returns_timeout();
        self.stir_files();
        if self.now_ms / WINDOW_MS != self.tags_window {
            self.refresh_tags();
            self.forget_old();
            self.forget_old_files();
            self.forget_inquiries();
            self.expire_mail();
            self.leave_again();
        }
    }

    /// Ends a step: one atomic batch with everything it changed, then everything that depends on
    /// that batch.
    fn finish(&mut self) {
        while let Some((source, envelope)) = self.arrived.pop_front() {
            self.on_envelope(source, envelope);
        }
        self.stir_mailboxes();
        for (persona, hosted) in &mut self.personas {
            for write in hosted.groups.take_writes() {
                self.writes.push(Write {
                    table: Table::Group,
                    key: rows::key(&[persona.as_bytes(), &write.key]),
                    change: write.value.map_or(Change::Delete, Change::Put),
                });
            }
        }
        if !self.writes.is_empty() {
            self.effects.push_back(Effect::Persist(std::mem::take(&mut self.writes)));
        }
        self.effects.extend(self.outward.drain(..));
    }

    pub(crate) fn put<T: serde::Serialize>(&mut self, table: Table, key: Vec<u8>, row: &T) {
        self.put_bytes(table, key, rows::to_bytes(row));
    }

    pub(crate) fn put_bytes(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        self.writes.push(Write { table, key, change: Change::Put(value) });
    }

    pub(crate) fn delete(&mut self, table: Table, key: Vec<u8>) {
        self.writes.push(Write { table, key, change: Change::Delete });
    }

    /// Deletes every row whose key begins so.
    pub(crate) fn delete_under(&mut self, table: Table, key: Vec<u8>) {
        self.writes.push(Write { table, key, change: Change::DeleteUnder });
    }

    /// How many rows this step has changed so far.
    pub(crate) fn written(&self) -> usize {
        self.writes.len()
    }

    /// Queues an effect behind everything this step stores.
    pub(crate) fn then(&mut self, effect: Effect) {
        self.outward.push(effect);
    }

    pub(crate) fn emit(&mut self, persona: Option<PersonaId>, body: EventBody) {
        let event = Event { at_ms: self.now_ms, persona, body };
        self.then(Effect::Emit(event));
    }

    pub(crate) fn ticket(&mut self, errand: Errand) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.errands.insert(ticket, errand);
        ticket
    }

    pub(crate) fn local_id(&mut self) -> LocalId {
        LocalId(self.rng.r#gen())
    }

    /// Notes what was said or done in the owner's name.
    pub(crate) fn audit(&mut self, persona: PersonaId, action: &str, detail: String) {
        let key = rows::key(&[&self.now_ms.to_be_bytes(), &self.next_audit.to_be_bytes()]);
        self.next_audit += 1;
        let row = rows::AuditRow { persona, action: action.to_owned(), detail };
        self.put(Table::Audit, key, &row);
    }

    /// Notes what somebody asked for and got.
    pub(crate) fn audit_change(&mut self, by: String, action: &str, detail: String) {
        let (now, count) = (self.now_ms.to_be_bytes(), self.next_audit.to_be_bytes());
        self.next_audit += 1;
        let row = rows::ChangeRow { by, action: action.to_owned(), detail };
        self.put(Table::Audit, rows::key(&[b"c", &now, &count]), &row);
    }
}

/// Tags rotate with this window, in milliseconds.
pub(crate) const WINDOW_MS: u64 = 24 * 60 * 60 * 1000;

/// Rows of one table, read at start.
pub(crate) type Rows = BTreeMap<Table, Vec<(Vec<u8>, Vec<u8>)>>;

/// Decodes a row or says which table holds the one that cannot be read.
pub(crate) fn read<T>(table: Table, bytes: &[u8]) -> Result<T, LoadError>
where
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    rows::from_bytes(bytes).map_err(|error| LoadError::Row { table, reason: error.to_string() })
}

/// Says that a key or value of a table has not the shape it should have.
pub(crate) fn damaged(table: Table, reason: &str) -> LoadError {
    LoadError::Row { table, reason: reason.to_owned() }
}
