//! How a vote is run: from the question to the certificate.
//!
//! The protocol itself is [`protocol::decision`]. Here its messages are carried as content of the
//! conversation, its state is kept in the ledger, and every signature waits for the row that
//! forbids a second one: the core signs only after [`crate::Input::Stored`].

use std::collections::BTreeSet;

use personas::{Action, Tier, TimeRange, Verdict, decide};
use protocol::{
    decision::{
        self, Choice, Decision, DecisionView, Kind, Outcome, Proposal, Rule, SignedProposal, Terms,
    },
    identity::{ConversationId, PersonaId, ProposalId},
    wire::{Content, ContentKind},
};
use rand::Rng;

use crate::{
    agent::{Errand, option_in_words, slots_of},
    effect::Table,
    event::EventBody,
    messages::sha256,
    persona::{internal, invalid},
    request::{LocalId, Reply, RequestError},
    rows::{self, BookingRow, ProposalRow},
    state::{Engine, LoadError, Rows, damaged, read},
    view::{ProposalView, VoterView},
};

/// Messages kept for proposals that have not arrived yet, for one persona.
const EARLY_MAX: usize = 2_048;

/// One of our personas' part in one decision.
pub(crate) struct Poll {
    pub(crate) core: Decision,
    pub(crate) row: ProposalRow,
    /// Slots on their way to the disk, whose signatures wait.
    awaits_disk: bool,
}

/// What is put to the vote.
pub(crate) struct Question {
    pub(crate) question: String,
    pub(crate) options: Vec<String>,
    pub(crate) rule: Rule,
    pub(crate) deadline_ms: u64,
    pub(crate) grace_ms: u64,
    pub(crate) task: Option<LocalId>,
}

pub(crate) fn load(engine: &mut Engine, tables: &mut Rows) -> Result<(), LoadError> {
    let bad = || damaged(Table::Vote, "key");
    let mut cores: std::collections::BTreeMap<_, Vec<_>> = Default::default();
    let mut notes = std::collections::BTreeMap::new();
    for (key, value) in tables.remove(&Table::Vote).unwrap_or_default() {
        let (persona, rest) = key.split_at_checked(32).ok_or_else(bad)?;
        let (proposal, rest) = rest.split_at_checked(32).ok_or_else(bad)?;
        let persona = PersonaId::from_slice(persona).ok_or_else(bad)?;
        let proposal = ProposalId::from_slice(proposal).ok_or_else(bad)?;
        match rest.split_first() {
            Some((b'c', core)) => {
                cores.entry((persona, proposal)).or_default().push((core.to_vec(), value));
            }
            Some((b'x', [])) => {
                notes.insert((persona, proposal), read::<ProposalRow>(Table::Vote, &value)?);
            }
            Some((b'y', _)) => {
                engine.early.entry((persona, proposal)).or_default().insert(value);
            }
            _ => return Err(bad()),
        }
    }
    for ((persona, proposal), core) in cores {
        let core = Decision::restore(core, persona)
            .map_err(|error| damaged(Table::Vote, &error.to_string()))?;
        let row = notes.remove(&(persona, proposal)).ok_or_else(bad)?;
        // What was read is on disk, so signatures that waited for it may be made.
        engine.decisions.insert((persona, proposal), Poll { core, row, awaits_disk: true });
    }
    engine.on_stored();
    Ok(())
}

