//! How a vote is run: from the question to the certificate.
//!
//! The protocol itself is [`protocol::decision`]. Here its messages are carried as content of the
//! conversation, its state is kept in the ledger, and every signature waits for the row that
//! forbids a second one: the core signs only after [`crate::Input::Stored`].

mod cast;
mod hidden;
mod missing;
mod remind;
mod run;
mod settle;
mod show;

pub(crate) use missing::Missing;
pub use show::outcome_in_words;

use std::collections::BTreeSet;

use protocol::{
    decision::{Decision, Rule},
    identity::{PersonaId, ProposalId},
};

use crate::{
    effect::Table,
    messages::sha256,
    request::LocalId,
    rows::{self, EarlyRow, MissingRow, ProposalRow},
    state::{Engine, LoadError, Rows, damaged, read},
};

/// Messages kept for proposals that have not arrived yet, for one persona, and their bytes.
const EARLY_MAX: usize = 2_048;
const EARLY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long a vote runs when its proposer does not say, in milliseconds.
pub(crate) const DEADLINE_MS: u64 = 10 * 60 * 1000;

/// One of our personas' part in one decision.
pub(crate) struct Poll {
    pub(crate) core: Decision,
    pub(crate) row: ProposalRow,
    /// Who has asked us to pass the proposal on.
    pub(crate) asked_by: BTreeSet<PersonaId>,
    /// Whether the owner was reminded to vote.
    pub(crate) reminded: bool,
    /// Whether the owner was asked for this vote by the persona's own choice, so that a no is one.
    pub(crate) asked_owner: bool,
}

/// What is put to the vote.
pub(crate) struct Question {
    pub(crate) question: String,
    pub(crate) options: Vec<String>,
    pub(crate) rule: Rule,
    pub(crate) deadline_ms: u64,
    pub(crate) grace_ms: u64,
    pub(crate) early_close: bool,
    pub(crate) task: Option<LocalId>,
}

pub(crate) fn load(engine: &mut Engine, tables: &mut Rows) -> Result<(), LoadError> {
    let bad = || damaged(Table::Vote, "key");
    let mut cores: std::collections::BTreeMap<_, Vec<_>> = Default::default();
    let mut notes = std::collections::BTreeMap::new();
    let (mut reminded, mut asked_owner) = (BTreeSet::new(), BTreeSet::new());
    for (key, value) in tables.remove(&Table::Vote).unwrap_or_default() {
        let (persona, rest) = key.split_at_checked(32).ok_or_else(bad)?;
        let (proposal, rest) = rest.split_at_checked(32).ok_or_else(bad)?;
        let persona = PersonaId::from_slice(persona).ok_or_else(bad)?;
        let proposal = ProposalId::from_slice(proposal).ok_or_else(bad)?;
        match rest.split_first() {
            Some((b'c', core)) => {
                cores.entry((persona, proposal)).or_default().push((core.to_vec(), value));
            }
            Some((b'x', [])) => {
                notes.insert((persona, proposal), read::<ProposalRow>(Table::Vote, &value)?);
            }
            Some((b'y', _)) => {
                let row: EarlyRow = read(Table::Vote, &value)?;
                engine.early.entry((persona, proposal)).or_default().insert(row);
            }
            Some((b'r', [])) => {
                reminded.insert((persona, proposal));
            }
            Some((b'a', [])) => {
                asked_owner.insert((persona, proposal));
            }
            Some((b'z', [])) => {
                let row: MissingRow = read(Table::Vote, &value)?;
                engine.missing.insert((persona, proposal), Missing::restored(&row));
            }
            _ => return Err(bad()),
        }
    }
    for ((persona, proposal), core) in cores {
        let core = Decision::restore(core, persona)
            .map_err(|error| damaged(Table::Vote, &error.to_string()))?;
        let row = notes.remove(&(persona, proposal)).ok_or_else(bad)?;
        // What was read is on disk, so signatures that waited for it may be made.
        let poll = Poll {
            core,
            row,
            asked_by: BTreeSet::new(),
            reminded: reminded.contains(&(persona, proposal)),
            asked_owner: asked_owner.contains(&(persona, proposal)),
        };
        engine.decisions.insert((persona, proposal), poll);
        engine.unsigned.insert((persona, proposal));
    }
    engine.on_stored();
    Ok(())
}

fn note_key(persona: &PersonaId, proposal: &ProposalId) -> Vec<u8> {
    rows::key(&[persona.as_bytes(), proposal.as_bytes(), b"x"])
}

pub(crate) fn asked_key(persona: &PersonaId, proposal: &ProposalId) -> Vec<u8> {
    rows::key(&[persona.as_bytes(), proposal.as_bytes(), b"a"])
}

fn core_key(persona: &PersonaId, proposal: &ProposalId, key: &[u8]) -> Vec<u8> {
    rows::key(&[persona.as_bytes(), proposal.as_bytes(), b"c", key])
}

fn early_key(persona: &PersonaId, proposal: &ProposalId, row: &EarlyRow) -> Vec<u8> {
    let hash = sha256(&[row.author.as_bytes(), &row.body]);
    rows::key(&[persona.as_bytes(), proposal.as_bytes(), b"y", &hash])
}

/// Messages that came before their proposal.
pub(crate) type Early = std::collections::BTreeMap<(PersonaId, ProposalId), BTreeSet<EarlyRow>>;

#[cfg(test)]
mod tests;
