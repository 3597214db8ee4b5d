//! The binary as scripts see it.

mod process;
mod serves;
mod usage;
