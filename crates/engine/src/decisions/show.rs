//! What screens show of a decision.

use protocol::{
    decision::{
        self, Choice, Decision, DecisionView, Evidence, Kind, Offence, Outcome, SignedProposal,
    },
    identity::{ConversationId, PersonaId, ProposalId},
};

use super::note_key;
use crate::{
    agent::option_in_words,
    effect::Table,
    request::{Reply, RequestError},
    rows::EarlyRow,
    state::Engine,
    view::{EvidenceView, ProposalView, VoterView},
};

impl Engine {
    /// Whether a message of a decision is shown in the conversation: the question and each vote
    /// are, the sealers' rounds are not. A voter may say its vote again, in case it was not sent,
    /// and sealers pass on the votes of others; that is no news.
    pub(crate) fn is_vote_shown(
        &mut self,
        me: PersonaId,
        conversation: ConversationId,
        author: PersonaId,
        body: &[u8],
    ) -> bool {
        let Ok(head) = decision::peek(body) else { return false };
        let id = head.proposal;
        match head.kind {
            // Passed on by another it is decided upon, but the question is its proposer's words.
            Kind::Proposal => SignedProposal::from_bytes(body)
                .ok()
                .and_then(|signed| signed.verify().ok())
                .is_some_and(|(_, proposal)| proposal.proposer == author),
            Kind::Ballot => match self.decisions.get(&(me, id)) {
                Some(poll) => {
                    poll.row.conversation == conversation && self.note_shown(me, id, author, body)
                }
                None => {
                    let row = EarlyRow { author, body: body.to_vec() };
                    let kept = self.early.get(&(me, id)).is_some_and(|rows| rows.contains(&row));
                    !kept && decision::is_ballot_by(&author, body)
                }
            },
            _ => false,
        }
    }

    /// Notes that a conversation shows the vote of a message's author; whether it is news.
    pub(super) fn note_shown(
        &mut self,
        me: PersonaId,
        id: ProposalId,
        author: PersonaId,
        body: &[u8],
    ) -> bool {
        let Some(poll) = self.decisions.get_mut(&(me, id)) else { return false };
        if poll.row.shown.contains(&author) || !decision::is_ballot_by(&author, body) {
            return false;
        }
        poll.row.shown.insert(author);
        let row = poll.row.clone();
        self.put(Table::Vote, note_key(&me, &id), &row);
        true
    }

    pub(crate) fn certificate_file(&self, id: ProposalId) -> Result<Reply, RequestError> {
        let polls = self.decisions.keys().filter(|(_, proposal)| *proposal == id);
        let mut found = false;
        for (me, _) in polls {
            found = true;
            if let Some(certificate) = self.last_certificate(*me, id) {
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
        let first = poll.core.view();
        let proposal = poll.core.proposal();
        let secret = poll.core.secret();
        let revealing = self.revealing(me, id);
        let core = revealing.map_or(&poll.core, |second| &second.core);
        let view = core.view();
        let result = self.last_certificate(me, id).map(|certificate| certificate.result());
        // What is hidden has no tally yet, only a number of votes.
        let shown = match (revealing, proposal.rule.is_hidden()) {
            (None, true) => proposal.rule.plain().decide(proposal.options.len(), 0, []).tally,
            _ => view.result.tally.clone(),
        };
        let counted = result.filter(|_| revealing.is_some() || !proposal.rule.is_hidden());
        let tally = counted.map_or(shown, |result| result.tally.clone());
        let voter = |(cast, now): (&decision::VoterView, &decision::VoterView)| {
            let ours = cast.persona == me;
            let own = secret.as_ref().filter(|_| ours).map(|secret| secret.revealed().clone());
            let hidden = matches!(cast.choice, Some(Choice::Commit(_)));
            let said = now.choice.clone().filter(|choice| !matches!(choice, Choice::Commit(_)));
            VoterView {
                persona: cast.persona,
                name: self.name_of(&cast.persona),
                ours: self.personas.contains_key(&cast.persona),
                hidden: hidden && said.is_none(),
                choice: said.or(own),
                by: cast.by,
                void: cast.void || now.void,
            }
        };
        let voters = first.voters.iter().zip(&view.voters).map(voter).collect();
        let evidence = if revealing.is_some() { &first.evidence[..] } else { &[] };
        let evidence = evidence.iter().chain(&view.evidence);
        let (winners, tie) = match result.map(|r| &r.outcome) {
            Some(Outcome::Winners { options, tie }) => (options.clone(), *tie),
            _ => (Vec::new(), false),
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
            early_close: proposal.early_close,
            phase: phase_name(core),
            waiting: self.waiting_in_words(core, &view),
            voters,
            cast: result.map(|r| r.cast).unwrap_or(view.result.cast),
            tally,
            outcome: result.map(|r| outcome_in_words(&r.outcome, &proposal.options)),
            winners,
            tie,
            certified: result.is_some(),
            receipts: view.receipts,
            receipts_needed: view.quorum.q,
            evidence: evidence.map(|evidence| self.evidence_view(evidence)).collect(),
            reminded: poll.reminded && !poll.core.has_voted() && result.is_none(),
            approval: self.approval_about(me, id),
        })
    }

    fn evidence_view(&self, evidence: &Evidence) -> EvidenceView {
        EvidenceView {
            persona: evidence.culprit,
            name: self.name_of(&evidence.culprit),
            offence: offence_name(evidence.offence),
        }
    }

    /// What a decision waits for.
    fn waiting_in_words(&self, core: &Decision, view: &DecisionView) -> String {
        match &view.phase {
            decision::Phase::Open if core.hidden().is_some() => {
                let missing = view.voters.iter().filter(|v| v.choice.is_none() && !v.void).count();
                let all = core.hidden().map_or(0, |hidden| hidden.result().cast);
                let silent = view.voters.len() - usize::try_from(all).unwrap_or_default();
                let missing = missing.saturating_sub(silent);
                format!("voting is over; {missing} of {all} votes are still to be revealed")
            }
            decision::Phase::Decided if core.proposal().rule.is_hidden() && !is_last(core) => {
                "voting is over; votes are being revealed".to_owned()
            }
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

fn offence_name(offence: Offence) -> &'static str {
    match offence {
        Offence::TwoBallots => "two_ballots",
        Offence::Lists => "lists",
        Offence::TwoNotarizations => "two_notarizations",
        Offence::TwoFinalizations => "two_finalizations",
        Offence::NotarizedAndFinalized => "notarized_and_finalized",
        Offence::NullifiedAndFinalized => "nullified_and_finalized",
        Offence::TwoConfirmations => "two_confirmations",
    }
}

/// Whether the certificate of this core is the one of what was decided.
fn is_last(core: &Decision) -> bool {
    let result = core.certificate().map(|certificate| &certificate.result().outcome);
    result != Some(&Outcome::Committed)
}

pub(super) fn phase_name(core: &Decision) -> &'static str {
    match core.view().phase {
        decision::Phase::Open if core.hidden().is_some() => "revealing",
        decision::Phase::Decided if !is_last(core) => "revealing",
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
        Outcome::Committed => "voted; not revealed yet".into(),
        Outcome::Winners { options: winners, tie } => {
            let names = winners.iter().filter_map(|index| options.get(usize::from(*index)));
            let names: Vec<_> = names.map(|option| option_in_words(option)).collect();
            format!("{}{}", names.join(", "), if *tie { " (tie, first listed)" } else { "" })
        }
    }
}
