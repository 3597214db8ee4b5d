//! libp2p behind a cheap handle and typed events
