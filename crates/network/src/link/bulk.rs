//! Streams on which files are fetched: questions one way, answers the other.
//!
//! This end only moves bounded pieces of bytes; what they say is
//! [`protocol::file`]'s, and who may have what is for the rest of the node to say.

use std::{
    io,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::Stream;
use protocol::identity::NodeId;
use tokio::sync::mpsc;

/// How long either end may take for one piece, and how long a stream may say nothing.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Streams of others that may wait to be answered.
const WAITING_MAX: usize = 32;

/// Memory set aside before a byte of a piece has come.
const RESERVE_BYTES: usize = 16 * 1024;

/// A stream with a node whose key the transport has proven.
#[derive(Debug)]
pub struct FileStream {
    node: NodeId,
    stream: Stream,
}

impl FileStream {
    pub(crate) fn new(node: NodeId, stream: Stream) -> Self {
        Self { node, stream }
    }

    /// The other end.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The next piece, at most `bytes_max` long; `None` where the other end is done.
    ///
    /// # Errors
    /// The stream broke, said nothing for too long, or promised a longer piece, of which nothing
    /// has been read.
    pub async fn read(&mut self, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        let stream = &mut self.stream;
        let read = async {
            let mut prefix = [0; 4];
            if stream.read(&mut prefix[..1]).await? == 0 {
                return Ok(None);
            }
            stream.read_exact(&mut prefix[1..]).await?;
            let promised = u32::from_be_bytes(prefix);
            let bytes = usize::try_from(promised).unwrap_or(usize::MAX);
            if bytes == 0 || bytes > bytes_max {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a piece of wrong length"));
            }
            let mut piece = Vec::with_capacity(bytes.min(RESERVE_BYTES));
            stream.take(u64::from(promised)).read_to_end(&mut piece).await?;
            match piece.len() == bytes {
                true => Ok(Some(piece)),
                false => Err(io::ErrorKind::UnexpectedEof.into()),
            }
        };
        within(read).await
    }

    /// Writes a piece.
    ///
    /// # Errors
    /// The stream broke, or the other end does not read.
    pub async fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        let length = u32::try_from(piece.len())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "too long a piece"))?;
        let stream = &mut self.stream;
        within(async {
            stream.write_all(&length.to_be_bytes()).await?;
            stream.write_all(piece).await?;
            stream.flush().await
        })
        .await
    }

    /// Says that nothing more will be written.
    pub async fn close(&mut self) {
        // The other end may be gone already.
        let _ = within(self.stream.close()).await;
    }
}

/// Where streams of others go: to whoever answers them, if anybody does.
#[derive(Debug, Default)]
pub(crate) struct Askers(Mutex<Option<mpsc::Sender<FileStream>>>);

impl Askers {
    /// Takes a stream, or closes it by dropping it.
    pub(crate) fn accept(&self, stream: FileStream) {
        let listener = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if listener.as_ref().is_none_or(|listener| listener.try_send(stream).is_err()) {
            tracing::debug!("nobody answers a stream for files now");
        }
    }

    /// Everything from now on.
    pub(crate) fn listen(&self) -> mpsc::Receiver<FileStream> {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }
}

async fn within<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let silent = |_| io::Error::new(io::ErrorKind::TimedOut, "nothing came for 30 seconds");
    tokio::time::timeout(SILENCE_MAX, work).await.map_err(silent)?
}
