//! The state of a decision, and the doors in and out of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Effect, Input, VoteRefusal,
    ballots::BallotBox,
    clock::ViewClock,
    lists::Lists,
    outbox::Outbox,
    rounds::{Room, Rounds},
    rows,
};
use crate::{
    decision::{
        Caster, Certificate, Charter, Choice, CutContent, Digest, Entry, Evidence, Guard, Kind,
        MessageError, Offence, Proposal, ProposalError, Reason, Rule, Salt, SignedMessage,
        SignedProposal, Slot, Statement,
        certificate::Origin,
        mutant::{Mutant, is_on},
        peek,
        verify::check,
    },
    identity::{PersonaId, PersonaKey, ProposalId, Signature},
    wire,
};

/// One member's view of one proposal, and its part in deciding it.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub struct Decision {
    pub(super) charter: Charter,
    pub(super) origin: Origin,
    pub(super) me: PersonaId,
    /// Our index in the electorate, if we are in it.
    pub(super) seat: Option<u16>,
    /// The newest time we were told.
    pub(super) now_ms: u64,
    /// The first time we were told in the second half of a hidden vote: from then on one may reveal.
    pub(super) began_ms: Option<u64>,
    /// What we committed to, until it is revealed.
    pub(super) secret: Option<(Salt, Choice)>,
    pub(super) guard: Guard,
    pub(super) outbox: Outbox,
    pub(super) ballots: BallotBox,
    pub(super) lists: Lists,
    pub(super) rounds: Rounds,
    /// Digests of the valid cuts of each view, in order of arrival.
    pub(super) cuts: BTreeMap<u32, Vec<Digest>>,
    /// What the digests stand for; everything here was checked.
    pub(super) values: BTreeMap<Digest, CutContent>,
    pub(super) clock: ViewClock,
    /// When the next receipt for newly held ballots is due.
    pub(super) receipt_due_ms: Option<u64>,
    /// Ballots already passed on to sealers that lacked them.
    pub(super) shared: BTreeSet<Entry>,
    pub(super) evidence: BTreeMap<(u16, Offence), Evidence>,
    /// One certificate when decided; two, of different results, when forked.
    pub(super) decided: Vec<Certificate>,
    /// Members that seem not to know the certificate, and when we tell them; none when told.
    pub(super) answers: BTreeMap<u16, Option<u64>>,
    /// Set after a restart: what was claimed may never have been sent.
    pub(super) resume: bool,
    pub(super) refused: u64,
}

impl Decision {
    /// Begins a decision. The electorate is everyone in the proposal's epoch, in any order.
    ///
    /// # Errors
    /// [`ProposalError`] when the proposal does not hold or is for another electorate.
    pub fn new(
        proposal: SignedProposal,
        mut electorate: Vec<PersonaId>,
        me: PersonaId,
    ) -> Result<Self, ProposalError> {
        electorate.sort_unstable();
        let charter = Charter::new(&proposal, electorate)?;
        let row = proposal.to_bytes();
        let mut decision = Self::empty(charter, Origin::Signed(proposal), me);
        let electorate = wire::encode(&decision.charter.electorate());
        decision.persist(rows::PROPOSAL.into(), row);
        decision.persist(rows::ELECTORATE.into(), electorate);
        Ok(decision)
    }

    /// Begins the second half of a hidden vote: who committed reveals.
    ///
    /// # Errors
    /// [`Reason`] when the certificate of the first half does not hold, or leaves nothing to
    /// reveal. Its members are trusted to be those of the first half.
    pub fn reveal(hidden: Certificate, me: PersonaId) -> Result<Self, Reason> {
        if !is_on(Mutant::RevealUnproved) {
            check(&hidden)?;
        }
        let charter = Charter::revealing(&hidden).ok_or(Reason::Hidden)?;
        let row = hidden.to_bytes();
        let mut decision = Self::empty(charter, Origin::Revealed(Box::new(hidden)), me);
        decision.persist(rows::HIDDEN.into(), row);
        Ok(decision)
    }

