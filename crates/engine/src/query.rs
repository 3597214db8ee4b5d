//! Answers that change nothing: what screens and programs read.

use std::collections::BTreeMap;

use protocol::{
    decision::{self, Kind},
    file::FileContent,
    identity::{ConversationId, MessageId, PersonaId, ProposalId},
    wire::{self, ContentKind},
};

use crate::{
    about::{deleted_key, edits_key, is_said, is_text, reactions_key, text_key},
    decisions::Poll,
    effect::{Ledger, Table},
    request::{Reply, Request, RequestError},
    rows::{self, AuditRow, ChangeRow, DeletedRow, EditRow, MessageRow, ReactionRow, ReceiptRow},
    state::Engine,
    view::{
        AuditView, ConversationView, DeliveryState, DeliveryView, Depths, EditView,
        LastMessageView, MessageView, QuoteView, ReactionView,
    },
};

/// Messages or audit entries in one answer, at most.
const PAGE_MAX: usize = 200;
/// Texts a message had before, in one answer, at most: the newest.
const EDITS_MAX: usize = 100;
/// Personas whose reactions to one message are counted, at most: a group has fewer members.
const REACTING_MAX: usize = 1_024;
/// Different emoji shown on one message, at most.
const REACTIONS_SHOWN_MAX: usize = 32;
/// How far back a conversation is searched for something a person said.
const PREVIEW_MAX: usize = 32;

impl Engine {
    /// Answers a request that only reads, or `None` when it is one that acts (or is about the
    /// network, which the shell knows better).
    pub fn query(
        &self,
        request: &Request,
        ledger: &dyn Ledger,
    ) -> Option<Result<Reply, RequestError>> {
        Some(match request {
            Request::ListPersonas => {
                let views = self.personas.keys().map(|id| self.persona_view(id));
                views.collect::<Result<_, _>>().map(Reply::Personas)
            }
            Request::ListContacts { persona } => {
                let keys = self.contacts.keys();
                let ours = keys.filter(|(owner, _)| persona.is_none_or(|p| p == *owner));
                let views = ours.map(|(owner, peer)| self.contact_view(owner, peer));
                views.collect::<Result<_, _>>().map(Reply::Contacts)
            }
            Request::ListConversations => {
                let keys = self.conversations.keys();
                let views = keys.map(|(persona, id)| self.lively_view(ledger, *persona, *id));
                views.collect::<Result<_, _>>().map(Reply::Conversations)
            }
            Request::GetConversation(id) => self.member_here(*id).and_then(|persona| {
                self.lively_view(ledger, persona, *id).map(Reply::Conversation)
            }),
            Request::ListMessages { conversation, before, limit } => {
                self.messages(ledger, *conversation, before.as_ref(), *limit)
            }
            Request::Search { persona, conversation, question, before, limit } => {
                self.search(ledger, *persona, *conversation, question, *before, *limit)
            }
            Request::GetMessage(id) => self.message(ledger, id),
            Request::GetFile(id) => self.file_reply(id),
            Request::ListEdits(id) => self.edits(ledger, id),
            Request::ListProposals { conversation } => {
                let wanted = |c: ConversationId| conversation.is_none_or(|w| w == c);
                let shown = |p: &Poll| wanted(p.row.conversation) && p.core.hidden().is_none();
                let polls = self.decisions.iter().filter(|(_, poll)| shown(poll));
                let mut polls: Vec<_> = polls.collect();
                polls.sort_by_key(|(_, poll)| std::cmp::Reverse(poll.row.seen_at_ms));
                let views = polls.iter().map(|((me, id), _)| self.proposal_view(*me, *id));
                views.collect::<Result<_, _>>().map(Reply::Proposals)
            }
            Request::GetProposal(id) => {
                let asked = |(_, proposal): &(PersonaId, ProposalId), poll: &Poll| {
                    proposal == id && poll.core.hidden().is_none()
                };
                match self.decisions.iter().find(|(key, poll)| asked(key, poll)) {
                    Some(((me, id), _)) => {
                        self.proposal_view(*me, *id).map(|view| Reply::Proposal(Box::new(view)))
                    }
                    None => Err(RequestError::NotFound { what: "proposal" }),
                }
            }
            Request::GetCertificate(id) => self.certificate_file(*id),
            Request::ListInquiries { conversation } => {
                Ok(Reply::Inquiries(self.inquiry_views(*conversation)))
            }
            Request::GetInquiry(id) => {
                self.inquiry_view(*id).map(|view| Reply::Inquiry(Box::new(view)))
            }
            Request::ListTasks => {
                let mut tasks: Vec<_> = self.tasks.iter().collect();
                tasks.sort_by_key(|(_, task)| std::cmp::Reverse(task.created_at_ms));
                let views = tasks.iter().map(|(id, _)| self.task_view(**id));
                views.collect::<Result<_, _>>().map(Reply::Tasks)
            }
            Request::GetTask(id) => self.task_view(*id).map(Reply::Task),
            Request::ListQueue => Ok(Reply::Queue(self.queue_view())),
            Request::ListApprovals => Ok(Reply::Approvals(self.approval_views())),
            Request::ListMandates { persona } => self.mandate_views(*persona).map(Reply::Mandates),
            Request::ListAudit => Ok(Reply::Audit(audit(ledger))),
            _ => return None,
        })
    }

