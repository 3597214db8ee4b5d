//! The proposal, the keys, and everything the liar can show.

use super::super::world::{DEADLINE, OPENS, keys, majority, terms};
use crate::{
    decision::{
        Ballot, BallotRecord, Caster, Charter, Choice, Confirm, Cut, CutContent, Digest, Entry,
        Held, Kind, Nullify, Proposal, RoundVote, RoundVotes, SealerSignature, SignedMessage,
        SignedProposal, Statement,
    },
    identity::{PersonaKey, Signature},
};

/// Views that are played.
pub(super) const VIEWS: u32 = 2;
/// When all lists are closed.
pub(super) const CLOSED: u64 = DEADLINE + 120_000;

/// A vote of one kind, for what and in which view; confirmations are in view 0.
pub(super) type Vote = (Kind, u32, Option<Digest>);

/// Every vote that is played: its kind, its view, and for which of the two contents.
pub(super) const VOTES: [(Kind, u32, Option<usize>); 11] = [
    (Kind::Nullify, 1, None),
    (Kind::Confirm, 0, Some(0)),
    (Kind::Confirm, 0, Some(1)),
    (Kind::Notarize, 1, Some(0)),
    (Kind::Notarize, 1, Some(1)),
    (Kind::Finalize, 1, Some(0)),
    (Kind::Finalize, 1, Some(1)),
    (Kind::Notarize, 2, Some(0)),
    (Kind::Notarize, 2, Some(1)),
    (Kind::Finalize, 2, Some(0)),
    (Kind::Finalize, 2, Some(1)),
];

pub(super) struct Stage {
    pub(super) keys: Vec<PersonaKey>,
    pub(super) proposal: SignedProposal,
    pub(super) charter: Charter,
    pub(super) liar: u16,
    pub(super) honest: [u16; 3],
    /// The liar's ballot, and its closed list with that ballot in it.
    pub(super) late_list: Vec<Vec<u8>>,
    /// Without and with the liar's ballot.
    pub(super) contents: [CutContent; 2],
}

impl Stage {
    /// Leaders of both views as wished: `true` stands for the liar.
    pub(super) fn new(leads: [bool; 2]) -> Self {
        let keys = keys(4);
        let electorate: Vec<_> = keys.iter().map(PersonaKey::id).collect();
        let liar = 3;
        let (proposal, charter) = (0..=u8::MAX)
            .find_map(|nonce| {
                let mut terms = terms(majority(), &[], electorate[0]);
                terms.nonce = [nonce; 32];
                let frozen = Proposal::freeze(terms, &electorate).unwrap();
                let proposal = SignedProposal::sign(&frozen, &keys[0]);
                let charter = Charter::new(&proposal, electorate.clone()).unwrap();
                let fits = [1, 2].map(|view| charter.leader(view) == liar) == leads;
                fits.then_some((proposal, charter))
            })
            .expect("one of many proposals has these leaders");
        let ballot = |voter: u16| Ballot {
            voter,
            cast_at_ms: OPENS + 1,
            choice: if voter == 0 { Choice::No } else { Choice::Yes },
            by: Caster::Owner,
        };
        let sign = |statement: &Statement| {
            let key = &keys[usize::from(statement.signer())];
            SignedMessage::sign(charter.id(), statement, key)
        };
        let record = |voter: u16| BallotRecord {
            ballot: ballot(voter),
            signature: sign(&Statement::Ballot(ballot(voter))).signature(),
        };
        let list = |sealer: u16, voters: u16| {
            let entry = |voter| Entry { voter, ballot: ballot(voter).hash(charter.id()) };
            Held { sealer, seq: 1, closed: true, entries: (0..voters).map(entry).collect() }
        };
        let content = |lists: [Held; 3]| {
            let signed: Vec<(Held, Signature)> = lists
                .into_iter()
                .map(|list| (list.clone(), sign(&Statement::Held(list)).signature()))
                .collect();
            let lists: Vec<_> = signed.iter().map(|(list, sig)| (list, *sig)).collect();
            CutContent::build(&charter, &lists, |entry| Some(record(entry.voter))).unwrap()
        };
        let contents = [
            content([list(0, 3), list(1, 3), list(2, 3)]),
            content([list(0, 3), list(1, 3), list(3, 4)]),
        ];
        let late = [Statement::Ballot(ballot(3)), Statement::Held(list(3, 4))];
        let late_list = late.iter().map(|statement| sign(statement).to_bytes()).collect();
        Self { proposal, charter, liar, honest: [0, 1, 2], late_list, contents, keys }
    }

    pub(super) fn vote_of(&self, (kind, view, which): (Kind, u32, Option<usize>)) -> Vote {
        (kind, view, which.map(|which| self.value(which)))
    }

    pub(super) fn value(&self, which: usize) -> Digest {
        self.contents[which].digest(self.charter.id())
    }

    pub(super) fn ballots(&self) -> Vec<Vec<u8>> {
        let records = &self.contents[0].ballots;
        let message = |record: &BallotRecord| {
            let statement = Statement::Ballot(record.ballot.clone());
            SignedMessage::assemble(self.charter.id(), &statement, record.signature).to_bytes()
        };
        records.iter().map(message).collect()
    }

    fn signed(&self, statement: &Statement) -> SignedMessage {
        let key = &self.keys[usize::from(statement.signer())];
        SignedMessage::sign(self.charter.id(), statement, key)
    }

    /// A sealer's vote. That an honest one said it is for the caller to know.
    pub(super) fn vote(&self, (kind, view, value): Vote, sealer: u16) -> SignedMessage {
        let round = || RoundVote { sealer, view, value: value.expect("all but nullify have one") };
        self.signed(&match kind {
            Kind::Notarize => Statement::Notarize(round()),
            Kind::Finalize => Statement::Finalize(round()),
            Kind::Confirm => Statement::Confirm(Confirm { sealer, value: round().value }),
            _ => Statement::Nullify(Nullify { sealer, view }),
        })
    }

    fn quorum(&self, vote: Vote, sealers: &[u16]) -> RoundVotes {
        let (_, view, value) = vote;
        let signature = |sealer: &u16| SealerSignature {
            sealer: *sealer,
            signature: self.vote(vote, *sealer).signature(),
        };
        let mut signatures: Vec<_> = sealers.iter().map(signature).collect();
        signatures.sort_unstable_by_key(|signature| signature.sealer);
        signatures.truncate(self.charter.quorum().needed());
        RoundVotes { view, value, signatures }
    }

    /// The liar's cut, with whatever reason the votes said so far give it; possibly none.
    pub(super) fn liars_cut(&self, view: u32, which: usize, why: &Why) -> Vec<u8> {
        let (notarization, nullifications) = match why {
            Why::Nothing => (None, vec![]),
            Why::GivenUp(sealers) => (None, vec![self.quorum((Kind::Nullify, 1, None), sealers)]),
            Why::Notarized(sealers) => {
                let vote = (Kind::Notarize, 1, Some(self.value(which)));
                (Some(self.quorum(vote, sealers)), vec![])
            }
        };
        let content = self.contents[which].clone();
        let cut = Cut { leader: self.liar, view, content, notarization, nullifications };
        self.signed(&Statement::Cut(Box::new(cut))).to_bytes()
    }
}

/// Why a cut may be proposed in the second view, by these sealers.
#[derive(Debug)]
pub(super) enum Why {
    Nothing,
    GivenUp(Vec<u16>),
    Notarized(Vec<u16>),
}

/// The same, whoever they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Grounds {
    Nothing,
    GivenUp,
    Notarized,
}
