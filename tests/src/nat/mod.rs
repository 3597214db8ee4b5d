//! Hosts behind home routers, on one machine.
//!
//! Every host is a network namespace whose only way out is a TUN device. The other end of all
//! these devices is one task, the emulator: it is every router and the internet between them. It
//! rewrites and filters packets as the four kinds of routers do, delays them and loses some.
//!
//! ```text
//!   namespace a          emulator (this process)              namespace b
//!   10.64.1.2 --tun--> router of a --delay, loss--> router of b --tun--> 10.64.2.2
//! ```
//!
//! The kernels of build machines have neither netem nor iptables; user space has both, and a
//! router whose every rule is tested.

mod emulator;
mod lab;
mod packet;
mod probe;
mod translate;

pub use emulator::Weather;
pub use lab::{Host, Lab, may_run};
pub use probe::Probe;
pub use translate::Kind;
