//! Who is away, and leaving envelopes for them.

use protocol::{
    card::HomeNode,
    identity::{EnvelopeId, NodeId, PersonaId},
    mailbox::{self, Access, Deposit, KEEP_MS_MAX, LOCKS_MAX, Refusal, Request, Stored},
    session::{Envelope, Tag, TagKey},
};

use super::line::Line;
use crate::{
    effect::{Effect, Table},
    event::EventBody,
    mail::stored_key,
    outbox::Entry,
    rows::{self, Cargo, ReceiptRow, StoredRow},
    state::{Engine, WINDOW_MS},
    tags::moments,
    view::DeliveryState,
};

/// How long a home may be away before its mailboxes are used, in milliseconds.
const GRACE_MS: u64 = 1_500;
/// How long nothing is left at a mailbox that is full or holds no mail, in milliseconds.
const PAUSE_MS: u64 = 5 * 60 * 1000;
/// After this long an envelope is left again, in case the mailbox has lost it, in milliseconds.
const AGAIN_MS: u64 = WINDOW_MS;
/// Results of work kept, because an envelope is left at several mailboxes.
const WORKS_MAX: usize = 256;

/// How long somebody has been away.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// Perhaps for a moment only: until this time nothing is left.
    Brief(u64),
    /// Long enough.
    Away,
}

impl Absence {
    pub(super) fn due(&self) -> Option<u64> {
        match self {
            Self::Brief(until_ms) => Some(*until_ms),
            Self::Away => None,
        }
    }
}

impl Engine {
    /// A home that somebody waits for is not connected.
    pub(crate) fn miss(&mut self, persona: PersonaId) {
        let until_ms = self.now_ms + GRACE_MS;
        self.mailboxes.absent.entry(persona).or_insert(Absence::Brief(until_ms));
    }

    /// A home is connected.
    pub(crate) fn no_longer_miss(&mut self, persona: &PersonaId) {
        self.mailboxes.absent.remove(persona);
    }

    /// Leaves everything for those whose grace is over.
    pub(super) fn leave_for_the_absent(&mut self) {
        let now_ms = self.now_ms;
        let due = |absence: &Absence| absence.due().is_some_and(|at| at <= now_ms);
        let missed: Vec<PersonaId> =
            self.mailboxes.absent.iter().filter(|(_, a)| due(a)).map(|(p, _)| *p).collect();
        for persona in missed {
            self.mailboxes.absent.insert(persona, Absence::Away);
            self.leave_all(&persona);
        }
    }

    /// Leaves again what has lain at mailboxes for a day without a receipt.
    pub(crate) fn leave_again(&mut self) {
        let away = |(persona, absence): (&PersonaId, &Absence)| {
            (*absence == Absence::Away).then_some(*persona)
        };
        for persona in self.mailboxes.absent.iter().filter_map(away).collect::<Vec<_>>() {
            self.leave_all(&persona);
        }
    }

    /// Leaves everything a persona waits for at its mailboxes.
    pub(crate) fn leave_all(&mut self, persona: &PersonaId) {
        let mailboxes = self.mailboxes_of(persona);
        for order in self.outbox.orders_for(persona) {
            self.leave(order, &mailboxes);
        }
    }

    /// Leaves a new envelope for those of its recipients that are away.
    pub(crate) fn leave_new(&mut self, order: u64, recipients: &[PersonaId]) {
        for recipient in recipients {
            if self.mailboxes.absent.get(recipient) == Some(&Absence::Away) {
                self.leave(order, &self.mailboxes_of(recipient));
            }
        }
    }

    fn leave(&mut self, order: u64, mailboxes: &[HomeNode]) {
        let Some(entry) = self.outbox.entry(order) else { return };
        for home in mailboxes.iter().filter(|home| home.node != self.home.node) {
            let lies_there =
                entry.stored.get(&home.node).is_some_and(|at| at + AGAIN_MS > self.now_ms);
            let line = self.mailboxes.lines.entry(home.node).or_default();
            line.addresses.clone_from(&home.addresses);
            if !lies_there && !line.is_under_way(&entry.row.id) && line.waiting.insert(order) {
                self.mailboxes.stirred.insert(home.node);
            }
        }
    }

    /// Opens the line if there is reason to, and says what there is to say.
    pub(super) fn talk_to(&mut self, node: NodeId) {
        let now_ms = self.now_ms;
        let Some(line) = self.mailboxes.lines.get_mut(&node) else { return };
        if !line.is_due(now_ms) {
            return;
        }
        if !line.open {
            line.open = true;
            let (addresses, ours) = (line.addresses.clone(), line.ours);
            self.then(Effect::DialMailbox { node, addresses });
            if ours {
                self.claim_everything(node);
            }
        }
        self.send_claims(node);
        while let Some(order) = self.next_for(node) {
            let Some(deposit) = self.deposit(node, order) else { continue };
            let id = EnvelopeId::of(&deposit.envelope);
            if let Some(line) = self.mailboxes.lines.get_mut(&node) {
                line.left(id, order, deposit.envelope.len(), now_ms);
            }
            self.then(Effect::ToMailbox { node, request: Request::Deposit(deposit) });
        }
    }

    fn next_for(&mut self, node: NodeId) -> Option<u64> {
        let now_ms = self.now_ms;
        let line: &mut Line = self.mailboxes.lines.get_mut(&node)?;
        line.may_leave(now_ms).then(|| line.waiting.pop_first()).flatten()
    }

