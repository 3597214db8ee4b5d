//! A file is added by its owner, and shared in a conversation.

use protocol::{
    file::{CAPTION_BYTES_MAX, FileContent, FilePart},
    identity::{ConversationId, FileId, PersonaId},
    wire::{Content, ContentKind},
};

use super::{Known, upload_key};
use crate::{
    effect::Table,
    event::EventBody,
    messages::{Slot, sha256},
    persona::invalid,
    request::{Reply, RequestError},
    rows::{FileRow, UploadRow},
    state::Engine,
};

/// Uploads that wait to be sent, at most.
const UPLOADS_MAX: usize = 256;

/// What is needed to share a file.
pub(crate) struct FileToSend {
    pub(crate) conversation: ConversationId,
    pub(crate) persona: Option<PersonaId>,
    pub(crate) file: FileId,
    pub(crate) caption: String,
    /// All chunks of a small file; none of a large one.
    pub(crate) parts: Vec<Vec<u8>>,
    pub(crate) idempotency_key: Option<String>,
}

impl Engine {
    /// The owner has added a file, and its chunks are on the disk.
    pub(crate) fn add_file(&mut self, content: FileContent) -> Result<Reply, RequestError> {
        let file = content.file;
        if FileContent::from_bytes(&content.to_bytes()).is_err() {
            return Err(invalid("file", "its name, type or size breaks a rule"));
        }
        if self.files.known.contains_key(&file) {
            return Err(RequestError::Conflict { reason: "this file is here already".into() });
        }
        let waiting = self.files.known.values().filter(|known| known.said.is_empty());
        if waiting.count() >= UPLOADS_MAX {
            let reason = format!("{UPLOADS_MAX} uploads wait to be sent; send or delete some");
            return Err(RequestError::Unavailable { reason });
        }
        if let Some(reason) = self.over_limits(content.size, 0, self.files.taken()) {
            return Err(invalid("file", &reason));
        }
        let row = UploadRow { content: content.clone(), at_ms: self.now_ms };
        self.put(Table::File, upload_key(&file), &row);
        let known = Known { uploaded_ms: Some(self.now_ms), ..Known::new(content.clone()) };
        self.files.known.insert(file, known);
        self.files.on_disk.insert(file);
        let view = self.file_view(&content);
        self.emit(None, EventBody::FileUploaded(Box::new(view)));
        self.file_reply(&file)
    }

    /// Shares a file that is here.
    pub(crate) fn send_file(&mut self, send: FileToSend) -> Result<Reply, RequestError> {
        let FileToSend { conversation, persona, file, caption, parts, idempotency_key } = send;
        if caption.len() > CAPTION_BYTES_MAX {
            return Err(invalid("caption", &format!("at most {CAPTION_BYTES_MAX} bytes")));
        }
        let author = self.speaker(conversation, persona)?;
        let body = sha256(&[author.as_bytes(), b"file", file.as_bytes(), caption.as_bytes()]);
        let slot = match self.slot(conversation, idempotency_key, body)? {
            Slot::Answered(message) => return Ok(Reply::Accepted { message }),
            Slot::Free(slot) => slot,
        };
        let content = self.known_file(&file)?.content.clone();
        if !self.files.on_disk.contains(&file) {
            return Err(RequestError::Conflict { reason: "the file is not here".into() });
        }
        let taken = self.taken_in(conversation);
        if let Some(reason) = self.over_limits(content.size, taken, 0) {
            return Err(invalid("file", &reason));
        }
        self.room_to_say()?;
        let said = FileContent { caption, ..content.clone() };
        let body = said.to_bytes();
        let message = self.say(author, conversation, Content::new(ContentKind::File, body))?;
        self.refer_to_file(message, FileRow { conversation, me: author, author, content });
        for (place, chunk) in (0..).zip(parts) {
            let part = FilePart { file, place, chunk };
            self.say(author, conversation, Content::new(ContentKind::FilePart, part.to_bytes()))?;
        }
        self.fill_slot(slot, message);
        Ok(Reply::Accepted { message })
    }
}
