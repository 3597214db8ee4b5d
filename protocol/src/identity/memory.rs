//! What this crate's tests remember of signatures they checked.
//!
//! A simulation has all members in one process, so that each signature is checked once by every
//! one of them. The answer cannot differ: it is computed once for each key, text and signature.

use std::{cell::RefCell, collections::HashMap};

use sha2::{Digest, Sha256};

use super::Signature;

/// Answers kept before all are forgotten; about 20 MB.
const ANSWERS_MAX: usize = 250_000;

thread_local! {
    static ANSWERS: RefCell<HashMap<[u8; 32], bool>> = RefCell::new(HashMap::new());
}

/// Whether the signature holds, by `check` the first time it is asked.
pub(super) fn remembered(
    key: &[u8; 32],
    bytes: &[u8],
    signature: &Signature,
    check: impl FnOnce() -> bool,
) -> bool {
    let mut hasher = Sha256::new();
    hasher.update(key);
    hasher.update(signature.0);
    hasher.update(bytes);
    let question: [u8; 32] = hasher.finalize().into();
    ANSWERS.with_borrow_mut(|answers| {
        if answers.len() >= ANSWERS_MAX {
            answers.clear();
        }
        *answers.entry(question).or_insert_with(check)
    })
}
