//! The rows as openmls sees them, and the provider that joins them with cryptography.

use openmls_rust_crypto::RustCrypto;
use openmls_traits::{
    OpenMlsProvider,
    storage::{
        CURRENT_VERSION as V, StorageProvider,
        traits::{self, GroupId},
    },
};
use serde::{Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;

use super::{
    Rows,
    codec::{self, StorageError},
    slots::{Slot, alone, in_group, within},
};

/// What openmls asks for: cryptography, random numbers and rows.
#[derive(Default)]
pub(in crate::session) struct Provider {
    /// Both cryptography and random numbers.
    pub(in crate::session) crypto: RustCrypto,
    /// What is kept.
    pub(in crate::session) rows: Rows,
}

impl OpenMlsProvider for Provider {
    type CryptoProvider = RustCrypto;
    type RandProvider = RustCrypto;
    type StorageProvider = Rows;

    fn storage(&self) -> &Rows {
        &self.rows
    }

    fn crypto(&self) -> &RustCrypto {
        &self.crypto
    }

    fn rand(&self) -> &RustCrypto {
        &self.crypto
    }
}

/// Deleting a thing a group has one of; with three names, writing and reading it too.
macro_rules! one_of_a_group {
    ($slot:ident, $kind:ident: $write:ident, $read:ident, $delete:ident) => {
        fn $write<G: GroupId<V>, T: traits::$kind<V>>(
            &self,
            group: &G,
            value: &T,
        ) -> Result<(), StorageError> {
            self.put(in_group(Slot::$slot, group)?, value)
        }

        fn $read<G: GroupId<V>, T: traits::$kind<V>>(
            &self,
            group: &G,
        ) -> Result<Option<T>, StorageError> {
            self.get(&in_group(Slot::$slot, group)?)
        }

        one_of_a_group!($slot: $delete);
    };
    ($slot:ident: $delete:ident) => {
        fn $delete<G: GroupId<V>>(&self, group: &G) -> Result<(), StorageError> {
            self.delete(in_group(Slot::$slot, group)?);
            Ok(())
        }
    };
}

/// Writing and deleting a thing that belongs to no group. Reading stands below, because openmls
/// orders the types of those methods now one way and now the other.
macro_rules! of_no_group {
    ($slot:ident, $name:ident, $kind:ident: $write:ident, $delete:ident) => {
        fn $write<N: traits::$name<V>, T: traits::$kind<V>>(
            &self,
            name: &N,
            value: &T,
        ) -> Result<(), StorageError> {
            self.put(alone(Slot::$slot, name)?, value)
        }

        fn $delete<N: traits::$name<V>>(&self, name: &N) -> Result<(), StorageError> {
            self.delete(alone(Slot::$slot, name)?);
            Ok(())
        }
    };
}

impl StorageProvider<V> for Rows {
    type Error = StorageError;

    one_of_a_group!(
        JoinConfig, MlsGroupJoinConfig:
            write_mls_join_config, mls_group_join_config, delete_group_config
    );
    one_of_a_group!(Tree, TreeSync: write_tree, tree, delete_tree);
    one_of_a_group!(
        InterimTranscriptHash, InterimTranscriptHash:
            write_interim_transcript_hash, interim_transcript_hash, delete_interim_transcript_hash
    );
    one_of_a_group!(Context, GroupContext: write_context, group_context, delete_context);
    one_of_a_group!(
        ConfirmationTag, ConfirmationTag:
            write_confirmation_tag, confirmation_tag, delete_confirmation_tag
    );
    one_of_a_group!(
        MessageSecrets, MessageSecrets:
            write_message_secrets, message_secrets, delete_message_secrets
    );
    one_of_a_group!(
        ResumptionPsks, ResumptionPskStore:
            write_resumption_psk_store, resumption_psk_store, delete_all_resumption_psk_secrets
    );
    one_of_a_group!(
        OwnLeafIndex, LeafNodeIndex:
            write_own_leaf_index, own_leaf_index, delete_own_leaf_index
    );
    one_of_a_group!(
        EpochSecrets, GroupEpochSecrets:
            write_group_epoch_secrets, group_epoch_secrets, delete_group_epoch_secrets
    );
    one_of_a_group!(GroupState: delete_group_state);
    one_of_a_group!(OwnLeafNodes: delete_own_leaf_nodes);

    of_no_group!(
        SignatureKeyPair, SignaturePublicKey, SignatureKeyPair:
            write_signature_key_pair, delete_signature_key_pair
    );
    of_no_group!(
        EncryptionKeyPair, EncryptionKey, HpkeKeyPair:
            write_encryption_key_pair, delete_encryption_key_pair
    );
    of_no_group!(KeyPackage, HashReference, KeyPackage: write_key_package, delete_key_package);
    of_no_group!(Psk, PskId, PskBundle: write_psk, delete_psk);

    fn signature_key_pair<N: traits::SignaturePublicKey<V>, T: traits::SignatureKeyPair<V>>(
        &self,
        name: &N,
    ) -> Result<Option<T>, StorageError> {
        self.get(&alone(Slot::SignatureKeyPair, name)?)
    }

    fn encryption_key_pair<T: traits::HpkeKeyPair<V>, N: traits::EncryptionKey<V>>(
        &self,
        name: &N,
    ) -> Result<Option<T>, StorageError> {
        self.get(&alone(Slot::EncryptionKeyPair, name)?)
    }

    fn key_package<N: traits::HashReference<V>, T: traits::KeyPackage<V>>(
        &self,
        name: &N,
    ) -> Result<Option<T>, StorageError> {
        self.get(&alone(Slot::KeyPackage, name)?)
    }

    fn psk<T: traits::PskBundle<V>, N: traits::PskId<V>>(
        &self,
        name: &N,
    ) -> Result<Option<T>, StorageError> {
        self.get(&alone(Slot::Psk, name)?)
    }

    fn write_group_state<T: traits::GroupState<V>, G: GroupId<V>>(
        &self,
        group: &G,
        value: &T,
    ) -> Result<(), StorageError> {
        self.put(in_group(Slot::GroupState, group)?, value)
    }

    fn group_state<T: traits::GroupState<V>, G: GroupId<V>>(
        &self,
        group: &G,
    ) -> Result<Option<T>, StorageError> {
        self.get(&in_group(Slot::GroupState, group)?)
    }

    fn append_own_leaf_node<G: GroupId<V>, T: traits::LeafNode<V>>(
        &self,
        group: &G,
        node: &T,
    ) -> Result<(), StorageError> {
        append(self, in_group(Slot::OwnLeafNodes, group)?, node)
    }

    fn own_leaf_nodes<G: GroupId<V>, T: traits::LeafNode<V>>(
        &self,
        group: &G,
    ) -> Result<Vec<T>, StorageError> {
        list(self, &in_group(Slot::OwnLeafNodes, group)?)
    }

    fn queue_proposal<G: GroupId<V>, R: traits::ProposalRef<V>, T: traits::QueuedProposal<V>>(
        &self,
        group: &G,
        reference: &R,
        proposal: &T,
    ) -> Result<(), StorageError> {
        self.put(within(Slot::Proposal, group, reference)?, proposal)?;
        append(self, in_group(Slot::ProposalQueue, group)?, reference)
    }

    fn queued_proposal_refs<G: GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        group: &G,
    ) -> Result<Vec<R>, StorageError> {
        list(self, &in_group(Slot::ProposalQueue, group)?)
    }

    fn queued_proposals<G: GroupId<V>, R: traits::ProposalRef<V>, T: traits::QueuedProposal<V>>(
        &self,
        group: &G,
    ) -> Result<Vec<(R, T)>, StorageError> {
        let references: Vec<R> = self.queued_proposal_refs(group)?;
        let proposal = |reference: R| {
            let key = within(Slot::Proposal, group, &reference)?;
            Ok((reference, self.get(&key)?.ok_or(StorageError::Missing)?))
        };
        references.into_iter().map(proposal).collect()
    }

    fn remove_proposal<G: GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        group: &G,
        reference: &R,
    ) -> Result<(), StorageError> {
        let key = in_group(Slot::ProposalQueue, group)?;
        let removed = codec::encode(reference)?;
        let mut queue: Vec<ByteBuf> = self.get(&key)?.unwrap_or_default();
        queue.retain(|queued| queued.as_slice() != removed.as_slice());
        self.put(key, &queue)?;
        self.delete(within(Slot::Proposal, group, reference)?);
        Ok(())
    }

    fn clear_proposal_queue<G: GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        group: &G,
    ) -> Result<(), StorageError> {
        self.delete_prefix(&in_group(Slot::Proposal, group)?);
        self.delete(in_group(Slot::ProposalQueue, group)?);
        Ok(())
    }

    fn write_encryption_epoch_key_pairs<
        G: GroupId<V>,
        E: traits::EpochKey<V>,
        T: traits::HpkeKeyPair<V>,
    >(
        &self,
        group: &G,
        epoch: &E,
        leaf: u32,
        pairs: &[T],
    ) -> Result<(), StorageError> {
        self.put(within(Slot::EpochKeyPairs, group, &(epoch, leaf))?, pairs)
    }

    fn encryption_epoch_key_pairs<
        G: GroupId<V>,
        E: traits::EpochKey<V>,
        T: traits::HpkeKeyPair<V>,
    >(
        &self,
        group: &G,
        epoch: &E,
        leaf: u32,
    ) -> Result<Vec<T>, StorageError> {
        let key = within(Slot::EpochKeyPairs, group, &(epoch, leaf))?;
        Ok(self.get(&key)?.unwrap_or_default())
    }

    fn delete_encryption_epoch_key_pairs<G: GroupId<V>, E: traits::EpochKey<V>>(
        &self,
        group: &G,
        epoch: &E,
        leaf: u32,
    ) -> Result<(), StorageError> {
        self.delete(within(Slot::EpochKeyPairs, group, &(epoch, leaf))?);
        Ok(())
    }
}

fn append<T: Serialize>(rows: &Rows, key: Vec<u8>, item: &T) -> Result<(), StorageError> {
    let mut items: Vec<ByteBuf> = rows.get(&key)?.unwrap_or_default();
    items.push(ByteBuf::from(codec::encode(item)?.to_vec()));
    rows.put(key, &items)
}

fn list<T: DeserializeOwned>(rows: &Rows, key: &[u8]) -> Result<Vec<T>, StorageError> {
    let items: Vec<ByteBuf> = rows.get(key)?.unwrap_or_default();
    items.iter().map(|item| codec::decode(item)).collect()
}
