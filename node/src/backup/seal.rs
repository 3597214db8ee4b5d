//! A stream only a passphrase opens.
//!
//! ```text
//! "CONCLAVE-BACKUP\n" | format u16 | memory KiB u32 | passes u32 | salt 16 | nonce 19   the header
//! 65536 bytes, encrypted | tag 16                                                   each chunk
//! at most 65536 bytes, encrypted | tag 16                                           the last one
//! ```
//!
//! All numbers are big-endian. The key is Argon2id of the passphrase; the cipher is
//! that of files, XChaCha20-Poly1305 in the STREAM construction, whose nonces count the chunks and
//! mark the last, so that chunks cannot be cut off, swapped or added. Every chunk is bound to the
//! header.

use std::io::{self, Read, Write};

use anyhow::{Context, bail, ensure};
use argon2::{Algorithm, Argon2, Params, Version};
use protocol::file::ChunkCipher;
use rand::{RngCore, rngs::OsRng};
use zeroize::Zeroizing;

const MAGIC: &[u8; 16] = b"CONCLAVE-BACKUP\n";
const FORMAT: u16 = 1;
/// What one guess of the passphrase costs: the second choice of RFC 9106, for machines with little
/// memory.
///
/// The unit tests open a file dozens of times and guess nothing.
const MEMORY_KIB: u32 = if cfg!(test) { 64 } else { 64 * 1024 };
const PASSES: u32 = 3;
/// What a file may ask of the machine that reads it.
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
const PASSES_MAX: u32 = 16;
const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 19;
pub(super) const HEADER_BYTES: usize = 16 + 2 + 4 + 4 + SALT_BYTES + NONCE_BYTES;
pub(super) const CHUNK_BYTES: usize = 64 * 1024;
pub(super) const TAG_BYTES: usize = protocol::file::TAG_BYTES;

fn cipher(
    passphrase: &str,
    salt: &[u8],
    (memory, passes): (u32, u32),
    nonce: &[u8],
    header: &[u8],
) -> anyhow::Result<ChunkCipher> {
    let key = key(passphrase, salt, memory, passes)?;
    Ok(ChunkCipher::new(&key, nonce.try_into()?, header))
}

fn key(
    passphrase: &str,
    salt: &[u8],
    memory: u32,
    passes: u32,
) -> anyhow::Result<Zeroizing<[u8; 32]>> {
    let params = Params::new(memory, passes, 1, Some(32));
    let params = params.map_err(|error| anyhow::anyhow!("Argon2: {error}"))?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, key.as_mut_slice())
        .map_err(|error| anyhow::anyhow!("Argon2: {error}"))?;
    Ok(key)
}

/// Encrypts what is written to it.
pub(super) struct Sealer<W> {
    to: W,
    cipher: ChunkCipher,
    place: u32,
    chunk: Zeroizing<Vec<u8>>,
}

impl<W: Write> Sealer<W> {
    /// Writes the header.
    pub(super) fn create(mut to: W, passphrase: &str) -> anyhow::Result<Self> {
        let mut random = [0; SALT_BYTES + NONCE_BYTES];
        OsRng.fill_bytes(&mut random);
        let (salt, nonce) = random.split_at(SALT_BYTES);
        let parts: [&[u8]; 6] = [
            MAGIC,
            &FORMAT.to_be_bytes(),
            &MEMORY_KIB.to_be_bytes(),
            &PASSES.to_be_bytes(),
            salt,
            nonce,
        ];
        let header: [u8; HEADER_BYTES] =
            parts.concat().try_into().expect("the parts have the sizes that are summed up");
        let cipher = cipher(passphrase, salt, (MEMORY_KIB, PASSES), nonce, &header)?;
        to.write_all(&header)?;
        let chunk = Zeroizing::new(Vec::with_capacity(CHUNK_BYTES));
        Ok(Self { to, cipher, place: 0, chunk })
    }

    /// Writes the last chunk.
    pub(super) fn finish(self) -> anyhow::Result<W> {
        let Self { mut to, cipher, place, chunk } = self;
        let sealed = cipher.seal(place, true, &chunk);
        to.write_all(&sealed.context("a chunk cannot be encrypted")?)?;
        Ok(to)
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.chunk.len() == CHUNK_BYTES {
            let too_many = || io::Error::other("too many chunks");
            let next = self.place.checked_add(1).ok_or_else(too_many)?;
            let sealed = self.cipher.seal(self.place, false, &self.chunk);
            self.to.write_all(&sealed.ok_or_else(too_many)?)?;
            self.place = next;
            self.chunk.clear();
        }
        let taken = bytes.len().min(CHUNK_BYTES - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Decrypts what is read from it. Nothing comes out of a chunk that is not authentic.
pub(super) struct Opener<R> {
    from: R,
    cipher: ChunkCipher,
    /// Of the next chunk; none after the last.
    place: Option<u32>,
    /// The next chunk as it stands in the file: a chunk is the last when nothing follows it.
    ahead: Vec<u8>,
    chunk: Zeroizing<Vec<u8>>,
    read: usize,
}

impl<R: Read> Opener<R> {
    /// Reads the header and the first chunk, so that a wrong passphrase shows at once.
    pub(super) fn open(mut from: R, passphrase: &str) -> anyhow::Result<Self> {
        let mut header = [0; HEADER_BYTES];
        from.read_exact(&mut header).context("this is no backup: it is too short")?;
        let number = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|n| header[at + n]));
        ensure!(header.starts_with(MAGIC), "this is no backup of Conclave");
        let format = u16::from_be_bytes([header[16], header[17]]);
        ensure!(format == FORMAT, "backup format {format}; this version reads {FORMAT}");
        let (memory, passes) = (number(18), number(22));
        ensure!(
            (8..=MEMORY_KIB_MAX).contains(&memory) && (1..=PASSES_MAX).contains(&passes),
            "the header asks for {memory} KiB and {passes} passes, more than a backup of ours"
        );
        let (salt, nonce) = header[26..].split_at(SALT_BYTES);
        let cipher = cipher(passphrase, salt, (memory, passes), nonce, &header)?;
        let ahead = next(&mut from)?;
        let chunk = Zeroizing::new(Vec::new());
        let mut opener = Self { from, cipher, place: Some(0), ahead, chunk, read: 0 };
        match opener.advance() {
            Ok(()) => Ok(opener),
            Err(_) => bail!("the passphrase is wrong, or the file is damaged at its start"),
        }
    }

    fn advance(&mut self) -> io::Result<()> {
        let Some(place) = self.place.take() else { return Ok(()) };
        let sealed = std::mem::replace(&mut self.ahead, next(&mut self.from)?);
        let last = self.ahead.is_empty();
        if !last {
            self.place = place.checked_add(1);
        }
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "the file is cut or changed");
        let opened = self.cipher.open(place, last, &sealed);
        self.chunk = Zeroizing::new(opened.ok_or_else(damaged)?);
        self.read = 0;
        Ok(())
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.read == self.chunk.len() && self.place.is_some() {
            self.advance()?;
        }
        let rest = &self.chunk[self.read..];
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        Ok(count)
    }
}

/// As much of the file as a chunk has; less only at its end.
fn next(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(CHUNK_BYTES + TAG_BYTES).unwrap_or(u64::MAX);
    from.by_ref().take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
