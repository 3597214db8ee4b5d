//! First contact: a box that only the holder of a card's sealing key can open.
//!
//! ```text
//! version (1) || tag (16) || nonce (24) || masked ephemeral key (32) || ciphertext
//! ```
//!
//! The format is that of every envelope. The tag comes from the sealing key and the day. The
//! ephemeral X25519 key is masked with bytes that come from the sealing key and the nonce:
//! curve points do not look random, and without the mask anyone who carries envelopes could
//! tell first contacts from the rest without knowing any card. Whoever holds the card can
//! compute tag and mask, but not what is inside.
//!
//! A box says nothing about who made it; what it encloses is signed.

use std::fmt;

use hkdf::Hkdf;
use rand::{CryptoRng, RngCore};
use sha2::Sha256;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::{
    Envelope, SessionError, Tag,
    envelope::NONCE_BYTES,
    tag::{window, windows},
};
use crate::{
    card::SealingKey,
    identity::Domain,
    mailbox::{ReleaseKey, ReleaseLock},
};

const EPHEMERAL_BYTES: usize = 32;

/// The secret half of a [`SealingKey`].
pub struct SealingSecret(StaticSecret);

impl SealingSecret {
    /// The secret made from 32 secret, uniformly random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(StaticSecret::from(*seed))
    }

    /// The key that stands in the card.
    pub fn public(&self) -> SealingKey {
        SealingKey(PublicKey::from(&self.0).to_bytes())
    }
}

impl fmt::Debug for SealingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingSecret(..)")
    }
}

/// Seals bytes to the holder of a sealing key, addressed for the day of `now_ms`. Comes with the
/// lock whose key only author and recipient can compute.
///
/// # Errors
/// [`SessionError::SealingKey`] for a key of small order, [`SessionError::Envelope`] when the
/// bytes do not fit.
pub fn seal_to(
    key: &SealingKey,
    plaintext: &[u8],
    now_ms: u64,
    rng: &mut (impl CryptoRng + RngCore),
) -> Result<(Envelope, ReleaseLock), SessionError> {
    let mut seed = Zeroizing::new([0; 32]);
    rng.fill_bytes(seed.as_mut());
    let mut nonce = [0; NONCE_BYTES];
    rng.fill_bytes(&mut nonce);

    let secret = StaticSecret::from(*seed);
    let ephemeral = PublicKey::from(&secret).to_bytes();
    let shared = secret.diffie_hellman(&PublicKey::from(key.0));
    if !shared.was_contributory() {
        return Err(SessionError::SealingKey);
    }
    let box_key = box_key(shared.as_bytes(), &nonce, &ephemeral, key);
    let masked = mask(ephemeral, key, &nonce);
    let tag = contact_tag(key, window(now_ms));
    let envelope = Envelope::seal_after(&masked, &box_key, tag, nonce, plaintext)?;
    Ok((envelope, release_key(&box_key).lock()))
}

/// Opens a box sealed to our key: what it encloses, and the key that gives it free at a mailbox.
///
/// # Errors
/// [`SessionError::SealedBox`] when it is for another key or was changed.
pub fn open_sealed(
    secret: &SealingSecret,
    envelope: &Envelope,
) -> Result<(Vec<u8>, ReleaseKey), SessionError> {
    let (key, nonce) = (secret.public(), envelope.nonce());
    let ephemeral = mask(envelope.after_nonce(), &key, &nonce);
    let shared = secret.0.diffie_hellman(&PublicKey::from(ephemeral));
    if !shared.was_contributory() {
        return Err(SessionError::SealedBox);
    }
    let box_key = box_key(shared.as_bytes(), &nonce, &ephemeral, &key);
    let content = envelope.open_after(EPHEMERAL_BYTES, &box_key).ok_or(SessionError::SealedBox)?;
    Ok((content.to_vec(), release_key(&box_key)))
}

/// The tags under which first contacts for a sealing key may come now: yesterday's, today's and
/// tomorrow's.
pub fn contact_tags(key: &SealingKey, now_ms: u64) -> [Tag; 3] {
    windows(now_ms).map(|window| contact_tag(key, window))
}

