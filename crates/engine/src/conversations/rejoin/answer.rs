//! The others' side: a member asks to come back, and whoever orders the changes lets it in.
//!
//! Everybody who is asked keeps the request, because the one who can answer it may be away, or be
//! the very one who asks. Then somebody else has to order the changes first, and stands for it as
//! for any change it wants.

use protocol::{
    card::{Purpose, SignedCard},
    identity::{ConversationId, PersonaId},
    session::{SessionError, SignedRejoin},
    wire::{self, Content, ContentKind, Frame},
};

use super::{ASKED, AskedRow, Place};
use crate::{
    conversations::SOON_MS,
    effect::{Effect, Table},
    event::EventBody,
    rows::{self, Cargo, EnvelopeRow},
    state::Engine,
};

/// How long the sequencer may take before a request is passed on to it, or, when it is out of
/// reach, before somebody else stands, in milliseconds.
const PATIENCE_MS: u64 = 8_000;
/// Members stand one after another, this far apart, in milliseconds.
const TURN_MS: u64 = 4_000;
/// Requests kept in one conversation: more members than that do not lose their keys at once.
const ASKED_MAX: usize = 64;

/// Changes an old copy is shown: the one that lets its member back in, and what may have come just
/// before it.
const CHANGES_SHOWN: usize = 3;

impl Engine {
    /// A member asks one of our personas to be let back in, itself or through another member.
    pub(crate) fn on_rejoin(
        &mut self,
        me: PersonaId,
        signed: SignedRejoin,
        card: SignedCard,
        told_at_ms: u64,
    ) {
        let now_ms = self.now_ms;
        let Ok(request) = signed.verify(now_ms) else { return };
        let (who, id) = (request.persona, request.group);
        let is_member = self.roster(me, id).is_ok_and(|roster| roster.contains(&who));
        if who == me || !is_member {
            let name = self.name_of(&who);
            return self.audit(me, "rejoin.refused", format!("{name} is not a member"));
        }
        let before = self.home_of(&who);
        if card.verify_at_issue().is_ok_and(|card| card.persona == who) {
            self.learn_card(card, told_at_ms.min(now_ms));
        }
        if let Some(before) = before.filter(|before| self.home_of(&who) != Some(*before)) {
            self.returns.left.insert((id, who), before);
        }
        let asked = self.returns.asked.entry((me, id)).or_default();
        let known = asked.get(&who);
        let is_new = known.is_none_or(|known| known.issued_at_ms < request.issued_at_ms);
        if is_new && asked.len() < ASKED_MAX {
            let row = AskedRow {
                request: signed,
                issued_at_ms: request.issued_at_ms,
                since_ms: known.map_or(now_ms, |known| known.since_ms),
                passed_on: false,
            };
            asked.insert(who, row.clone());
            self.put(Table::Conversation, asked_key((me, id), who), &row);
        }
        self.press_returns(me, id);
    }

    /// Whether the one who orders the changes of a conversation asks to be let back in: it cannot
    /// order any more.
    pub(crate) fn has_lost_keys(&self, me: PersonaId, id: ConversationId, who: PersonaId) -> bool {
        self.returns.asked.get(&(me, id)).is_some_and(|asked| asked.contains_key(&who))
    }

    /// Lets in who asks for it, or sees to it that somebody can.
    pub(crate) fn press_returns(&mut self, me: PersonaId, id: ConversationId) {
        let Some(asked) = self.returns.asked.get(&(me, id)).cloned() else { return };
        let Ok(roster) = self.roster(me, id) else {
            asked.keys().for_each(|who| self.forget_asked(me, id, *who));
            return;
        };
        for (who, row) in asked {
            // What was done for one may have answered another.
            if !self.has_lost_keys(me, id, who) {
                continue;
            }
            if !roster.contains(&who) || row.request.verify(self.now_ms).is_err() {
                self.forget_asked(me, id, who);
            } else if self.may_sign(me, id) {
                self.readmit(me, id, who, &row.request);
            } else if self.due_at((me, id), who, &row) <= self.now_ms {
                self.help(me, id, who, row);
            }
        }
    }

    /// When to look after a request again that somebody else should have answered.
    pub(super) fn next_look(&self, place: Place) -> Option<u64> {
        let asked = self.returns.asked.get(&place)?;
        let open = asked.iter().map(|(who, row)| {
            let at_ms = self.due_at(place, *who, row);
            // What is due and cannot be helped yet is looked at now and then.
            if at_ms > self.now_ms { at_ms } else { self.now_ms + PATIENCE_MS }
        });
        open.min()
    }

    fn due_at(&self, (me, id): Place, who: PersonaId, row: &AskedRow) -> u64 {
        let holder = self.sequencer(me, id);
        let others = self.known_others(me, id);
        let mut before = others.iter().filter(|other| **other < me && **other != who);
        let turn = before.by_ref().filter(|other| Some(**other) != holder).count();
        let turn_ms = TURN_MS * u64::try_from(turn.min(16)).unwrap_or(16);
        let patience_ms = if holder == Some(who) { 0 } else { PATIENCE_MS };
        row.since_ms + patience_ms + turn_ms
    }

