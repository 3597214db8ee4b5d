//! What owners want, as data. Personas, conversations and questions go by the numbers and names
//! a scenario gives them.

/// One wish of one owner, pursued until it is fulfilled.
#[derive(Debug, Clone, Copy)]
pub enum Wish {
    /// One persona invites, the other follows the invite.
    Befriend {
        /// Who follows the invite.
        asks: usize,
        /// Who invites.
        asked: usize,
    },
    /// Opens a group.
    Open {
        /// Who opens it.
        by: usize,
        /// The others.
        with: &'static [usize],
        /// Names it within the scenario.
        title: &'static str,
    },
    /// Says some things, one after another.
    Talk {
        /// Who.
        by: usize,
        /// Where.
        title: &'static str,
        /// How many, for size 1.
        count: u32,
        /// How long to wait between two, in milliseconds.
        every_ms: u64,
    },
    /// Puts a yes-or-no question.
    Propose {
        /// Who.
        by: usize,
        /// Where.
        title: &'static str,
        /// Names it within the scenario.
        question: &'static str,
        /// How long the vote is open, in milliseconds.
        within_ms: u64,
        /// Whether votes stay hidden until it is over.
        hidden: bool,
    },
    /// Votes, if the question gets there in time.
    Vote {
        /// Who.
        by: usize,
        /// On what.
        question: &'static str,
    },
    /// Asks something that binds nobody.
    Inquire {
        /// Who.
        by: usize,
        /// Where.
        title: &'static str,
        /// Names it within the scenario.
        question: &'static str,
        /// How long each of the others has its turn, in milliseconds; none to ask all at once.
        turn_ms: Option<u64>,
        /// How long answers count, in milliseconds.
        within_ms: u64,
    },
    /// Answers what was asked, when its turn comes or after it.
    Answer {
        /// Who.
        by: usize,
        /// What.
        question: &'static str,
    },
    /// Adds a member.
    Add {
        /// The creator.
        by: usize,
        /// Whom.
        who: usize,
        /// Where.
        title: &'static str,
    },
    /// Removes a member.
    Remove {
        /// The creator.
        by: usize,
        /// Whom.
        who: usize,
        /// Where.
        title: &'static str,
    },
    /// Asks the persona to arrange something.
    Task {
        /// Who.
        by: usize,
        /// In words.
        text: &'static str,
        /// How long it may take, in milliseconds.
        within_ms: u64,
    },
    /// Knows, within five minutes, that everything it said has arrived.
    Know {
        /// Who.
        by: usize,
    },
}

impl Wish {
    /// Whose wish it is; the persona's number.
    pub fn owner(&self) -> usize {
        match *self {
            Self::Befriend { asks, .. } => asks,
            Self::Open { by, .. }
            | Self::Talk { by, .. }
            | Self::Propose { by, .. }
            | Self::Vote { by, .. }
            | Self::Inquire { by, .. }
            | Self::Answer { by, .. }
            | Self::Add { by, .. }
            | Self::Remove { by, .. }
            | Self::Task { by, .. }
            | Self::Know { by } => by,
        }
    }
}
