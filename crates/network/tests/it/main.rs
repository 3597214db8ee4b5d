//! The network over real sockets on loopback, a file a behaviour.

mod frames;
mod gossip;
mod hostile;
mod limits;
mod reconnect;
mod records;
mod support;
