//! The tasks that read incoming streams.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use futures::{AsyncReadExt, AsyncWriteExt, io::BufReader};
use libp2p::{PeerId, Stream};
use protocol::identity::NodeId;
use tokio::task::AbortHandle;

use super::codec::{self, ReadError};
use crate::{
    address,
    counters::Counters,
    event::{Event, Inbox},
};

/// Streams one peer may have open towards us. It needs one; a few more may overlap while it
/// replaces a broken one. Beyond that the oldest goes.
const STREAMS_PER_PEER_MAX: usize = 4;

const BUFFER_BYTES: usize = 16 * 1024;

/// All reader tasks. Owned by the driver, which hands every accepted stream over at once.
pub(crate) struct Readers {
    inbox: Inbox,
    counters: Arc<Counters>,
    running: HashMap<PeerId, VecDeque<AbortHandle>>,
}

impl Readers {
    pub(crate) fn new(inbox: Inbox, counters: Arc<Counters>) -> Self {
        Self { inbox, counters, running: HashMap::new() }
    }

    /// Starts reading a stream.
    pub(crate) fn accept(&mut self, peer: PeerId, stream: Stream) {
        let Some(node) = address::node_of(&peer) else { return };
        let running = self.running.entry(peer).or_default();
        running.retain(|task| !task.is_finished());
        while running.len() >= STREAMS_PER_PEER_MAX {
            if let Some(oldest) = running.pop_front() {
                oldest.abort();
            }
        }
        let task = tokio::spawn(read(node, stream, self.inbox.clone(), self.counters.clone()));
        running.push_back(task.abort_handle());
    }

    /// Forgets a peer that left. Its readers deliver what has arrived and then find the end.
    pub(crate) fn forget(&mut self, peer: &PeerId) {
        self.running.remove(peer);
    }

    /// Ends all readers.
    pub(crate) fn close(&mut self) {
        self.running.drain().flat_map(|(_, tasks)| tasks).for_each(|task| task.abort());
    }
}

/// Reads until the peer is done, breaks a rule, or nobody listens any more.
async fn read(node: NodeId, stream: Stream, inbox: Inbox, counters: Arc<Counters>) {
    let (reader, mut writer) = stream.split();
    let greeted = async {
        writer.write_all(&codec::GREETING).await?;
        writer.flush().await
    };
    if greeted.await.is_err() {
        return;
    }
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, reader);
    loop {
        match codec::read_frame(&mut reader, codec::BODY_TIMEOUT).await {
            Ok(Some((frame, bytes))) => {
                counters.frames_received.one();
                if !inbox.deliver(Event::Frame { node, frame }, bytes).await {
                    return;
                }
            }
            Ok(None) => {
                // Says that everything has been read, for a peer that moves to another stream.
                let _ = writer.close().await;
                return;
            }
            Err(ReadError::Io(error)) => {
                tracing::debug!(%node, %error, "an incoming stream broke");
                return;
            }
            Err(error) => {
                counters.streams_malformed.one();
                // Not the error's own text: that may quote what the peer sent.
                let rule = match error {
                    ReadError::Length(_) => "length",
                    ReadError::Stalled => "stalled",
                    ReadError::Io(_) | ReadError::Decode(_) => "encoding",
                };
                tracing::debug!(%node, rule, "closing a malformed stream");
                return;
            }
        }
    }
}
