//! A message that shares a file has come, and what the shell says about its bytes.

use protocol::{
    file::FileContent,
    identity::{ConversationId, FileId, PersonaId},
    wire::Message,
};

use super::fetch;
use crate::{event::EventBody, input::FileNews, rows::FileRow, state::Engine};

impl Engine {
    /// Somebody shares a file. What cannot be read is shown as such and nothing else.
    pub(crate) fn on_file(
        &mut self,
        me: PersonaId,
        conversation: ConversationId,
        author: PersonaId,
        message: &Message,
    ) {
        let Ok(content) = FileContent::from_bytes(&message.content.body) else { return };
        if self.is_deleted_ahead(conversation, author, message.seq) {
            return;
        }
        let file = content.file;
        // Another key or size under the same id is a lie that would spoil what is here.
        let known = self.files.known.get(&file).map(|known| &known.content);
        if known.is_some_and(|known| {
            known.key != content.key
                || known.size != content.size
                || known.chunk_bytes != content.chunk_bytes
        }) {
            return;
        }
        let content = FileContent { caption: String::new(), ..content };
        self.refer_to_file(message.id, FileRow { conversation, me, author, content });
        self.consider(file);
        self.claim_parts(file);
        self.stir_files();
    }

    /// The shell says how far a file has come.
    pub(crate) fn on_file_news(&mut self, file: FileId, news: FileNews) {
        if let FileNews::PartKept(kept) = news {
            let names = self.part_names(file).into_iter();
            names.filter(|(_, place, _)| *place == kept).for_each(|name| self.forget_part(name));
            return;
        }
        let now_ms = self.now_ms;
        let jitter = fetch::jitter(&mut self.rng);
        let Some(known) = self.files.known.get_mut(&file) else { return };
        match news {
            FileNews::PartKept(_) => {}
            FileNews::Progress { have } => known.fetch.have = have.min(known.content.size),
            FileNews::Failed { reason } => known.fetch.failed(reason, now_ms, jitter),
            FileNews::Whole => {
                known.fetch = fetch::Fetch::default();
                self.files.on_disk.insert(file);
                self.part_names(file).into_iter().for_each(|name| self.forget_part(name));
            }
            FileNews::Lost => {
                self.files.on_disk.remove(&file);
                self.consider(file);
            }
        }
        self.tell_file(file);
        self.stir_files();
    }

    /// Tells listeners how a file is.
    pub(super) fn tell_file(&mut self, file: FileId) {
        let Some(known) = self.files.known.get(&file) else { return };
        let messages = known.said.iter().map(|(id, row)| (*id, row.conversation)).collect();
        let view = self.file_view(&known.content);
        self.emit(None, EventBody::FileUpdated { file: Box::new(view), messages });
    }
}
