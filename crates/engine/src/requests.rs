//! Where each request of the owner goes.

use protocol::identity::PersonaId;

use crate::{
    decisions::{DEADLINE_MS, Question},
    effect::{Effect, RequestId},
    request::{Reply, Request, RequestError},
    state::Engine,
};

impl Engine {
    pub(crate) fn on_request(&mut self, id: RequestId, request: Request) {
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
            Request::RemoveMember { conversation, member } => {
                self.remove_member(conversation, member)
            }
            Request::Send { conversation, persona, text, reply_to, idempotency_key } => {
                self.send_text(conversation, persona, &text, reply_to, idempotency_key)
            }
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
                Ok(Reply::Proposal(self.proposal_view(speaker, proposal)?))
            }),
            Request::Vote { proposal, persona, choice } => {
                self.voter(proposal, persona).and_then(|voter: PersonaId| {
                    self.cast(voter, proposal, choice)?;
                    self.audit(voter, "ballot.cast", "by the owner".into());
                    Ok(Reply::Proposal(self.proposal_view(voter, proposal)?))
                })
            }
            Request::CreateTask { persona, text, decide_within_ms } => {
                self.create_task(persona, &text, decide_within_ms)
            }
            Request::Retry { recipient } => self.retry_now(recipient),
            Request::CancelMessage(message) => self.cancel_message(message),
            Request::Decide { approval, allow } => self.decide_approval(approval, allow),
            reading @ (Request::ListPersonas
            | Request::ListContacts { .. }
            | Request::ListConversations
            | Request::GetConversation(_)
            | Request::ListMessages { .. }
            | Request::GetMessage(_)
            | Request::ListEdits(_)
            | Request::ListProposals { .. }
            | Request::GetProposal(_)
            | Request::GetCertificate(_)
            | Request::ListTasks
            | Request::GetTask(_)
            | Request::ListApprovals
            | Request::ListQueue
            | Request::GetNetwork
            | Request::ListAudit) => Err(RequestError::Internal {
                reason: format!("{reading:?} only reads and is answered by Engine::query"),
            }),
        };
        self.reply(id, result);
    }

    pub(crate) fn reply(&mut self, request: RequestId, result: Result<Reply, RequestError>) {
        self.then(Effect::Reply { request, result });
    }
}
