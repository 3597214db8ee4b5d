//! The node itself: the binary conclave