    /// How full the queues are, for metrics.
    pub fn depths(&self) -> Depths {
        let mut early = BTreeMap::<PersonaId, usize>::new();
        for ((persona, _), bodies) in &self.early {
            *early.entry(*persona).or_default() += bodies.len();
        }
        Depths {
            outbox: self.outbox.len(),
            parked: self.parked.len(),
            parked_bytes: self.parked.iter().map(|parked| parked.envelope.len()).sum(),
            early: early.into_values().max().unwrap_or_default(),
            errands: self.errands.len(),
        }
    }

    /// Names of contacts that live on a node, for the network page.
    pub fn contacts_at(&self, node: &protocol::identity::NodeId) -> Vec<String> {
        let mut names: Vec<_> =
            self.personas_at(node).iter().map(|persona| self.name_of(persona)).collect();
        names.sort();
        names
    }

    fn member_here(&self, id: ConversationId) -> Result<PersonaId, RequestError> {
        let here = self.conversations.keys().find(|(_, conversation)| *conversation == id);
        here.map(|(persona, _)| *persona).ok_or(RequestError::NotFound { what: "conversation" })
    }

    /// A conversation with what happened in it last.
    fn lively_view(
        &self,
        ledger: &dyn Ledger,
        persona: PersonaId,
        id: ConversationId,
    ) -> Result<ConversationView, RequestError> {
        let mut view = self.conversation_view(persona, id)?;
        let prefix = rows::key(&[b"m", id.as_bytes()]);
        let values = ledger.newest(Table::Message, &prefix, None, PREVIEW_MAX);
        let mut rows = Vec::with_capacity(values.len());
        for (_, value) in &values {
            rows.push(read_row::<MessageRow>(value)?);
        }
        let Some(newest) = rows.first() else { return Ok(view) };
        view.last_activity_ms = newest.committed_at_ms.max(view.created_at_ms);
        let said = rows.iter().find(|row| is_said(row.message.content.kind)).unwrap_or(newest);
        let around = Around::read(ledger, said);
        let (kind, text) = around.describe(said);
        view.last_message = Some(LastMessageView {
            id: said.message.id,
            author: said.author,
            author_name: self.name_of(&said.author),
            committed_at_ms: said.committed_at_ms,
            kind,
            text: text.chars().take(LastMessageView::CHARS_MAX).collect(),
        });
        Ok(view)
    }

    fn messages(
        &self,
        ledger: &dyn Ledger,
        conversation: ConversationId,
        before: Option<&MessageId>,
        limit: usize,
    ) -> Result<Reply, RequestError> {
        self.member_here(conversation)?;
        let prefix = rows::key(&[b"m", conversation.as_bytes()]);
        let before = match before {
            None => None,
            Some(id) => {
                let key = ledger.get(Table::Message, &rows::key(&[b"i", id.as_bytes()]));
                let key = key.filter(|key| key.starts_with(&prefix));
                Some(key.ok_or(RequestError::NotFound { what: "message" })?)
            }
        };
        let limit = limit.clamp(1, PAGE_MAX);
        let rows = ledger.newest(Table::Message, &prefix, before.as_deref(), limit);
        let full = rows.len() == limit;
        let messages: Result<Vec<_>, RequestError> =
            rows.iter().map(|(_, value)| self.read_message(ledger, conversation, value)).collect();
        let messages = messages?;
        let next = messages.last().filter(|_| full).map(|message| message.id);
        Ok(Reply::Messages { messages, next })
    }

