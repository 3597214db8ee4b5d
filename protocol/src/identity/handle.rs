//! Handles: names people can say. Hints only; the key is the identity.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::PersonaId;

/// `maya#4f2k`: a name and the first characters of the key's fingerprint, so that a bare name
/// cannot be squatted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Handle {
    name: String,
    tag: String,
}

/// Why a handle was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HandleError {
    /// The name part is empty, too long or has other characters.
    #[error("a handle's name has 1 to 32 lower-case letters, digits, '-' or '_'")]
    Name,
    /// The part behind `#` is not four characters of base32.
    #[error("a handle ends in '#' and four characters of a to z and 2 to 7, like maya#4f2k")]
    Tag,
}

const TAG_CHARACTERS: usize = 4;

impl Handle {
    /// The handle of a persona under a name.
    ///
    /// # Errors
    /// [`HandleError::Name`] when the name has characters a handle may not have.
    pub fn new(name: &str, persona: &PersonaId) -> Result<Self, HandleError> {
        check_name(name)?;
        Ok(Self { name: name.to_owned(), tag: persona.fingerprint(TAG_CHARACTERS) })
    }

    /// The name before the `#`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the part behind `#` really comes from this persona's key.
    pub fn belongs_to(&self, persona: &PersonaId) -> bool {
        check_name(&self.name).is_ok() && self.tag == persona.fingerprint(TAG_CHARACTERS)
    }
}

fn check_name(name: &str) -> Result<(), HandleError> {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    match name.len() {
        1..=32 if name.chars().all(legal) => Ok(()),
        _ => Err(HandleError::Name),
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.name, self.tag)
    }
}

impl FromStr for Handle {
    type Err = HandleError;

    fn from_str(text: &str) -> Result<Self, HandleError> {
        let (name, tag) = text.split_once('#').ok_or(HandleError::Tag)?;
        check_name(name)?;
        let legal = |c: char| c.is_ascii_lowercase() || ('2'..='7').contains(&c);
        if tag.len() != TAG_CHARACTERS || !tag.chars().all(legal) {
            return Err(HandleError::Tag);
        }
        Ok(Self { name: name.to_owned(), tag: tag.to_owned() })
    }
}
