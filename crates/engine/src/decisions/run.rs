//! How a vote runs: the question, and every message between the members.

use std::collections::BTreeSet;

use protocol::{
    decision::{self, Decision, Kind, Proposal, SignedProposal, Terms},
    identity::{ConversationId, PersonaId, ProposalId},
    wire::{Content, ContentKind},
};
use rand::Rng;

use super::{
    EARLY_BYTES_MAX, EARLY_MAX, Poll, Question, core_key, early_key, note_key, show::phase_name,
};
use crate::{
    effect::Table,
    event::EventBody,
    persona::{internal, invalid},
    request::{LocalId, RequestError},
    rows::{EarlyRow, ProposalRow},
    state::Engine,
};

impl Engine {
    pub(crate) fn propose(
        &mut self,
        conversation: ConversationId,
        persona: PersonaId,
        ask: Question,
    ) -> Result<ProposalId, RequestError> {
        if ask.deadline_ms <= self.now_ms {
            return Err(invalid("deadline", "must lie in the future"));
        }
        let epoch = self
            .conversation(persona, conversation)?
            .epochs
            .last()
            .cloned()
            .ok_or_else(|| internal("the conversation has no epoch"))?;
        let terms = Terms {
            group: conversation,
            epoch: epoch.epoch,
            context_hash: epoch.context_hash,
            proposer: persona,
            rule: ask.rule,
            question: ask.question,
            options: ask.options,
            opens_at_ms: self.now_ms,
            deadline_ms: ask.deadline_ms,
            grace_ms: ask.grace_ms,
            early_close: ask.early_close,
            nonce: self.rng.r#gen(),
        };
        let proposal = Proposal::freeze(terms, &epoch.roster).map_err(|error| match error {
            decision::ProposalError::Field(field) => invalid(field, rule_of(field)),
            other => invalid("proposal", &other.to_string()),
        })?;
        let signed = SignedProposal::sign(&proposal, &self.hosted(&persona)?.key);
        let content = Content::new(ContentKind::Decision, signed.to_bytes());
        let core = Decision::new(signed, epoch.roster, persona)
            .map_err(|error| invalid("proposal", &error.to_string()))?;
        let id = core.id();
        self.say(persona, conversation, content)?;
        if ask.task.is_some() {
            self.mandate_for_task(persona, id, proposal.deadline_ms)?;
        }
        self.begin(persona, conversation, core, ask.task);
        self.audit(persona, "proposal.made", proposal.question.clone());
        Ok(id)
    }

    pub(super) fn begin(
        &mut self,
        me: PersonaId,
        conversation: ConversationId,
        core: Decision,
        task: Option<LocalId>,
    ) {
        let id = core.id();
        let row = ProposalRow {
            conversation,
            seen_at_ms: self.now_ms,
            task,
            handed: false,
            settled: false,
            shown: BTreeSet::new(),
        };
        self.put(Table::Vote, note_key(&me, &id), &row);
        let poll =
            Poll { core, row, asked_by: BTreeSet::new(), reminded: false, asked_owner: false };
        self.decisions.insert((me, id), poll);
        self.found_missing(me, id);
        self.drive(me, id);
        for row in self.early.remove(&(me, id)).unwrap_or_default() {
            self.delete(Table::Vote, early_key(&me, &id, &row));
            self.note_shown(me, id, row.author, &row.body);
            self.feed(me, id, decision::Input::Message(row.body));
        }
        self.vote_alone(me, id);
    }

    /// A member's decision message has arrived.
    pub(crate) fn on_decision_message(
        &mut self,
        me: PersonaId,
        conversation: ConversationId,
        author: PersonaId,
        body: &[u8],
    ) {
        let Ok(head) = decision::peek(body) else { return };
        let id = head.proposal;
        if head.kind == Kind::Ask {
            self.on_ask(me, conversation, author, body);
        } else if let Some(poll) = self.decisions.get(&(me, id)) {
            if poll.row.conversation == conversation {
                self.feed(me, id, decision::Input::Message(body.to_vec()));
            }
        } else if head.kind == Kind::Proposal {
            if let Some(core) = self.admit(me, conversation, body) {
                self.begin(me, conversation, core, None);
            }
        } else {
            self.keep_early(me, id, author, body);
            self.note_missing(me, conversation, id, author);
        }
    }

    /// A proposal counts only in its own group and for an epoch we were in. Its proposer signed it,
    /// so any member may pass it on.
    fn admit(&self, me: PersonaId, conversation: ConversationId, body: &[u8]) -> Option<Decision> {
        let signed = SignedProposal::from_bytes(body).ok()?;
        let (_, proposal) = signed.verify().ok()?;
        let row = self.conversation(me, conversation).ok()?;
        let epoch = row.epochs.iter().find(|epoch| {
            epoch.epoch == proposal.epoch && epoch.context_hash == proposal.context_hash
        })?;
        if proposal.group != conversation {
            return None;
        }
        Decision::new(signed, epoch.roster.clone(), me).ok()
    }

