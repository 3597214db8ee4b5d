//! What a screen shows of a decision.

use super::{Decision, rounds::NO_VIEW};
use crate::{
    decision::{Caster, Choice, DecisionResult, Entry, Evidence, Quorum, Slot, Statement},
    identity::{PersonaId, ProposalId, Signature},
};

/// How far a decision is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Ballots are being cast.
    Open,
    /// Voting is over; the sealers' closed lists come in.
    Closing {
        /// How many closed lists we have.
        lists: u16,
        /// How many are needed.
        quorum: u16,
        /// The view, from 1.
        view: u32,
        /// Who must join the lists next.
        leader: PersonaId,
    },
    /// The result is known and being confirmed.
    Deciding {
        /// How many sealers confirmed.
        confirms: u16,
        /// How many must.
        quorum: u16,
    },
    /// There is a certificate.
    Decided,
    /// There are two certificates of different results: more sealers lied than may. The evidence
    /// names them; neither result may be acted on.
    Forked,
}

/// What is known of one voter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoterView {
    /// Who.
    pub persona: PersonaId,
    /// What they voted, as far as we know; none when void or silent. In a hidden vote that is a
    /// commitment.
    pub choice: Option<Choice>,
    /// Whether they decided it or their persona did; none without a choice.
    pub by: Option<Caster>,
    /// Whether they signed two different ballots, so that none counts.
    pub void: bool,
}

/// A decision as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionView {
    /// Which proposal.
    pub proposal: ProposalId,
    /// How far it is.
    pub phase: Phase,
    /// Everyone who may vote, in the order of the electorate.
    pub voters: Vec<VoterView>,
    /// How many sealers say they hold our ballot; none when we have not voted.
    pub receipts: Option<u16>,
    /// The numbers of the sealers. Below four sealers no liar is tolerated, only named.
    pub quorum: Quorum,
    /// The result: final when decided, otherwise of the ballots we know.
    pub result: DecisionResult,
    /// Who contradicted itself, with proof.
    pub evidence: Vec<Evidence>,
    /// How many messages were refused.
    pub refused: u64,
}

impl Decision {
    /// The state for a screen. Time passes only with [`Decision::handle`].
    pub fn view(&self) -> DecisionView {
        DecisionView {
            proposal: self.id(),
            phase: self.phase(),
            voters: self.voters(),
            receipts: self.receipts(),
            quorum: self.charter.quorum(),
            result: self.result(),
            evidence: self.evidence.values().cloned().collect(),
            refused: self.refused,
        }
    }

    fn phase(&self) -> Phase {
        match self.decided.len() {
            0 => {}
            1 => return Phase::Decided,
            _ => return Phase::Forked,
        }
        let quorum = self.charter.quorum().q;
        let confirms = self.rounds.confirm.most();
        if confirms > 0 || !self.values.is_empty() {
            return Phase::Deciding { confirms: small(confirms), quorum };
        }
        let lists = self.lists.closed().len();
        let over = self.now_ms > self.ends_at_ms();
        if !over && !self.is_closed() && lists < usize::from(quorum) {
            return Phase::Open;
        }
        let view = self.clock.view.max(1);
        let leader = self.charter.sealer(self.charter.leader(view));
        let leader = *leader.expect("the leader is one of the sealers");
        Phase::Closing { lists: small(lists), quorum, view, leader }
    }

    fn voters(&self) -> Vec<VoterView> {
        let voter = |(index, persona): (u16, &PersonaId)| {
            let ballots: Vec<_> = self.ballots.of(index).collect();
            let ballot = match &ballots[..] {
                [(_, record)] => Some(&record.ballot),
                _ => None,
            };
            VoterView {
                persona: *persona,
                choice: ballot.map(|ballot| ballot.choice.revealed().clone()),
                by: ballot.map(|ballot| ballot.by),
                void: ballots.len() > 1,
            }
        };
        (0u16..).zip(self.electorate()).map(voter).collect()
    }

    fn receipts(&self) -> Option<u16> {
        let Some(Statement::Ballot(ballot)) = self.guard.used(Slot::Ballot) else { return None };
        let entry = Entry { voter: ballot.voter, ballot: ballot.hash(self.id()) };
        Some(small(self.lists.holders(&entry)))
    }

    fn result(&self) -> DecisionResult {
        if let [certificate] = &self.decided[..] {
            return certificate.result().clone();
        }
        let known = self.ballots.known().map(|(entry, r)| (entry.voter, &r.ballot.choice));
        let proposal = self.charter.proposal();
        proposal.rule.decide(proposal.options.len(), self.charter.voters(), known)
    }

    /// Our signature under what we said, where it was made.
    pub(super) fn own_signature(&self, statement: &Statement) -> Option<Signature> {
        let seat = self.seat?;
        let cell = |table: &super::rounds::Table, view, value: Option<[u8; 32]>| {
            table.cell(view, seat).iter().find(|(v, _)| *v == value).map(|(_, s)| *s)
        };
        match statement {
            Statement::Ballot(ballot) => {
                let entry = Entry { voter: ballot.voter, ballot: ballot.hash(self.id()) };
                self.ballots.get(&entry).map(|record| record.signature)
            }
            Statement::Held(held) => {
                self.lists.of(seat).find(|(known, _)| known == held).map(|(_, s)| *s)
            }
            Statement::Notarize(v) => cell(&self.rounds.notarize, v.view, Some(v.value)),
            Statement::Finalize(v) => cell(&self.rounds.finalize, v.view, Some(v.value)),
            Statement::Nullify(v) => cell(&self.rounds.nullify, v.view, None),
            Statement::Confirm(v) => cell(&self.rounds.confirm, NO_VIEW, Some(v.value)),
            Statement::Cut(_) | Statement::Evidence(_) => None,
        }
    }
}

fn small(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}
