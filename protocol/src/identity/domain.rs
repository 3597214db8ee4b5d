//! The table of domain-separation strings: every signature and every keyed hash starts with one.
//!
//! The signed or hashed bytes are always `domain || 0x00 || body`, so a signature made for one
//! purpose is valid for no other. Only the two MLS exporter labels stand alone, without the zero.

/// What a signature or hash is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Domain {
    /// A persona card, by the persona key.
    Card,
    /// A handle pointer in the DHT, by the persona key.
    HandlePointer,
    /// An invite, by the persona key.
    Invite,
    /// What one persona says to another before they share a conversation, by the persona key.
    Introduction,
    /// A lobby announcement, by the persona key.
    Announcement,
    /// An MLS leaf credential, by the persona key.
    DeviceCredential,
    /// An entry of a group's commit log, by the sequencer's leaf key.
    SeqEntry,
    /// A delivery receipt, by the recipient's leaf key.
    Receipt,
    /// Every message of the decision protocol, by the persona key.
    Vote,
    /// The digest a decision confirms.
    Cut,
    /// What a voter commits to in a hidden vote.
    Commitment,
    /// What a persona may vote on by itself, by the persona key.
    Mandate,
    /// Hash of a roster or a list of sealers.
    Roster,
    /// Key of a card record in the DHT.
    CardRecord,
    /// Key of a handle record in the DHT.
    HandleRecord,
    /// Stable id of a message.
    MessageId,
    /// Fingerprint of a persona key, as shown in handles and safety numbers.
    Fingerprint,
    /// A mailbox's word that it holds an envelope, by its node key.
    Stored,
    /// Lock on an envelope that lies at a mailbox.
    Release,
    /// Proof of work for an envelope of a first contact.
    Work,
    /// Tag under which first-contact envelopes are addressed.
    ContactTag,
    /// What a member says about a group outside of it, by the persona key.
    Signal,
    /// A member's request to come back into a group, by the persona key.
    Rejoin,
    /// Key of a first-contact sealed box.
    SealedBox,
    /// Id of a file, and what its chunks are bound to.
    File,
    /// What everyone who knows a file can compute.
    FileToken,
    /// What one node shows another to be given a file.
    FileProof,
    /// Exporter label of a group's outer envelope key.
    EnvelopeKey,
    /// Exporter label of a group's tag key.
    TagKey,
}

impl Domain {
    /// Every domain, so that tests can show them distinct.
    pub const ALL: [Self; 29] = [
        Self::Card,
        Self::HandlePointer,
        Self::Invite,
        Self::Introduction,
        Self::Announcement,
        Self::DeviceCredential,
        Self::SeqEntry,
        Self::Receipt,
        Self::Vote,
        Self::Cut,
        Self::Commitment,
        Self::Mandate,
        Self::Roster,
        Self::CardRecord,
        Self::HandleRecord,
        Self::MessageId,
        Self::Fingerprint,
        Self::Stored,
        Self::Release,
        Self::Work,
        Self::ContactTag,
        Self::Signal,
        Self::Rejoin,
        Self::SealedBox,
        Self::File,
        Self::FileToken,
        Self::FileProof,
        Self::EnvelopeKey,
        Self::TagKey,
    ];

    /// The string on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Card => "conclave/card/v1",
            Self::HandlePointer => "conclave/handle-pointer/v1",
            Self::Invite => "conclave/invite/v1",
            Self::Introduction => "conclave/introduction/v1",
            Self::Announcement => "conclave/announcement/v1",
            Self::DeviceCredential => "conclave/device-credential/v1",
            Self::SeqEntry => "conclave/seq-entry/v1",
            Self::Receipt => "conclave/receipt/v1",
            Self::Vote => "conclave/vote/v1",
            Self::Cut => "conclave/cut/v1",
            Self::Commitment => "conclave/commitment/v1",
            Self::Mandate => "conclave/mandate/v1",
            Self::Roster => "conclave/roster/v1",
            Self::CardRecord => "conclave/card-record/v1",
            Self::HandleRecord => "conclave/handle-record/v1",
            Self::MessageId => "conclave/message-id/v1",
            Self::Fingerprint => "conclave/fingerprint/v1",
            Self::Stored => "conclave/stored/v1",
            Self::Release => "conclave/release/v1",
            Self::Work => "conclave/work/v1",
            Self::ContactTag => "conclave/contact-tag/v1",
            Self::Signal => "conclave/signal/v1",
            Self::Rejoin => "conclave/rejoin/v1",
            Self::SealedBox => "conclave/sealed-box/v1",
            Self::File => "conclave/file/v1",
            Self::FileToken => "conclave/file-token/v1",
            Self::FileProof => "conclave/file-proof/v1",
            Self::EnvelopeKey => "conclave/envelope-key/v1",
            Self::TagKey => "conclave/tag-key/v1",
        }
    }

    /// `domain || 0x00 || body`: the bytes that are signed.
    pub fn bytes(self, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.as_str().len() + 1 + body.len());
        bytes.extend(self.as_str().as_bytes());
        bytes.push(0);
        bytes.extend(body);
        bytes
    }

    /// SHA-256 over [`Domain::bytes`].
    pub fn hash(self, body: &[u8]) -> [u8; 32] {
        use sha2::{Digest, Sha256};
        Sha256::digest(self.bytes(body)).into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_domain_has_its_own_string_and_none_begins_another() {
        let strings: BTreeSet<_> = Domain::ALL.iter().map(|domain| domain.as_str()).collect();
        assert_eq!(strings.len(), Domain::ALL.len());
        for string in &strings {
            assert!(string.starts_with("conclave/") && !string.contains('\0'), "{string}");
            let begun = strings.iter().filter(|other| other.starts_with(string)).count();
            assert_eq!(begun, 1, "{string}");
        }
    }
}