    /// Members' messages take different ways, so a ballot may overtake its proposal. It has been
    /// acknowledged, so it is kept on disk.
    fn keep_early(&mut self, me: PersonaId, id: ProposalId, author: PersonaId, body: &[u8]) {
        let ours = || {
            let ours = self.early.iter().filter(|((persona, _), _)| *persona == me);
            ours.flat_map(|(_, rows)| rows)
        };
        let bytes: usize = ours().map(|row| row.body.len()).sum();
        if ours().count() >= EARLY_MAX || bytes + body.len() > EARLY_BYTES_MAX {
            return;
        }
        let row = EarlyRow { author, body: body.to_vec() };
        self.put(Table::Vote, early_key(&me, &id, &row), &row);
        self.early.entry((me, id)).or_default().insert(row);
    }

    pub(super) fn feed(&mut self, me: PersonaId, id: ProposalId, input: decision::Input) {
        let now_ms = self.now_ms;
        let Some(hosted) = self.personas.get(&me) else { return };
        if let Some(poll) = self.decisions.get_mut(&(me, id)) {
            poll.core.handle(input, &hosted.key, now_ms);
        }
        self.drive(me, id);
    }

    /// Carries out what a decision's core wants; the last refusal of our own vote, if any.
    pub(super) fn drive(&mut self, me: PersonaId, id: ProposalId) -> Option<String> {
        let mut refused = None;
        let mut changed = false;
        while let Some(poll) = self.decisions.get_mut(&(me, id)) {
            let Some(effect) = poll.core.poll_effect() else { break };
            changed = true;
            let conversation = poll.row.conversation;
            match effect {
                decision::Effect::Persist { key, value } => {
                    self.unsigned.insert((me, id));
                    self.put_bytes(Table::Vote, core_key(&me, &id, &key), value);
                }
                decision::Effect::Broadcast(bytes) => {
                    self.say_decision(me, conversation, bytes);
                }
                decision::Effect::Refused(reason) => refused = Some(reason.to_string()),
                decision::Effect::Decided(_) => self.on_decided(me, id),
                decision::Effect::Evidence(evidence) => {
                    let detail = format!("proof of a double vote on {id}: {evidence:?}");
                    self.audit(me, "evidence.found", detail);
                }
            }
        }
        if changed {
            self.emit_proposal(me, id);
        }
        refused
    }

    fn emit_proposal(&mut self, me: PersonaId, id: ProposalId) {
        let Some(poll) = self.decisions.get(&(me, id)) else { return };
        let conversation = poll.row.conversation;
        let proposal = self.asked(me, id);
        let Some(core) = self.core_now(me, proposal) else { return };
        let phase = phase_name(core);
        self.emit(Some(me), EventBody::ProposalUpdated { proposal, conversation, phase });
    }

    /// Everything handed out so far is on disk: signatures that waited for it are made now.
    pub(crate) fn on_stored(&mut self) {
        for (me, id) in std::mem::take(&mut self.unsigned) {
            self.feed(me, id, decision::Input::Stored);
        }
    }

    pub(crate) fn decisions_timeout(&self) -> Option<u64> {
        let polls = self.decisions.values().filter_map(|poll| poll.core.poll_timeout());
        polls.chain(self.missing_timeout()).chain(self.reminders_timeout()).min()
    }

    pub(crate) fn on_decision_timeout(&mut self) {
        self.on_missing_timeout();
        self.on_reminders_timeout();
        let now_ms = self.now_ms;
        let due = |poll: &Poll| poll.core.poll_timeout().is_some_and(|at_ms| at_ms <= now_ms);
        let due: Vec<_> =
            self.decisions.iter().filter(|(_, p)| due(p)).map(|(key, _)| *key).collect();
        for (me, id) in due {
            self.feed(me, id, decision::Input::Timeout);
        }
    }
}

/// What a field of a proposal must be, for whoever wrote it otherwise.
fn rule_of(field: &str) -> &'static str {
    match field {
        "question" => "must be visible text of 1 to 1024 bytes",
        "options" => {
            "must be at most 16 different visible texts of at most 256 bytes; none for a vote of \
             yes or no, at least one to choose from, at least two to rank"
        }
        "deadline_ms" => "must lie in the future, at most 31 days away",
        "grace_ms" => "must be at most a day",
        "rule.num" => "must be a share above 0 and at most 1",
        "rule.minimum" => "must be a share of at most 1",
        "rule.winners" => "must be at least 1 and at most the number of options",
        "rule.points" => "must be 1 to 100",
        "rule.quorum" => "must be at most the number of members",
        "rule.holders" => "must name at least one member, by rising place and none twice",
        _ => "breaks a rule of proposals",
    }
}
