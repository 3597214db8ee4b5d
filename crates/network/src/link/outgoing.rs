//! The task that writes one peer's frames.

use std::{
    io,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{
    AsyncReadExt, AsyncWriteExt,
    io::{BufWriter, ReadHalf, WriteHalf},
};
use libp2p::{PeerId, Stream};
use protocol::identity::NodeId;
use tokio::sync::{mpsc, oneshot};

use super::{
    codec,
    streams::{Better, Opened},
    table::{Ask, Links, Wiring},
};
use crate::event::{Event, SendFailure};

/// How long dialling may take; every address has its own limit of ten seconds below this one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a connected peer may take to accept and greet.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// Attempts to open a stream. The connection may end in the very moment, and there may be another.
const OPEN_ATTEMPTS: u32 = 3;
/// How long a peer may take to read what is left on a stream that moves.
const MOVE_TIMEOUT: Duration = Duration::from_secs(10);
/// A link without a frame for this long gives its stream back. An open stream would keep the
/// connection alive for ever.
const IDLE: Duration = Duration::from_secs(300);
/// Written together where the queue holds more than one frame.
const BUFFER_BYTES: usize = 64 * 1024;

/// One peer's queue, and what is needed to empty it.
pub(super) struct Link {
    pub(super) node: NodeId,
    pub(super) peer: PeerId,
    pub(super) frames: mpsc::Receiver<Vec<u8>>,
    pub(super) bytes: Arc<AtomicUsize>,
    pub(super) wiring: Wiring,
    pub(super) table: Weak<Links>,
}

/// A stream whose other end is known to read.
struct Open {
    writer: BufWriter<WriteHalf<Stream>>,
    /// The peer says nothing after its greeting; this end shows when it hangs up.
    reader: ReadHalf<Stream>,
    /// For a stream over a relay.
    better: Option<Better>,
}

/// Why a link stops writing on a stream that is as well as ever.
enum Pause {
    /// Nothing to send for a long time.
    Idle,
    /// There is a better connection; this frame, if any, is the first to go there.
    Moving(Option<Vec<u8>>),
}

impl Link {
    /// Runs until idle or until the table closes. Started and stopped by the table.
    pub(super) async fn run(mut self) {
        loop {
            let first = match tokio::time::timeout(IDLE, self.frames.recv()).await {
                Ok(Some(first)) => first,
                Ok(None) => return,
                Err(_idle) => match self.table.upgrade() {
                    Some(table) if !table.retire(&self.node, &mut self.frames) => continue,
                    _ => return,
                },
            };
            self.bytes.fetch_sub(first.len(), Ordering::AcqRel);
            let mut next = Some(first);
            while let Some(first) = next.take() {
                match self.open().await {
                    Ok(stream) => match self.write(stream, first).await {
                        Ok(Pause::Moving(frame)) => next = frame,
                        Ok(Pause::Idle) => {}
                        Err(reason) => self.fail(0, reason),
                    },
                    Err(reason) => self.fail(1, reason),
                }
            }
        }
    }

    async fn open(&mut self) -> Result<Open, SendFailure> {
        let mut attempt = 1;
        loop {
            self.connect().await?;
            let opened = tokio::time::timeout(OPEN_TIMEOUT, self.greeted()).await;
            match opened.unwrap_or(Err(SendFailure::TimedOut)) {
                Err(SendFailure::Broken) if attempt < OPEN_ATTEMPTS => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    async fn connect(&self) -> Result<(), SendFailure> {
        let (reply, answer) = oneshot::channel();
        let connected = async {
            let request = Ask::Connect { peer: self.peer, reply };
            self.wiring.ask.send(request).await.map_err(|_| SendFailure::Broken)?;
            answer.await.map_err(|_| SendFailure::Broken)?
        };
        let outcome = tokio::time::timeout(CONNECT_TIMEOUT, connected).await;
        outcome.unwrap_or(Err(SendFailure::Unreachable))
    }

    async fn greeted(&mut self) -> Result<Open, SendFailure> {
        let (reply, answer) = oneshot::channel();
        let request = Ask::Open { peer: self.peer, reply };
        self.wiring.ask.send(request).await.map_err(|_| SendFailure::Broken)?;
        let Opened { stream, better } = answer.await.map_err(|_| SendFailure::Broken)??;
        let (mut reader, writer) = stream.split();
        let mut greeting = codec::GREETING;
        reader.read_exact(&mut greeting).await.map_err(|_| SendFailure::Broken)?;
        if greeting != codec::GREETING {
            return Err(SendFailure::Unsupported);
        }
        Ok(Open { writer: BufWriter::with_capacity(BUFFER_BYTES, writer), reader, better })
    }

    /// Writes until the link is idle or moves. A peer that reads slowly is waited for: that is
    /// what fills the queue and tells our own senders to slow down.
    async fn write(&mut self, stream: Open, first: Vec<u8>) -> Result<Pause, SendFailure> {
        let Open { mut writer, mut reader, mut better } = stream;
        let (frames, bytes, sent) = (&mut self.frames, &self.bytes, &self.wiring.counters);
        let writing = async {
            let mut next = Some(first);
            let pause = loop {
                while let Some(frame) = next {
                    if better.as_mut().is_some_and(|better| better.try_recv().is_ok()) {
                        next = Some(frame);
                        break;
                    }
                    writer.write_all(&frame).await?;
                    sent.frames_sent.one();
                    sent.bytes_sent.add(frame.len() as u64);
                    next = frames.try_recv().ok().inspect(|frame| {
                        bytes.fetch_sub(frame.len(), Ordering::AcqRel);
                    });
                }
                if next.is_some() {
                    break Pause::Moving(next);
                }
                writer.flush().await?;
                tokio::select! {
                    () = appeared(&mut better) => break Pause::Moving(None),
                    received = tokio::time::timeout(IDLE, frames.recv()) => match received {
                        Ok(Some(frame)) => {
                            bytes.fetch_sub(frame.len(), Ordering::AcqRel);
                            next = Some(frame);
                        }
                        Ok(None) | Err(_) => break Pause::Idle,
                    },
                }
            };
            writer.close().await.map(|()| pause)
        };
        let mut unexpected = [0; 1];
        let pause = {
            let hung_up = reader.read(&mut unexpected);
            tokio::select! {
                written = writing => written.map_err(|_: io::Error| SendFailure::Broken)?,
                _ = hung_up => return Err(SendFailure::Broken),
            }
        };
        if let Pause::Moving(_) = pause {
            // The peer hangs up when it has read everything; what comes on the next stream would
            // overtake what is still on this one.
            let read = tokio::time::timeout(MOVE_TIMEOUT, reader.read(&mut unexpected)).await;
            if !matches!(read, Ok(Ok(0))) {
                return Err(SendFailure::Broken);
            }
            tracing::debug!(node = %self.node, "moving to a direct connection");
        }
        Ok(pause)
    }

    /// Empties the queue and says so: order holds only if nothing behind a lost frame is kept.
    fn fail(&mut self, lost: usize, reason: SendFailure) {
        let mut frames = lost;
        while let Ok(frame) = self.frames.try_recv() {
            self.bytes.fetch_sub(frame.len(), Ordering::AcqRel);
            frames += 1;
        }
        self.wiring.counters.links_broken.one();
        tracing::debug!(node = %self.node, ?reason, frames, "link failed");
        self.wiring.board.post(Event::SendFailed { node: self.node, frames, reason });
    }
}

/// Resolves when a better connection has appeared; never where none is waited for.
async fn appeared(better: &mut Option<Better>) {
    match better {
        Some(waiting) => {
            if waiting.await.is_err() {
                // The last connection is gone, and with it this stream.
                *better = None;
                std::future::pending::<()>().await;
            }
        }
        None => std::future::pending().await,
    }
}
