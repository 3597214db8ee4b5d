//! Our side: asking to come back, what waits meanwhile, and being locked out.

use std::collections::BTreeMap;

use protocol::{
    card::{Purpose, SignedCard},
    identity::{ConversationId, MessageId, PersonaId},
    wire::{Content, Message},
};
use rand::Rng;

use super::{HELD, HeldRow, RejoinRow, own_key};
use crate::{
    effect::Table,
    event::EventBody,
    log::Log,
    request::{Reply, RequestError},
    rows::{self, Cargo, ConversationRow, EnvelopeRow},
    state::Engine,
    view::RejoinView,
};

/// The first pause before asking again, in milliseconds. It doubles.
const PAUSE_MS: u64 = 15_000;
/// The longest pause, in milliseconds.
const PAUSE_MS_MAX: u64 = 60 * 60 * 1000;
/// How long to wait for our own addresses or the cards of others, in milliseconds.
const UNREADY_MS: u64 = 3_000;
/// After this long a request is made anew, in milliseconds: whoever answered the old one may have
/// lost the answer.
const REQUEST_MS: u64 = 6 * 60 * 60 * 1000;
/// So often the same request is repeated before the first new one.
const SAME_REQUESTS: u32 = 3;
/// Who is back votes for no sequencer for this long, in milliseconds. It does not know whom it
/// promised a vote before; candidates give up sooner.
const QUIET_MS: u64 = 2 * 60 * 1000;

impl Engine {
    /// Where one of our personas stands that lost the keys of a conversation.
    pub(crate) fn rejoin_view(&self, me: PersonaId, id: ConversationId) -> Option<RejoinView> {
        match self.returns.own.get(&(me, id))? {
            RejoinRow::Asking { since_ms, asked, .. } => {
                Some(RejoinView::Asking { since_ms: *since_ms, asked: asked.len() })
            }
            RejoinRow::Back { at_ms } => Some(RejoinView::Back { at_ms: *at_ms }),
            RejoinRow::Replaced { at_ms } => Some(RejoinView::Replaced { at_ms: *at_ms }),
        }
    }

    /// Whether a persona of ours asks to come back.
    pub(crate) fn is_rejoining(&self, me: PersonaId, id: ConversationId) -> bool {
        matches!(self.returns.own.get(&(me, id)), Some(RejoinRow::Asking { .. }))
    }

    /// Whether a persona of ours has come back too lately to vote for a sequencer.
    pub(crate) fn is_quiet(&self, me: PersonaId, id: ConversationId) -> bool {
        let back = |row: &RejoinRow| match row {
            RejoinRow::Back { at_ms } => at_ms + QUIET_MS > self.now_ms,
            _ => false,
        };
        self.returns.own.get(&(me, id)).is_some_and(back)
    }

    fn keep_own(&mut self, me: PersonaId, id: ConversationId, row: RejoinRow) {
        self.put(Table::Conversation, own_key(me.as_bytes(), id.as_bytes()), &row);
        self.returns.own.insert((me, id), row);
        self.emit(Some(me), EventBody::ConversationUpdated(id));
    }

    /// What we lost or were locked out of does not matter any more.
    pub(in crate::conversations) fn forget_rejoin(&mut self, me: PersonaId, id: ConversationId) {
        if self.returns.own.remove(&(me, id)).is_some() {
            self.delete(Table::Conversation, own_key(me.as_bytes(), id.as_bytes()));
        }
    }

    /// The keys of a conversation lead nowhere: asks the others to let us back in.
    pub(crate) fn start_rejoin(&mut self, me: PersonaId, id: ConversationId, why: &str) {
        let Some(row) = self.conversations.get(&(me, id)) else { return };
        if self.is_rejoining(me, id) {
            return;
        }
        let row = ConversationRow { active: false, ..row.clone() };
        self.put_conversation(me, id, row);
        self.keep_own(me, id, RejoinRow::new(self.now_ms));
        self.audit(me, "conversation.rejoining", why.to_owned());
        self.ask_to_rejoin(me, id);
    }

