//! The promises of the store, checked from outside on both engines.

mod cache;
mod conformance;
mod damage;
mod disk_full;
mod folders;
mod harness;
mod kill;
mod model;
mod transfer;