    /// The sequencer has not answered: it is gone, or it lost its keys itself, or it was not asked.
    fn help(&mut self, me: PersonaId, id: ConversationId, who: PersonaId, row: AskedRow) {
        let Some(holder) = self.sequencer(me, id) else { return };
        if holder == who || !self.is_online(&holder) {
            if !self.races(me, id) {
                self.stand(me, id, 0);
            }
            return;
        }
        if row.passed_on {
            return;
        }
        let Some(card) = self.card_of(&who) else { return };
        let purpose = Purpose::Rejoin { request: row.request.clone(), card };
        if self.introduce(me, holder, purpose).is_ok() {
            let row = AskedRow { passed_on: true, ..row };
            self.put(Table::Conversation, asked_key((me, id), who), &row);
            self.returns.asked.entry((me, id)).or_default().insert(who, row);
        }
    }

    fn readmit(
        &mut self,
        me: PersonaId,
        id: ConversationId,
        who: PersonaId,
        request: &SignedRejoin,
    ) {
        let now_ms = self.now_ms;
        // The answer carries our card and goes to theirs; nothing may fail once the group changed.
        if self.card_of(&me).is_none() || self.open_card(&who).is_none() {
            return;
        }
        let Ok(before) = self.roster(me, id) else { return };
        let Some(hosted) = self.personas.get_mut(&me) else { return };
        let change = match hosted.groups.readmit(id, request, now_ms) {
            Ok(change) => change,
            // Later, when what is waited for has come.
            Err(SessionError::Succession(_)) => return,
            Err(error) => {
                self.forget_asked(me, id, who);
                return self.audit(me, "rejoin.refused", error.to_string());
            }
        };
        self.forget_asked(me, id, who);
        if let Some(envelope) = change.envelope {
            let seq = self.conversation(me, id).map_or(0, |row| row.next_seq);
            let row = EnvelopeRow {
                id: envelope.id(),
                envelope: envelope.into_bytes(),
                author: me,
                cargo: Cargo::Change { conversation: id, seq },
                created_at_ms: now_ms,
            };
            let others: Vec<_> =
                before.iter().filter(|other| **other != me && **other != who).copied().collect();
            self.post(row, &others);
        }
        self.after_return(me, id, who);
        if let Some(welcome) = change.welcome {
            let cards = before.iter().filter(|other| **other != who);
            let cards = cards.filter_map(|other| self.card_of(other)).collect();
            // Both cards are there.
            let _ = self.introduce(me, who, Purpose::Readmit { welcome, cards });
        }
        let cards: Vec<_> = self.card_of(&who).into_iter().collect();
        let _ = self.say(me, id, Content::new(ContentKind::Roster, wire::encode(&cards)));
    }

    /// A member is back, by the commit of another.
    pub(crate) fn on_rejoined(&mut self, me: PersonaId, id: ConversationId, who: PersonaId) {
        self.forget_asked(me, id, who);
        self.after_return(me, id, who);
        self.press(me, id);
        self.press_returns(me, id);
    }

    /// A member has another leaf now: what was sealed before is nothing it can open.
    fn after_return(&mut self, me: PersonaId, id: ConversationId, who: PersonaId) {
        self.note_back(me, id, who);
        self.note_epoch(me, id);
        self.drop_stale_changes(me, who, id);
        self.reseal(me, id, Some(who));
        self.tell_old_copy(me, id, who);
        self.tell_later(me, id, SOON_MS);
        let name = self.name_of(&who);
        self.audit(me, "member.rejoined", format!("{name} came back with new keys"));
        self.emit(Some(me), EventBody::MemberRejoined { conversation: id, persona: who });
    }

    /// An old copy of who came back may run where it lived before: shows it the last changes, of
    /// which this is one.
    fn tell_old_copy(&mut self, me: PersonaId, id: ConversationId, who: PersonaId) {
        let Some(node) = self.returns.left.get(&(id, who)).copied() else { return };
        let Some(hosted) = self.personas.get(&me).filter(|_| self.peers.is_online(&node)) else {
            return;
        };
        let Ok(succession) = hosted.groups.succession(id) else { return };
        let chain = succession.chain();
        let since = chain.hash_at(chain.steps.len().saturating_sub(CHANGES_SHOWN));
        for envelope in hosted.groups.commits_after(id, &since) {
            self.then(Effect::Send { node, frame: Frame::Envelope(envelope.into_bytes()) });
        }
    }

    fn forget_asked(&mut self, me: PersonaId, id: ConversationId, who: PersonaId) {
        let Some(asked) = self.returns.asked.get_mut(&(me, id)) else { return };
        if asked.remove(&who).is_some() {
            if asked.is_empty() {
                self.returns.asked.remove(&(me, id));
                self.end_race_without_wishes(me, id);
            }
            self.delete(Table::Conversation, asked_key((me, id), who));
        }
    }
}

fn asked_key((me, id): Place, who: PersonaId) -> Vec<u8> {
    rows::key(&[me.as_bytes(), id.as_bytes(), &[ASKED], who.as_bytes()])
}
