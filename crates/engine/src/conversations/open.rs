//! Opening a conversation and changing who is in it: the creator's side.

use protocol::{
    card::{Purpose, TITLE_BYTES_MAX, is_title},
    identity::{ConversationId, MessageId, PersonaId},
    session::{Change, GroupPolicy},
    wire::{self, Content, ContentKind},
};
use rand::Rng;

use super::MEMBERS_MAX;
use crate::{
    persona::{internal, invalid},
    request::{ConversationKind, Reply, RequestError},
    rows::{Cargo, ConversationRow, EnvelopeRow},
    state::Engine,
    view::ContactState,
};

impl Engine {
    pub(crate) fn open_conversation(
        &mut self,
        creator: PersonaId,
        kind: ConversationKind,
        mut members: Vec<PersonaId>,
        title: Option<String>,
    ) -> Result<Reply, RequestError> {
        let title = title.unwrap_or_default();
        if !is_title(&title) {
            let reason = format!("at most {TITLE_BYTES_MAX} bytes without control characters");
            return Err(invalid("title", &reason));
        }
        self.hosted(&creator)?;
        members.sort();
        members.dedup();
        if kind == ConversationKind::Direct {
            if members.len() != 1 {
                return Err(invalid("members", "a direct conversation has exactly one other"));
            }
            if let Some(id) = self.conversation_of(creator, kind, &members) {
                return Ok(Reply::Conversation(self.conversation_view(creator, id)?));
            }
        }
        let key_packages = self.key_packages(creator, &members)?;
        let id = ConversationId(self.rng.r#gen());
        let now_ms = self.now_ms;
        let groups = &mut self.hosted_mut(&creator)?.groups;
        groups.create(id, GroupPolicy::by(creator), now_ms).map_err(internal)?;
        let change = match groups.add(id, &key_packages, now_ms) {
            Ok(change) => change,
            Err(error) => {
                groups.forget(id);
                return Err(invalid("members", &error.to_string()));
            }
        };
        let row = ConversationRow {
            kind,
            title,
            creator,
            created_at_ms: now_ms,
            active: true,
            next_seq: 0,
            previous: MessageId([0; 16]),
            epochs: Vec::new(),
        };
        self.put_conversation(creator, id, row);
        self.note_epoch(creator, id);
        self.send_change(creator, id, &change, None)?;
        self.audit(creator, "conversation.opened", self.names(&members));
        Ok(Reply::Conversation(self.conversation_view(creator, id)?))
    }

    /// A conversation of one of our personas with exactly these others.
    pub(crate) fn conversation_of(
        &self,
        persona: PersonaId,
        kind: ConversationKind,
        others: &[PersonaId],
    ) -> Option<ConversationId> {
        let mut everyone = others.to_vec();
        everyone.push(persona);
        everyone.sort();
        let fits = |((member, _), row): &(&(PersonaId, ConversationId), &ConversationRow)| {
            let roster = row.epochs.last().map(|epoch| &epoch.roster);
            *member == persona && row.active && row.kind == kind && roster == Some(&everyone)
        };
        self.conversations.iter().find(fits).map(|((_, id), _)| *id)
    }

    fn key_packages(
        &self,
        owner: PersonaId,
        members: &[PersonaId],
    ) -> Result<Vec<Vec<u8>>, RequestError> {
        if members.is_empty() || members.len() >= MEMBERS_MAX {
            return Err(invalid("members", &format!("1 to {} others", MEMBERS_MAX - 1)));
        }
        let mut packages = Vec::with_capacity(members.len());
        for member in members {
            if *member == owner {
                return Err(invalid("members", "the others, without oneself"));
            }
            let state = self.contacts.get(&(owner, *member)).map(|row| row.state);
            if state != Some(ContactState::Established) {
                let name = self.name_of(member);
                return Err(invalid("members", &format!("{name} is not a contact yet")));
            }
            let card = self.open_card(member).ok_or_else(|| RequestError::Unavailable {
                reason: format!("the card of {} is not known yet", self.name_of(member)),
            })?;
            packages.push(card.key_package);
        }
        Ok(packages)
    }

    pub(crate) fn add_members(
        &mut self,
        id: ConversationId,
        mut members: Vec<PersonaId>,
    ) -> Result<Reply, RequestError> {
        members.sort();
        members.dedup();
        let creator = self.creator_here(id)?;
        let key_packages = self.key_packages(creator, &members)?;
        let roster = self.roster(creator, id)?;
        if let Some(member) = members.iter().find(|member| roster.contains(member)) {
            let reason = format!("{} is already a member", self.name_of(member));
            return Err(RequestError::Conflict { reason });
        }
        let now_ms = self.now_ms;
        let groups = &mut self.hosted_mut(&creator)?.groups;
        let change = groups
            .add(id, &key_packages, now_ms)
            .map_err(|error| invalid("members", &error.to_string()))?;
        self.note_epoch(creator, id);
        self.send_change(creator, id, &change, Some(&roster))?;
        self.reseal(creator, id);
        let cards: Vec<_> = members.iter().filter_map(|member| self.card_of(member)).collect();
        self.say(creator, id, Content::new(ContentKind::Roster, wire::encode(&cards)))?;
        self.audit(creator, "members.added", self.names(&members));
        Ok(Reply::Conversation(self.conversation_view(creator, id)?))
    }

    pub(crate) fn remove_member(
        &mut self,
        id: ConversationId,
        member: PersonaId,
    ) -> Result<Reply, RequestError> {
        let creator = self.creator_here(id)?;
        let roster = self.roster(creator, id)?;
        if member == creator {
            return Err(invalid("member", "the creator cannot be removed in this version"));
        }
        if !roster.contains(&member) {
            return Err(RequestError::NotFound { what: "member" });
        }
        let now_ms = self.now_ms;
        let groups = &mut self.hosted_mut(&creator)?.groups;
        let change = groups.remove(id, &[member], now_ms).map_err(internal)?;
        self.note_epoch(creator, id);
        self.send_change(creator, id, &change, Some(&roster))?;
        self.drop_mail_for(member, id);
        self.reseal(creator, id);
        self.audit(creator, "member.removed", self.name_of(&member));
        Ok(Reply::Conversation(self.conversation_view(creator, id)?))
    }

    /// The creator of a conversation, if it is one of ours.
    fn creator_here(&self, id: ConversationId) -> Result<PersonaId, RequestError> {
        let here: Vec<_> = self.conversations.iter().filter(|((_, c), _)| *c == id).collect();
        let Some(((persona, _), row)) =
            here.iter().find(|((persona, _), row)| row.creator == *persona).or(here.first())
        else {
            return Err(RequestError::NotFound { what: "conversation" });
        };
        if row.creator != *persona {
            let reason = "only the creator changes the members in this version".into();
            return Err(RequestError::Forbidden { reason });
        }
        if row.kind == ConversationKind::Direct {
            let reason = "a direct conversation has two members; open a group instead".into();
            return Err(RequestError::Forbidden { reason });
        }
        Ok(row.creator)
    }

    /// Sends a membership change: the commit to those who were there, a Welcome to the joiners.
    fn send_change(
        &mut self,
        creator: PersonaId,
        id: ConversationId,
        change: &Change,
        before: Option<&[PersonaId]>,
    ) -> Result<(), RequestError> {
        if let (Some(envelope), Some(before)) = (&change.envelope, before) {
            let seq = self.conversation(creator, id)?.next_seq;
            let row = EnvelopeRow {
                id: envelope.id(),
                envelope: envelope.as_bytes().to_vec(),
                author: creator,
                cargo: Cargo::Change { conversation: id, seq },
                created_at_ms: self.now_ms,
            };
            let others: Vec<_> = before.iter().filter(|m| **m != creator).copied().collect();
            self.post(row, &others);
        }
        if let Some(welcome) = &change.welcome {
            let row = self.conversation(creator, id)?;
            let (direct, title) = (row.kind == ConversationKind::Direct, row.title.clone());
            let roster = self.roster(creator, id)?;
            let cards: Vec<_> = roster.iter().filter_map(|member| self.card_of(member)).collect();
            for joiner in &change.added {
                let purpose = Purpose::Welcome {
                    direct,
                    title: title.clone(),
                    welcome: welcome.clone(),
                    cards: cards.clone(),
                };
                self.introduce(creator, *joiner, purpose)?;
            }
        }
        Ok(())
    }
}
