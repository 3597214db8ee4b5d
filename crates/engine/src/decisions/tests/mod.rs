//! Who votes, who is asked, who is reminded: one node with two owners, under a clock moved by hand.

mod house;
mod mandates;
mod reminders;
