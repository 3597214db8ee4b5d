//! The promises of the store, checked from outside on both engines.

mod cache;
mod conformance;
mod damage;
mod disk_full;
#[cfg(target_os = "linux")]
mod faults;
mod folders;
mod harness;
mod kill;
mod lanes;
mod model;
#[cfg(target_os = "linux")]
mod power_cut;
mod transfer;
