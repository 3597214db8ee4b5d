//! The real engine under virtual time, with faults.
//!
//! Several real engines run in one thread. Everything around them is made up: the clock, the
//! disks, the links between the nodes, the DHT, the calendars and the owners. All of it follows
//! from one seed, so a run that fails can be run again.
//!
//! ```text
//!  owners ── Request ──►  engine ── Persist ──► disk ── Stored ──► engine
//!                            │
//!                            └── Send ──► network: delay, loss, cut, partition ──► engine
//!            faults: a crash loses the memory and whatever the disk has not taken yet
//! ```
//!
//! openmls draws its own random numbers, so keys and ciphertexts differ between two runs of one
//! seed. The schedule does not: no delay, fault or choice of an owner depends on them.
//!
//! | question | file |
//! | --- | --- |
//! | which situations are tried? | `scenarios.rs` |
//! | what do the owners want? | `wish.rs`, `owner.rs` |
//! | what goes wrong? | `faults.rs`, `network.rs` |
//! | what must hold? | `checkers/` |
//! | how does a node drive its engine here? | `node.rs`, `perform.rs` |
//! | who decides what happens next? | `world.rs`, `clock.rs` |

mod calendars;
mod checkers;
mod clock;
mod dht;
mod disk;
mod faults;
mod mailboxes;
mod network;
mod node;
mod owner;
mod perform;
pub mod report;
pub mod scenarios;
pub mod succession;
mod wish;
mod world;

pub use faults::{FaultPlan, Weather};
pub use report::{Outcome, Totals};
pub use scenarios::{SCENARIOS, Scenario};
pub use wish::Wish;

/// Runs one scenario with one seed; `size` multiplies how much is said. With `trace`, every
/// event is printed.
pub fn run(scenario: &Scenario, seed: u64, size: u32, trace: bool) -> Outcome {
    world::World::new(scenario, seed, size, trace).run()
}
