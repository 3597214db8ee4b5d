//! A rendezvous for nodes: the binary conclave-bootstrap
