//! Who is who: keys and the names made from them.
//!
//! A *persona key* is a persona's identity, shown as `did:key:z6Mk...`. A *node key* is an
//! address. They are different types, so one can never stand where the other is meant.

mod domain;
mod handle;
mod ids;
mod keys;
#[cfg(test)]
mod memory;

pub use domain::Domain;
pub use handle::{Handle, HandleError};
pub use ids::{
    ConversationId, EnvelopeId, FileId, IdError, MessageId, NodeId, PersonaId, ProposalId,
};
pub use keys::{NodeKey, PersonaKey, Signature, SignatureError, verify};
