//! The second half of a hidden vote: once it is certain which commitments count, our persona
//! reveals what it chose.
//!
//! Members derive the second proposal from the certificate of the first, so it is never sent and
//! has no messages of its own in the conversation; owners see one proposal all the way through.

use protocol::{
    decision::{Certificate, Decision, Input, Outcome, Proposal},
    identity::{PersonaId, ProposalId},
};

use super::Poll;
use crate::state::Engine;

impl Engine {
    /// There is a certificate of the commitments: goes on with revealing. False when nothing is
    /// to be revealed, so that this certificate is the last.
    pub(super) fn go_on_revealing(&mut self, me: PersonaId, id: ProposalId) -> bool {
        let Some(poll) = self.decisions.get(&(me, id)) else { return false };
        let Some(hidden) = poll.core.certificate() else { return false };
        if hidden.result().outcome != Outcome::Committed {
            return false;
        }
        let conversation = poll.row.conversation;
        if self.revealing(me, id).is_none() {
            match Decision::reveal(hidden.clone(), me) {
                Ok(core) => self.begin(me, conversation, core, None),
                Err(error) => self.audit(me, "reveal.failed", error.to_string()),
            }
        }
        self.reveal_own(me, id);
        true
    }

    /// Reveals our own choice, unless that was done. The core refuses to do it twice.
    fn reveal_own(&mut self, me: PersonaId, id: ProposalId) {
        let secret = self.decisions.get(&(me, id)).and_then(|poll| poll.core.secret());
        let Some(second) = self.revealing(me, id).map(|poll| poll.core.id()) else { return };
        // Even without a choice of ours, from now on there is time to reveal.
        self.feed(me, second, Input::Timeout);
        if let Some(secret) = secret {
            self.feed(me, second, Input::Vote(secret));
        }
    }

    /// The second half of a vote, if it has come to that.
    pub(super) fn revealing(&self, me: PersonaId, id: ProposalId) -> Option<&Poll> {
        let hidden = self.decisions.get(&(me, id))?.core.certificate()?;
        let second = Proposal::reveal(hidden)?.id();
        self.decisions.get(&(me, second))
    }

    /// The half of a vote that runs now: the second, once it has come to that.
    pub(super) fn core_now(&self, me: PersonaId, id: ProposalId) -> Option<&Decision> {
        let second = self.revealing(me, id);
        second.or_else(|| self.decisions.get(&(me, id))).map(|poll| &poll.core)
    }

    /// The certificate of what was decided: of a hidden vote that of its second half.
    pub(crate) fn last_certificate(&self, me: PersonaId, id: ProposalId) -> Option<&Certificate> {
        let first = self.decisions.get(&(me, id))?.core.certificate()?;
        match first.result().outcome {
            Outcome::Committed => self.revealing(me, id)?.core.certificate(),
            _ => Some(first),
        }
    }

    /// The proposal owners know this one as.
    pub(super) fn asked(&self, me: PersonaId, id: ProposalId) -> ProposalId {
        let poll = self.decisions.get(&(me, id));
        let hidden = poll.and_then(|poll| poll.core.hidden());
        hidden.map_or(id, Certificate::proposal_id)
    }
}
