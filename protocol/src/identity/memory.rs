//! What this crate's tests remember of signatures they made and checked.
//!
//! A simulation has all members in one process, so that each signature is checked once by every
//! one of them, and plays the same words again in many runs. The answer cannot differ: a signature
//! is made once for each key and text, holds for that key and text, and any other is checked once.
//! What is outside this crate, its integration tests with their vectors among it, remembers nothing.

use std::{cell::RefCell, collections::HashMap};

use sha2::{Digest, Sha256};

use super::Signature;

/// Answers kept before all are forgotten; about 20 MB.
const ANSWERS_MAX: usize = 250_000;
/// Signatures kept before all are forgotten; about 15 MB.
const SIGNATURES_MAX: usize = 100_000;

thread_local! {
    static ANSWERS: RefCell<HashMap<[u8; 32], bool>> = RefCell::new(HashMap::new());
    static SIGNATURES: RefCell<HashMap<[u8; 32], Signature>> = RefCell::new(HashMap::new());
}

/// The signature of these bytes, by `sign` the first time it is asked for.
pub(super) fn signed(key: &[u8; 32], bytes: &[u8], sign: impl FnOnce() -> Signature) -> Signature {
    let text: [u8; 32] = Sha256::new().chain_update(key).chain_update(bytes).finalize().into();
    SIGNATURES.with_borrow_mut(|signatures| {
        if signatures.len() >= SIGNATURES_MAX {
            signatures.clear();
        }
        *signatures.entry(text).or_insert_with(|| {
            let signature = sign();
            remembered(key, bytes, &signature, || true);
            signature
        })
    })
}

/// Whether the signature holds, by `check` the first time it is asked.
pub(super) fn remembered(
    key: &[u8; 32],
    bytes: &[u8],
    signature: &Signature,
    check: impl FnOnce() -> bool,
) -> bool {
    let parts = Sha256::new().chain_update(key).chain_update(signature.0).chain_update(bytes);
    let question: [u8; 32] = parts.finalize().into();
    ANSWERS.with_borrow_mut(|answers| {
        if answers.len() >= ANSWERS_MAX {
            answers.clear();
        }
        *answers.entry(question).or_insert_with(check)
    })
}
