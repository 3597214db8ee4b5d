//! Group decisions by signed votes.
