//! Names of things: fixed-size bytes inside, one spelling outside.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Domain;

/// Why a string is not the name it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdError {
    /// A persona id that is not a `did:key` of an Ed25519 key.
    #[error("not a did:key of an Ed25519 key (it starts with did:key:z6Mk)")]
    NotDidKey,
    /// Not lower-case hexadecimal of the right length.
    #[error("not {0} hexadecimal digits")]
    NotHex(usize),
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Its bytes.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// The id with these bytes, if there are the right number of them.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                Some(Self(bytes.try_into().ok()?))
            }
        }
    };
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        id!($(#[$doc])* $name, $len);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({}…)", stringify!($name), data_encoding::HEXLOWER.encode(&self.0[..4]))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let bytes = data_encoding::HEXLOWER
                    .decode(text.as_bytes())
                    .map_err(|_| IdError::NotHex($len * 2))?;
                Self::from_slice(&bytes).ok_or(IdError::NotHex($len * 2))
            }
        }
    };
}

id!(
    /// A persona: its Ed25519 public key. Spelled `did:key:z6Mk...`.
    PersonaId, 32
);
hex_id!(
    /// A node: its Ed25519 public key. An address, never an identity.
    NodeId, 32
);
hex_id!(
    /// A conversation; also its MLS group id. Random.
    ConversationId, 16
);
hex_id!(
    /// A message: hash of conversation, author and the author's counter.
    MessageId, 16
);
hex_id!(
    /// An envelope: SHA-256 of its bytes.
    EnvelopeId, 32
);
hex_id!(
    /// A proposal: SHA-256 of its encoding.
    ProposalId, 32
);

hex_id!(
    /// A file as it is stored and sent: hash over its encrypted chunks.
    FileId, 32
);

impl MessageId {
    /// The id of the `seq`th message of an author in a conversation.
    pub fn derive(conversation: ConversationId, author: PersonaId, seq: u64) -> Self {
        let body = [conversation.as_bytes(), author.as_bytes(), &seq.to_be_bytes()].concat();
        let mut id = [0; 16];
        id.copy_from_slice(&Domain::MessageId.hash(&body)[..16]);
        Self(id)
    }
}

impl EnvelopeId {
    /// The id of an envelope with these bytes.
    pub fn of(envelope: &[u8]) -> Self {
        use sha2::{Digest, Sha256};
        Self(Sha256::digest(envelope).into())
    }
}

/// Multicodec prefix of an Ed25519 public key, per the did:key method specification.
const ED25519_MULTICODEC: [u8; 2] = [0xed, 0x01];

impl PersonaId {
    /// The first characters of the key's fingerprint, as they stand in handles: base32, lower case.
    pub fn fingerprint(&self, characters: usize) -> String {
        let hash = Domain::Fingerprint.hash(&self.0);
        let mut text = data_encoding::BASE32_NOPAD.encode(&hash).to_ascii_lowercase();
        text.truncate(characters);
        text
    }
}

impl fmt::Display for PersonaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&ED25519_MULTICODEC[..], &self.0].concat();
        write!(f, "did:key:z{}", bs58::encode(bytes).into_string())
    }
}

impl fmt::Debug for PersonaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonaId({}…)", self.fingerprint(8))
    }
}

impl FromStr for PersonaId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let encoded = text.strip_prefix("did:key:z").ok_or(IdError::NotDidKey)?;
        if encoded.len() > 64 {
            return Err(IdError::NotDidKey);
        }
        let bytes = bs58::decode(encoded).into_vec().map_err(|_| IdError::NotDidKey)?;
        let key = bytes.strip_prefix(&ED25519_MULTICODEC[..]).ok_or(IdError::NotDidKey)?;
        Self::from_slice(key).ok_or(IdError::NotDidKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persona_id_is_spelled_as_did_key_and_read_back() {
        // Test vector of the did:key specification.
        let did = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";
        let id: PersonaId = did.parse().unwrap();
        assert_eq!(id.to_string(), did);
    }

    #[test]
    fn other_spellings_of_a_persona_id_are_refused() {
        for text in ["", "did:key:", "did:key:zzzz", "did:web:example.org", "z6Mkhax"] {
            assert_eq!(text.parse::<PersonaId>(), Err(IdError::NotDidKey), "{text}");
        }
    }

    #[test]
    fn hexadecimal_ids_refuse_capitals_and_wrong_lengths() {
        assert!("00".repeat(16).parse::<ConversationId>().is_ok());
        assert!("AB".repeat(16).parse::<ConversationId>().is_err());
        assert!("00".repeat(15).parse::<ConversationId>().is_err());
    }
}
