//! How a conversation comes to be and who is in it.
//!
//! The creator makes the MLS group, adds the others by the KeyPackages in their cards, and sends
//! each a Welcome sealed to its card. In this version only the creator changes the membership.

use protocol::{
    card::{Purpose, SignedCard, TITLE_BYTES_MAX},
    identity::{ConversationId, MessageId, PersonaId},
    session::{Change, GroupPolicy},
    wire::{self, Content, ContentKind},
};
use rand::Rng;

use crate::{
    effect::Table,
    event::EventBody,
    persona::{internal, invalid},
    request::{ConversationKind, Reply, RequestError},
    rows::{self, ConversationRow, EnvelopeRow, EpochRow},
    state::{Engine, LoadError, Rows, damaged, read},
    view::{ContactState, ConversationView, DeliveryState, MemberView},
};

/// Members of one conversation, ourselves included.
const MEMBERS_MAX: usize = 256;
/// Electorates remembered, for proposals made just before a membership change.
const EPOCHS_KEPT: usize = 8;
/// The longest list of cards another member may send, in bytes.
const ROSTER_BYTES_MAX: usize = 256 * 1024;

pub(crate) fn load(engine: &mut Engine, tables: &mut Rows) -> Result<(), LoadError> {
    for (key, value) in tables.remove(&Table::Conversation).unwrap_or_default() {
        let split = key.split_at_checked(32).and_then(|(persona, id)| {
            Some((PersonaId::from_slice(persona)?, ConversationId::from_slice(id)?))
        });
        let pair = split.ok_or_else(|| damaged(Table::Conversation, "key"))?;
        engine.conversations.insert(pair, read(Table::Conversation, &value)?);
    }
    Ok(())
}

impl Engine {
    pub(crate) fn open_conversation(
        &mut self,
        creator: PersonaId,
        kind: ConversationKind,
        mut members: Vec<PersonaId>,
        title: Option<String>,
    ) -> Result<Reply, RequestError> {
        let title = title.unwrap_or_default();
        if title.len() > TITLE_BYTES_MAX {
            return Err(invalid("title", &format!("at most {TITLE_BYTES_MAX} bytes")));
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
        self.drop_mail_for(member, id, change.envelope.as_ref().map(|envelope| envelope.id()));
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
            let row = EnvelopeRow {
                id: envelope.id(),
                envelope: envelope.as_bytes().to_vec(),
                author: creator,
                conversation: Some(id),
                message: None,
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

    /// A contact welcomes one of our personas into a conversation.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn on_welcome(
        &mut self,
        me: PersonaId,
        from: PersonaId,
        direct: bool,
        title: String,
        welcome: &[u8],
        cards: Vec<SignedCard>,
        issued_at_ms: u64,
    ) {
        let now_ms = self.now_ms;
        let Some(hosted) = self.personas.get_mut(&me) else { return };
        let id = match hosted.groups.join(welcome, now_ms) {
            Ok(id) => id,
            Err(error) => {
                self.audit(me, "welcome.refused", error.to_string());
                return;
            }
        };
        let roster = hosted.groups.roster(id).unwrap_or_default();
        if !roster.contains(&from) || (direct && roster.len() != 2) {
            hosted.groups.forget(id);
            self.audit(me, "welcome.refused", "the group is not what was announced".into());
            return;
        }
        let kind = if direct { ConversationKind::Direct } else { ConversationKind::Group };
        let row = ConversationRow {
            kind,
            title,
            creator: from,
            created_at_ms: now_ms,
            active: true,
            next_seq: 0,
            previous: MessageId([0; 16]),
            epochs: Vec::new(),
        };
        self.put_conversation(me, id, row);
        self.learn_members(&roster, cards, issued_at_ms.min(now_ms));
        self.note_epoch(me, id);
        self.renew_card(me);
        self.audit(me, "conversation.joined", format!("{} opened it", self.name_of(&from)));
    }

    /// Keeps the cards of those who really are members.
    fn learn_members(&mut self, roster: &[PersonaId], cards: Vec<SignedCard>, as_of_ms: u64) {
        for card in cards {
            let member = card.verify_at_issue().is_ok_and(|card| roster.contains(&card.persona));
            if member {
                self.learn_card(card, as_of_ms);
            }
        }
    }

    /// A member sends the cards of others.
    pub(crate) fn on_roster(&mut self, me: PersonaId, id: ConversationId, body: &[u8]) {
        let Ok(cards) = wire::decode::<Vec<SignedCard>>(body, ROSTER_BYTES_MAX) else { return };
        let Ok(roster) = self.roster(me, id) else { return };
        self.learn_members(&roster, cards, self.now_ms);
    }

    /// The membership has changed by somebody's commit.
    pub(crate) fn on_change(
        &mut self,
        me: PersonaId,
        id: ConversationId,
        by: PersonaId,
        added: &[PersonaId],
        removed: &[PersonaId],
    ) {
        self.note_epoch(me, id);
        for member in removed {
            self.drop_mail_for(*member, id, None);
        }
        let detail = format!(
            "{} added {} and removed {}",
            self.name_of(&by),
            self.names(added),
            self.names(removed)
        );
        self.audit(me, "membership.changed", detail);
    }

    /// We have been removed.
    pub(crate) fn on_evicted(&mut self, me: PersonaId, id: ConversationId) {
        if let Some(row) = self.conversations.get(&(me, id)) {
            let row = ConversationRow { active: false, ..row.clone() };
            self.put_conversation(me, id, row);
        }
        self.refresh_tags_of(me, id);
        self.audit(me, "conversation.left", "removed by the creator".into());
        self.emit(Some(me), EventBody::ConversationUpdated(id));
    }

    /// Envelopes a former member can no longer read are not kept for it, except the commit that
    /// tells it so.
    fn drop_mail_for(
        &mut self,
        member: PersonaId,
        id: ConversationId,
        except: Option<protocol::identity::EnvelopeId>,
    ) {
        for envelope in self.outbox.pending_for(&member, id) {
            if Some(envelope) == except {
                continue;
            }
            if let Some(row) = self.outbox.get(&envelope).cloned() {
                self.settle(&row, &member, DeliveryState::Failed);
            }
        }
    }

    /// Remembers who is in a conversation now, and under which tags it is addressed.
    fn note_epoch(&mut self, me: PersonaId, id: ConversationId) {
        let Some(hosted) = self.personas.get(&me) else { return };
        let (Ok(position), Ok(roster)) = (hosted.groups.position(id), hosted.groups.roster(id))
        else {
            return;
        };
        if let Some(row) = self.conversations.get(&(me, id)) {
            let mut row = row.clone();
            let epoch =
                EpochRow { epoch: position.epoch, context_hash: position.context_hash, roster };
            row.epochs.push(epoch);
            let surplus = row.epochs.len().saturating_sub(EPOCHS_KEPT);
            row.epochs.drain(..surplus);
            self.put_conversation(me, id, row);
        }
        self.refresh_tags_of(me, id);
        self.emit(Some(me), EventBody::ConversationUpdated(id));
    }

    pub(crate) fn put_conversation(
        &mut self,
        persona: PersonaId,
        id: ConversationId,
        row: ConversationRow,
    ) {
        let key = rows::key(&[persona.as_bytes(), id.as_bytes()]);
        self.put(Table::Conversation, key, &row);
        self.conversations.insert((persona, id), row);
    }

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
            sequencer: row.creator,
            epoch: last.map(|epoch| epoch.epoch).unwrap_or_default(),
            active: row.active,
            created_at_ms: row.created_at_ms,
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
