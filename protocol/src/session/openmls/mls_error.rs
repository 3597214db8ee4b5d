//! What an error of openmls means for the caller.

use openmls::{
    framing::errors::{MessageDecryptionError, SecretTreeError},
    group::{ProcessMessageError, ValidationError, WelcomeError},
};

use super::suite::state;
use crate::session::{SessionError, storage::StorageError};

/// A message that could not be processed.
pub(super) fn message(error: ProcessMessageError<StorageError>) -> SessionError {
    match error {
        ProcessMessageError::StorageError(error) => state(error),
        ProcessMessageError::LibraryError(error) => state(error),
        ProcessMessageError::ValidationError(ValidationError::LibraryError(error)) => state(error),
        ProcessMessageError::ValidationError(ValidationError::NoPastEpochData) => {
            SessionError::KeyGone
        }
        ProcessMessageError::ValidationError(ValidationError::UnableToDecrypt(
            MessageDecryptionError::SecretTreeError(error),
        )) => ratchet(&error),
        other => SessionError::Mls(other.to_string()),
    }
}

/// A message whose key the sender's ratchet does not give.
fn ratchet(error: &SecretTreeError) -> SessionError {
    match error {
        SecretTreeError::SecretReuseError => SessionError::AlreadyOpened,
        SecretTreeError::TooDistantInThePast => SessionError::KeyGone,
        SecretTreeError::TooDistantInTheFuture => SessionError::TooFarAhead,
        other => SessionError::Mls(other.to_string()),
    }
}

/// A welcome that could not be followed.
pub(super) fn welcome(error: WelcomeError<StorageError>) -> SessionError {
    match error {
        WelcomeError::StorageError(error) => state(error),
        WelcomeError::NoMatchingKeyPackage => SessionError::NotInvited,
        WelcomeError::GroupAlreadyExists => SessionError::GroupExists,
        other => SessionError::Welcome(other.to_string()),
    }
}
