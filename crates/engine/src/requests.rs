//! Where each request of the owner goes.

use protocol::identity::PersonaId;

use crate::{
    decisions::{DEADLINE_MS, Question},
    effect::{Effect, RequestId},
    files::FileToSend,
    request::{Reply, Request, RequestError},
    state::Engine,
};

impl Engine {
    pub(crate) fn on_request(&mut self, id: RequestId, request: Request, by: Option<String>) {
        let change = by.and_then(|by| Some((by, self.change(&request)?)));
        let (is_note, written) = (matches!(request, Request::Note { .. }), self.written());
        let result = match request {
            Request::Discover(whom) => return self.discover(id, whom),
            Request::CreatePersona { name, handle, settings, calendar } => {
                self.create_persona(&name, handle, settings, calendar)
            }
            Request::UpdatePersona { persona, settings, calendar } => {
                self.update_persona(persona, settings, calendar)
            }
            Request::CreateInvite { persona } => self.create_invite(persona),
            Request::AddContact { persona, peer } => self.add_contact(persona, peer),
            Request::OpenConversation { persona, kind, members, title } => {
                self.open_conversation(persona, kind, members, title)
            }
            Request::AddMembers { conversation, members } => {
                self.add_members(conversation, members)
            }
            Request::Rejoin { conversation, persona } => self.rejoin(conversation, persona),
            Request::RemoveMember { conversation, member } => {
                self.remove_member(conversation, member)
            }
            Request::Send { conversation, persona, text, reply_to, idempotency_key } => {
                self.send_text(conversation, persona, &text, reply_to, idempotency_key)
            }
            Request::AddFile(content) => self.add_file(content),
            Request::SendFile { conversation, persona, file, caption, parts, idempotency_key } => {
                let send =
                    FileToSend { conversation, persona, file, caption, parts, idempotency_key };
                self.send_file(send)
            }
            Request::FetchFile(file) => self.fetch_file(file),
            Request::StopFile(file) => self.stop_file(file),
            Request::React { conversation, persona, message, emoji } => {
                self.react(conversation, persona, message, emoji)
            }
            Request::EditMessage { conversation, persona, seq, text } => {
                self.edit(conversation, persona, seq, text)
            }
            Request::DeleteMessage { conversation, persona, seq } => {
                self.delete_message(conversation, persona, seq)
            }
            Request::Propose {
                conversation,
                persona,
                question,
                options,
                rule,
                deadline_ms,
                grace_ms,
                early_close,
            } => self.speaker(conversation, persona).and_then(|speaker| {
                let usual = self.now_ms.saturating_add(DEADLINE_MS);
                let deadline_ms = deadline_ms.unwrap_or(usual);
                let task = None;
                let ask =
                    Question { question, options, rule, deadline_ms, grace_ms, early_close, task };
                let proposal = self.propose(conversation, speaker, ask)?;
                Ok(Reply::Proposal(Box::new(self.proposal_view(speaker, proposal)?)))
            }),
            Request::Vote { proposal, persona, choice, alone } => {
                self.voter(proposal, persona).and_then(|voter: PersonaId| {
                    let cast = if alone {
                        self.vote_for_owner(voter, proposal, choice)?
                    } else {
                        self.cast_by_owner(voter, proposal, choice)?;
                        true
                    };
                    let view = Box::new(self.proposal_view(voter, proposal)?);
                    Ok(if cast { Reply::Proposal(view) } else { Reply::Asked(view) })
                })
            }
            Request::GrantMandate { persona, conversation, topic, methods, expires_at_ms } => {
                self.grant_mandate(persona, conversation, topic, methods, expires_at_ms)
            }
            Request::RevokeMandate { persona, number } => self.revoke_mandate(persona, number),
            Request::Inquire { conversation, persona, inquiry } => self
                .inquire(conversation, persona, inquiry)
                .and_then(|id| Ok(Reply::Inquiry(Box::new(self.inquiry_view(id)?)))),
            Request::Answer { inquiry, persona, text } => self
                .answer_inquiry(inquiry, persona, text)
                .and_then(|()| Ok(Reply::Inquiry(Box::new(self.inquiry_view(inquiry)?)))),
            Request::CreateTask { persona, text, decide_within_ms } => {
                self.create_task(persona, &text, decide_within_ms)
            }
            Request::Note { .. } => Ok(Reply::Done),
            Request::Retry { recipient } => self.retry_now(recipient),
            Request::CancelMessage(message) => self.cancel_message(message),
            Request::Decide { approval, allow } => self.decide_approval(approval, allow),
            reading @ (Request::ListPersonas
            | Request::ListContacts { .. }
            | Request::ListConversations
            | Request::GetConversation(_)
            | Request::ListMessages { .. }
            | Request::Search { .. }
            | Request::GetMessage(_)
            | Request::GetFile(_)
            | Request::ListEdits(_)
            | Request::ListProposals { .. }
            | Request::GetProposal(_)
            | Request::GetCertificate(_)
            | Request::ListInquiries { .. }
            | Request::GetInquiry(_)
            | Request::ListTasks
            | Request::GetTask(_)
            | Request::ListApprovals
            | Request::ListMandates { .. }
            | Request::ListQueue
            | Request::GetNetwork
            | Request::ListAudit) => Err(RequestError::Internal {
                reason: format!("{reading:?} only reads and is answered by Engine::query"),
            }),
        };
        // A request repeated under its key, or for what is so already, changes nothing.
        let changed = result.is_ok() && (is_note || self.written() > written);
        if let Some((by, (action, detail))) = change.filter(|_| changed) {
            // A ballot put to the owner is not cast.
            let asked = matches!(result, Ok(Reply::Asked(_)));
            let action = if asked { "ballot.suggested" } else { action };
            self.audit_change(by, action, detail);
        }
        self.reply(id, result);
    }