    fn message(&self, ledger: &dyn Ledger, id: &MessageId) -> Result<Reply, RequestError> {
        let (conversation, row) = find(ledger, id)?;
        self.read_row(ledger, conversation, &row).map(Reply::Message)
    }

    fn edits(&self, ledger: &dyn Ledger, id: &MessageId) -> Result<Reply, RequestError> {
        let (_, row) = find(ledger, id)?;
        let around = Around::read(ledger, &row);
        if around.deleted.is_some() || !is_text(row.message.content.kind) {
            return Ok(Reply::Edits(Vec::new()));
        }
        let (_, text) = Around { edit: None, ..around }.describe(&row);
        let mut edits = vec![EditView { text, sent_at_ms: row.message.sent_at_ms }];
        let later = ledger.newest(Table::Message, &edits_key(id), None, EDITS_MAX);
        for (_, value) in later.iter().rev() {
            let EditRow { text, sent_at_ms, .. } = read_row(value)?;
            edits.push(EditView { text, sent_at_ms });
        }
        Ok(Reply::Edits(edits))
    }

    fn read_message(
        &self,
        ledger: &dyn Ledger,
        conversation: ConversationId,
        value: &[u8],
    ) -> Result<MessageView, RequestError> {
        self.read_row(ledger, conversation, &read_row(value)?)
    }

    fn read_row(
        &self,
        ledger: &dyn Ledger,
        conversation: ConversationId,
        row: &MessageRow,
    ) -> Result<MessageView, RequestError> {
        let around = Around::read(ledger, row);
        let receipt = |recipient: &PersonaId| {
            let key = rows::key(&[row.message.id.as_bytes(), recipient.as_bytes()]);
            rows::from_bytes(&ledger.get(Table::Receipt, &key)?).ok()
        };
        let mut view = self.message_view(conversation, row, around, receipt);
        if view.deleted_at_ms.is_none() {
            view.reactions = reactions(ledger, conversation, &view.id);
            view.quoted = view.reply_to.and_then(|id| self.quote(ledger, conversation, &id));
        }
        Ok(view)
    }

    /// The beginning of a message another one of the same conversation answers.
    fn quote(
        &self,
        ledger: &dyn Ledger,
        conversation: ConversationId,
        id: &MessageId,
    ) -> Option<QuoteView> {
        let (there, row) = find(ledger, id).ok()?;
        if there != conversation {
            return None;
        }
        let (_, text) = Around::read(ledger, &row).describe(&row);
        let text = text.chars().take(LastMessageView::CHARS_MAX).collect();
        Some(QuoteView { author: row.author, author_name: self.name_of(&row.author), text })
    }

    /// A message for the screen; `receipt` finds what became of it for one recipient.
    pub(crate) fn message_view(
        &self,
        conversation: ConversationId,
        row: &MessageRow,
        around: Around,
        receipt: impl Fn(&PersonaId) -> Option<ReceiptRow>,
    ) -> MessageView {
        let deliveries = row
            .recipients
            .iter()
            .map(|recipient| {
                let found = receipt(recipient);
                DeliveryView {
                    recipient: *recipient,
                    state: found.as_ref().map_or(DeliveryState::Queued, |row| row.state),
                    at_ms: found.map_or(row.committed_at_ms, |row| row.at_ms),
                }
            })
            .collect();
        let (kind, text) = around.describe(row);
        MessageView {
            id: row.message.id,
            conversation,
            author: row.author,
            author_name: self.name_of(&row.author),
            ours: self.personas.contains_key(&row.author),
            sent_at_ms: row.message.sent_at_ms,
            committed_at_ms: row.committed_at_ms,
            kind,
            text,
            proposal: proposal_of(row),
            file: around.file(row).map(|content| Box::new(self.file_view(&content))),
            seq: row.message.seq,
            reply_to: around.reply_to(row),
            quoted: None,
            reactions: Vec::new(),
            edited_at_ms: around.edit.filter(|_| around.deleted.is_none()).map(|row| row.at_ms),
            deleted_at_ms: around.deleted.map(|row| row.at_ms),
            deliveries,
        }
    }
}

/// What lies around a message's row: its text, and what was said about it.
#[derive(Default)]
pub(crate) struct Around {
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) edit: Option<EditRow>,
    pub(crate) deleted: Option<DeletedRow>,
}

