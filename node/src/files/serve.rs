//! Nodes that know a file are given it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use engine::{Reply, Request};
use network::FileStream;
use protocol::{
    file::{
        ASK_BYTES_MAX, CHUNKS_MAX, FileAnswer, FileAsk, FileContent, FileKey, FileToken, HASH_BYTES,
    },
    identity::NodeId,
};
use tokio::sync::mpsc;

use super::{Keeper, blocking, chunk_bytes};

/// Streams of one node that are answered at the same time: one a file it fetches, and one more.
const PER_NODE_MAX: usize = 4;
/// Streams answered at the same time.
const STREAMS_MAX: usize = 32;
/// Refusals of one node within [`REFUSALS_EVERY`], after which its streams are closed unread.
const REFUSALS_MAX: u32 = 16;
const REFUSALS_EVERY: Duration = Duration::from_secs(60);
/// Nodes of which refusals are counted.
const COUNTED_MAX: usize = 1_024;

/// Who is being answered, and who asked for what it must not have.
#[derive(Default)]
struct Guests {
    answered: HashMap<NodeId, usize>,
    refused: HashMap<NodeId, (u32, Instant)>,
}

/// A place among the guests, given back when dropped.
struct Seat {
    guests: Arc<Mutex<Guests>>,
    node: NodeId,
}

impl Guests {
    fn admit(&mut self, node: NodeId) -> bool {
        let now = Instant::now();
        self.refused.retain(|_, (_, since)| now.duration_since(*since) < REFUSALS_EVERY);
        let tries = self.refused.get(&node).map_or(0, |(count, _)| *count);
        let streams: usize = self.answered.values().sum();
        let own = self.answered.get(&node).copied().unwrap_or_default();
        let may = tries < REFUSALS_MAX && streams < STREAMS_MAX && own < PER_NODE_MAX;
        if may {
            *self.answered.entry(node).or_default() += 1;
        }
        may
    }

    fn leave(&mut self, node: NodeId) {
        if let Some(count) = self.answered.get_mut(&node) {
            *count -= 1;
            if *count == 0 {
                self.answered.remove(&node);
            }
        }
    }

    fn refuse(&mut self, node: NodeId) {
        if self.refused.len() < COUNTED_MAX || self.refused.contains_key(&node) {
            self.refused.entry(node).or_insert((0, Instant::now())).0 += 1;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner).leave(self.node);
    }
}

impl Keeper {
    /// Answers everybody who asks, until the network is gone.
    pub(super) async fn serve(self, mut streams: mpsc::Receiver<FileStream>) {
        let guests = Arc::new(Mutex::new(Guests::default()));
        while let Some(stream) = streams.recv().await {
            let node = stream.node();
            if !guests.lock().unwrap_or_else(PoisonError::into_inner).admit(node) {
                tracing::debug!(?node, "too many questions about files");
                continue;
            }
            let (keeper, seat) = (self.clone(), Seat { guests: Arc::clone(&guests), node });
            tokio::spawn(async move {
                if !keeper.answer(stream).await {
                    seat.guests.lock().unwrap_or_else(PoisonError::into_inner).refuse(node);
                }
            });
        }
    }

    /// Answers one stream. `false` when its opener asked for what it must not have.
    async fn answer(&self, mut stream: FileStream) -> bool {
        let Some(FileAsk::Open { file, proof }) = heard(&mut stream).await else { return false };
        let (asker, us) = (stream.node(), self.0.network.node());
        let known = match self.ask(Request::GetFile(file)).await {
            Ok(Reply::File { content, .. }) => Some(*content),
            _ => None,
        };
        // An unknown file takes as long as a wrong proof.
        let nobody = || FileToken::of(&FileKey([0; 32]));
        let token = known.as_ref().map_or_else(nobody, FileContent::token);
        let holds = token.holds(&proof, &asker, &us, &file);
        let Some(content) = known.filter(|_| holds) else {
            let _ = stream.write(&FileAnswer::Refused.to_bytes()).await;
            stream.close().await;
            return false;
        };
        let shelf = self.0.shelf.clone();
        let hashes_max = u64::from(CHUNKS_MAX) * HASH_BYTES as u64;
        let hashes = blocking(move || shelf.hashes(&file.0, hashes_max)).await;
        let Ok(hashes) = hashes else {
            // Known, but not here yet: no fault of who asks.
            let _ = stream.write(&FileAnswer::Refused.to_bytes()).await;
            stream.close().await;
            return true;
        };
        let mut answer = FileAnswer::Hashes(hashes);
        while stream.write(&answer.to_bytes()).await.is_ok() {
            let Some(FileAsk::Chunk(place)) = heard(&mut stream).await else { break };
            let (shelf, of) = (self.0.shelf.clone(), content.clone());
            let chunk =
                blocking(move || shelf.chunk(&of.file.0, place, chunk_bytes(&of, place))).await;
            answer = match chunk {
                Ok(bytes) => FileAnswer::Chunk { place, bytes },
                Err(_) => FileAnswer::Refused,
            };
        }
        true
    }
}

async fn heard(stream: &mut FileStream) -> Option<FileAsk> {
    let bytes = stream.read(ASK_BYTES_MAX).await.ok()??;
    FileAsk::from_bytes(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId([1; 32]);

    #[test]
    fn a_node_has_few_streams_and_leaves_room_for_others() {
        let mut guests = Guests::default();
        for _ in 0..PER_NODE_MAX {
            assert!(guests.admit(NODE));
        }
        assert!(!guests.admit(NODE));
        assert!(guests.admit(NodeId([2; 32])));
        guests.leave(NODE);
        assert!(guests.admit(NODE));
    }

    #[test]
    fn who_guesses_is_not_answered_any_more() {
        let mut guests = Guests::default();
        for _ in 0..REFUSALS_MAX {
            assert!(guests.admit(NODE));
            guests.leave(NODE);
            guests.refuse(NODE);
        }
        assert!(!guests.admit(NODE));
        assert!(guests.admit(NodeId([2; 32])));
    }

    #[test]
    fn there_is_an_end_to_those_answered_at_once() {
        let mut guests = Guests::default();
        let admitted = (0..200u8).filter(|n| guests.admit(NodeId([*n; 32]))).count();
        assert_eq!(admitted, STREAMS_MAX);
    }
}
