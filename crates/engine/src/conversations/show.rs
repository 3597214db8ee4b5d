//! Who is in a conversation, who of ours speaks in it, and what screens show.

use protocol::identity::{ConversationId, PersonaId};

use crate::{
    persona::invalid,
    request::RequestError,
    rows::ConversationRow,
    state::Engine,
    view::{ConversationView, MemberView, RejoinView},
};

impl Engine {
    pub(crate) fn conversation(
        &self,
        persona: PersonaId,
        id: ConversationId,
    ) -> Result<&ConversationRow, RequestError> {
        let row = self.conversations.get(&(persona, id));
        row.ok_or(RequestError::NotFound { what: "conversation" })
    }

    pub(crate) fn roster(
        &self,
        persona: PersonaId,
        id: ConversationId,
    ) -> Result<Vec<PersonaId>, RequestError> {
        let groups = &self.hosted(&persona)?.groups;
        groups.roster(id).map_err(|_| RequestError::NotFound { what: "conversation" })
    }

    /// Which of our personas speaks in a conversation: the one named, or the only one there is.
    pub(crate) fn speaker(
        &self,
        id: ConversationId,
        persona: Option<PersonaId>,
    ) -> Result<PersonaId, RequestError> {
        let here: Vec<PersonaId> = self
            .conversations
            .keys()
            .filter(|(member, c)| *c == id && persona.is_none_or(|p| p == *member))
            .map(|(member, _)| *member)
            .collect();
        match here[..] {
            [] => Err(RequestError::NotFound { what: "conversation" }),
            [only] if self.conversation(only, id)?.active => Ok(only),
            // What is said now waits until it is back.
            [only] if self.is_rejoining(only, id) => Ok(only),
            [only] if matches!(self.rejoin_view(only, id), Some(RejoinView::Replaced { .. })) => {
                let reason = "another copy of this persona came back to this conversation, so \
                              this one is locked out; ask to rejoin if this is the one to keep";
                Err(RequestError::Forbidden { reason: reason.into() })
            }
            [_] => Err(RequestError::Forbidden { reason: "no longer a member".into() }),
            _ => Err(invalid("persona", "several personas of this node are members; name one")),
        }
    }

    pub(crate) fn conversation_view(
        &self,
        persona: PersonaId,
        id: ConversationId,
    ) -> Result<ConversationView, RequestError> {
        let row = self.conversation(persona, id)?;
        let last = row.epochs.last();
        let members: Vec<MemberView> = last
            .map(|epoch| &epoch.roster[..])
            .unwrap_or_default()
            .iter()
            .map(|member| MemberView {
                persona: *member,
                name: self.name_of(member),
                ours: self.personas.contains_key(member),
                online: self.is_online(member),
                rejoined_at_ms: self.came_back(id, *member),
            })
            .collect();
        let title = if row.title.is_empty() {
            let others = members.iter().filter(|member| member.persona != persona);
            others.map(|member| member.name.clone()).collect::<Vec<_>>().join(", ")
        } else {
            row.title.clone()
        };
        Ok(ConversationView {
            id,
            persona,
            kind: row.kind,
            title,
            members,
            sequencer: self.sequencer(persona, id).unwrap_or(row.creator),
            epoch: last.map(|epoch| epoch.epoch).unwrap_or_default(),
            active: row.active,
            rejoin: self.rejoin_view(persona, id),
            created_at_ms: row.created_at_ms,
            last_activity_ms: row.created_at_ms,
            last_message: None,
        })
    }

    pub(crate) fn names(&self, personas: &[PersonaId]) -> String {
        match personas {
            [] => "nobody".to_owned(),
            _ => {
                let mut names: Vec<_> = personas.iter().map(|id| self.name_of(id)).collect();
                names.sort();
                names.join(", ")
            }
        }
    }
}
