//! Opening a conversation and changing who is in it: the sequencer's side.

use protocol::{
    card::{Purpose, TITLE_BYTES_MAX, is_title},
    identity::{ConversationId, MessageId, PersonaId},
    session::{Change, GroupPolicy},
    wire::{self, Content, ContentKind},
};
use rand::Rng;

use super::{MEMBERS_MAX, SOON_MS};
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

    /// The key packages with which a persona of ours can welcome these others now.
    fn key_packages(
        &self,
        owner: PersonaId,
        members: &[PersonaId],
    ) -> Result<Vec<Vec<u8>>, RequestError> {
        if members.is_empty() || members.len() >= MEMBERS_MAX {
            return Err(invalid("members", &format!("1 to {} others", MEMBERS_MAX - 1)));
        }
        // Nothing may fail once the group has changed: the welcomes carry our card.
        self.card_of(&owner).ok_or_else(|| RequestError::Unavailable {
            reason: "our own card is not made yet; the node has no address".into(),
        })?;
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
        let me = self.changer(id)?;
        self.key_packages(me, &members)?;
        let roster = self.roster(me, id)?;
        if let Some(member) = members.iter().find(|member| roster.contains(member)) {
            let reason = format!("{} is already a member", self.name_of(member));
            return Err(RequestError::Conflict { reason });
        }
        match self.may_sign(me, id) {
            true => self.add_now(me, id, &members)?,
            false => self.want(me, id, &members, &[]),
        }
        Ok(Reply::Conversation(self.conversation_view(me, id)?))
    }

    /// Adds members, as the sequencer.
    pub(super) fn add_now(
        &mut self,
        me: PersonaId,
        id: ConversationId,
        members: &[PersonaId],
    ) -> Result<(), RequestError> {
        let key_packages = self.key_packages(me, members)?;
        let roster = self.roster(me, id)?;
        let now_ms = self.now_ms;
        let groups = &mut self.hosted_mut(&me)?.groups;
        let change = groups
            .add(id, &key_packages, now_ms)
            .map_err(|error| invalid("members", &error.to_string()))?;
        self.note_epoch(me, id);
        for member in members {
            self.drop_changes_for(*member, id);
        }
        self.send_change(me, id, &change, Some(&roster))?;
        self.reseal(me, id, None);
        self.tell_later(me, id, SOON_MS);
        let cards: Vec<_> = members.iter().filter_map(|member| self.card_of(member)).collect();
        self.say(me, id, Content::new(ContentKind::Roster, wire::encode(&cards)))?;
        self.audit(me, "members.added", self.names(members));
        Ok(())
    }

    pub(crate) fn remove_member(
        &mut self,
        id: ConversationId,
        member: PersonaId,
    ) -> Result<Reply, RequestError> {
        let me = self.changer(id)?;
        if member == me {
            return Err(invalid("member", "nobody removes itself in this version"));
        }
        if !self.roster(me, id)?.contains(&member) {
            return Err(RequestError::NotFound { what: "member" });
        }
        match self.may_sign(me, id) {
            true => self.remove_now(me, id, member)?,
            false => self.want(me, id, &[], &[member]),
        }
        Ok(Reply::Conversation(self.conversation_view(me, id)?))
    }

    /// Removes a member, as the sequencer.
    pub(super) fn remove_now(
        &mut self,
        me: PersonaId,
        id: ConversationId,
        member: PersonaId,
    ) -> Result<(), RequestError> {
        let roster = self.roster(me, id)?;
        let now_ms = self.now_ms;
        let groups = &mut self.hosted_mut(&me)?.groups;
        let change = groups.remove(id, &[member], now_ms).map_err(internal)?;
        self.note_epoch(me, id);
        self.send_change(me, id, &change, Some(&roster))?;
        self.drop_mail_for(member, id);
        self.reseal(me, id, None);
        self.tell_later(me, id, SOON_MS);
        self.audit(me, "member.removed", self.name_of(&member));
        Ok(())
    }

    /// Which of our personas may change who is in a conversation: its sequencer; an admin; or,
    /// while the sequencer is out of reach, any member.
    fn changer(&self, id: ConversationId) -> Result<PersonaId, RequestError> {
        let here: Vec<_> = self
            .conversations
            .iter()
            .filter(|((_, other), row)| *other == id && row.active)
            .map(|((persona, _), row)| (*persona, row.kind))
            .collect();
        let sequences = |(persona, _): &&(PersonaId, ConversationKind)| {
            self.sequencer(*persona, id) == Some(*persona)
        };
        let Some((me, kind)) = here.iter().find(sequences).or(here.first()) else {
            return Err(RequestError::NotFound { what: "conversation" });
        };
        if *kind == ConversationKind::Direct {
            let reason = "a direct conversation has two members; open a group instead".into();
            return Err(RequestError::Forbidden { reason });
        }
        let policy = self.hosted(me)?.groups.policy(id).map_err(internal)?;
        let holder = policy.sequencer();
        if holder != *me && !policy.admins.contains(me) && self.is_online(&holder) {
            let reason =
                format!("{} orders the changes and is there; ask its owner", self.name_of(&holder));
            return Err(RequestError::Forbidden { reason });
        }
        Ok(*me)
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