    pub(super) fn empty(charter: Charter, origin: Origin, me: PersonaId) -> Self {
        let seat = charter.seat(&me);
        Self {
            charter,
            origin,
            me,
            seat,
            now_ms: 0,
            began_ms: None,
            secret: None,
            guard: Guard::default(),
            outbox: Outbox::default(),
            ballots: BallotBox::default(),
            lists: Lists::default(),
            rounds: Rounds::default(),
            cuts: BTreeMap::new(),
            values: BTreeMap::new(),
            clock: ViewClock::default(),
            receipt_due_ms: None,
            shared: BTreeSet::new(),
            evidence: BTreeMap::new(),
            decided: Vec::new(),
            answers: BTreeMap::new(),
            resume: false,
            refused: 0,
        }
    }

    /// The proposal's id.
    pub fn id(&self) -> ProposalId {
        self.charter.id()
    }

    /// What is proposed.
    pub fn proposal(&self) -> &Proposal {
        self.charter.proposal()
    }

    /// The proposal as its proposer signed it; of the second half of a hidden vote, the first.
    pub fn signed_proposal(&self) -> &SignedProposal {
        match &self.origin {
            Origin::Signed(proposal) => proposal,
            Origin::Revealed(hidden) => hidden.signed_proposal(),
        }
    }

    /// In the second half of a hidden vote, the certificate of the first.
    pub fn hidden(&self) -> Option<&Certificate> {
        match &self.origin {
            Origin::Signed(_) => None,
            Origin::Revealed(hidden) => Some(hidden),
        }
    }

    /// What our owner chose in a hidden vote, with its salt: the vote of the second half. It is
    /// not to leave this node before there is a certificate of the first.
    pub fn secret(&self) -> Option<Choice> {
        let (salt, choice) = self.secret.as_ref()?;
        Some(Choice::Reveal { salt: *salt, choice: Box::new(choice.clone()) })
    }

    /// Who may vote, sorted by key.
    pub fn electorate(&self) -> &[PersonaId] {
        self.charter.electorate()
    }

    /// The certificate, once decided. None again if a second, different one turns up: then a
    /// quorum cannot be trusted, and neither may be acted on.
    pub fn certificate(&self) -> Option<&Certificate> {
        match &self.decided[..] {
            [certificate] => Some(certificate),
            _ => None,
        }
    }

    /// Takes note of what happened. `key` is the key of our persona, `now_ms` the time in
    /// milliseconds since the Unix epoch. Poll the effects afterwards, before the next input.
    pub fn handle(&mut self, input: Input, key: &PersonaKey, now_ms: u64) {
        self.now_ms = now_ms;
        if key.id() != self.me {
            self.outbox.push(Effect::Refused(VoteRefusal::WrongKey));
            return;
        }
        if std::mem::take(&mut self.resume) {
            self.on_resume(key);
        }
        self.note_beginning();
        match input {
            Input::Vote(choice) => self.on_vote(choice, Caster::Owner),
            Input::VoteHidden { choice, salt } => self.on_vote_hidden(choice, salt, Caster::Owner),
            Input::VoteAlone { choice, mandate, salt: None } => {
                self.on_vote(choice, Caster::Persona(mandate));
            }
            Input::VoteAlone { choice, mandate, salt: Some(salt) } => {
                self.on_vote_hidden(choice, salt, Caster::Persona(mandate));
            }
            Input::Message(bytes) => {
                if self.on_message(&bytes).is_err() {
                    self.refused += 1;
                }
            }
            Input::Timeout => {}
            Input::Stored => self.on_stored(key),
        }
        self.advance();
        self.tick();
        self.advance();
    }

