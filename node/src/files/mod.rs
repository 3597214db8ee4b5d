//! Files on the disk and on the network: does what the engine decides about them.
//!
//! | who | does |
//! | --- | --- |
//! | [`add`] | takes a file from its owner, encrypts it chunk by chunk, keeps it |
//! | [`read`] | gives it to its owner |
//! | [`fetch`] | gets what is missing of a file from nodes that have it |
//! | [`parts`] | keeps chunks that came as messages |
//! | [`serve`] | answers nodes that ask |
//!
//! One task at a time works on a file; the others wait for it. Whatever is kept has been checked.

mod add;
mod fetch;
mod parts;
mod read;
mod serve;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use api::Call;
use engine::{FileLimits, FileNews, Input, Reply, Request, RequestError};
use protocol::{file::FileContent, identity::FileId};
use tokio::sync::{Mutex as Turn, Semaphore, mpsc, oneshot, watch};

use crate::driver::Completion;

/// Where they lie in the data folder.
pub(crate) const FOLDER: &str = "files";

/// Files added at the same time.
const ADDING_MAX: usize = 4;

/// Keeps the files of a node. Clones keep the same ones.
#[derive(Clone)]
pub(crate) struct Keeper(Arc<Inner>);

struct Inner {
    shelf: store::Files,
    folder: PathBuf,
    /// Free space below which nothing more is written, in bytes.
    free_bytes_min: u64,
    limits: FileLimits,
    network: network::Handle,
    calls: mpsc::Sender<Call>,
    completions: mpsc::Sender<Completion>,
    adding: Semaphore,
    /// Whose turn it is with each file that is being worked on.
    turns: Mutex<BTreeMap<FileId, Weak<Turn<()>>>>,
    /// Files being fetched, and how to stop that.
    fetching: Mutex<HashMap<FileId, watch::Sender<bool>>>,
}

/// What a keeper is made from.
pub(crate) struct Parts {
    pub(crate) folder: PathBuf,
    pub(crate) free_bytes_min: u64,
    pub(crate) limits: FileLimits,
    pub(crate) network: network::Handle,
    pub(crate) calls: mpsc::Sender<Call>,
    pub(crate) completions: mpsc::Sender<Completion>,
}

impl Keeper {
    /// Opens the folder, and removes what nothing in the ledger refers to.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub(crate) fn open(parts: Parts, kept: &BTreeSet<FileId>) -> anyhow::Result<Self> {
        let shelf = store::Files::open(&parts.folder)?;
        shelf.sweep(&kept.iter().map(|file| file.0).collect())?;
        let keeper = Self(Arc::new(Inner {
            shelf,
            folder: parts.folder,
            free_bytes_min: parts.free_bytes_min,
            limits: parts.limits,
            network: parts.network,
            calls: parts.calls,
            completions: parts.completions,
            adding: Semaphore::new(ADDING_MAX),
            turns: Mutex::default(),
            fetching: Mutex::default(),
        }));
        let (server, streams) = (keeper.clone(), keeper.0.network.file_streams());
        tokio::spawn(server.serve(streams));
        Ok(keeper)
    }

    /// What the engine is told at start.
    pub(crate) fn on_disk(&self) -> Input {
        let whole = self.0.shelf.whole().into_iter().map(FileId).collect();
        Input::FilesOnDisk { whole, limits: self.0.limits }
    }

    /// Stops fetching a file and removes what is here of it.
    pub(crate) fn drop_file(&self, file: FileId) {
        if let Some(stop) = self.fetching().remove(&file) {
            stop.send_replace(true);
        }
        let keeper = self.clone();
        tokio::spawn(async move {
            let turn = keeper.turn(file);
            let _turn = turn.lock().await;
            let shelf = keeper.0.shelf.clone();
            if let Err(error) = blocking(move || shelf.remove(&file.0)).await {
                // Its key is gone already; what stays is swept at the next start.
                tracing::warn!(%error, "a file could not be removed");
            }
        });
    }

    /// Asks the engine for something.
    async fn ask(&self, request: Request) -> Result<Reply, RequestError> {
        let stopping = || RequestError::Unavailable { reason: "the node is stopping".into() };
        let (reply, answer) = oneshot::channel();
        let call = Call { request, by: None, reply };
        self.0.calls.send(call).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }

    /// Tells the engine what became of a file.
    async fn tell(&self, file: FileId, news: FileNews) {
        let input = Input::FileNews { file, news };
        // Refused only when the driver has stopped, and then nobody waits for it.
        let _ = self.0.completions.send(Completion::Input(input)).await;
    }

    fn turn(&self, file: FileId) -> Arc<Turn<()>> {
        let mut turns = self.0.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = turns.get(&file).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::new(Turn::new(()));
        turns.insert(file, Arc::downgrade(&turn));
        turn
    }

    fn fetching(&self) -> std::sync::MutexGuard<'_, HashMap<FileId, watch::Sender<bool>>> {
        self.0.fetching.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether so many bytes more may be written.
    fn has_room(&self, bytes: u64) -> bool {
        has_room(&self.0.folder, self.0.free_bytes_min.saturating_add(bytes))
    }
}

/// The most bytes the chunk at a place may have on the disk.
fn chunk_bytes(content: &FileContent, place: u32) -> u64 {
    content.sealed_bytes(place).map_or(0, |bytes| bytes as u64)
}

/// A disk that cannot be asked is not known to be full.
fn has_room(folder: &Path, bytes: u64) -> bool {
    fs2::available_space(folder).is_ok_and(|free| free >= bytes) || !folder.exists()
}

/// Does something to the disk without holding up others.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
