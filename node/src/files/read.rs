//! A file goes to its owner.

use std::{io, ops::Range};

use api::{Chunks, Files, NewFile};
use engine::{FileNews, RequestError, view::FileView};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use protocol::file::FileContent;

use super::{Keeper, blocking, chunk_bytes};

impl Files for Keeper {
    fn add(
        &self,
        new: NewFile,
        body: Chunks,
    ) -> BoxFuture<'static, Result<FileView, RequestError>> {
        let keeper = self.clone();
        async move { Keeper::add(&keeper, new, body).await }.boxed()
    }

    fn read(&self, content: FileContent, range: Range<u64>) -> Chunks {
        let chunk = u64::from(content.chunk_bytes.max(1));
        let first = u32::try_from(range.start / chunk).unwrap_or(u32::MAX);
        let keeper = self.clone();
        let next = move |place: u32| {
            let (keeper, content, range) = (keeper.clone(), content.clone(), range.clone());
            async move {
                let start = u64::from(place) * chunk;
                if start >= range.end {
                    return Ok(None);
                }
                let mut plain = keeper.chunk(&content, place).await?;
                let within =
                    |at: u64| usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX);
                plain.truncate(within(range.end));
                plain.drain(..within(range.start).min(plain.len()));
                Ok(Some((plain.into(), place + 1)))
            }
        };
        stream::try_unfold(first, next).boxed()
    }

    fn parts(
        &self,
        content: FileContent,
    ) -> BoxFuture<'static, Result<Vec<Vec<u8>>, RequestError>> {
        let keeper = self.clone();
        async move { keeper.all_parts(content).await }.boxed()
    }
}

impl Keeper {
    /// A chunk in the clear.
    async fn chunk(&self, content: &FileContent, place: u32) -> io::Result<Vec<u8>> {
        let (shelf, of) = (self.0.shelf.clone(), content.clone());
        let read = blocking(move || {
            let sealed = shelf.chunk(&of.file.0, place, chunk_bytes(&of, place))?;
            let plain = of.cipher().open(place, of.is_last(place), &sealed);
            plain.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a damaged chunk"))
        });
        let read = read.await;
        if let Err(error) = &read {
            tracing::warn!(%error, file = ?content.file, "a file could not be read");
            // What is damaged is as good as gone; others may still have it.
            self.drop_file(content.file);
            self.tell(content.file, FileNews::Lost).await;
        }
        read
    }
}
