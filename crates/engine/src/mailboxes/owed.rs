//! Receipts for what came by a mailbox.
//!
//! Its author may be asleep now, so the receipt travels like a message does: on disk in the batch
//! that commits the envelope, gathered for a moment with others for the same author, and then an
//! envelope in the outbox, which is done with when the author's node or its mailboxes have it.

use std::collections::BTreeMap;

use protocol::{
    card::{Purpose, RECEIVED_MAX},
    identity::{ConversationId, EnvelopeId, PersonaId},
    session::RECEIPTS_MAX,
    wire::Receipt,
};

use crate::{
    effect::Table,
    mail::owed_key,
    rows::{Cargo, EnvelopeRow, OwedRow},
    state::Engine,
};

/// How long receipts are gathered, in milliseconds.
const GATHER_MS: u64 = 250;
/// How long until receipts that could not be sent are tried again, in milliseconds.
const RETRY_MS: u64 = 5_000;

/// Who has committed whose envelope.
type Owing = (PersonaId, PersonaId, EnvelopeId);

/// Receipts not sent yet.
#[derive(Debug, Default)]
pub(crate) struct Owed {
    rows: BTreeMap<Owing, OwedRow>,
    due_ms: Option<u64>,
}

impl Owed {
    pub(super) fn due(&self) -> Option<u64> {
        self.due_ms
    }

    fn put(&mut self, owing: Owing, row: OwedRow, due_ms: u64) {
        self.rows.insert(owing, row);
        self.due_ms.get_or_insert(due_ms);
    }
}

impl Engine {
    /// Notes that an author waits for the receipt of one of our personas.
    pub(crate) fn owe(
        &mut self,
        me: PersonaId,
        author: PersonaId,
        envelope: EnvelopeId,
        conversation: Option<ConversationId>,
    ) {
        let receipt = match conversation {
            None => None,
            Some(id) => {
                let Some(hosted) = self.personas.get(&me) else { return };
                let Ok(receipt) = hosted.groups.receipt(id, envelope) else { return };
                Some((id, receipt))
            }
        };
        let row = OwedRow { receipt };
        self.put(Table::Outbox, owed_key(&me, &author, &envelope), &row);
        self.mailboxes.owed.put((me, author, envelope), row, self.now_ms + GATHER_MS);
    }

    /// Puts back what was owed before a restart.
    pub(crate) fn restore_owed(&mut self, owing: Owing, row: OwedRow) {
        self.mailboxes.owed.put(owing, row, self.now_ms + GATHER_MS);
    }

    /// Sends what has been gathered.
    pub(super) fn send_owed(&mut self) {
        let now_ms = self.now_ms;
        if self.mailboxes.owed.due_ms.is_none_or(|at| at > now_ms) {
            return;
        }
        self.mailboxes.owed.due_ms = None;
        let mut by_conversation: BTreeMap<(PersonaId, PersonaId, ConversationId), Vec<_>> =
            BTreeMap::new();
        let mut first_contacts: BTreeMap<(PersonaId, PersonaId), Vec<EnvelopeId>> = BTreeMap::new();
        for ((me, author, envelope), row) in std::mem::take(&mut self.mailboxes.owed.rows) {
            match row.receipt {
                Some((id, receipt)) => {
                    by_conversation.entry((me, author, id)).or_default().push((envelope, receipt))
                }
                None => first_contacts.entry((me, author)).or_default().push(envelope),
            }
        }
        for ((me, author, id), receipts) in by_conversation {
            for receipts in receipts.chunks(RECEIPTS_MAX) {
                self.send_receipts(me, author, id, receipts);
            }
        }
        for ((me, author), envelopes) in first_contacts {
            for envelopes in envelopes.chunks(RECEIVED_MAX) {
                self.send_received(me, author, envelopes);
            }
        }
    }

    fn send_receipts(
        &mut self,
        me: PersonaId,
        author: PersonaId,
        conversation: ConversationId,
        receipts: &[(EnvelopeId, Receipt)],
    ) {
        for (envelope, _) in receipts {
            self.delete(Table::Outbox, owed_key(&me, &author, envelope));
        }
        let now_ms = self.now_ms;
        let Some(groups) = self.personas.get(&me).map(|hosted| &hosted.groups) else { return };
        // Who is no longer a member can prove nothing to the others.
        let (Ok(envelope), Ok(position)) =
            (groups.seal_receipts(conversation, receipts, now_ms), groups.position(conversation))
        else {
            return;
        };
        let receipts = receipts.to_vec();
        let row = EnvelopeRow {
            id: envelope.id(),
            envelope: envelope.into_bytes(),
            author: me,
            cargo: Cargo::Receipts { conversation, epoch: position.epoch, receipts },
            created_at_ms: now_ms,
        };
        self.post(row, &[author]);
    }

    fn send_received(&mut self, me: PersonaId, author: PersonaId, envelopes: &[EnvelopeId]) {
        // Our own card, or the author's, may not be known yet.
        if self.introduce(me, author, Purpose::Received(envelopes.to_vec())).is_ok() {
            for envelope in envelopes {
                self.delete(Table::Outbox, owed_key(&me, &author, envelope));
            }
            return;
        }
        let due_ms = self.now_ms + RETRY_MS;
        for envelope in envelopes {
            let row = OwedRow { receipt: None };
            self.mailboxes.owed.put((me, author, *envelope), row, due_ms);
        }
    }
}
