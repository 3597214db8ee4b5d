//! The router as its callers see it, in front of an engine that answers from a table.

mod bodies;
mod calls;
mod doors;
mod events;
mod harness;
mod limits;
mod login;
mod openapi;
mod page;
mod table;
