//! What this machine can do at all, so that a number can be judged.

use std::{io::Write, path::Path, time::Instant};

use anyhow::Context;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, aead::Aead};
use protocol::identity::{Domain, PersonaKey};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Rounds of each raw measurement.
const RAW_ROUNDS: u32 = 2_000;
/// Rounds of the flush measurement, which is the slowest.
const FLUSH_ROUNDS: u32 = 500;

/// How often a second 4 KiB can be made durable.
pub(super) fn flushes_per_second(folder: &Path) -> anyhow::Result<f64> {
    let mut file = std::fs::File::create(folder.join("flush"))?;
    let block = [7u8; 4096];
    let began = Instant::now();
    for _ in 0..FLUSH_ROUNDS {
        file.write_all(&block)?;
        file.sync_data()?;
    }
    Ok(f64::from(FLUSH_ROUNDS) / began.elapsed().as_secs_f64())
}

/// How often a second one core can do the cryptography one message needs at the least, on both
/// sides.
pub(super) fn crypto_per_second(bytes: usize) -> anyhow::Result<f64> {
    let key = PersonaKey::from_seed(&[1; 32]);
    let cipher = ChaCha20Poly1305::new(&[2; 32].into());
    let text = vec![3u8; bytes];
    let failed = |_| anyhow::anyhow!("the cipher failed");
    let began = Instant::now();
    for _ in 0..RAW_ROUNDS {
        let signature = key.sign(Domain::Receipt, &text);
        let sealed = cipher.encrypt(&[0; 12].into(), &text[..]).map_err(failed)?;
        let opened = cipher.decrypt(&[0; 12].into(), &sealed[..]).map_err(failed)?;
        key.id().verify(Domain::Receipt, &opened, &signature).context("the signature failed")?;
    }
    Ok(f64::from(RAW_ROUNDS) / began.elapsed().as_secs_f64())
}

/// How often a second the same bytes can go over loopback TCP and be answered with one byte.
pub(super) async fn round_trips_per_second(bytes: usize) -> anyhow::Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let answering = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let mut buffer = vec![0; bytes];
        for _ in 0..RAW_ROUNDS {
            stream.read_exact(&mut buffer).await?;
            stream.write_all(&[1]).await?;
        }
        std::io::Result::Ok(())
    });
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let block = vec![7; bytes];
    let began = Instant::now();
    for _ in 0..RAW_ROUNDS {
        stream.write_all(&block).await?;
        stream.read_exact(&mut [0]).await?;
    }
    let rate = f64::from(RAW_ROUNDS) / began.elapsed().as_secs_f64();
    answering.await??;
    Ok(rate)
}

/// How often a second one core can sign a short statement and check it strictly.
pub(super) fn signatures_per_second() -> anyhow::Result<f64> {
    let key = PersonaKey::from_seed(&[1; 32]);
    let text = [3u8; 128];
    let began = Instant::now();
    for _ in 0..RAW_ROUNDS {
        let signature = key.sign(Domain::Receipt, &text);
        key.id().verify(Domain::Receipt, &text, &signature).context("the signature failed")?;
    }
    Ok(f64::from(RAW_ROUNDS) / began.elapsed().as_secs_f64())
}
