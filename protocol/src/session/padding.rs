//! Lengths that say little: every envelope has one of a few sizes.

/// The small sizes of an envelope, in bytes.
pub const BUCKETS: [usize; 5] = [512, 2048, 8192, 32_768, 131_072];

/// Above the last of [`BUCKETS`], sizes are multiples of this, in bytes.
pub const BUCKET_STEP: usize = 131_072;

/// Bytes of the length that stands before the content.
pub(super) const LENGTH_BYTES: usize = 4;

/// The smallest bucket that holds `bytes`.
pub(super) fn bucket(bytes: usize) -> usize {
    BUCKETS
        .into_iter()
        .find(|bucket| bytes <= *bucket)
        .unwrap_or_else(|| bytes.div_ceil(BUCKET_STEP) * BUCKET_STEP)
}

/// Whether an envelope may have this length.
pub(super) fn is_bucket(bytes: usize) -> bool {
    bytes > 0 && bucket(bytes) == bytes
}

/// `length (u32, little endian) || content || zeroes`, `padded_len` bytes in all.
///
/// # Panics
/// When the content does not fit, which the caller has ruled out by its choice of `padded_len`.
pub(super) fn pad(content: &[u8], padded_len: usize) -> Vec<u8> {
    let len = u32::try_from(content.len()).expect("content is bounded far below 4 GiB");
    assert!(content.len() + LENGTH_BYTES <= padded_len, "the bucket was chosen for the content");
    let mut padded = Vec::with_capacity(padded_len);
    padded.extend(len.to_le_bytes());
    padded.extend(content);
    padded.resize(padded_len, 0);
    padded
}

/// The content of padded bytes, or `None` when they are not what [`pad`] makes.
pub(super) fn unpad(padded: &[u8]) -> Option<&[u8]> {
    let (len, rest) = padded.split_first_chunk::<LENGTH_BYTES>()?;
    let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
    let (content, zeroes) = rest.split_at_checked(len)?;
    zeroes.iter().all(|byte| *byte == 0).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_falls_into_the_smallest_bucket_that_holds_it() {
        for (bytes, expected) in [
            (1, 512),
            (512, 512),
            (513, 2048),
            (131_072, 131_072),
            (131_073, 262_144),
            (262_145, 393_216),
        ] {
            assert_eq!(bucket(bytes), expected, "{bytes}");
        }
        assert!(is_bucket(524_288) && !is_bucket(524_287) && !is_bucket(0));
    }

    #[test]
    fn padding_comes_off_and_leaves_the_content() {
        assert_eq!(unpad(&pad(b"hello", 64)), Some(&b"hello"[..]));
        assert_eq!(unpad(&pad(b"", 4)), Some(&b""[..]));
    }

    #[test]
    fn padding_that_is_not_zero_or_lies_about_its_length_is_refused() {
        let mut padded = pad(b"hello", 64);
        padded[63] = 1;
        assert_eq!(unpad(&padded), None);
        assert_eq!(unpad(&[9, 0, 0, 0, 1]), None);
        assert_eq!(unpad(&[0, 0, 0]), None);
    }
}
