//! The protocol crate, tested from outside: a file a behaviour.

mod session;
