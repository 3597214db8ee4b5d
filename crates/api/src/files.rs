//! The way to the bytes of files. They pass the engine by: it would have nothing to add.

use std::{fmt, io, ops::Range, sync::Arc};

use axum::body::Bytes;
use engine::{RequestError, view::FileView};
use futures::{future::BoxFuture, stream::BoxStream};
use protocol::file::FileContent;

/// Bytes as they come.
pub type Chunks = BoxStream<'static, io::Result<Bytes>>;

/// A file its owner adds.
#[derive(Debug)]
pub struct NewFile {
    /// By [`protocol::file::is_clean_name`].
    pub name: String,
    /// By [`protocol::file::is_media_type`].
    pub media_type: String,
    /// In bytes, where whoever sends it says so.
    pub size: Option<u64>,
}

/// Whoever keeps the files of a node.
pub trait Files: Send + Sync + 'static {
    /// Keeps a file. Once this resolves, it survives a power cut.
    fn add(&self, new: NewFile, body: Chunks)
    -> BoxFuture<'static, Result<FileView, RequestError>>;

    /// Bytes of a file that is here, from a range within its size.
    fn read(&self, content: FileContent, range: Range<u64>) -> Chunks;

    /// All encrypted chunks of a file small enough to be said in its conversation; none of others.
    fn parts(&self, content: FileContent)
    -> BoxFuture<'static, Result<Vec<Vec<u8>>, RequestError>>;
}

/// Whoever keeps the files, if anybody does.
#[derive(Clone, Default)]
pub(crate) struct Shelf(pub(crate) Option<Arc<dyn Files>>);

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Shelf" } else { "no shelf" })
    }
}
