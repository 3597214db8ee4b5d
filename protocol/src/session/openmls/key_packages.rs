//! Key packages: ours, with which others add us, and theirs.
//!
//! This version hands out last-resort packages only. One serves more than one group, so its leaf
//! key does too; it is replaced after every use and every week, which keeps that rare.

use openmls::prelude::{
    KeyPackage, KeyPackageRef, MlsMessageBodyIn, MlsMessageOut, ProtocolVersion,
    tls_codec::Serialize as _,
};
use openmls_traits::storage::StorageProvider as _;
use serde::{Deserialize, Serialize};

use super::{
    OpenMls, roster,
    suite::{SUITE, capabilities, mls_credential, parse, state},
};
use crate::{
    identity::ConversationId,
    session::{DeviceCredential, REJOIN_LIFETIME_MS, SessionError, leaf::LeafKey},
};

/// How long a package is handed out, in milliseconds: 7 days.
const ROTATION_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// How long a replaced package still opens welcomes, in milliseconds: 14 days.
const RETENTION_MS: u64 = 14 * 24 * 60 * 60 * 1000;

/// The largest key package of others that is read, in bytes; as a card allows.
const KEY_PACKAGE_BYTES_MAX: usize = 1024;

/// Requests to come back into one group that may wait for an answer at a time.
const REJOIN_PACKAGES_MAX: usize = 4;

/// What the keys of our packages begin with.
const PACKAGES: &[u8] = b"p";

/// A key package of ours, beside what openmls keeps of it.
#[derive(Serialize, Deserialize)]
struct OwnPackage {
    #[serde(with = "serde_bytes")]
    message: Vec<u8>,
    reference: KeyPackageRef,
    leaf_key: LeafKey,
    made_at_ms: u64,
    replaced_at_ms: Option<u64>,
    used: bool,
    /// The group it was made to come back to, when it was; then it serves nothing else.
    #[serde(default)]
    rejoins: Option<ConversationId>,
}

fn package_key(reference: &KeyPackageRef) -> Vec<u8> {
    [PACKAGES, reference.as_slice()].concat()
}

impl OpenMls {
    /// The package to hand out now; makes one when there is none to hand out.
    pub(super) fn current_key_package(&mut self, now_ms: u64) -> Result<Vec<u8>, SessionError> {
        let mut current = None;
        for mut package in self.own_packages()? {
            let age_ms = now_ms.saturating_sub(package.made_at_ms);
            if package.rejoins.is_some() {
                if age_ms >= REJOIN_LIFETIME_MS {
                    self.delete_package(&package.reference)?;
                }
                continue;
            }
            match package.replaced_at_ms {
                Some(replaced) if now_ms.saturating_sub(replaced) >= RETENTION_MS => {
                    self.delete_package(&package.reference)?;
                }
                Some(_) => {}
                None if package.used || age_ms >= ROTATION_MS => {
                    package.replaced_at_ms = Some(now_ms);
                    self.keep_package(&package)?;
                }
                None => current = Some(package.message),
            }
        }
        match current {
            Some(message) => Ok(message),
            None => self.make_package(None, now_ms),
        }
    }

    /// The leaf key of a package of ours, which from now on counts as used, and the group it was
    /// made to come back to, if it was.
    pub(super) fn use_package(
        &self,
        reference: &KeyPackageRef,
    ) -> Result<(LeafKey, Option<ConversationId>), SessionError> {
        let key = package_key(reference);
        let package: Option<OwnPackage> = self.provider.rows.get(&key).map_err(state)?;
        let mut package = package.ok_or_else(|| state("a key package without a leaf key"))?;
        package.used = true;
        self.keep_package(&package)?;
        Ok((package.leaf_key, package.rejoins))
    }

    /// Makes a package with which to come back into one group.
    pub(super) fn make_rejoin_package(
        &mut self,
        group: ConversationId,
        now_ms: u64,
    ) -> Result<Vec<u8>, SessionError> {
        let mut older: Vec<_> = self.own_packages()?;
        older.retain(|package| package.rejoins == Some(group));
        older.sort_by_key(|package| package.made_at_ms);
        let surplus = older.len().saturating_sub(REJOIN_PACKAGES_MAX - 1);
        for package in older.drain(..surplus) {
            self.delete_package(&package.reference)?;
        }
        self.make_package(Some(group), now_ms)
    }

    /// Deletes the packages made to come back into a group.
    pub(super) fn drop_rejoin_packages(&self, group: ConversationId) -> Result<(), SessionError> {
        for package in self.own_packages()? {
            if package.rejoins == Some(group) {
                self.delete_package(&package.reference)?;
            }
        }
        Ok(())
    }

    /// Whether a package, as an MLS message, is one of ours to come back with.
    pub(super) fn holds_rejoin_package(&self, message: &[u8]) -> bool {
        let ours = self.own_packages().unwrap_or_default();
        ours.iter().any(|package| package.rejoins.is_some() && package.message == message)
    }

    /// Checks a package of somebody else.
    pub(super) fn check_key_package(
        &self,
        message: &[u8],
        now_ms: u64,
    ) -> Result<(KeyPackage, DeviceCredential), SessionError> {
        let refuse = |reason: String| SessionError::KeyPackage(reason);
        if message.len() > KEY_PACKAGE_BYTES_MAX {
            return Err(refuse(format!("{} bytes", message.len())));
        }
        let MlsMessageBodyIn::KeyPackage(package) =
            parse(message).map_err(|error| refuse(error.to_string()))?
        else {
            return Err(refuse("not a key package".into()));
        };
        let package = package
            .validate(&self.provider.crypto, ProtocolVersion::Mls10)
            .map_err(|error| refuse(error.to_string()))?;
        if package.ciphersuite() != SUITE {
            return Err(refuse("of another ciphersuite".into()));
        }
        let credential = roster::verified_node(package.leaf_node())?;
        credential.check_at(now_ms)?;
        Ok((package, credential))
    }

    fn make_package(
        &mut self,
        rejoins: Option<ConversationId>,
        now_ms: u64,
    ) -> Result<Vec<u8>, SessionError> {
        let key = self.fresh_leaf_key()?;
        let credential = mls_credential(&self.vouch(&key, now_ms)?);
        let mut builder = KeyPackage::builder().leaf_node_capabilities(capabilities());
        if rejoins.is_none() {
            builder = builder.mark_as_last_resort();
        }
        let package = builder
            .build(SUITE, &self.provider, &key, credential)
            .map_err(state)?
            .into_key_package();
        let reference = package.hash_ref(&self.provider.crypto).map_err(state)?;
        let message = MlsMessageOut::from(package).tls_serialize_detached().map_err(state)?;
        self.keep_package(&OwnPackage {
            message: message.clone(),
            reference,
            leaf_key: key,
            made_at_ms: now_ms,
            replaced_at_ms: None,
            used: false,
            rejoins,
        })?;
        Ok(message)
    }

    fn own_packages(&self) -> Result<Vec<OwnPackage>, SessionError> {
        let rows = &self.provider.rows;
        rows.keys(PACKAGES)
            .into_iter()
            .map(|key| rows.get(&key).map_err(state)?.ok_or_else(|| state("a row went missing")))
            .collect()
    }

    fn keep_package(&self, package: &OwnPackage) -> Result<(), SessionError> {
        self.provider.rows.put(package_key(&package.reference), package).map_err(state)
    }

    fn delete_package(&self, reference: &KeyPackageRef) -> Result<(), SessionError> {
        self.provider.rows.delete(package_key(reference));
        self.provider.rows.delete_key_package(reference).map_err(state)
    }
}
