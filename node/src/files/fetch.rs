//! What is missing of a file comes from nodes that have it.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use engine::FileNews;
use network::FileStream;
use protocol::{
    file::{ANSWER_BYTES_MAX, ChunkHashes, FileAnswer, FileAsk, FileContent},
    identity::NodeId,
};
use store::Incoming;
use tokio::sync::watch;

use super::{Keeper, blocking, chunk_bytes};

/// Chunks asked for ahead of the answers.
const AHEAD_MAX: usize = 8;
/// The engine hears of progress no more often than this.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// Why nothing came.
enum Failed {
    /// It is not wanted any more.
    Stopped,
    /// This node did not give it, in words.
    Holder(String),
    /// Nobody can, in words: it is our disk.
    Disk(String),
}

/// Resolves when a file is not wanted any more.
type Stop = watch::Receiver<bool>;

impl Keeper {
    /// Fetches what is missing of a file from one of these nodes.
    pub(crate) fn fetch(&self, content: FileContent, holders: Vec<NodeId>) {
        let (stop, mut stopped) = watch::channel(false);
        let file = content.file;
        self.fetching().insert(file, stop);
        let keeper = self.clone();
        tokio::spawn(async move {
            let turn = keeper.turn(file);
            let _turn = turn.lock().await;
            let news = match keeper.fetch_from_any(&content, &holders, &mut stopped).await {
                Ok(()) => FileNews::Whole,
                Err(Failed::Stopped) => return,
                Err(Failed::Holder(reason) | Failed::Disk(reason)) => FileNews::Failed { reason },
            };
            keeper.fetching().remove(&file);
            keeper.tell(file, news).await;
        });
    }

    async fn fetch_from_any(
        &self,
        content: &FileContent,
        holders: &[NodeId],
        stop: &mut Stop,
    ) -> Result<(), Failed> {
        if *stop.borrow() {
            return Err(Failed::Stopped);
        }
        if self.0.shelf.is_whole(&content.file.0) {
            return Ok(());
        }
        let mut last = Failed::Holder("nobody who has it is connected".into());
        for holder in holders {
            match self.fetch_from(content, *holder, stop).await {
                Err(Failed::Holder(reason)) => {
                    tracing::debug!(file = ?content.file, node = ?holder, reason, "no file from a node");
                    last = Failed::Holder(reason);
                }
                other => return other,
            }
        }
        Err(last)
    }

    async fn fetch_from(
        &self,
        content: &FileContent,
        holder: NodeId,
        stop: &mut Stop,
    ) -> Result<(), Failed> {
        let opened = self.0.network.open_files(holder).await;
        let mut stream = opened.map_err(|_| Failed::Holder("its node does not answer".into()))?;
        let us = self.0.network.node();
        let proof = content.token().proof(&us, &holder, &content.file);
        say(&mut stream, &FileAsk::Open { file: content.file, proof }, stop).await?;
        let hashes = match hear(&mut stream, stop).await? {
            FileAnswer::Hashes(bytes) => ChunkHashes::of(content, bytes),
            FileAnswer::Refused => {
                return Err(Failed::Holder("its node does not have it now".into()));
            }
            FileAnswer::Chunk { .. } => None,
        };
        let wrong = || Failed::Holder("its node sent something else".into());
        let hashes = hashes.ok_or_else(wrong)?;
        let (mut incoming, missing) = self.missing(content, &hashes).await?;
        let all = content.chunks() as usize;
        let (mut to_ask, mut asked) = (VecDeque::from(missing), VecDeque::new());
        let mut told = Instant::now();
        self.tell_progress(content, all - to_ask.len()).await;
        loop {
            while asked.len() < AHEAD_MAX
                && let Some(place) = to_ask.pop_front()
            {
                say(&mut stream, &FileAsk::Chunk(place), stop).await?;
                asked.push_back(place);
            }
            let Some(expected) = asked.pop_front() else { break };
            let sealed = match hear(&mut stream, stop).await? {
                FileAnswer::Chunk { place, bytes } if place == expected => bytes,
                FileAnswer::Refused => {
                    return Err(Failed::Holder("its node does not have it any more".into()));
                }
                _ => return Err(wrong()),
            };
            if !hashes.is_chunk(expected, &sealed) {
                return Err(wrong());
            }
            if !self.has_room(sealed.len() as u64) {
                return Err(Failed::Disk("the disk is nearly full (free_mib_min)".into()));
            }
            let put = blocking(move || incoming.put(expected, &sealed).map(|()| incoming));
            incoming = put.await.map_err(disk)?;
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                self.tell_progress(content, all - to_ask.len() - asked.len()).await;
            }
        }
        stream.close().await;
        let file = content.file;
        blocking(move || incoming.finish(&file.0, hashes.as_bytes())).await.map_err(disk)
    }

    /// The folder of a file, and which chunks it does not have. What is there and is not right, for
    /// instance because the disk has changed it, goes.
    async fn missing(
        &self,
        content: &FileContent,
        hashes: &ChunkHashes,
    ) -> Result<(Incoming, Vec<u32>), Failed> {
        let (shelf, content, hashes) = (self.0.shelf.clone(), content.clone(), hashes.clone());
        let look = move || {
            let mut incoming = shelf.fetch(&content.file.0)?;
            let mut here = incoming.places()?;
            for place in here.clone() {
                let chunk = incoming.chunk(place, chunk_bytes(&content, place));
                if !chunk.is_ok_and(|chunk| hashes.is_chunk(place, &chunk)) {
                    incoming.drop_chunk(place)?;
                    here.remove(&place);
                }
            }
            let missing = (0..content.chunks()).filter(|place| !here.contains(place)).collect();
            Ok((incoming, missing))
        };
        blocking(look).await.map_err(disk)
    }

    async fn tell_progress(&self, content: &FileContent, chunks: usize) {
        let have = (chunks as u64).saturating_mul(u64::from(content.chunk_bytes));
        let have = have.min(content.size);
        self.tell(content.file, FileNews::Progress { have }).await;
    }
}

async fn say(stream: &mut FileStream, ask: &FileAsk, stop: &mut Stop) -> Result<(), Failed> {
    let bytes = ask.to_bytes();
    tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => Err(Failed::Stopped),
        written = stream.write(&bytes) => written.map_err(|_| broke()),
    }
}

async fn hear(stream: &mut FileStream, stop: &mut Stop) -> Result<FileAnswer, Failed> {
    let read = tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => return Err(Failed::Stopped),
        read = stream.read(ANSWER_BYTES_MAX) => read,
    };
    let bytes = read.map_err(|_| broke())?.ok_or_else(broke)?;
    let wrong = |_| Failed::Holder("its node sent something else".into());
    FileAnswer::from_bytes(&bytes).map_err(wrong)
}

fn broke() -> Failed {
    Failed::Holder("the connection with its node broke".into())
}

fn disk(error: std::io::Error) -> Failed {
    Failed::Disk(format!("the file could not be written: {error}"))
}
