//! The heart of a node: one state, Input in, Effect out
