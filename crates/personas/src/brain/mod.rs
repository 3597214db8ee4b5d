//! The rule brain: what did the owner ask for?
//!
//! A request is read word by word. At every place the readers are tried in turn, the most special
//! first: people, days, lengths, hours of the clock, parts of the day, kinds of meeting. What a
//! reader understands becomes a fact, words that change nothing are passed over, and the facts
//! together become windows of time. A word that nobody understands and that may change something
//! is asked about: half a request understood is a request misunderstood. Everything that can be listed stands in `tables`.
//!
//! The brain never guesses at people and never moves a wish into the past: where it would have
//! to, it asks back, with one question.

mod clock;
mod dates;
mod days;
mod duration;
mod facts;
mod fillers;
mod parts;
mod people;
mod tables;
mod understand;
mod windows;
mod words;

pub use understand::{Context, Group, MeetingRequest, Participants, Understanding, understand};