    /// What a request changes, for the audit log: `noun.verb` and about what, without content.
    fn change(&self, request: &Request) -> Option<(&'static str, String)> {
        let title = |id| {
            let here = self.conversations.keys().find(|(_, conversation)| conversation == id);
            let view = here.and_then(|(me, id)| self.conversation_view(*me, *id).ok());
            view.map(|view| format!("in {}", view.title)).unwrap_or_default()
        };
        Some(match request {
            Request::CreatePersona { name, .. } => ("persona.created", name.clone()),
            Request::UpdatePersona { persona, .. } => ("settings.changed", self.name_of(persona)),
            Request::CreateInvite { persona } => ("invite.created", self.name_of(persona)),
            Request::AddContact { persona, .. } => ("contact.requested", self.name_of(persona)),
            Request::OpenConversation { members, .. } => {
                ("conversation.opened", self.names(members))
            }
            Request::AddMembers { conversation, members } => {
                let words = format!("{} {}", self.names(members), title(conversation));
                ("members.added", words)
            }
            Request::Rejoin { conversation, .. } => ("rejoin.asked", title(conversation)),
            Request::RemoveMember { conversation, member } => {
                ("member.removed", format!("{} {}", self.name_of(member), title(conversation)))
            }
            Request::Send { conversation, .. } => ("message.sent", title(conversation)),
            Request::SendFile { conversation, .. } => ("file.sent", title(conversation)),
            Request::React { conversation, .. } => ("message.reacted", title(conversation)),
            Request::EditMessage { conversation, .. } => ("message.edited", title(conversation)),
            Request::DeleteMessage { conversation, .. } => ("message.deleted", title(conversation)),
            Request::Propose { conversation, .. } => ("proposal.made", title(conversation)),
            Request::Vote { proposal, .. } => ("ballot.cast", proposal.to_string()),
            Request::GrantMandate { persona, .. } => ("mandate.granted", self.name_of(persona)),
            Request::RevokeMandate { persona, number } => {
                ("mandate.revoked", format!("{number} of {}", self.name_of(persona)))
            }
            Request::Inquire { conversation, .. } => ("inquiry.made", title(conversation)),
            Request::Answer { inquiry, .. } => ("inquiry.answered", inquiry.to_string()),
            Request::CreateTask { persona, .. } => ("task.given", self.name_of(persona)),
            Request::Decide { approval, allow } => {
                let word = if *allow { "approval.allowed" } else { "approval.denied" };
                let entry = self.approvals.get(approval);
                (word, entry.map(|row| row.summary.clone()).unwrap_or_default())
            }
            Request::Retry { recipient } => ("delivery.retried", self.name_of(recipient)),
            Request::CancelMessage(message) => ("message.cancelled", message.to_string()),
            Request::Note { action, detail } => (*action, detail.clone()),
            _ => return None,
        })
    }

    pub(crate) fn reply(&mut self, request: RequestId, result: Result<Reply, RequestError>) {
        self.then(Effect::Reply { request, result });
    }
}