    /// The owner wants to be back in a conversation this copy was locked out of, or was removed
    /// from without anybody's meaning it.
    pub(crate) fn rejoin(
        &mut self,
        id: ConversationId,
        persona: Option<PersonaId>,
    ) -> Result<Reply, RequestError> {
        let here = self.conversations.iter().filter(|((member, other), _)| {
            *other == id && persona.is_none_or(|persona| persona == *member)
        });
        let here: Vec<_> = here.map(|((member, _), row)| (*member, row.clone())).collect();
        let found = here.iter().find(|(_, row)| !row.active).or(here.first());
        let Some((me, row)) = found.cloned() else {
            return Err(RequestError::NotFound { what: "conversation" });
        };
        if row.active {
            let reason = "the conversation is open here; there is nothing to come back to".into();
            return Err(RequestError::Conflict { reason });
        }
        if !self.is_rejoining(me, id) {
            // The other copy has counted on meanwhile: numbers and cards go on above all of it.
            let last = row.next_seq.max(self.now_ms);
            let previous = MessageId::derive(id, me, last);
            let row = ConversationRow { next_seq: last.saturating_add(1), previous, ..row };
            self.put_conversation(me, id, row);
            let now_ms = self.now_ms;
            if let Some(hosted) = self.personas.get_mut(&me) {
                hosted.row.card_sequence = hosted.row.card_sequence.max(now_ms);
            }
            self.renew_card(me);
            self.start_rejoin(me, id, "asked for by the owner");
        }
        Ok(Reply::Conversation(self.conversation_view(me, id)?))
    }

    /// Our cards name where we are now: who waits to be let in can ask.
    pub(crate) fn ask_all_to_rejoin(&mut self) {
        for (me, id) in self.returns.own.keys().copied().collect::<Vec<_>>() {
            if self.is_rejoining(me, id) {
                self.ask_to_rejoin(me, id);
            }
        }
    }

    /// Asks everybody who has not got our last word still on its way.
    pub(super) fn ask_to_rejoin(&mut self, me: PersonaId, id: ConversationId) {
        let now_ms = self.now_ms;
        let Some(row) = self.returns.own.get(&(me, id)).cloned() else { return };
        let RejoinRow::Asking { since_ms, request, mut asked, mut attempt, .. } = row else {
            return;
        };
        let waits = |asked: &BTreeMap<PersonaId, _>, other: &PersonaId| {
            asked.get(other).is_some_and(|envelope| self.outbox.get(envelope).is_some())
        };
        let mut free: Vec<_> = self.known_others(me, id).into_iter().collect();
        free.retain(|other| !waits(&asked, other) && !self.personas.contains_key(other));
        let card = self.card_of(&me);
        let ready = card.filter(|_| free.iter().any(|other| self.open_card(other).is_some()));
        let issued = request.as_ref().and_then(|signed| signed.verify_at_issue().ok());
        let issued_at_ms = issued.map_or(0, |request| request.issued_at_ms);
        let again = issued_at_ms + REQUEST_MS > now_ms && attempt != SAME_REQUESTS;
        let mut next_at_ms = now_ms + UNREADY_MS;
        let mut request = request;
        if let Some(card) = ready {
            if !again && let Some(hosted) = self.personas.get_mut(&me) {
                request = hosted.groups.ask_to_rejoin(id, now_ms).ok();
            }
            let Some(signed) = request.clone() else { return };
            for other in free {
                let purpose = Purpose::Rejoin { request: signed.clone(), card: card.clone() };
                if let Ok(envelope) = self.introduce(me, other, purpose) {
                    asked.insert(other, envelope);
                }
            }
            attempt += 1;
        }
        if !asked.is_empty() {
            let pause_ms = (PAUSE_MS << attempt.saturating_sub(1).min(10)).min(PAUSE_MS_MAX);
            next_at_ms = now_ms + pause_ms + self.rng.gen_range(0..=pause_ms / 4);
        }
        let row = RejoinRow::Asking { since_ms, request, asked, attempt, next_at_ms };
        self.keep_own(me, id, row);
    }

