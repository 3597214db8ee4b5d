//! arrows