fn contact_tag(key: &SealingKey, window: u64) -> Tag {
    let body = [&key.0[..], &window.to_be_bytes()].concat();
    Tag::of(&Domain::ContactTag.bytes(&body))
}

/// Masks or unmasks an ephemeral key: XOR is its own inverse.
fn mask(mut ephemeral: [u8; 32], key: &SealingKey, nonce: &[u8; NONCE_BYTES]) -> [u8; 32] {
    let mask = derive(&key.0, nonce, b"mask");
    ephemeral.iter_mut().zip(mask.iter()).for_each(|(byte, mask)| *byte ^= mask);
    ephemeral
}

fn box_key(
    shared: &[u8; 32],
    nonce: &[u8; NONCE_BYTES],
    ephemeral: &[u8; 32],
    key: &SealingKey,
) -> Zeroizing<[u8; 32]> {
    derive(shared, nonce, &[b"key", &ephemeral[..], &key.0].concat())
}

/// The box key is used once, so what is derived from it is too.
fn release_key(box_key: &[u8; 32]) -> ReleaseKey {
    ReleaseKey(*derive(box_key, &[], b"release"))
}

fn derive(input: &[u8; 32], salt: &[u8], purpose: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut output = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(salt), input)
        .expand(&Domain::SealedBox.bytes(purpose), output.as_mut())
        .expect("32 bytes are within what HKDF gives");
    output
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;
    use crate::session::WINDOW_MS;

    const NOW: u64 = 20_000 * WINDOW_MS + 1;

    fn sealed(secret: &SealingSecret, plaintext: &[u8]) -> Envelope {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        seal_to(&secret.public(), plaintext, NOW, &mut rng).unwrap().0
    }

    #[test]
    fn a_box_opens_with_its_key_and_with_no_other() {
        let (ours, other) =
            (SealingSecret::from_seed(&[1; 32]), SealingSecret::from_seed(&[2; 32]));
        let envelope = sealed(&ours, b"hello");
        assert_eq!(open_sealed(&ours, &envelope).unwrap().0, b"hello");
        assert_eq!(open_sealed(&other, &envelope), Err(SessionError::SealedBox));
    }

    #[test]
    fn whoever_opens_a_box_has_the_key_to_its_lock() {
        let ours = SealingSecret::from_seed(&[1; 32]);
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let (envelope, lock) = seal_to(&ours.public(), b"hello", NOW, &mut rng).unwrap();
        let (_, key) = open_sealed(&ours, &envelope).unwrap();
        assert_eq!(key.lock(), lock);
    }

    #[test]
    fn a_box_is_found_by_its_tag_for_three_days() {
        let secret = SealingSecret::from_seed(&[1; 32]);
        let tag = sealed(&secret, b"hello").tag();
        for (later, heard) in [(0, true), (1, true), (2, false)] {
            let tags = contact_tags(&secret.public(), NOW + later * WINDOW_MS);
            assert_eq!(tags.contains(&tag), heard, "{later} days later");
        }
    }

    #[test]
    fn a_box_with_any_byte_changed_stays_shut() {
        let secret = SealingSecret::from_seed(&[1; 32]);
        let bytes = sealed(&secret, b"hello").into_bytes();
        for at in 1..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x80;
            let envelope = Envelope::from_bytes(changed).unwrap();
            assert_eq!(open_sealed(&secret, &envelope), Err(SessionError::SealedBox), "{at}");
        }
    }

    #[test]
    fn a_sealing_key_of_small_order_is_refused() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let verdict = seal_to(&SealingKey([0; 32]), b"hello", NOW, &mut rng);
        assert_eq!(verdict, Err(SessionError::SealingKey));
    }

    #[test]
    fn the_ephemeral_key_does_not_show_its_clear_top_bit() {
        let secret = SealingSecret::from_seed(&[1; 32]);
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let top_bits = (0..64).filter(|_| {
            let (envelope, _) = seal_to(&secret.public(), b"hello", NOW, &mut rng).unwrap();
            envelope.after_nonce()[31] & 0x80 != 0
        });
        assert!((8..56).contains(&top_bits.count()));
    }

    #[test]
    fn secrets_do_not_print() {
        assert_eq!(format!("{:?}", SealingSecret::from_seed(&[1; 32])), "SealingSecret(..)");
    }
}