    /// What is said to a mailbox about an envelope; `None` when nobody waits for it there.
    fn deposit(&mut self, node: NodeId, order: u64) -> Option<Deposit> {
        let entry = self.outbox.entry(order)?;
        let readers: Vec<PersonaId> = entry
            .pending
            .iter()
            .filter(|reader| !self.personas.contains_key(reader))
            .filter(|reader| self.mailboxes_of(reader).iter().any(|home| home.node == node))
            .copied()
            .collect();
        if readers.is_empty() {
            return None;
        }
        let row = entry.row.clone();
        let (access, mut locks) = match row.cargo {
            Cargo::FirstContact { lock } | Cargo::Received { lock } => {
                (Access::Work(self.work_for(row.id)), vec![lock])
            }
            Cargo::Change { conversation, .. }
            | Cargo::Message { conversation, .. }
            | Cargo::Receipts { conversation, .. } => {
                let tag = Envelope::from_bytes(row.envelope.clone()).ok()?.tag();
                let (key, around_ms) = self.tag_key(row.author, conversation, tag)?;
                let lock = |reader: &PersonaId| key.release_key(&row.id, reader).lock();
                (Access::Token(key.token_of(tag, around_ms)?), readers.iter().map(lock).collect())
            }
        };
        locks.sort_unstable();
        if locks.len() > LOCKS_MAX {
            locks.clear();
        }
        Some(Deposit { envelope: row.envelope, access, locks, keep_ms: KEEP_MS_MAX })
    }

    /// The tag key of an envelope of a group, and a moment near its sealing.
    pub(super) fn tag_key(
        &self,
        member: PersonaId,
        conversation: protocol::identity::ConversationId,
        tag: Tag,
    ) -> Option<(TagKey, u64)> {
        let groups = &self.personas.get(&member)?.groups;
        moments(self.now_ms).find_map(|around_ms| {
            let key = groups.tag_key(conversation, tag, around_ms).ok()?;
            Some((key, around_ms))
        })
    }

    fn work_for(&mut self, envelope: EnvelopeId) -> u64 {
        let works = &mut self.mailboxes.works;
        if works.len() >= WORKS_MAX {
            works.clear();
        }
        *works.entry(envelope).or_insert_with(|| mailbox::work(&envelope))
    }

    /// A mailbox says it holds an envelope of ours.
    pub(super) fn on_stored_by(&mut self, node: NodeId, stored: Stored) {
        let now_ms = self.now_ms;
        let line = self.mailboxes.lines.get_mut(&node);
        let Some(order) = line.and_then(|line| line.answered(&stored.envelope)) else { return };
        if stored.verify(&node).is_err() || stored.until_ms <= now_ms {
            return;
        }
        let id = stored.envelope;
        if !self.outbox.note_stored(order, &id, node, now_ms) {
            return;
        }
        self.put(Table::Outbox, stored_key(order, &node), &StoredRow { at_ms: now_ms, stored });
        let Some(entry) = self.outbox.entry(order) else { return };
        let (row, pending) = (entry.row.clone(), entry.pending.clone());
        for recipient in pending {
            self.tell_stored(order, &row, recipient);
        }
    }

    /// Whether enough of a recipient's mailboxes hold an envelope.
    pub(crate) fn is_stored_for(&self, entry: &Entry, recipient: &PersonaId) -> bool {
        let mailboxes = self.mailboxes_of(recipient);
        let held = mailboxes.iter().filter(|home| entry.stored.contains_key(&home.node)).count();
        held > 0 && held >= mailbox::needed(mailboxes.len())
    }

    /// Says how many of a recipient's mailboxes hold an envelope for it.
    fn tell_stored(&mut self, order: u64, row: &rows::EnvelopeRow, recipient: PersonaId) {
        let mailboxes = self.mailboxes_of(&recipient);
        let Some(entry) = self.outbox.entry(order) else { return };
        let held = mailboxes.iter().filter(|home| entry.stored.contains_key(&home.node)).count();
        if held == 0 {
            return;
        }
        if row.is_receipt() {
            // Whoever it is for has it as good as in hand, and nobody waits for its receipt.
            if self.is_stored_for(entry, &recipient) {
                self.settle(row, &recipient, DeliveryState::Delivered);
            }
            return;
        }
        let (Some(message), Some(conversation)) = (row.shown_message(), row.conversation()) else {
            return;
        };
        let count = |n: usize| u8::try_from(n).unwrap_or(u8::MAX);
        let state = DeliveryState::Stored { held: count(held), of: count(mailboxes.len()) };
        let key = rows::key(&[message.as_bytes(), recipient.as_bytes()]);
        self.put(Table::Receipt, key, &ReceiptRow { state, at_ms: self.now_ms });
        self.emit(
            Some(row.author),
            EventBody::MessageDelivery { message, conversation, recipient, state },
        );
    }

    /// A mailbox did not take an envelope.
    pub(super) fn on_refused_by(&mut self, node: NodeId, id: &EnvelopeId, reason: Refusal) {
        let now_ms = self.now_ms;
        let Some(line) = self.mailboxes.lines.get_mut(&node) else { return };
        let Some(order) = line.answered(id) else { return };
        match reason {
            Refusal::NotServed | Refusal::Full | Refusal::DepositorFull => {
                line.waiting.insert(order);
                line.pause(now_ms + PAUSE_MS);
            }
            // The tag has room again when its readers come, and then they need no mailbox. The
            // other reasons will be the same tomorrow.
            Refusal::TagFull
            | Refusal::Envelope
            | Refusal::Access
            | Refusal::Locks
            | Refusal::Keep => {}
        }
    }
}
