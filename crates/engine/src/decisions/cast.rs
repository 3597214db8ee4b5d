//! Who casts a ballot: the owner, the persona under a mandate, or the owner once asked.

use personas::{Action, Tier, Verdict, decide};
use protocol::{
    decision::{self, Choice, SignedMandate},
    identity::{PersonaId, ProposalId},
};
use rand::Rng;

use super::Poll;
use crate::{
    agent::{Errand, slots_of},
    persona::invalid,
    request::RequestError,
    state::Engine,
};

impl Engine {
    /// Casts a ballot the owner decided; an error when the core refuses it.
    pub(crate) fn cast_by_owner(
        &mut self,
        me: PersonaId,
        id: ProposalId,
        choice: Choice,
    ) -> Result<(), RequestError> {
        self.cast(me, id, choice, None)?;
        self.audit(me, "ballot.cast", "by the owner".into());
        Ok(())
    }

    /// Our persona votes: by itself where its mandate covers the vote, else once its owner has
    /// said yes to this choice. Whether the ballot is cast.
    pub(crate) fn vote_for_owner(
        &mut self,
        me: PersonaId,
        id: ProposalId,
        choice: Choice,
    ) -> Result<bool, RequestError> {
        let poll = self.poll(me, id)?;
        let proposal = poll.core.proposal();
        if poll.core.has_voted() {
            return Err(RequestError::Conflict { reason: "already voted".into() });
        }
        if !poll.core.is_elector() || self.now_ms > proposal.deadline_ms {
            return Err(RequestError::Conflict { reason: "voting is over, or not for us".into() });
        }
        if !proposal.rule.plain().allows(&choice, proposal.options.len()) {
            return Err(invalid("choice", "not a choice of this proposal"));
        }
        let mandate = self.mandate_for(me, id);
        match (self.may_vote_alone(me, id), mandate) {
            (Verdict::Allow, Some(mandate)) => {
                let number = mandate.mandate().number;
                self.cast(me, id, choice, Some(mandate))?;
                let detail = format!("by the persona alone, under mandate {number}");
                self.audit(me, "ballot.cast", detail);
                Ok(true)
            }
            (Verdict::Allow, None) => {
                self.ask_for_vote(me, id, choice, "no mandate covers this vote");
                Ok(false)
            }
            (Verdict::Ask { reason }, _) => {
                self.ask_for_vote(me, id, choice, &reason);
                Ok(false)
            }
            (Verdict::Deny { reason }, _) => Err(RequestError::Forbidden { reason }),
        }
    }

    /// What the policy says to our persona voting on this.
    fn may_vote_alone(&self, me: PersonaId, id: ProposalId) -> Verdict {
        let deny = |reason: &str| Verdict::Deny { reason: reason.into() };
        let Ok(poll) = self.poll(me, id) else { return deny("there is no such vote") };
        let Some(hosted) = self.personas.get(&me) else { return deny("not a persona of ours") };
        let proposal = poll.core.proposal();
        let proposer = proposal.proposer;
        let tier = if proposer == me { Tier::Operator } else { self.tier(&me, &proposer) };
        let mandated = self.mandate_for(me, id).is_some();
        let action = Action::CastVote { scheduling: slots_of(proposal).is_some(), mandated };
        decide(&action, tier, &hosted.row.settings)
    }

    fn poll(&self, me: PersonaId, id: ProposalId) -> Result<&Poll, RequestError> {
        self.decisions.get(&(me, id)).ok_or(RequestError::NotFound { what: "proposal" })
    }

    fn cast(
        &mut self,
        me: PersonaId,
        id: ProposalId,
        choice: Choice,
        mandate: Option<SignedMandate>,
    ) -> Result<(), RequestError> {
        let now_ms = self.now_ms;
        let hosted = self.personas.get(&me).ok_or(RequestError::NotFound { what: "persona" })?;
        let poll =
            self.decisions.get_mut(&(me, id)).ok_or(RequestError::NotFound { what: "proposal" })?;
        let is_hidden = poll.core.proposal().rule.is_hidden();
        let salt = is_hidden.then(|| self.rng.r#gen());
        let vote = match (mandate, salt) {
            (Some(mandate), salt) => decision::Input::VoteAlone { choice, mandate, salt },
            (None, Some(salt)) => decision::Input::VoteHidden { choice, salt },
            (None, None) => decision::Input::Vote(choice),
        };
        poll.core.handle(vote, &hosted.key, now_ms);
        let refused = self.drive(me, id);
        self.withdraw(|row| row.persona == me && row.action.is_vote_on(id));
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
            .iter()
            .filter(|((_, proposal), poll)| *proposal == id && poll.core.hidden().is_none())
            .map(|((me, _), _)| *me)
            .filter(|me| persona.is_none_or(|wanted| wanted == *me))
            .collect();
        match here[..] {
            [] => Err(RequestError::NotFound { what: "proposal" }),
            [only] => Ok(only),
            _ => Err(invalid("persona", "several personas of this node may vote; name one")),
        }
    }

    /// Votes on a time by the calendar, or asks the owner to let it, unless that was done.
    pub(super) fn vote_alone(&mut self, me: PersonaId, id: ProposalId) {
        let Some(poll) = self.decisions.get(&(me, id)) else { return };
        let proposal = poll.core.proposal();
        if poll.core.hidden().is_some() || slots_of(proposal).is_none() {
            return;
        }
        if proposal.deadline_ms < self.now_ms {
            return;
        }
        if poll.core.has_voted() || !poll.core.is_elector() || poll.asked_owner {
            return;
        }
        match self.may_vote_alone(me, id) {
            Verdict::Allow | Verdict::Ask { .. } => {
                self.with_calendar(me, Errand::CastVote { me, proposal: id });
            }
            Verdict::Deny { reason } => self.audit(me, "ballot.withheld", reason),
        }
    }
}
