//! A model of who orders a group's changes, which tries the orders of events in small groups.
//!
//! The model drives the very rules the node runs, `protocol::session::succession`. Around them it
//! puts a network that keeps every message for ever and hands any of them to anybody at any time,
//! any number of times, or never; that is loss, delay, duplication and disorder in one. Members
//! crash and come back with what was kept. Whoever never acts again is dead for good.
//!
//! | checker | says |
//! | --- | --- |
//! | `one holder` | at most one certified holder a term |
//! | `one final` | at most one entry for an epoch is final |
//! | `final stays` | nobody leaves an entry that is final |
//! | `heals` | connected honest members come to one head when the network is whole again |
//! | `removed reads nothing` | nobody who knows of a removal says what the removed can read |
//!
//! The mutants break one rule each; each has to be caught, by the checker that is named. What was
//! visited whole, and what was not, stands in `protocol/adr/0001-succession.md`.

mod checkers;
mod events;
mod heal;
mod mutants;
mod state;

pub use checkers::Violation;
pub use events::Act;
pub use mutants::Mutant;
pub use state::{Config, Group, Member};

use stateright::{Checker, Model, Property};

/// What an exhaustive run found.
#[derive(Debug)]
pub struct Findings {
    /// States seen, each once.
    pub states: usize,
    /// The longest path.
    pub depth: usize,
    /// The first violation found and the events that lead to it.
    pub violation: Option<(Violation, Vec<Act>)>,
}

impl Config {
    /// Visits every state.
    pub fn explore(self) -> Findings {
        let checker = self.checker().threads(2).spawn_bfs().join();
        let path = checker.discoveries().into_values().next();
        let violation = path.and_then(|path| {
            let found = path.last_state().violation?;
            Some((found, path.into_actions()))
        });
        Findings { states: checker.unique_state_count(), depth: checker.max_depth(), violation }
    }
}

impl Model for Config {
    type State = Group;
    type Action = Act;

    fn init_states(&self) -> Vec<Group> {
        vec![Group::new(self)]
    }

    fn actions(&self, state: &Group, actions: &mut Vec<Act>) {
        if state.violation.is_none() {
            state.possible(self, actions);
        }
    }

    fn next_state(&self, last: &Group, act: Act) -> Option<Group> {
        let mut next = last.clone();
        next.happen(self, act);
        if next == *last {
            return None;
        }
        next.judge(self, last);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("holds", |_, state: &Group| state.violation.is_none())]
    }
}

#[cfg(test)]
mod tests;
