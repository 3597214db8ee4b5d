//! Cards, pointers, invites, introductions and records: known answers, rules, damage.

mod confusion;
mod fields;
mod links;
mod parsers;
mod records;
mod rules;
pub(crate) mod samples;
mod vectors;
