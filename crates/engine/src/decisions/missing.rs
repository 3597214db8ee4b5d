//! A question that did not come: whoever put it was cut off while sending it, and others vote on it
//! already. One after another of those is asked to pass it on, so that the vote needs its proposer
//! no more.

use std::collections::BTreeSet;

use protocol::{
    decision::Ask,
    identity::{ConversationId, PersonaId, ProposalId},
    wire::{Content, ContentKind},
};

use crate::{
    effect::Table,
    rows::{self, MissingRow},
    state::Engine,
};

/// How long a proposal may be slower than what is said about it, in milliseconds.
const SLOWER_MS: u64 = 3_000;
/// How long somebody who was asked has before the next is asked, in milliseconds.
const ANSWER_MS: u64 = 10_000;
/// Unknown proposals of which one member may make us ask. More are not asked for.
const PER_AUTHOR_MAX: usize = 8;

/// A proposal that is spoken of and has not come.
pub(crate) struct Missing {
    conversation: ConversationId,
    /// Who spoke of it first.
    first: PersonaId,
    /// When somebody is asked next; none when everyone who spoke of it was.
    due_ms: Option<u64>,
    asked: BTreeSet<PersonaId>,
}

impl Missing {
    pub(super) fn restored(row: &MissingRow) -> Self {
        // Whom we asked before the restart we ask again.
        let asked = BTreeSet::new();
        Self { conversation: row.conversation, first: row.first, due_ms: Some(0), asked }
    }
}

pub(super) fn missing_key(persona: &PersonaId, proposal: &ProposalId) -> Vec<u8> {
    rows::key(&[persona.as_bytes(), proposal.as_bytes(), b"z"])
}

impl Engine {
    /// A member spoke of a proposal we have not seen.
    pub(super) fn note_missing(
        &mut self,
        me: PersonaId,
        conversation: ConversationId,
        id: ProposalId,
        author: PersonaId,
    ) {
        let due_ms = self.now_ms.saturating_add(SLOWER_MS);
        if let Some(missing) = self.missing.get_mut(&(me, id)) {
            if !missing.asked.contains(&author) {
                missing.due_ms.get_or_insert(due_ms);
            }
            return;
        }
        let of_author = |((persona, _), missing): &(&(PersonaId, ProposalId), &Missing)| {
            *persona == me && missing.first == author
        };
        if self.missing.iter().filter(of_author).count() >= PER_AUTHOR_MAX {
            return;
        }
        let row = MissingRow { conversation, first: author };
        self.put(Table::Vote, missing_key(&me, &id), &row);
        let missing = Missing { due_ms: Some(due_ms), ..Missing::restored(&row) };
        self.missing.insert((me, id), missing);
    }

    /// It has come.
    pub(super) fn found_missing(&mut self, me: PersonaId, id: ProposalId) {
        if self.missing.remove(&(me, id)).is_some() {
            self.delete(Table::Vote, missing_key(&me, &id));
        }
    }

    pub(super) fn missing_timeout(&self) -> Option<u64> {
        self.missing.values().filter_map(|missing| missing.due_ms).min()
    }

    pub(super) fn on_missing_timeout(&mut self) {
        let now_ms = self.now_ms;
        let due = |missing: &Missing| missing.due_ms.is_some_and(|due_ms| due_ms <= now_ms);
        let due: Vec<_> =
            self.missing.iter().filter(|(_, m)| due(m)).map(|(key, _)| *key).collect();
        for (me, id) in due {
            self.ask_for(me, id);
        }
    }

    fn ask_for(&mut self, me: PersonaId, id: ProposalId) {
        let authors = self.early.get(&(me, id)).into_iter().flatten().map(|row| row.author);
        let authors: BTreeSet<PersonaId> = authors.collect();
        let Some(missing) = self.missing.get_mut(&(me, id)) else { return };
        let Some(of) = authors.difference(&missing.asked).next().copied() else {
            missing.due_ms = None;
            return;
        };
        missing.asked.insert(of);
        missing.due_ms = Some(self.now_ms.saturating_add(ANSWER_MS));
        let conversation = missing.conversation;
        self.say_decision(me, conversation, Ask::new(id, of).to_bytes());
    }

    /// A member lacks a proposal; if we are asked and have it, everyone gets it once more.
    pub(super) fn on_ask(
        &mut self,
        me: PersonaId,
        conversation: ConversationId,
        author: PersonaId,
        body: &[u8],
    ) {
        let Ok(ask) = Ask::from_bytes(body) else { return };
        let Ok(head) = protocol::decision::peek(body) else { return };
        let Some(poll) = self.decisions.get_mut(&(me, head.proposal)) else { return };
        if ask.of() != me || poll.row.conversation != conversation {
            return;
        }
        let answer = match poll.core.hidden() {
            // It follows from a certificate. Everyone gets the answer, so one is enough.
            Some(hidden) if poll.asked_by.is_empty() => hidden.to_bytes(),
            // What the proposer itself says stays in its outbox until everyone has it.
            None if poll.core.proposal().proposer != me => poll.core.signed_proposal().to_bytes(),
            _ => return,
        };
        if poll.asked_by.insert(author) {
            self.say_decision(me, conversation, answer);
        }
    }

    pub(super) fn say_decision(
        &mut self,
        me: PersonaId,
        conversation: ConversationId,
        bytes: Vec<u8>,
    ) {
        let content = Content::new(ContentKind::Decision, bytes);
        if let Err(error) = self.say(me, conversation, content) {
            self.audit(me, "decision.unsent", error.to_string());
        }
    }
}
