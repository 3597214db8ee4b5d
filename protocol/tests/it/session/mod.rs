//! Conversations: personas with engines, envelopes carried by hand.

mod changes;
mod damage;
mod late;
mod persistence;
mod receipts;
mod rejoin;
mod rules;
mod succession;
mod talk;
mod vectors;
mod world;