impl Around {
    pub(crate) fn read(ledger: &dyn Ledger, row: &MessageRow) -> Self {
        if !is_said(row.message.content.kind) {
            return Self::default();
        }
        let id = &row.message.id;
        let deleted = ledger.get(Table::Message, &deleted_key(id));
        if let Some(deleted) = deleted.and_then(|value| rows::from_bytes(&value).ok()) {
            return Self { deleted: Some(deleted), ..Self::default() };
        }
        let edit = match is_text(row.message.content.kind) {
            true => ledger.newest(Table::Message, &edits_key(id), None, 1).pop(),
            false => None,
        };
        Self {
            body: ledger.get(Table::Message, &text_key(id)),
            edit: edit.and_then(|(_, value)| rows::from_bytes(&value).ok()),
            deleted: None,
        }
    }

    fn body<'a>(&'a self, row: &'a MessageRow) -> &'a [u8] {
        self.body.as_deref().unwrap_or(&row.message.content.body)
    }

    fn reply_to(&self, row: &MessageRow) -> Option<MessageId> {
        let reply = ContentKind::from_number(row.message.content.kind) == Some(ContentKind::Reply);
        reply.then(|| wire::Reply::from_bytes(self.body(row)).ok())?.map(|reply| reply.to)
    }

    fn file(&self, row: &MessageRow) -> Option<FileContent> {
        let shares = row.message.content.kind == ContentKind::File as u16;
        let body = (shares && self.deleted.is_none()).then(|| self.body(row))?;
        FileContent::from_bytes(body).ok()
    }

    /// The kind of a message by name, and its text or a line about it.
    pub(crate) fn describe(&self, row: &MessageRow) -> (&'static str, String) {
        let kind = row.message.content.kind;
        match (&self.deleted, &self.edit) {
            (Some(_), _) => ("text", String::new()),
            (None, Some(edit)) if is_text(kind) => ("text", edit.text.clone()),
            _ => describe(kind, self.body(row)),
        }
    }
}

/// A message's row, and where it was said.
fn find(ledger: &dyn Ledger, id: &MessageId) -> Result<(ConversationId, MessageRow), RequestError> {
    let missing = || RequestError::NotFound { what: "message" };
    let index = rows::key(&[b"i", id.as_bytes()]);
    let key = ledger.get(Table::Message, &index).ok_or_else(missing)?;
    let value = ledger.get(Table::Message, &key).ok_or_else(missing)?;
    let conversation = key.get(1..17).and_then(ConversationId::from_slice).ok_or_else(missing)?;
    Ok((conversation, read_row(&value)?))
}

/// What others think of a message, the most agreed first.
fn reactions(
    ledger: &dyn Ledger,
    conversation: ConversationId,
    message: &MessageId,
) -> Vec<ReactionView> {
    let prefix = reactions_key(message);
    let mut by_emoji: BTreeMap<String, Vec<PersonaId>> = BTreeMap::new();
    for (key, value) in ledger.newest(Table::Message, &prefix, None, REACTING_MAX) {
        let author = key.get(prefix.len()..).and_then(PersonaId::from_slice);
        let row = rows::from_bytes::<ReactionRow>(&value).ok();
        let Some((author, row)) = author.zip(row) else { continue };
        if row.conversation == conversation {
            for emoji in row.emoji {
                by_emoji.entry(emoji).or_default().push(author);
            }
        }
    }
    let mut views: Vec<_> = by_emoji
        .into_iter()
        .map(|(emoji, mut by)| {
            by.sort();
            ReactionView { emoji, by }
        })
        .collect();
    views.sort_by_key(|view| std::cmp::Reverse(view.by.len()));
    views.truncate(REACTIONS_SHOWN_MAX);
    views
}

pub(crate) fn read_row<T: serde::Serialize + serde::de::DeserializeOwned>(
    value: &[u8],
) -> Result<T, RequestError> {
    rows::from_bytes(value).map_err(|error| RequestError::Internal { reason: error.to_string() })
}

/// The proposal a message of a vote is about.
fn proposal_of(row: &MessageRow) -> Option<ProposalId> {
    let content = &row.message.content;
    let decision = ContentKind::from_number(content.kind) == Some(ContentKind::Decision);
    decision.then(|| decision::peek(&content.body).ok())?.map(|head| head.proposal)
}

