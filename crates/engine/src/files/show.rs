//! A file as the owner sees it.

use protocol::{file::FileContent, identity::FileId};

use super::Known;
use crate::{
    request::{Reply, RequestError},
    state::Engine,
    view::{FileState, FileView},
};

impl Engine {
    pub(super) fn known_file(&self, file: &FileId) -> Result<&Known, RequestError> {
        self.files.known.get(file).ok_or(RequestError::NotFound { what: "file" })
    }

    /// A file with what the shell needs to read and pass it on.
    pub(crate) fn file_reply(&self, file: &FileId) -> Result<Reply, RequestError> {
        let content = self.known_file(file)?.content.clone();
        let view = Box::new(self.file_view(&content));
        Ok(Reply::File { view, content: Box::new(content) })
    }

    /// A file that a message shares, as it is here now.
    pub(crate) fn file_view(&self, content: &FileContent) -> FileView {
        let known = self.files.known.get(&content.file);
        let here = self.files.on_disk.contains(&content.file);
        let state = match known {
            _ if here => FileState::Here,
            None => FileState::Lost,
            Some(known) if known.fetch.is_running() => FileState::Fetching,
            Some(known) if known.fetch.wanted => FileState::Waiting,
            Some(known) if known.wish.stopped => FileState::Stopped,
            Some(known) if known.fetch.reason.is_some() => FileState::Refused,
            Some(_) => FileState::Offered,
        };
        let have = known.map_or(0, |known| known.fetch.have);
        FileView {
            id: content.file,
            name: content.name.clone(),
            size: content.size,
            media_type: content.media_type.clone(),
            caption: content.caption.clone(),
            state,
            have: if here { content.size } else { have },
            reason: known.and_then(|known| known.fetch.reason.clone()).filter(|_| !here),
        }
    }
}
