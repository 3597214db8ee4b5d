//! Whole decisions, played out in memory with a seed.

mod adversary;
mod certificates;
mod cuts;
mod exhaustive;
mod hidden;
mod hostile;
mod liars;
mod mandates;
mod restarts;
mod rules;
mod second_verifier;
mod simulation;
mod vectors;
mod world;
