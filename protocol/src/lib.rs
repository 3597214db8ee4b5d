//! What nodes say to each other, without saying it.
//!
//! This crate holds every byte format, key and state machine that two nodes must agree on, and
//! nothing that touches a runtime, a socket, a clock or a disk: time and randomness come in as
//! values, and what is to be stored or sent goes out as values.
//!
//! | module | holds |
//! | --- | --- |
//! | [`identity`] | keys, `did:key` names, handles, the table of signature domains |
//! | [`wire`] | the codec, the frames between nodes, the content of a message |
//! | [`card`] | what a persona shows of itself, signed: cards, handle pointers, invites |
//! | [`session`] | conversations as MLS groups, envelopes, the commit log |
//! | [`mailbox`] | how envelopes wait for a sleeping recipient at nodes that cannot read them |
//! | [`mod@file`] | files and pictures: their chunks, their keys, how they are fetched |
//! | [`decision`] | proposals, ballots, the agreed cut, certificates and their verifier |
//!
//! The byte layouts are specified for other implementers in `protocol/spec/`, from its `README.md`
//! on, with known answers that the tests of this crate make anew and compare.

// A test that unwraps an error fails, which is what it should do.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod card;
pub mod decision;
pub mod file;
pub mod identity;
pub mod mailbox;
pub mod session;
pub mod wire;