    /// Somebody lets us back in.
    pub(crate) fn on_readmit(
        &mut self,
        me: PersonaId,
        from: PersonaId,
        welcome: &[u8],
        cards: Vec<SignedCard>,
        issued_at_ms: u64,
    ) {
        let now_ms = self.now_ms;
        let asks =
            self.returns.own.iter().any(|((persona, _), row)| {
                *persona == me && matches!(row, RejoinRow::Asking { .. })
            });
        let Some(hosted) = self.personas.get_mut(&me).filter(|_| asks) else { return };
        let id = match hosted.groups.join(welcome, now_ms) {
            Ok(id) => id,
            Err(error) => {
                return self.audit(me, "rejoin.refused", error.to_string());
            }
        };
        let policy = hosted.groups.policy(id).ok();
        let roster = hosted.groups.roster(id).unwrap_or_default();
        let row = self.conversations.get(&(me, id)).cloned();
        let fits = |row: &ConversationRow| {
            policy.is_some_and(|it| it.creator == row.creator && it.sequencer() == from)
        };
        let Some(row) = row.filter(|row| fits(row) && self.is_rejoining(me, id)) else {
            if let Some(hosted) = self.personas.get_mut(&me) {
                hosted.groups.forget(id);
            }
            return self.audit(me, "rejoin.refused", "the group is not the one we lost".into());
        };
        // What is on its way was sealed with keys that are gone.
        self.recall(me, id);
        // On what was asked before we may have voted, and the ballot is gone with the keys: so no
        // earlier electorate is one we belong to any more.
        self.put_conversation(me, id, ConversationRow { active: true, epochs: vec![], ..row });
        self.learn_members(&roster, cards, issued_at_ms.min(now_ms));
        self.keep_own(me, id, RejoinRow::Back { at_ms: now_ms });
        self.note_back(me, id, me);
        self.note_epoch(me, id);
        self.renew_card(me);
        let name = self.name_of(&from);
        self.audit(me, "conversation.rejoined", format!("{name} let us back in"));
        self.release_held(me, id);
    }

    /// Our persona is in the conversation with another leaf now. If that was not asked for here,
    /// another copy of this persona asked, and it is not for this one to fight it.
    pub(crate) fn on_replaced(&mut self, me: PersonaId, id: ConversationId, here: bool) {
        self.refresh_tags_of(me, id);
        if here {
            return;
        }
        if let Some(row) = self.conversations.get(&(me, id)) {
            let row = ConversationRow { active: false, ..row.clone() };
            self.put_conversation(me, id, row);
        }
        self.recall(me, id);
        self.keep_own(me, id, RejoinRow::Replaced { at_ms: self.now_ms });
        let detail = "another copy of this persona came back; this one is locked out".into();
        self.audit(me, "conversation.replaced", detail);
    }

    /// Says something while we are not back yet: it is kept, and leaves when we are.
    pub(crate) fn hold(
        &mut self,
        me: PersonaId,
        id: ConversationId,
        content: Content,
    ) -> Result<MessageId, RequestError> {
        let mut row = self.conversation(me, id)?.clone();
        let message = Message {
            id: MessageId::derive(id, me, row.next_seq),
            seq: row.next_seq,
            previous: row.previous,
            sent_at_ms: self.now_ms,
            content,
        };
        row.next_seq += 1;
        row.previous = message.id;
        self.put_conversation(me, id, row);
        let shown = self.is_shown(me, id, me, &message.content);
        if shown {
            let recipients: Vec<_> = self.known_others(me, id).into_iter().collect();
            let (recipients, order) = (&recipients[..], self.next_place());
            self.log(Log { conversation: id, author: me, message: &message, recipients, order });
        } else {
            self.on_about(id, me, &message);
        }
        let (said, seq) = (message.id, message.seq);
        let held = HeldRow { message, shown };
        self.put(Table::Conversation, held_key(me, id, seq), &held);
        self.returns.held.entry((me, id)).or_default().insert(seq, held);
        Ok(said)
    }

    /// Sends what waited until we are back.
    fn release_held(&mut self, me: PersonaId, id: ConversationId) {
        let now_ms = self.now_ms;
        for (seq, HeldRow { message, shown }) in
            self.returns.held.remove(&(me, id)).unwrap_or_default()
        {
            let Some(hosted) = self.personas.get_mut(&me) else { return };
            let sealed = hosted.groups.seal(id, &message, now_ms);
            let roster = hosted.groups.roster(id);
            let position = hosted.groups.position(id);
            let (Ok(envelope), Ok(roster), Ok(position)) = (sealed, roster, position) else {
                continue;
            };
            let epoch = position.epoch;
            let row = EnvelopeRow {
                id: envelope.id(),
                envelope: envelope.into_bytes(),
                author: me,
                cargo: Cargo::Message { conversation: id, epoch, message, shown },
                created_at_ms: now_ms,
            };
            let others: Vec<_> = roster.into_iter().filter(|other| *other != me).collect();
            self.post(row, &others);
            self.delete(Table::Conversation, held_key(me, id, seq));
        }
    }
}

fn held_key(me: PersonaId, id: ConversationId, seq: u64) -> Vec<u8> {
    rows::key(&[me.as_bytes(), id.as_bytes(), &[HELD], &seq.to_be_bytes()])
}