/// The kind of a message by name, and its text or a line about it.
fn describe(kind: u16, body: &[u8]) -> (&'static str, String) {
    match ContentKind::from_number(kind) {
        Some(ContentKind::Text) => ("text", String::from_utf8_lossy(body).into_owned()),
        Some(ContentKind::Reply) => match wire::Reply::from_bytes(body) {
            Ok(reply) => ("text", reply.text),
            Err(_) => ("unknown", "a reply this version cannot read".to_owned()),
        },
        Some(ContentKind::Reaction) => ("reaction", "reacted to a message".to_owned()),
        Some(ContentKind::Edit) => ("edit", "edited a message".to_owned()),
        Some(ContentKind::Deletion) => ("deletion", "deleted a message".to_owned()),
        Some(ContentKind::File) => match FileContent::from_bytes(body) {
            Ok(file) if file.caption.is_empty() => ("file", file.name),
            Ok(file) => ("file", file.caption),
            Err(_) => ("unknown", "a file this version cannot read".to_owned()),
        },
        Some(ContentKind::FilePart) => ("file_part", "passed on a piece of a file".to_owned()),
        Some(ContentKind::AgentRequest) => ("agent_request", requested(body)),
        Some(ContentKind::AgentResponse) => ("agent_response", answered(body)),
        Some(ContentKind::Decision) => match decision::peek(body).map(|head| head.kind) {
            Ok(Kind::Proposal) => ("proposal", "put a question to the vote".to_owned()),
            Ok(Kind::Ballot) => ("ballot", "voted".to_owned()),
            _ => ("decision", "took part in a decision".to_owned()),
        },
        Some(ContentKind::Certificate) => ("certificate", "passed on a certificate".into()),
        Some(ContentKind::Inquiry) => ("inquiry", inquired(body)),
        Some(ContentKind::Answer) => match wire::Answer::from_bytes(body) {
            Ok(answer) => ("answer", answer.text.unwrap_or_else(|| "has nothing to say".into())),
            Err(_) => ("unknown", "an answer this version cannot read".to_owned()),
        },
        Some(ContentKind::Roster) => ("roster", "passed on members' cards".into()),
        None => ("unknown", format!("content of a later version ({} bytes)", body.len())),
    }
}

fn inquired(body: &[u8]) -> String {
    // Whom it may name depends on who asks, which does not matter for showing it.
    match wire::Inquiry::from_bytes(body, PersonaId([0; 32])) {
        Ok(inquiry) => inquiry.question,
        Err(_) => "asked something this version cannot read".to_owned(),
    }
}

fn requested(body: &[u8]) -> String {
    match personas::AgentRequest::from_bytes(body).map(|request| request.body) {
        Ok(personas::AgentRequestBody::Availability { title, slots, .. }) => {
            format!("asked which of {} times suit for \"{title}\"", slots.len())
        }
        Err(_) => "sent a request this version cannot read".to_owned(),
    }
}

fn answered(body: &[u8]) -> String {
    let response = personas::AgentResponse::from_bytes(body);
    match response.map(|response| (response.status, response.body)) {
        Ok((_, personas::AgentResponseBody::Feasible(suit))) => {
            format!("answered: {} times suit", suit.len())
        }
        Ok((personas::Status::NeedsOwner, _)) => "asks its owner first".to_owned(),
        Ok(_) => "declined to answer".to_owned(),
        Err(_) => "sent an answer this version cannot read".to_owned(),
    }
}

fn audit(ledger: &dyn Ledger) -> Vec<AuditView> {
    let at = |key: &[u8]| Some(u64::from_be_bytes(key.get(..8)?.try_into().ok()?));
    let done = |(key, value): (Vec<u8>, Vec<u8>)| {
        let AuditRow { persona, action, detail } = rows::from_bytes(&value).ok()?;
        Some(AuditView { at_ms: at(&key)?, persona: Some(persona), by: None, action, detail })
    };
    let asked = |(key, value): (Vec<u8>, Vec<u8>)| {
        let ChangeRow { by, action, detail } = rows::from_bytes(&value).ok()?;
        let at_ms = at(key.get(1..)?)?;
        Some(AuditView { at_ms, persona: None, by: Some(by), action, detail })
    };
    // Times of this millennium begin with a zero byte.
    let own = ledger.newest(Table::Audit, &[0], None, PAGE_MAX).into_iter().filter_map(done);
    let others = ledger.newest(Table::Audit, b"c", None, PAGE_MAX).into_iter().filter_map(asked);
    let mut views: Vec<_> = own.chain(others).collect();
    views.sort_by_key(|view| std::cmp::Reverse(view.at_ms));
    views.truncate(PAGE_MAX);
    views
}
