//! Who is in a group, read from the leaves of its tree.

use openmls::prelude::{BasicCredential, Credential, LeafNode, LeafNodeIndex, Member, MlsGroup};

use crate::{
    identity::PersonaId,
    session::{CredentialError, DeviceCredential},
};

/// One leaf: where it is, whose it is, with which key.
pub(super) struct Leaf {
    pub(super) index: LeafNodeIndex,
    pub(super) credential: DeviceCredential,
}

impl Leaf {
    /// Reads and checks the leaf of a member.
    pub(super) fn of(member: &Member) -> Result<Self, CredentialError> {
        let credential = verified(&member.credential, &member.signature_key)?;
        Ok(Self { index: member.index, credential })
    }

    /// The persona behind it.
    pub(super) fn persona(&self) -> PersonaId {
        self.credential.persona
    }

    /// Its public key.
    pub(super) fn key(&self) -> &[u8; 32] {
        &self.credential.leaf_key
    }
}

/// Reads a credential and checks that its persona signed it for this key.
pub(super) fn verified(
    credential: &Credential,
    leaf_key: &[u8],
) -> Result<DeviceCredential, CredentialError> {
    let basic =
        BasicCredential::try_from(credential.clone()).map_err(|_| CredentialError::Malformed)?;
    DeviceCredential::verify(basic.identity(), leaf_key)
}

/// Reads the credential of a leaf node and checks it against the node's own key.
pub(super) fn verified_node(node: &LeafNode) -> Result<DeviceCredential, CredentialError> {
    verified(node.credential(), node.signature_key().as_slice())
}

/// Reads the persona of a leaf whose credential was checked when it came into the tree.
pub(super) fn persona_in(credential: &Credential) -> Result<PersonaId, CredentialError> {
    let basic =
        BasicCredential::try_from(credential.clone()).map_err(|_| CredentialError::Malformed)?;
    DeviceCredential::read(basic.identity()).map(|credential| credential.persona)
}

/// The leaf at a place, if there is one with a credential that holds.
pub(super) fn leaf_at(group: &MlsGroup, index: u32) -> Option<Leaf> {
    let member = group.member_at(LeafNodeIndex::new(index))?;
    Leaf::of(&member).ok()
}

/// The personas in a tree whose credentials were checked when they came in. Sorted, each once.
pub(super) fn personas(group: &MlsGroup) -> Result<Vec<PersonaId>, CredentialError> {
    let mut personas = group
        .members()
        .map(|member| persona_in(&member.credential))
        .collect::<Result<Vec<_>, _>>()?;
    personas.sort_unstable();
    personas.dedup();
    Ok(personas)
}