/// Whether a message of a decision is shown in the conversation: the question and the votes are,
/// the sealers' rounds are not.
pub(crate) fn is_shown(body: &[u8]) -> bool {
    decision::peek(body).is_ok_and(|head| matches!(head.kind, Kind::Proposal | Kind::Ballot))
}

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
            early_close: true,
            nonce: self.rng.r#gen(),
        };
        let proposal = Proposal::freeze(terms, &epoch.roster).map_err(|error| match error {
            decision::ProposalError::Field(field) => invalid(field, "breaks a rule of proposals"),
            other => invalid("proposal", &other.to_string()),
        })?;
        let signed = SignedProposal::sign(&proposal, &self.hosted(&persona)?.key);
        let content = Content::new(ContentKind::Decision, signed.to_bytes());
        let core = Decision::new(signed, epoch.roster, persona)
            .map_err(|error| invalid("proposal", &error.to_string()))?;
        let id = core.id();
        self.say(persona, conversation, content)?;
        self.begin(persona, conversation, core, ask.task);
        self.audit(persona, "proposal.made", proposal.question.clone());
        Ok(id)
    }

    fn begin(
        &mut self,
        me: PersonaId,
        conversation: ConversationId,
        core: Decision,
        task: Option<LocalId>,
    ) {
        let id = core.id();
        let row = ProposalRow { conversation, seen_at_ms: self.now_ms, task, settled: false };
        self.put(Table::Vote, note_key(&me, &id), &row);
        self.decisions.insert((me, id), Poll { core, row, awaits_disk: false });
        self.drive(me, id);
        for body in self.early.remove(&(me, id)).unwrap_or_default() {
            self.delete(Table::Vote, early_key(&me, &id, &body));
            self.feed(me, id, decision::Input::Message(body));
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
        if let Some(poll) = self.decisions.get(&(me, id)) {
            if poll.row.conversation == conversation {
                self.feed(me, id, decision::Input::Message(body.to_vec()));
            }
        } else if head.kind == Kind::Proposal {
            if let Some(core) = self.admit(me, conversation, author, body) {
                self.begin(me, conversation, core, None);
            }
        } else {
            self.keep_early(me, id, body);
        }
    }

    /// A proposal counts only from its own proposer, in its own group, for an epoch we were in.
    fn admit(
        &self,
        me: PersonaId,
        conversation: ConversationId,
        author: PersonaId,
        body: &[u8],
    ) -> Option<Decision> {
        let signed = SignedProposal::from_bytes(body).ok()?;
        let (_, proposal) = signed.verify().ok()?;
        let row = self.conversation(me, conversation).ok()?;
        let epoch = row.epochs.iter().find(|epoch| {
            epoch.epoch == proposal.epoch && epoch.context_hash == proposal.context_hash
        })?;
        if proposal.group != conversation || proposal.proposer != author {
            return None;
        }
        Decision::new(signed, epoch.roster.clone(), me).ok()
    }

    /// Members' messages take different ways, so a ballot may overtake its proposal. It has been
    /// acknowledged, so it is kept on disk.
    fn keep_early(&mut self, me: PersonaId, id: ProposalId, body: &[u8]) {
        let ours = self.early.iter().filter(|((persona, _), _)| *persona == me);
        let count: usize = ours.map(|(_, bodies)| bodies.len()).sum();
        if count >= EARLY_MAX {
            return;
        }
        self.put_bytes(Table::Vote, early_key(&me, &id, body), body.to_vec());
        self.early.entry((me, id)).or_default().insert(body.to_vec());
    }

    fn feed(&mut self, me: PersonaId, id: ProposalId, input: decision::Input) {
        let now_ms = self.now_ms;
        let Some(hosted) = self.personas.get(&me) else { return };
        if let Some(poll) = self.decisions.get_mut(&(me, id)) {
            poll.core.handle(input, &hosted.key, now_ms);
        }
        self.drive(me, id);
    }

    /// Carries out what a decision's core wants; the last refusal of our own vote, if any.
    fn drive(&mut self, me: PersonaId, id: ProposalId) -> Option<String> {
        let mut refused = None;
        let mut changed = false;
        while let Some(poll) = self.decisions.get_mut(&(me, id)) {
            let Some(effect) = poll.core.poll_effect() else { break };
            changed = true;
            let conversation = poll.row.conversation;
            match effect {
                decision::Effect::Persist { key, value } => {
                    poll.awaits_disk = true;
                    self.put_bytes(Table::Vote, core_key(&me, &id, &key), value);
                }
                decision::Effect::Broadcast(bytes) => {
                    let content = Content::new(ContentKind::Decision, bytes);
                    if let Err(error) = self.say(me, conversation, content) {
                        self.audit(me, "decision.unsent", error.to_string());
                    }
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
        let phase = phase_name(&poll.core.view().phase);
        self.emit(Some(me), EventBody::ProposalUpdated { proposal: id, conversation, phase });
    }

    /// Everything handed out so far is on disk: signatures that waited for it are made now.
    pub(crate) fn on_stored(&mut self) {
        let waiting: Vec<_> = self
            .decisions
            .iter_mut()
            .filter_map(|(key, poll)| std::mem::take(&mut poll.awaits_disk).then_some(*key))
            .collect();
        for (me, id) in waiting {
            self.feed(me, id, decision::Input::Stored);
        }
    }

    pub(crate) fn decisions_timeout(&self) -> Option<u64> {
        self.decisions.values().filter_map(|poll| poll.core.poll_timeout()).min()
    }

    pub(crate) fn on_decision_timeout(&mut self) {
        let now_ms = self.now_ms;
        let due = |poll: &Poll| poll.core.poll_timeout().is_some_and(|at_ms| at_ms <= now_ms);
        let due: Vec<_> =
            self.decisions.iter().filter(|(_, p)| due(p)).map(|(key, _)| *key).collect();
        for (me, id) in due {
            self.feed(me, id, decision::Input::Timeout);
        }
    }

    /// Casts a ballot; an error when the core refuses it.
    pub(crate) fn cast(
        &mut self,
        me: PersonaId,
        id: ProposalId,
        choice: Choice,
    ) -> Result<(), RequestError> {
        let now_ms = self.now_ms;
        let hosted = self.personas.get(&me).ok_or(RequestError::NotFound { what: "persona" })?;
        let poll =
            self.decisions.get_mut(&(me, id)).ok_or(RequestError::NotFound { what: "proposal" })?;
        poll.core.handle(decision::Input::Vote(choice), &hosted.key, now_ms);
        let refused = self.drive(me, id);
        self.withdraw(|row| {
            row.persona == me && row.action == rows::Pending::Vote { proposal: id }
        });
        match refused {
            Some(reason) => Err(RequestError::Conflict { reason }),
            None => Ok(()),
        }
    }

    /// Which of our personas votes: the one named, or the only elector there is.
    pub(crate) fn voter(
        &self,
        id: ProposalId,
        persona: Option<PersonaId>,
    ) -> Result<PersonaId, RequestError> {
        let here: Vec<PersonaId> = self
            .decisions
            .keys()
            .filter(|(me, proposal)| *proposal == id && persona.is_none_or(|p| p == *me))
            .map(|(me, _)| *me)
            .collect();
        match here[..] {
            [] => Err(RequestError::NotFound { what: "proposal" }),
            [only] => Ok(only),
            _ => Err(invalid("persona", "several personas of this node may vote; name one")),
        }
    }

    /// Votes on a time without the owner, where the owner has allowed it.
    fn vote_alone(&mut self, me: PersonaId, id: ProposalId) {
        let Some(poll) = self.decisions.get(&(me, id)) else { return };
        let proposal = poll.core.proposal();
        if slots_of(proposal).is_none() || proposal.deadline_ms < self.now_ms {
            return;
        }
        let proposer = proposal.proposer;
        let tier = if proposer == me { Tier::Operator } else { self.tier(&me, &proposer) };
        let Some(hosted) = self.personas.get(&me) else { return };
        match decide(&Action::CastVote { scheduling: true }, tier, &hosted.row.settings) {
            Verdict::Allow => self.with_calendar(me, Errand::CastVote { me, proposal: id }),
            Verdict::Ask { reason } => self.ask_for_vote(me, id, &reason),
            Verdict::Deny { reason } => self.audit(me, "ballot.withheld", reason),
        }
    }

    /// After a restart: votes and books what was still to be voted on or booked.
    pub(crate) fn resume_decision(&mut self, me: PersonaId, id: ProposalId) {
        let Some(poll) = self.decisions.get(&(me, id)) else { return };
        if poll.core.certificate().is_some() {
            return self.settle_decision(me, id);
        }
        let view = poll.core.view();
        let ours = view.voters.iter().find(|voter| voter.persona == me);
        if ours.is_some_and(|voter| voter.choice.is_none()) {
            self.vote_alone(me, id);
        }
    }

    /// There is a certificate.
    fn on_decided(&mut self, me: PersonaId, id: ProposalId) {
        self.audit(me, "decision.certified", id.to_string());
        self.withdraw(|row| {
            row.persona == me && row.action == rows::Pending::Vote { proposal: id }
        });
        self.settle_decision(me, id);
    }

    /// Acts on a certified result, once: a time that was agreed on is booked.
    pub(crate) fn settle_decision(&mut self, me: PersonaId, id: ProposalId) {
        let Some(poll) = self.decisions.get(&(me, id)) else { return };
        if poll.row.settled || poll.core.certificate().is_none() {
            return;
        }
        let proposer = poll.core.proposal().proposer;
        let Some(slot) = self.winner(me, id) else {
            self.mark_settled(me, id);
            self.on_task_decided(me, id, None);
            return;
        };
        self.on_task_decided(me, id, Some(slot));
        let tier = if proposer == me { Tier::Operator } else { self.tier(&me, &proposer) };
        let Some(hosted) = self.personas.get(&me) else { return };
        match decide(&Action::BookEvent, tier, &hosted.row.settings) {
            Verdict::Allow => self.book_winner(me, id, false),
            Verdict::Ask { reason } => self.ask_for_booking(me, id, &reason),
            Verdict::Deny { reason } => {
                self.mark_settled(me, id);
                self.audit(me, "booking.refused", reason.clone());
                self.on_task_settled(me, id, slot, Err(reason));
            }
        }
    }

    /// The time a certified decision chose, if it was about one and somebody won.
    fn winner(&self, me: PersonaId, id: ProposalId) -> Option<TimeRange> {
        let poll = self.decisions.get(&(me, id))?;
        let slots = slots_of(poll.core.proposal())?;
        match &poll.core.certificate()?.result().outcome {
            Outcome::Winners { options, .. } => slots.get(usize::from(*options.first()?)).copied(),
            _ => None,
        }
    }

    /// Books the agreed time; `overrule` books even over another entry, by the owner's own word.
    pub(crate) fn book_winner(&mut self, me: PersonaId, id: ProposalId, overrule: bool) {
        if let Some(slot) = self.winner(me, id) {
            self.with_calendar(me, Errand::CheckSlot { me, proposal: id, slot, overrule });
        }
    }

    /// The calendar has taken an agreed time, or has not.
    pub(crate) fn on_slot_settled(
        &mut self,
        me: PersonaId,
        id: ProposalId,
        slot: TimeRange,
        result: Result<(), String>,
    ) {
        self.mark_settled(me, id);
        match &result {
            Ok(()) => {
                let row = BookingRow { slot, booked_at_ms: self.now_ms };
                self.put(Table::Booking, rows::key(&[me.as_bytes(), id.as_bytes()]), &row);
                self.audit(me, "event.booked", crate::agent::slot_in_words(&slot, "UTC"));
            }
            Err(reason) => self.audit(me, "booking.failed", reason.clone()),
        }
        self.on_task_settled(me, id, slot, result);
    }

    /// The owner has been asked whether to book.
    pub(crate) fn on_booking_asked(&mut self, me: PersonaId, id: ProposalId, reason: &str) {
        self.mark_settled(me, id);
        if let Some(slot) = self.winner(me, id) {
            self.on_task_settled(me, id, slot, Err(format!("waiting for the owner: {reason}")));
        }
    }

    fn mark_settled(&mut self, me: PersonaId, id: ProposalId) {
        if let Some(poll) = self.decisions.get_mut(&(me, id)) {
            poll.row.settled = true;
            let row = poll.row.clone();
            self.put(Table::Vote, note_key(&me, &id), &row);
        }
    }

    pub(crate) fn certificate_file(&self, id: ProposalId) -> Result<Reply, RequestError> {
        let polls = self.decisions.iter().filter(|((_, proposal), _)| *proposal == id);
        let mut found = false;
        for (_, poll) in polls {
            found = true;
            if let Some(certificate) = poll.core.certificate() {
                return Ok(Reply::Certificate(decision::render_json(certificate)));
            }
        }
        match found {
            true => Err(RequestError::Conflict { reason: "not decided yet".into() }),
            false => Err(RequestError::NotFound { what: "proposal" }),
        }
    }

    pub(crate) fn proposal_view(
        &self,
        me: PersonaId,
        id: ProposalId,
    ) -> Result<ProposalView, RequestError> {
        let poll =
            self.decisions.get(&(me, id)).ok_or(RequestError::NotFound { what: "proposal" })?;
        let view = poll.core.view();
        let proposal = poll.core.proposal();
        let result = poll.core.certificate().map(|certificate| certificate.result());
        let tally = result.map(|r| r.tally.clone()).unwrap_or_else(|| view.result.tally.clone());
        let voters = view
            .voters
            .iter()
            .map(|voter| VoterView {
                persona: voter.persona,
                name: self.name_of(&voter.persona),
                ours: self.personas.contains_key(&voter.persona),
                choice: voter.choice.clone(),
                void: voter.void,
            })
            .collect();
        let winners = match result.map(|r| &r.outcome) {
            Some(Outcome::Winners { options, .. }) => options.clone(),
            _ => Vec::new(),
        };
        Ok(ProposalView {
            id,
            conversation: poll.row.conversation,
            persona: me,
            proposer: proposal.proposer,
            question: proposal.question.clone(),
            options: proposal.options.clone(),
            rule: proposal.rule.clone(),
            opens_at_ms: proposal.opens_at_ms,
            deadline_ms: proposal.deadline_ms,
            phase: phase_name(&view.phase),
            waiting: self.waiting_in_words(&view),
            voters,
            cast: result.map(|r| r.cast).unwrap_or(view.result.cast),
            tally,
            outcome: result.map(|r| outcome_in_words(&r.outcome, &proposal.options)),
            winners,
            certified: result.is_some(),
        })
    }
}

impl Engine {
    /// What a decision waits for.
    fn waiting_in_words(&self, view: &DecisionView) -> String {
        match &view.phase {
            decision::Phase::Open => {
                let missing = view.voters.iter().filter(|v| v.choice.is_none() && !v.void).count();
                match missing {
                    0 => "every vote is in".to_owned(),
                    1 => "open; one vote is missing".to_owned(),
                    _ => format!("open; {missing} votes are missing"),
                }
            }
            decision::Phase::Closing { lists, quorum, .. } if lists < quorum => {
                format!("closed, waiting for {lists} of {quorum} lists of ballots")
            }
            decision::Phase::Closing { leader, .. } => {
                format!("closed, waiting for {} to join the lists", self.name_of(leader))
            }
            decision::Phase::Deciding { confirms, quorum } => {
                format!("closed, {confirms} of {quorum} confirmations")
            }
            decision::Phase::Decided => "decided".to_owned(),
            decision::Phase::Forked => {
                "two certificates contradict each other; the evidence names who lied".to_owned()
            }
        }
    }
}

fn phase_name(phase: &decision::Phase) -> &'static str {
    match phase {
        decision::Phase::Open => "open",
        decision::Phase::Closing { .. } => "closing",
        decision::Phase::Deciding { .. } => "deciding",
        decision::Phase::Decided => "decided",
        decision::Phase::Forked => "forked",
    }
}

/// An outcome for people.
pub fn outcome_in_words(outcome: &Outcome, options: &[String]) -> String {
    match outcome {
        Outcome::Accepted => "accepted".into(),
        Outcome::Rejected => "rejected".into(),
        Outcome::NoQuorum => "no result: too few voted".into(),
        Outcome::NoWinner => "no option has enough votes".into(),
        Outcome::Winners { options: winners, tie } => {
            let names = winners.iter().filter_map(|index| options.get(usize::from(*index)));
            let names: Vec<_> = names.map(|option| option_in_words(option)).collect();
            format!("{}{}", names.join(", "), if *tie { " (tie, first listed)" } else { "" })
        }
    }
}

fn note_key(persona: &PersonaId, proposal: &ProposalId) -> Vec<u8> {
    rows::key(&[persona.as_bytes(), proposal.as_bytes(), b"x"])
}

fn core_key(persona: &PersonaId, proposal: &ProposalId, key: &[u8]) -> Vec<u8> {
    rows::key(&[persona.as_bytes(), proposal.as_bytes(), b"c", key])
}

fn early_key(persona: &PersonaId, proposal: &ProposalId, body: &[u8]) -> Vec<u8> {
    rows::key(&[persona.as_bytes(), proposal.as_bytes(), b"y", &sha256(&[body])])
}

/// Messages that came before their proposal.
pub(crate) type Early = std::collections::BTreeMap<(PersonaId, ProposalId), BTreeSet<Vec<u8>>>;
