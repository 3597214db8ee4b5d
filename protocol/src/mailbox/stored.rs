//! A mailbox's signed word that it holds an envelope.

use serde::{Deserialize, Serialize};

use crate::identity::{Domain, EnvelopeId, NodeId, NodeKey, Signature, SignatureError, verify};

/// Says that an envelope is on a mailbox's disk, until its recipients give it free or its time is
/// over. It says nothing about delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Which.
    pub envelope: EnvelopeId,
    /// Until when, milliseconds since the Unix epoch by the mailbox's clock.
    pub until_ms: u64,
    /// By the mailbox's node key over [`Domain::Stored`], the envelope id, and `until_ms` in eight
    /// bytes, big-endian.
    pub signature: Signature,
}

impl Stored {
    /// The word of the mailbox with this key.
    pub fn sign(key: &NodeKey, envelope: EnvelopeId, until_ms: u64) -> Self {
        let signature = key.sign(Domain::Stored, &body(envelope, until_ms));
        Self { envelope, until_ms, signature }
    }

    /// Checks that this mailbox said so.
    ///
    /// # Errors
    /// [`SignatureError`] when it did not.
    pub fn verify(&self, mailbox: &NodeId) -> Result<(), SignatureError> {
        verify(&mailbox.0, Domain::Stored, &body(self.envelope, self.until_ms), &self.signature)
    }
}

fn body(envelope: EnvelopeId, until_ms: u64) -> Vec<u8> {
    [envelope.as_bytes(), &until_ms.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_held_to_its_own_word_and_to_no_other() {
        let key = NodeKey::from_seed(&[1; 32]);
        let stored = Stored::sign(&key, EnvelopeId([2; 32]), 3);
        assert!(stored.verify(&key.id()).is_ok());
        assert!(stored.verify(&NodeKey::from_seed(&[9; 32]).id()).is_err());
        assert!(Stored { until_ms: 4, ..stored }.verify(&key.id()).is_err());
    }
}
