//! The ledger and the cache, and the only crate that knows an engine
