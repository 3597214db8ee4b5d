//! The state of a modelled group.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    identity::PersonaId,
    session::succession::{Chain, EntryHash, Spine, Standing, Start, Step, Succession, Takeover},
};

use super::{Mutant, Violation};

/// A small group and what may happen to it.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Members at the beginning; the first holds term 0.
    pub members: u8,
    /// The highest term anybody may stand for.
    pub term_max: u64,
    /// Plain entries that may be signed, and of which kind.
    pub changes: &'static [Change],
    /// Times that somebody stands.
    pub stands: u8,
    /// Crashes with return.
    pub crashes: u8,
    /// Whether the first holder may sign two entries for one epoch.
    pub lies: bool,
    /// Whether deputies may act without a majority; every clock has then seen the silence.
    pub deputies: bool,
    /// Whether members say what they followed; without, nobody learns what is final.
    pub tells: bool,
    /// Whether every state is also tried for healing, which costs most of the time.
    pub heals: bool,
    /// The rule that is broken.
    pub mutant: Option<Mutant>,
}

/// What an entry does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Change {
    /// Nothing but a new epoch.
    Refresh,
    /// Adds somebody from outside.
    Add,
    /// Removes the last of the members.
    Remove,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member {
    /// The rules, as the node runs them.
    pub(super) rules: Succession,
    /// Votes collected for the term this member stands for. Gone after a crash.
    pub(super) votes: BTreeMap<PersonaId, Spine>,
    /// The term it stands for.
    pub(super) stands: Option<u64>,
    /// Whether it has followed its own removal, and deleted its keys.
    pub(super) evicted: bool,
    /// Whose removal it has followed, and nobody has undone on purpose. For the checker only.
    pub(super) knows_removed: BTreeSet<PersonaId>,
    /// The epochs it ever had the keys of. For the checker only.
    pub(super) keys: BTreeSet<EntryHash>,
}

/// What is on its way, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Message {
    Entry { step: Step, previous: EntryHash },
    Takeover(Takeover),
    Followed { persona: PersonaId, head: EntryHash },
    Solicit { term: u64, candidate: PersonaId },
    Vote { term: u64, candidate: PersonaId, voter: PersonaId, spine: Spine },
}

/// The whole: members, network, and what only the checkers see.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Group {
    pub(super) members: Vec<Member>,
    pub(super) sent: BTreeSet<Message>,
    /// Every entry ever signed, and the one before it.
    pub(super) entries: BTreeMap<EntryHash, (Step, EntryHash)>,
    pub(super) signed: u8,
    pub(super) stood: u8,
    pub(super) crashed: u8,
    /// Who ever held which term by a majority.
    pub(super) holders: BTreeSet<(u64, PersonaId)>,
    /// Who ever followed which entry.
    pub(super) followers: BTreeMap<EntryHash, BTreeSet<PersonaId>>,
    pub(super) violation: Option<Violation>,
}

pub(super) const GENESIS: EntryHash = [0; 32];

pub(super) fn persona(index: usize) -> PersonaId {
    PersonaId([u8::try_from(index + 1).expect("few members"); 32])
}

impl Config {
    pub(super) fn outsider(&self) -> PersonaId {
        persona(usize::from(self.members))
    }

    pub(super) fn start(&self) -> Start {
        let roster: BTreeSet<_> = (0..usize::from(self.members)).map(persona).collect();
        let holder = persona(0);
        Start { hash: GENESIS, epoch: 0, term: 0, holder, certified: true, roster }
    }
}

impl Group {
    pub(super) fn new(config: &Config) -> Self {
        let member = |index| Member {
            rules: Succession::new(persona(index), Chain::new(config.start())),
            votes: BTreeMap::new(),
            stands: None,
            evicted: false,
            knows_removed: BTreeSet::new(),
            keys: BTreeSet::from([GENESIS]),
        };
        Self {
            members: (0..usize::from(config.members)).map(member).collect(),
            sent: BTreeSet::new(),
            entries: BTreeMap::new(),
            signed: 0,
            stood: 0,
            crashed: 0,
            holders: BTreeSet::from([(0, persona(0))]),
            followers: BTreeMap::new(),
            violation: None,
        }
    }

    /// A new entry, known by its content.
    pub(super) fn entry(
        &mut self,
        chain: &Chain,
        signer: PersonaId,
        term: u64,
        standing: Standing,
        (added, removed): (Vec<PersonaId>, Vec<PersonaId>),
    ) -> (Step, EntryHash) {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let previous = chain.head();
        let mut hasher = DefaultHasher::new();
        (previous, signer, term, &added, &removed).hash(&mut hasher);
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&hasher.finish().to_be_bytes());
        let epoch = chain.epoch();
        let step = Step { hash, epoch, term, standing, signer, added, removed };
        self.entries.insert(hash, (step.clone(), previous));
        (step, previous)
    }
}
