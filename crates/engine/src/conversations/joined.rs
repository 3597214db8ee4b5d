//! Being in a conversation: welcomes, changes by the sequencer, and being removed.

use protocol::{
    card::SignedCard,
    identity::{ConversationId, MessageId, PersonaId},
    wire::{self},
};

use super::{EPOCHS_KEPT, ROSTER_BYTES_MAX, SOON_MS};
use crate::{
    effect::Table,
    event::EventBody,
    request::ConversationKind,
    rows::{self, Cargo, ConversationRow, EnvelopeRow, EpochRow},
    state::Engine,
    view::DeliveryState,
};

impl Engine {
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
        let creator = hosted.groups.policy(id).map_or(from, |policy| policy.creator);
        let epoch = hosted.groups.position(id).map(|position| position.epoch).unwrap_or_default();
        let before = self.conversations.get(&(me, id)).cloned();
        // A welcome into an epoch we have seen already is one that a later one has overtaken.
        let fits = |before: &ConversationRow| {
            before.creator == creator && before.epochs.last().is_none_or(|last| last.epoch < epoch)
        };
        if !roster.contains(&from)
            || (direct && roster.len() != 2)
            || !before.as_ref().is_none_or(fits)
        {
            hosted.groups.forget(id);
            self.audit(me, "welcome.refused", "the group is not what was announced".into());
            return;
        }
        if before.as_ref().is_some_and(|before| before.active) {
            // We were removed in the meantime, and learn so by being added again.
            self.recall(me, id);
        }
        let kind = if direct { ConversationKind::Direct } else { ConversationKind::Group };
        // Who comes back goes on counting: the others know our earlier numbers. But it belongs to no
        // earlier electorate, because this may be a restored copy that does not know its ballots.
        let before = before.as_ref();
        let row = ConversationRow {
            kind,
            title,
            creator,
            created_at_ms: now_ms,
            active: true,
            next_seq: before.map_or(0, |before| before.next_seq),
            previous: before.map_or(MessageId([0; 16]), |before| before.previous),
            epochs: vec![],
        };
        self.put_conversation(me, id, row);
        self.forget_rejoin(me, id);
        self.learn_members(&roster, cards, issued_at_ms.min(now_ms));
        self.note_epoch(me, id);
        self.renew_card(me);
        self.audit(me, "conversation.joined", format!("{} opened it", self.name_of(&from)));
    }

    /// Keeps the cards of those who really are members.
    pub(super) fn learn_members(
        &mut self,
        roster: &[PersonaId],
        cards: Vec<SignedCard>,
        as_of_ms: u64,
    ) {
        for card in cards {
            let member = card.verify_at_issue().is_ok_and(|card| roster.contains(&card.persona));
            if member {
                self.learn_card(card, as_of_ms);
            }
        }
    }

    /// A member sends the cards of others. They may have run out while this was on its way, and
    /// an address that was good then is still the best there is.
    pub(crate) fn on_roster(
        &mut self,
        me: PersonaId,
        id: ConversationId,
        sent_at_ms: u64,
        body: &[u8],
    ) {
        let Ok(cards) = wire::decode::<Vec<SignedCard>>(body, ROSTER_BYTES_MAX) else { return };
        let Ok(roster) = self.roster(me, id) else { return };
        self.learn_members(&roster, cards, sent_at_ms.min(self.now_ms));
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
            self.drop_mail_for(*member, id);
        }
        self.reseal(me, id, None);
        self.press(me, id);
        self.press_returns(me, id);
        self.tell_later(me, id, SOON_MS);
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
        self.forget_rejoin(me, id);
        self.refresh_tags_of(me, id);
        self.recall(me, id);
        self.audit(me, "conversation.left", "removed by the others".into());
        self.emit(Some(me), EventBody::ConversationUpdated(id));
    }

    /// A member who was removed is added again: the welcome tells it all that the changes it has
    /// not got yet could, and once it has followed the welcome it can open none of them.
    pub(super) fn drop_changes_for(&mut self, member: PersonaId, id: ConversationId) {
        for envelope in self.outbox.pending_for(&member, id) {
            if let Some(row) = self.outbox.get(&envelope).cloned() {
                self.settle(&row, &member, DeliveryState::Failed);
            }
        }
    }

    /// A member came back: the changes of ours it has not got yet lie behind it.
    pub(super) fn drop_stale_changes(
        &mut self,
        me: PersonaId,
        member: PersonaId,
        id: ConversationId,
    ) {
        for envelope in self.outbox.pending_for(&member, id) {
            let row = self.outbox.get(&envelope).cloned();
            let ours =
                |row: &EnvelopeRow| row.author == me && matches!(row.cargo, Cargo::Change { .. });
            if let Some(row) = row.filter(ours) {
                self.settle(&row, &member, DeliveryState::Failed);
            }
        }
    }

    /// Messages are not kept for a former member. The changes are, from first to last: only who
    /// follows them all, or is added again, learns of being removed.
    pub(super) fn drop_mail_for(&mut self, member: PersonaId, id: ConversationId) {
        for envelope in self.outbox.pending_for(&member, id) {
            let row = self.outbox.get(&envelope).cloned();
            if let Some(row) = row.filter(|row| !matches!(row.cargo, Cargo::Change { .. })) {
                self.settle(&row, &member, DeliveryState::Failed);
            }
        }
    }

    /// Remembers who is in a conversation now, and under which tags it is addressed.
    pub(super) fn note_epoch(&mut self, me: PersonaId, id: ConversationId) {
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
}
