//! Everything that was ever said, as the liars keep it.

use std::collections::{BTreeMap, BTreeSet};

use super::member::Bytes;
use crate::{
    decision::{
        BallotRecord, Charter, CutContent, Digest, Entry, Held, Kind, RoundVotes, SealerSignature,
        SignedMessage, Statement,
    },
    identity::Signature,
};

#[derive(Default)]
pub(super) struct Knowledge {
    pub(super) ballots: BTreeMap<Entry, BallotRecord>,
    /// Open and closed lists, each once.
    pub(super) lists: Vec<(Held, Signature)>,
    pub(super) contents: BTreeMap<Digest, CutContent>,
    votes: BTreeMap<(Kind, u32, Option<Digest>), BTreeMap<u16, Signature>>,
    seen: BTreeSet<Bytes>,
    pub(super) history: Vec<Bytes>,
}

impl Knowledge {
    /// Takes note of a message.
    pub(super) fn learn(&mut self, charter: &Charter, bytes: &Bytes) {
        if !self.seen.insert(bytes.clone()) {
            return;
        }
        self.history.push(bytes.clone());
        let Ok(message) = SignedMessage::from_bytes(bytes) else { return };
        let Ok(statement) = message.open(charter) else { return };
        self.learn_statement(charter, statement, message.signature());
    }

    fn learn_statement(&mut self, charter: &Charter, statement: Statement, signature: Signature) {
        let mut vote = |kind, view, value, sealer| {
            self.votes.entry((kind, view, value)).or_default().insert(sealer, signature);
        };
        match statement {
            Statement::Ballot(ballot) => {
                let entry = Entry { voter: ballot.voter, ballot: ballot.hash(charter.id()) };
                self.ballots.insert(entry, BallotRecord { ballot, signature });
            }
            Statement::Held(held) => {
                if !self.lists.iter().any(|(known, _)| *known == held) {
                    self.lists.push((held, signature));
                }
            }
            Statement::Cut(cut) => {
                let digest = cut.content.digest(charter.id());
                for (inner, signature) in cut.content.statements(charter.id()) {
                    self.learn_statement(charter, inner, signature);
                }
                self.contents.insert(digest, cut.content);
            }
            Statement::Notarize(v) => vote(Kind::Notarize, v.view, Some(v.value), v.sealer),
            Statement::Finalize(v) => vote(Kind::Finalize, v.view, Some(v.value), v.sealer),
            Statement::Nullify(v) => vote(Kind::Nullify, v.view, None, v.sealer),
            Statement::Confirm(v) => vote(Kind::Confirm, 0, Some(v.value), v.sealer),
            Statement::Evidence(_) => {}
        }
    }

    /// Who said so.
    pub(super) fn signers(
        &self,
        kind: Kind,
        view: u32,
        value: Option<Digest>,
    ) -> BTreeMap<u16, Signature> {
        self.votes.get(&(kind, view, value)).cloned().unwrap_or_default()
    }

    /// Views and values anyone ever voted for in this way.
    pub(super) fn voted(&self, kind: Kind) -> Vec<(u32, Option<Digest>)> {
        let of_kind = |(voted, _, _): &&(Kind, u32, Option<Digest>)| *voted == kind;
        self.votes.keys().filter(of_kind).map(|(_, view, value)| (*view, *value)).collect()
    }

    /// A quorum of votes, if there is one.
    pub(super) fn quorum(
        &self,
        charter: &Charter,
        kind: Kind,
        view: u32,
        value: Option<Digest>,
    ) -> Option<RoundVotes> {
        let signers = self.signers(kind, view, value);
        let needed = charter.quorum().needed();
        let signature = |(sealer, signature)| SealerSignature { sealer, signature };
        let signatures: Vec<_> = signers.into_iter().map(signature).take(needed).collect();
        (signatures.len() == needed).then_some(RoundVotes { view, value, signatures })
    }
}
