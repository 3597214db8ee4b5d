//! Names, frames and messages: known answers, rules, and what damage does to them.

mod names;
mod parsers;
mod rules;
mod samples;
mod vectors;

pub(crate) use vectors::decode_error;
