//! Proof of work for those who share no secret with the recipient (hashcash: Back, 2002).
//!
//! It makes flooding cost something; what a flood can reach is bounded by quotas.

use crate::identity::{Domain, EnvelopeId};

/// Leading zero bits asked for: about 65,000 hashes, some tens of milliseconds.
pub const WORK_BITS: u32 = 16;

/// Finds the first nonce with which [`is_done`] holds.
pub fn work(envelope: &EnvelopeId) -> u64 {
    (0..).find(|nonce| is_done(envelope, *nonce)).expect("one in 65,000 nonces does it")
}

/// Whether the hash of envelope id and nonce, in eight bytes, big-endian, begins with
/// [`WORK_BITS`] zero bits.
pub fn is_done(envelope: &EnvelopeId, nonce: u64) -> bool {
    let hash = Domain::Work.hash(&[envelope.as_bytes(), &nonce.to_be_bytes()].concat());
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]).leading_zeros() >= WORK_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_for_one_envelope_only() {
        let (one, other) = (EnvelopeId([1; 32]), EnvelopeId([2; 32]));
        let nonce = work(&one);
        assert!(is_done(&one, nonce));
        assert!(!is_done(&other, nonce));
        assert!((0..nonce).all(|less| !is_done(&one, less)));
    }
}
