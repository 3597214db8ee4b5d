//! End to end over real processes and sockets
