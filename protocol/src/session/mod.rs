//! Conversations as MLS groups.
