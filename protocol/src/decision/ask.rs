//! Asking for a proposal that did not come.

use serde::{Deserialize, Serialize};

use super::{Kind, MessageError, signed::VERSION};
use crate::{
    identity::{PersonaId, ProposalId},
    wire,
};

/// Asks a member to pass on a proposal: it spoke of one that the asker has never seen, because the
/// proposer was cut off before everyone had it. Not signed: whoever carries it says who asks, and
/// the answer is the proposal as its proposer signed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    version: u8,
    kind: u8,
    proposal: ProposalId,
    of: PersonaId,
}

impl Ask {
    /// Asks this member.
    pub fn new(proposal: ProposalId, of: PersonaId) -> Self {
        Self { version: VERSION, kind: Kind::Ask as u8, proposal, of }
    }

    /// Who is asked.
    pub fn of(&self) -> PersonaId {
        self.of
    }

    /// The bytes that travel.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`MessageError`] for other bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MessageError> {
        let ask: Self = wire::decode(bytes, Kind::Ask.bytes_max())?;
        if (ask.version, ask.kind) != (VERSION, Kind::Ask as u8) {
            return Err(MessageError::Field("kind"));
        }
        Ok(ask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::peek;

    #[test]
    fn an_ask_is_read_as_it_was_written_and_nothing_else_is() {
        let ask = Ask::new(ProposalId([7; 32]), PersonaId([9; 32]));
        let bytes = ask.to_bytes();
        assert_eq!(bytes.len(), 66);
        assert_eq!(peek(&bytes).unwrap().kind, Kind::Ask);
        assert_eq!(Ask::from_bytes(&bytes), Ok(ask));
        assert!(Ask::from_bytes(&bytes[..65]).is_err());
        assert!(Ask::from_bytes(&[bytes.as_slice(), &[0]].concat()).is_err());
        let mut other = bytes;
        other[1] = Kind::Proof as u8;
        assert_eq!(Ask::from_bytes(&other), Err(MessageError::Field("kind")));
    }
}
