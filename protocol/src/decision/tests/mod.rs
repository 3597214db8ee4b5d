//! Whole decisions, played out in memory with a seed.

mod certificates;
mod cuts;
mod hostile;
mod liars;
mod restarts;
mod rules;
mod simulation;
mod vectors;
mod world;
