//! [`OpenMls`]: the groups of a persona over the openmls library.
//!
//! Each operation runs as an attempt: openmls and this module write into an overlay of the rows,
//! and only when the whole operation succeeded do the writes hold. When it fails, the overlay is
//! dropped and the group, whose state in memory may have moved, is loaded again from the rows.
//!
//! openmls reads the system clock where it dates a key package, and where it checks that one it
//! is to add is within its lifetime. What decides in the long run are our own credentials, which
//! are judged by times that come in as values; the lifetimes of leaves already in a tree are not
//! judged again on joining, because in this version only the sequencer renews its leaf.

mod change;
mod engine;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod hostile_rejoin;
mod join;
mod key_packages;
mod mls_error;
mod open;
mod receipt;
mod record;
mod rejoin;
mod roster;
mod succeed;
mod suite;

pub use engine::OpenMls;
pub use suite::{OUT_OF_ORDER_MAX, PAST_EPOCHS};
