//! Ids in requests: text outside, fixed bytes inside.

use std::{fmt::Display, str::FromStr};

use serde::{Deserialize, Deserializer, de::Error};

/// An id in a JSON body. Text that is no such id makes the body malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Id<T>(pub(crate) T);

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

/// The ids themselves.
pub(crate) fn bare<T>(ids: Vec<Id<T>>) -> Vec<T> {
    ids.into_iter().map(|Id(id)| id).collect()
}

/// The inner value of an optional id.
pub(crate) fn bare_option<T>(id: Option<Id<T>>) -> Option<T> {
    id.map(|Id(id)| id)
}