    /// The next thing to do.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.outbox.poll()
    }

    fn on_message(&mut self, bytes: &[u8]) -> Result<(), MessageError> {
        let head = peek(bytes)?;
        if head.proposal != self.charter.id() {
            return Err(MessageError::OtherProposal);
        }
        match head.kind {
            // Its id is its hash: what we have is the same.
            Kind::Proposal => Ok(()),
            // Answered by whoever carries our messages, who knows the asker.
            Kind::Ask => Ok(()),
            Kind::Proof => self.on_proof(bytes),
            Kind::Certificate | Kind::Revealed => self.on_certificate(bytes),
            _ => self.on_signed(&SignedMessage::from_bytes(bytes)?),
        }
    }

    pub(super) fn on_signed(&mut self, message: &SignedMessage) -> Result<(), MessageError> {
        let statement = message.open(&self.charter)?;
        self.record(statement, message.signature())
    }

    /// Takes note of a statement under a signature that holds.
    pub(super) fn record(
        &mut self,
        statement: Statement,
        signature: Signature,
    ) -> Result<(), MessageError> {
        self.note_asker(&statement);
        match statement {
            Statement::Ballot(ballot) => self.on_ballot(ballot, signature),
            Statement::Held(held) => self.on_held(held, signature),
            Statement::Cut(cut) => self.on_cut(cut, signature)?,
            Statement::Evidence(report) => self.on_evidence(&report)?,
            vote => self.on_round_vote(&vote, signature, Room::Alone),
        }
        Ok(())
    }

    pub(super) fn persist(&mut self, key: String, value: Vec<u8>) {
        self.outbox.push(Effect::Persist { key: key.into_bytes(), value });
    }

    /// Keeps an accepted message. `digest` tells apart messages that share a place.
    pub(super) fn keep(&mut self, statement: &Statement, signature: Signature, digest: &Digest) {
        let message = SignedMessage::assemble(self.charter.id(), statement, signature);
        self.persist(rows::message(statement, digest), message.to_bytes());
    }

    pub(super) fn broadcast(&mut self, statement: &Statement, signature: Signature) {
        let message = SignedMessage::assemble(self.charter.id(), statement, signature);
        self.outbox.push(Effect::Broadcast(message.to_bytes()));
    }

    /// Asks the guard for a slot and writes the claim down. The signature follows when the disk
    /// has it.
    pub(super) fn claim(&mut self, slot: Slot, statement: Statement) -> bool {
        // Rules are tried again and again: most claims are refused, and cost no encoding.
        if self.outbox.muted || !self.guard.permits(slot, &statement) {
            return false;
        }
        let mut row = vec![statement.kind() as u8];
        row.extend(statement.body());
        if self.guard.claim(slot, statement, self.outbox.next_write()).is_err() {
            return false;
        }
        self.persist(rows::slot(slot), row);
        true
    }

    /// From now on there is time to reveal, also after a restart.
    fn note_beginning(&mut self) {
        // A node that has just started may not know the time yet.
        let is_reveal = matches!(self.proposal().rule, Rule::Reveal(_));
        if !is_reveal || self.began_ms.is_some() || self.now_ms < self.proposal().opens_at_ms {
            return;
        }
        self.began_ms = Some(self.now_ms);
        self.persist(rows::BEGAN.into(), wire::encode(&self.now_ms));
    }

    /// When voting ends: at the deadline, or in the second half of a hidden vote when there was
    /// time enough to reveal.
    pub(super) fn ends_at_ms(&self) -> u64 {
        match &self.proposal().rule {
            Rule::Reveal(reveal) => {
                self.began_ms.unwrap_or(self.now_ms).saturating_add(reveal.reveal_ms)
            }
            _ => self.proposal().deadline_ms,
        }
    }

    /// When we stop waiting for ballots that were cast in time.
    pub(super) fn closes_at_ms(&self) -> u64 {
        match &self.proposal().rule {
            Rule::Reveal { .. } => self.ends_at_ms(),
            _ => self.proposal().closes_at_ms(),
        }
    }

    /// Whether our ballot is cast, or about to be.
    pub fn has_voted(&self) -> bool {
        self.guard.used(Slot::Ballot).is_some()
    }

    /// Whether we were a member when the proposal was made, so that we may vote at all.
    pub fn is_elector(&self) -> bool {
        self.seat.is_some()
    }

    /// Our index, if we are a sealer.
    pub(super) fn sealer_seat(&self) -> Option<u16> {
        self.seat.filter(|seat| self.charter.sealer(*seat).is_some())
    }

    /// Whether our list of ballots is closed, or about to be.
    pub(super) fn is_closed(&self) -> bool {
        self.guard.used(Slot::HeldClosed).is_some()
    }
}
