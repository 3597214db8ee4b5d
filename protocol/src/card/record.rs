//! What may stand in the DHT: cards under persona keys, pointers under handles. Nothing else.

use super::{
    CardError, Claims, HandlePointer, PersonaCard, SignedCard, SignedPointer,
    signed::SIGNED_OVERHEAD_BYTES,
};
use crate::identity::{Domain, Handle, PersonaId};

/// The largest record value, in bytes.
pub const RECORD_BYTES_MAX: usize = 2048;

// Whatever is valid as a card or a pointer fits into a record.
const _: () = assert!(1 + PersonaCard::BYTES_MAX + SIGNED_OVERHEAD_BYTES <= RECORD_BYTES_MAX);
const _: () = assert!(1 + HandlePointer::BYTES_MAX + SIGNED_OVERHEAD_BYTES <= RECORD_BYTES_MAX);

/// The key of a DHT record: a domain-separated hash of what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey(pub [u8; 32]);

impl RecordKey {
    /// Where the card of a persona is kept.
    pub fn card(persona: &PersonaId) -> Self {
        Self(Domain::CardRecord.hash(persona.as_bytes()))
    }

    /// Where the pointer of a handle is kept.
    pub fn handle(handle: &Handle) -> Self {
        Self(Domain::HandleRecord.hash(handle.to_string().as_bytes()))
    }
}

/// A record that has been checked: signed by whom it is about and lying under its own key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A persona's card.
    Card(SignedCard),
    /// A handle's pointer.
    Pointer(SignedPointer),
}

/// First byte of a record value.
const CARD: u8 = 1;
const POINTER: u8 = 2;

impl Record {
    /// The bytes that are put into the DHT.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kind, body) = match self {
            Self::Card(card) => (CARD, card.to_bytes()),
            Self::Pointer(pointer) => (POINTER, pointer.to_bytes()),
        };
        [vec![kind], body].concat()
    }

    /// Accepts a value only under the key it belongs to and only if its signature and lifetime
    /// hold. Returns the record and its sequence number: a lower one never replaces a higher.
    ///
    /// # Errors
    /// [`CardError`] says what is wrong; the peer that sent it is at fault.
    pub fn verify(key: &RecordKey, value: &[u8], now_ms: u64) -> Result<(Self, u64), CardError> {
        if value.len() > RECORD_BYTES_MAX {
            return Err(CardError::Field("value"));
        }
        let (kind, body) = value.split_first().ok_or(CardError::Field("value"))?;
        let (record, expected, sequence) = match *kind {
            CARD => {
                let signed = SignedCard::from_bytes(body)?;
                let card = signed.verify(now_ms)?;
                (Self::Card(signed), RecordKey::card(&card.persona), card.sequence)
            }
            POINTER => {
                let signed = SignedPointer::from_bytes(body)?;
                let pointer = signed.verify(now_ms)?;
                (Self::Pointer(signed), RecordKey::handle(&pointer.handle), pointer.sequence)
            }
            _ => return Err(CardError::Field("kind")),
        };
        if expected != *key {
            return Err(CardError::Field("key"));
        }
        Ok((record, sequence))
    }
}
