//! Coming back into conversations whose keys are lost, and letting others come back.
//!
//! ```text
//!  Bob, restored from a backup             Alice (sequencer)        Carol
//!    asking ── Rejoin ───────────────────► readmits              keeps it, should
//!    Bob writes, and it waits               └─ the commit ───────► Alice be away
//!    join ◄─────────────── Readmit ─────────┘
//!    what waited leaves
//!
//!  Bob's old disk, started again
//!    "I followed this" ──────────────────► here is what came after
//!    locked out, and says so; asks nothing
//! ```
//!
//! Each step is one batch on disk: who asks, what was asked of us, and what waits to be said are
//! rows, so a node that dies between any two steps goes on where it was.

mod answer;
mod ask;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    identity::{ConversationId, EnvelopeId, NodeId, PersonaId},
    session::SignedRejoin,
    wire::Message,
};
use serde::{Deserialize, Serialize};

use crate::{
    effect::Table,
    rows,
    state::{Engine, LoadError, damaged, read},
};

/// What the keys of these rows have after persona and conversation.
const OWN: u8 = b'j';
const ASKED: u8 = b'q';
const BACK: u8 = b'b';
const HELD: u8 = b'h';

/// A persona of ours and one of its conversations.
pub(crate) type Place = (PersonaId, ConversationId);

/// How one of our personas stands to a conversation whose keys it lost.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum RejoinRow {
    /// It asks to come back.
    Asking {
        /// Since when, milliseconds since the Unix epoch.
        since_ms: u64,
        /// What it asks now.
        request: Option<SignedRejoin>,
        /// Whom, and in which envelope.
        asked: BTreeMap<PersonaId, EnvelopeId>,
        /// How often.
        attempt: u32,
        /// When it asks again, milliseconds since the Unix epoch.
        next_at_ms: u64,
    },
    /// It is back.
    Back {
        /// Since when, milliseconds since the Unix epoch.
        at_ms: u64,
    },
    /// Another copy of it came back, and this one is locked out.
    Replaced {
        /// Since when, milliseconds since the Unix epoch.
        at_ms: u64,
    },
}

impl RejoinRow {
    /// A wish to come back of which nobody knows yet.
    pub(crate) fn new(now_ms: u64) -> Self {
        let asked = BTreeMap::new();
        Self::Asking { since_ms: now_ms, request: None, asked, attempt: 0, next_at_ms: now_ms }
    }
}

/// What another member asked of one of our personas.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct AskedRow {
    request: SignedRejoin,
    issued_at_ms: u64,
    since_ms: u64,
    passed_on: bool,
}

/// A message that waits until its author is back.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct HeldRow {
    message: Message,
    shown: bool,
}

/// Everything about coming back.
#[derive(Debug, Default)]
pub(crate) struct Returns {
    own: BTreeMap<Place, RejoinRow>,
    asked: BTreeMap<Place, BTreeMap<PersonaId, AskedRow>>,
    /// When members came back.
    back: BTreeMap<(ConversationId, PersonaId), u64>,
    held: BTreeMap<Place, BTreeMap<u64, HeldRow>>,
    /// Where who asks to come back lived before: an old copy may still run there. In memory only,
    /// because a copy that is connected anew says where it stands and is told then.
    left: BTreeMap<(ConversationId, PersonaId), NodeId>,
}

impl Returns {
    /// Messages that wait until their author is back.
    pub(crate) fn held(&self) -> usize {
        self.held.values().map(BTreeMap::len).sum()
    }
}

/// Where the wish of a persona to come back is kept.
pub(crate) fn own_key(persona: &[u8], conversation: &[u8]) -> Vec<u8> {
    rows::key(&[persona, conversation, &[OWN]])
}

/// Whether a key is one of [`own_key`].
pub(crate) fn is_own_key(key: &[u8]) -> bool {
    key.len() == 49 && key[48] == OWN
}

/// Puts back a row whose key has something after persona and conversation.
pub(super) fn load(
    engine: &mut Engine,
    place: Place,
    rest: &[u8],
    value: &[u8],
) -> Result<(), LoadError> {
    let bad = || damaged(Table::Conversation, "key");
    let (kind, rest) = rest.split_first().ok_or_else(bad)?;
    let returns = &mut engine.returns;
    match (*kind, rest.len()) {
        (OWN, 0) => {
            returns.own.insert(place, read(Table::Conversation, value)?);
        }
        (ASKED, 32) => {
            let who = PersonaId::from_slice(rest).ok_or_else(bad)?;
            let row = read(Table::Conversation, value)?;
            returns.asked.entry(place).or_default().insert(who, row);
        }
        (BACK, 32) => {
            let who = PersonaId::from_slice(rest).ok_or_else(bad)?;
            returns.back.insert((place.1, who), read(Table::Conversation, value)?);
        }
        (HELD, 8) => {
            let seq = u64::from_be_bytes(rest.try_into().map_err(|_| bad())?);
            let row = read(Table::Conversation, value)?;
            returns.held.entry(place).or_default().insert(seq, row);
        }
        _ => return Err(bad()),
    }
    Ok(())
}

impl Engine {
    /// When somebody is asked again, or an absent sequencer has been waited for long enough.
    pub(crate) fn returns_timeout(&self) -> Option<u64> {
        let asking = self.returns.own.values().filter_map(|row| match row {
            RejoinRow::Asking { next_at_ms, .. } => Some(*next_at_ms),
            _ => None,
        });
        let answering = self.returns.asked.keys().filter_map(|place| self.next_look(*place));
        asking.chain(answering).min().map(|at_ms| at_ms.max(self.now_ms + 1))
    }

    pub(crate) fn on_returns_timeout(&mut self) {
        let now_ms = self.now_ms;
        let due = self.returns.own.iter().filter(
            |(_, row)| matches!(row, RejoinRow::Asking { next_at_ms, .. } if *next_at_ms <= now_ms),
        );
        for (me, id) in due.map(|(place, _)| *place).collect::<Vec<_>>() {
            self.ask_to_rejoin(me, id);
        }
        for (me, id) in self.returns.asked.keys().copied().collect::<Vec<_>>() {
            self.press_returns(me, id);
        }
    }

    /// When a member of a conversation last came back.
    pub(crate) fn came_back(&self, id: ConversationId, who: PersonaId) -> Option<u64> {
        self.returns.back.get(&(id, who)).copied()
    }

    /// Remembers that a member came back.
    fn note_back(&mut self, me: PersonaId, id: ConversationId, who: PersonaId) {
        let at_ms = self.now_ms;
        let key = rows::key(&[me.as_bytes(), id.as_bytes(), &[BACK], who.as_bytes()]);
        self.put(Table::Conversation, key, &at_ms);
        self.returns.back.insert((id, who), at_ms);
    }

    /// The others, as far as they are known.
    fn known_others(&self, me: PersonaId, id: ConversationId) -> BTreeSet<PersonaId> {
        let row = self.conversations.get(&(me, id));
        let last = row.and_then(|row| row.epochs.last());
        let roster = last.into_iter().flat_map(|epoch| epoch.roster.iter().copied());
        roster.filter(|other| *other != me).collect()
    }
}
