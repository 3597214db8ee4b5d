//! The protocol crate, tested from outside: a file a behaviour.

// A test that unwraps an error fails, which is what it should do.
#![allow(clippy::unwrap_used)]

mod card;
mod damage;
mod file;
mod session;
mod vector_file;
mod wire;
