//! A file comes from its owner.

use std::time::Duration;

use api::{Chunks, NewFile};
use engine::{FileNews, Reply, Request, RequestError, view::FileView};
use futures::StreamExt;
use protocol::{
    file::{CHUNK_BYTES, ChunkCipher, ChunkHashes, FileContent, FileKey},
    identity::FileId,
};
use rand::{RngCore, rngs::OsRng};
use store::Incoming;
use zeroize::Zeroizing;

use super::{Keeper, blocking};

/// How long an upload may say nothing.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// A file on its way in, one chunk behind what has come: only the last one is sealed as such.
struct Adding {
    content: FileContent,
    cipher: ChunkCipher,
    hashes: ChunkHashes,
    incoming: Option<Incoming>,
    chunk: Zeroizing<Vec<u8>>,
    place: u32,
}

impl Keeper {
    /// Encrypts and keeps a file. When this returns, it survives a power cut.
    ///
    /// # Errors
    /// A limit, by name; the disk; or whoever sent it stopped.
    pub(super) async fn add(
        &self,
        new: NewFile,
        mut body: Chunks,
    ) -> Result<FileView, RequestError> {
        let added = self.take(new, &mut body).await;
        if added.is_err() {
            // Who is still sending hears the reason only once it has sent everything.
            let rest = async { while let Some(Ok(_)) = body.next().await {} };
            let _ = tokio::time::timeout(SILENCE_MAX, rest).await;
        }
        added
    }

    async fn take(&self, new: NewFile, body: &mut Chunks) -> Result<FileView, RequestError> {
        let busy = |reason: &str| RequestError::Unavailable { reason: reason.into() };
        let _place = self
            .0
            .adding
            .try_acquire()
            .map_err(|_| busy("several files are being added; try again in a moment"))?;
        let declared = new.size;
        self.fits(declared.unwrap_or_default())?;
        let shelf = self.0.shelf.clone();
        let incoming = blocking(move || shelf.add()).await.map_err(disk)?;
        let mut adding = Adding::new(new, incoming);
        loop {
            let next = tokio::time::timeout(SILENCE_MAX, body.next()).await;
            let Some(bytes) = next.map_err(|_| busy("nothing came for 30 seconds"))? else { break };
            let bytes = bytes.map_err(|_| busy("the upload broke off"))?;
            adding.content.size += bytes.len() as u64;
            self.fits(adding.content.size)?;
            adding.take(&bytes).await?;
        }
        if declared.is_some_and(|size| size != adding.content.size) {
            return Err(busy("the upload broke off"));
        }
        // From here on whoever asked may go away; the file is finished and told all the same.
        let keeper = self.clone();
        let finished = tokio::spawn(async move { keeper.finish(adding).await });
        finished.await.map_err(|error| RequestError::Internal { reason: error.to_string() })?
    }

    async fn finish(&self, mut adding: Adding) -> Result<FileView, RequestError> {
        adding.put(true).await?;
        let Adding { mut content, hashes, incoming, .. } = adding;
        content.file = hashes.file_id(content.size, content.chunk_bytes);
        let file = content.file;
        if let Some(incoming) = incoming {
            let kept = blocking(move || incoming.finish(&file.0, hashes.as_bytes())).await;
            kept.map_err(disk)?;
        }
        match self.ask(Request::AddFile(content)).await {
            Ok(Reply::File { view, .. }) => Ok(*view),
            Ok(other) => Err(RequestError::Internal { reason: format!("answered {other:?}") }),
            Err(error) => {
                self.drop_file(file);
                Err(error)
            }
        }
    }

    /// Whether a file of this size may come, naming the limit where not.
    fn fits(&self, size: u64) -> Result<(), RequestError> {
        let limit = self.0.limits.file_bytes;
        if size > limit {
            let mib = limit / (1024 * 1024);
            let reason = format!("a file has at most {mib} MiB, the limit files.file_mib_max");
            return Err(RequestError::Invalid { field: "file", reason });
        }
        if !self.has_room(size) {
            let reason = "the disk is nearly full (free_mib_min)".into();
            return Err(RequestError::Unavailable { reason });
        }
        Ok(())
    }

    /// All chunks of a file small enough to be said in its conversation.
    pub(super) async fn all_parts(
        &self,
        content: FileContent,
    ) -> Result<Vec<Vec<u8>>, RequestError> {
        if !content.has_parts() {
            return Ok(Vec::new());
        }
        let shelf = self.0.shelf.clone();
        let file = content.file;
        let parts = blocking(move || {
            let chunk =
                |place| shelf.chunk(&content.file.0, place, super::chunk_bytes(&content, place));
            (0..content.chunks()).map(chunk).collect()
        });
        match parts.await {
            Ok(parts) => Ok(parts),
            Err(error) => {
                tracing::warn!(%error, "a file could not be read");
                self.tell(file, FileNews::Lost).await;
                Err(RequestError::NotFound { what: "file" })
            }
        }
    }
}

impl Adding {
    fn new(new: NewFile, incoming: Incoming) -> Self {
        let mut key = FileKey([0; 32]);
        OsRng.fill_bytes(&mut key.0);
        let content = FileContent {
            file: FileId([0; 32]),
            key,
            size: 0,
            chunk_bytes: CHUNK_BYTES,
            media_type: new.media_type,
            name: new.name,
            caption: String::new(),
        };
        Self {
            cipher: content.cipher(),
            content,
            hashes: ChunkHashes::default(),
            incoming: Some(incoming),
            chunk: Zeroizing::new(Vec::with_capacity(CHUNK_BYTES as usize)),
            place: 0,
        }
    }

    async fn take(&mut self, mut bytes: &[u8]) -> Result<(), RequestError> {
        while !bytes.is_empty() {
            if self.chunk.len() == CHUNK_BYTES as usize {
                self.put(false).await?;
            }
            let taken = bytes.len().min(CHUNK_BYTES as usize - self.chunk.len());
            self.chunk.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    async fn put(&mut self, last: bool) -> Result<(), RequestError> {
        let internal = |reason: &str| RequestError::Internal { reason: reason.into() };
        let sealed = self.cipher.seal(self.place, last, &self.chunk);
        let sealed = sealed.ok_or_else(|| internal("a chunk cannot be encrypted"))?;
        self.hashes.push(&sealed);
        let mut incoming = self.incoming.take().ok_or_else(|| internal("the folder is gone"))?;
        let place = self.place;
        let put = blocking(move || incoming.put(place, &sealed).map(|()| incoming)).await;
        self.incoming = Some(put.map_err(disk)?);
        self.chunk.clear();
        self.place += 1;
        Ok(())
    }
}

fn disk(error: std::io::Error) -> RequestError {
    tracing::warn!(%error, "a file could not be written");
    RequestError::Unavailable { reason: format!("the file could not be written: {error}") }
}
