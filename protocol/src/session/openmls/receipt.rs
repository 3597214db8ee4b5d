//! Receipts: a member's proof that it committed an envelope.

use super::{OpenMls, record::Group, roster};
use crate::{
    identity::{ConversationId, Domain, EnvelopeId, PersonaId, verify},
    session::{Opened, SessionError},
    wire::Receipt,
};

impl Group {
    /// Our receipt for an envelope.
    pub(super) fn receipt(&self, envelope: EnvelopeId) -> Receipt {
        let leaf = self.mls.own_leaf_index().u32();
        let signature = self.record.leaf_key.sign_for(Domain::Receipt, envelope.as_bytes());
        Receipt { leaf, signature }
    }

    /// Who gave a receipt. The same place in the tree may have been somebody else's in the epoch
    /// of the envelope, so those who left lately are asked too; the signature tells them apart.
    pub(super) fn receipt_author(
        &self,
        envelope: EnvelopeId,
        receipt: &Receipt,
    ) -> Result<PersonaId, SessionError> {
        let present =
            roster::leaf_at(&self.mls, receipt.leaf).map(|leaf| (leaf.persona(), *leaf.key()));
        let departed = self.record.departed_at(receipt.leaf).filter(|leaf| !leaf.replaced);
        let departed = departed.map(|leaf| (leaf.persona, leaf.key));
        present
            .into_iter()
            .chain(departed)
            .find(|(_, key)| {
                verify(key, Domain::Receipt, envelope.as_bytes(), &receipt.signature).is_ok()
            })
            .map(|(persona, _)| persona)
            .ok_or(SessionError::Receipt)
    }
}

impl OpenMls {
    /// Whose receipts these are. One that does not hold spoils them all; our own have nothing to
    /// tell us.
    pub(super) fn check_receipts(
        &self,
        id: ConversationId,
        receipts: &[(EnvelopeId, Receipt)],
    ) -> Result<Opened, SessionError> {
        let group = self.group(id)?;
        let authors = receipts
            .iter()
            .map(|(envelope, receipt)| Ok((*envelope, group.receipt_author(*envelope, receipt)?)))
            .collect::<Result<Vec<_>, SessionError>>()?;
        if authors.iter().any(|(_, author)| *author == self.identity.id()) {
            return Err(SessionError::AlreadyOpened);
        }
        Ok(Opened::Receipts(authors))
    }
}
