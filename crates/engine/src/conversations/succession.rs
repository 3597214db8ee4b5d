//! When the sequencer of a conversation is gone: who wants a change stands, the others vote, and
//! whoever was on another branch is called back.
//!
//! ```text
//!  Bob wants Erin in, and Alice, the sequencer, does not answer
//!    stand ── Solicit ──► Carol, Dora: keep the vote, then ── Vote ──► Bob
//!    take over ── the commit that begins the term ──► everybody
//!    add Erin
//! ```
//!
//! Signals are not kept and not repeated by the outbox: each says what is true now, and is said
//! again while it matters. What binds, the vote, is kept by the group before it is sent.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    identity::{ConversationId, PersonaId},
    session::{SessionError, Signal, SignedSignal, Word, seal_to},
    wire::Frame,
};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::{
    effect::{Effect, Table},
    mail::Source,
    request::ConversationKind,
    rows::{self, Cargo, EnvelopeRow},
    state::Engine,
};

/// How long the sequencer may be out of reach before somebody who wants a change stands, in
/// milliseconds: longer than a node takes to restart.
const PATIENCE_MS: u64 = 8_000;
/// How often a candidate asks again, in milliseconds; members notice at different times that the
/// sequencer is gone.
const ASK_MS: u64 = 3_000;
/// A candidate that has not won stands anew after this long, in milliseconds, and up to as much
/// more again, so that two candidates do not meet for ever.
const RACE_MS: u64 = 15_000;
/// How often members that wait for something tell each other where they are, in milliseconds.
const TELL_MS: u64 = 30_000;

/// Changes of members an owner wants, until they are made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wishes {
    /// Whom to add.
    pub(crate) add: BTreeSet<PersonaId>,
    /// Whom to remove.
    pub(crate) remove: BTreeSet<PersonaId>,
    /// Since when, milliseconds since the Unix epoch.
    pub(crate) since_ms: u64,
}

/// What goes on about the order of changes in one conversation of one of our personas.
#[derive(Debug, Default)]
pub(crate) struct Affairs {
    wishes: BTreeMap<(PersonaId, ConversationId), Wishes>,
    races: BTreeMap<(PersonaId, ConversationId), Race>,
    /// The highest term a member says it has voted in.
    heard: BTreeMap<(PersonaId, ConversationId), u64>,
    /// The first entry of the term we are on the way to.
    adopted: BTreeMap<(PersonaId, ConversationId), [u8; 32]>,
    /// When to tell again.
    tell_at_ms: BTreeMap<(PersonaId, ConversationId), u64>,
}

/// A term one of our personas stands for.
#[derive(Debug)]
struct Race {
    term: u64,
    ask_at_ms: u64,
    over_at_ms: u64,
    votes: BTreeMap<PersonaId, SignedSignal>,
}

impl Affairs {
    /// Puts back wishes read from the ledger.
    pub(super) fn restore(&mut self, pair: (PersonaId, ConversationId), wishes: Wishes) {
        self.wishes.insert(pair, wishes);
    }

    fn due(&self, pair: &(PersonaId, ConversationId), wishes: &Wishes) -> u64 {
        match self.races.get(pair) {
            Some(race) => race.ask_at_ms.min(race.over_at_ms),
            None => wishes.since_ms + PATIENCE_MS,
        }
    }
}

impl Engine {
    /// When the next candidate asks or gives up, or a member tells where it is.
    pub(crate) fn affairs_timeout(&self) -> Option<u64> {
        let affairs = &self.affairs;
        let wishes = affairs.wishes.iter().map(|(pair, wishes)| affairs.due(pair, wishes));
        let races = affairs.races.values().map(|race| race.ask_at_ms.min(race.over_at_ms));
        let next = wishes.chain(races).chain(affairs.tell_at_ms.values().copied()).min()?;
        Some(next.max(self.now_ms + 1))
    }

    pub(crate) fn on_affairs_timeout(&mut self) {
        let now_ms = self.now_ms;
        let wanting: Vec<_> = self.affairs.wishes.keys().copied().collect();
        for (me, id) in wanting {
            self.press(me, id);
        }
        let racing: Vec<_> = self.affairs.races.keys().copied().collect();
        for (me, id) in racing {
            self.run(me, id);
        }
        let due = self.affairs.tell_at_ms.iter().filter(|(_, at_ms)| **at_ms <= now_ms);
        for (me, id) in due.map(|(pair, _)| *pair).collect::<Vec<_>>() {
            self.affairs.tell_at_ms.remove(&(me, id));
            self.settle_term(me, id);
            self.tell(me, id, None);
        }
    }

    /// Notes a change an owner wants and that cannot be made at once.
    pub(super) fn want(
        &mut self,
        me: PersonaId,
        id: ConversationId,
        add: &[PersonaId],
        remove: &[PersonaId],
    ) {
        let mut wishes = self.affairs.wishes.get(&(me, id)).cloned().unwrap_or_default();
        if wishes.since_ms == 0 {
            wishes.since_ms = self.now_ms;
        }
        wishes.add.extend(add);
        wishes.remove.extend(remove);
        self.keep_wishes(me, id, Some(wishes));
        self.press(me, id);
    }

    fn keep_wishes(&mut self, me: PersonaId, id: ConversationId, wishes: Option<Wishes>) {
        let key = rows::key(&[me.as_bytes(), id.as_bytes(), b"w"]);
        match wishes {
            Some(wishes) => {
                self.put(Table::Conversation, key, &wishes);
                self.affairs.wishes.insert((me, id), wishes);
            }
            None => {
                self.delete(Table::Conversation, key);
                self.affairs.wishes.remove(&(me, id));
            }
        }
    }

    /// Makes the changes an owner wants, or sees to it that we come to be who may.
    pub(super) fn press(&mut self, me: PersonaId, id: ConversationId) {
        let Some(mut wishes) = self.affairs.wishes.get(&(me, id)).cloned() else { return };
        let Ok(roster) = self.roster(me, id) else {
            self.affairs.races.remove(&(me, id));
            return self.keep_wishes(me, id, None);
        };
        wishes.add.retain(|persona| !roster.contains(persona));
        wishes.remove.retain(|persona| roster.contains(persona));
        if wishes.add.is_empty() && wishes.remove.is_empty() {
            self.affairs.races.remove(&(me, id));
            return self.keep_wishes(me, id, None);
        }
        if self.may_sign(me, id) {
            self.keep_wishes(me, id, None);
            for gone in wishes.remove {
                if let Err(error) = self.remove_now(me, id, gone) {
                    self.audit(me, "member.not-removed", error.to_string());
                }
            }
            let add: Vec<_> = wishes.add.into_iter().collect();
            if !add.is_empty()
                && let Err(error) = self.add_now(me, id, &add)
            {
                self.audit(me, "members.not-added", error.to_string());
            }
            return;
        }
        let patient = wishes.since_ms + PATIENCE_MS > self.now_ms;
        if !patient && self.may_hope(me, id) && !self.affairs.races.contains_key(&(me, id)) {
            self.stand(me, id, 0);
        }
    }

    /// Whether a persona of ours signs the next change of a conversation.
    pub(crate) fn may_sign(&self, me: PersonaId, id: ConversationId) -> bool {
        let groups = self.personas.get(&me).map(|hosted| &hosted.groups);
        groups.and_then(|groups| groups.succession(id).ok()).is_some_and(|it| it.may_sign().is_ok())
    }

    /// Who signs the changes of a conversation now.
    pub(crate) fn sequencer(&self, me: PersonaId, id: ConversationId) -> Option<PersonaId> {
        Some(self.personas.get(&me)?.groups.policy(id).ok()?.sequencer())
    }

    /// Whether a persona of ours stands for a term.
    pub(super) fn races(&self, me: PersonaId, id: ConversationId) -> bool {
        self.affairs.races.contains_key(&(me, id))
    }

    /// Nobody waits for us to order changes any more.
    pub(super) fn end_race_without_wishes(&mut self, me: PersonaId, id: ConversationId) {
        if !self.affairs.wishes.contains_key(&(me, id)) {
            self.affairs.races.remove(&(me, id));
        }
    }

    pub(super) fn stand(&mut self, me: PersonaId, id: ConversationId, beyond: u64) {
        let now_ms = self.now_ms;
        let Some(hosted) = self.personas.get_mut(&me) else { return };
        let Ok((term, spine)) = hosted.groups.stand(id, beyond) else { return };
        let word = Word::Vote { term, candidate: me, spine };
        let votes = BTreeMap::from([(me, Signal::sign(&hosted.key, id, word, now_ms))]);
        let over_at_ms = now_ms + RACE_MS + self.rng.gen_range(0..RACE_MS);
        let race = Race { term, ask_at_ms: now_ms, over_at_ms, votes };
        self.affairs.races.insert((me, id), race);
        self.audit(me, "term.stood", format!("for term {term}"));
        self.count(me, id);
        self.run(me, id);
    }

    /// Asks for votes, or stands anew when that has taken too long.
    fn run(&mut self, me: PersonaId, id: ConversationId) {
        let now_ms = self.now_ms;
        let Some(race) = self.affairs.races.get_mut(&(me, id)) else { return };
        let term = race.term;
        if race.over_at_ms <= now_ms {
            self.affairs.races.remove(&(me, id));
            if self.may_hope(me, id) {
                self.stand(me, id, term);
            }
            return;
        }
        if race.ask_at_ms <= now_ms {
            race.ask_at_ms = now_ms + ASK_MS;
            self.signal_all(me, id, &Word::Solicit { term });
        }
    }

    /// Whether others would vote for us: not while who holds the term is there, unless we are one
    /// of the admins.
    fn may_hope(&self, me: PersonaId, id: ConversationId) -> bool {
        let policy = self.personas.get(&me).and_then(|hosted| hosted.groups.policy(id).ok());
        policy.is_some_and(|policy| {
            let holder = policy.sequencer();
            holder == me
                || policy.admins.contains(&me)
                || !self.is_online(&holder)
                || self.has_lost_keys(me, id, holder)
        })
    }

    /// A member has voted in a term, so it follows nothing of an earlier one. If nobody wins that
    /// term, it takes another.
    fn hear_of_term(&mut self, me: PersonaId, id: ConversationId, term: u64) {
        let heard = self.affairs.heard.entry((me, id)).or_default();
        *heard = term.max(*heard);
        if self.sequencer(me, id) == Some(me) && self.needs_term(me, id) {
            self.tell_later(me, id, TELL_MS);
        }
    }

    /// Takes over if the votes are enough.
    fn count(&mut self, me: PersonaId, id: ConversationId) {
        let now_ms = self.now_ms;
        let Some(race) = self.affairs.races.get(&(me, id)) else { return };
        let votes: Vec<_> = race.votes.values().cloned().collect();
        let Ok(before) = self.roster(me, id) else { return };
        let Some(hosted) = self.personas.get_mut(&me) else { return };
        let Ok(change) = hosted.groups.take_over(id, &votes, now_ms) else { return };
        self.affairs.races.remove(&(me, id));
        self.note_epoch(me, id);
        if let Some(envelope) = change.envelope {
            let others: Vec<_> = before.into_iter().filter(|other| *other != me).collect();
            let row = EnvelopeRow {
                id: envelope.id(),
                envelope: envelope.into_bytes(),
                author: me,
                cargo: Cargo::Change {
                    conversation: id,
                    seq: self.conversation(me, id).map_or(0, |row| row.next_seq),
                },
                created_at_ms: now_ms,
            };
            self.post(row, &others);
        }
        self.reseal(me, id, None);
        self.audit(me, "term.begun", "the others voted; we order the changes now".into());
        self.press(me, id);
        self.press_returns(me, id);
        self.tell(me, id, None);
    }

    /// A member has said something about a group of one of our personas.
    pub(crate) fn on_signal(
        &mut self,
        me: PersonaId,
        source: Source,
        signal: Signal,
        signed: SignedSignal,
    ) {
        let (from, id) = (signal.persona, signal.group);
        if !self.roster(me, id).is_ok_and(|roster| roster.contains(&from)) {
            return;
        }
        match signal.word {
            Word::Followed { epoch, head, term } => {
                self.on_followed(me, id, (from, source), (epoch, head, term));
            }
            Word::Solicit { term } => self.on_solicit(me, id, from, term),
            Word::Vote { term, candidate, .. } => {
                let race = self.affairs.races.get_mut(&(me, id));
                if candidate == me
                    && let Some(race) = race.filter(|race| race.term == term)
                {
                    race.votes.insert(from, signed);
                    self.count(me, id);
                }
            }
            Word::Elected { signer, entry, votes } => {
                let Some(hosted) = self.personas.get_mut(&me) else { return };
                let before = hosted.groups.position(id).map(|position| position.head).ok();
                let hash = entry.hash();
                let adopted = hosted.groups.adopt(id, signer, &entry, &votes);
                if is_beyond_repair(&adopted) {
                    return self.start_rejoin(me, id, "the others went on from too far back");
                }
                if adopted.is_ok() {
                    let after = hosted.groups.position(id).map(|position| position.head).ok();
                    if before != after {
                        self.note_epoch(me, id);
                        self.audit(me, "changes.taken-back", "the others went on without".into());
                        self.repeat_removals(me, id);
                    }
                    self.refresh_tags_of(me, id);
                    // Who sends this may lack the commits on the way to it, as we do: then the two
                    // would answer each other for ever.
                    if self.affairs.adopted.insert((me, id), hash) == Some(hash) {
                        self.tell_later(me, id, TELL_MS);
                    } else {
                        self.tell(me, id, None);
                    }
                }
            }
        }
    }

    /// What had to be taken back and has to be done again.
    fn repeat_removals(&mut self, me: PersonaId, id: ConversationId) {
        let groups = self.personas.get(&me).map(|hosted| &hosted.groups);
        let owed = groups.and_then(|groups| groups.succession(id).ok()).map(|it| it.owed().clone());
        let owed: Vec<_> = owed.unwrap_or_default().into_iter().collect();
        if !owed.is_empty() {
            self.want(me, id, &[], &owed);
        }
    }

    /// Somebody stands. We vote for who holds the term, for the group's admins, and for anybody
    /// while who holds it is out of our reach.
    fn on_solicit(&mut self, me: PersonaId, id: ConversationId, candidate: PersonaId, term: u64) {
        let group = self.conversation(me, id).is_ok_and(|row| row.kind == ConversationKind::Group);
        let Some(policy) = self.personas.get(&me).and_then(|hosted| hosted.groups.policy(id).ok())
        else {
            return;
        };
        let holder = policy.sequencer();
        self.hear_of_term(me, id, term);
        let lost = self.has_lost_keys(me, id, holder);
        let gone = holder != me && (lost || !self.is_online(&holder));
        if !group
            || self.is_quiet(me, id)
            || !(gone || candidate == holder || policy.admins.contains(&candidate))
        {
            return;
        }
        let Some(hosted) = self.personas.get_mut(&me) else { return };
        match hosted.groups.vote(id, term, candidate) {
            Ok(spine) => {
                let word = Word::Vote { term, candidate, spine };
                self.signal(me, id, candidate, word);
                self.tell_later(me, id, TELL_MS);
            }
            Err(_) => self.tell(me, id, Some(candidate)),
        }
    }

    /// Another member says where it is: whoever is ahead sends the other what it lacks.
    fn on_followed(
        &mut self,
        me: PersonaId,
        id: ConversationId,
        (from, source): (PersonaId, Source),
        (epoch, head, term): (u64, [u8; 32], u64),
    ) {
        let Some(hosted) = self.personas.get_mut(&me) else { return };
        // Only a member of the group can be noted, and that was checked.
        let _ = hosted.groups.note_followed(id, from, head);
        let (Ok(position), Ok(succession)) =
            (hosted.groups.position(id), hosted.groups.succession(id))
        else {
            return;
        };
        let (ours, theirs) = ((succession.term_seen(), position.epoch), (term, epoch));
        let head_of_ours = position.head;
        let commits = hosted.groups.commits_after(id, &head);
        let known = succession.chain().place_after(&head).is_some();
        let certificate = hosted.groups.certificate(id);
        let policy = hosted.groups.policy(id);
        self.hear_of_term(me, id, term);
        if head_of_ours == head {
            if theirs.0 > ours.0 {
                self.tell_later(me, id, TELL_MS);
            }
            return;
        }
        if !commits.is_empty() {
            for envelope in commits {
                // To where it was said, which need not be the home we know: an old copy of a
                // member learns from this that another one took its place.
                match source {
                    Source::Node(node) => {
                        let frame = Frame::Envelope(envelope.into_bytes());
                        self.then(Effect::Send { node, frame });
                    }
                    _ => self.hand(from, envelope.into_bytes()),
                }
            }
            return;
        }
        if !known
            && let Some((entry, votes)) = certificate
            && let Ok(policy) = policy
        {
            let signer = policy.sequencer();
            self.signal(me, id, from, Word::Elected { signer, entry, votes });
        }
        // Only who is behind answers, so that two do not answer each other for ever.
        if theirs > ours {
            self.tell(me, id, Some(from));
        }
    }

    /// Where a vote has ended a term and no other has begun: stands, if nobody else will.
    fn settle_term(&mut self, me: PersonaId, id: ConversationId) {
        let Some(holder) = self.sequencer(me, id) else { return };
        let idle = !self.affairs.races.contains_key(&(me, id));
        if idle && self.needs_term(me, id) && (holder == me || !self.is_online(&holder)) {
            let heard = self.affairs.heard.get(&(me, id)).copied().unwrap_or_default();
            self.stand(me, id, heard);
        }
    }

    fn needs_term(&self, me: PersonaId, id: ConversationId) -> bool {
        let heard = self.affairs.heard.get(&(me, id)).copied().unwrap_or_default();
        let groups = self.personas.get(&me).map(|hosted| &hosted.groups);
        groups
            .and_then(|groups| groups.succession(id).ok())
            .is_some_and(|it| it.needs_term() || heard > it.chain().term())
    }

    /// A node has connected: its members of our conversations may have missed something, or we.
    pub(crate) fn tell_all_at(&mut self, node: &protocol::identity::NodeId) {
        let there: BTreeSet<_> = self.personas_at(node).into_iter().collect();
        for (me, id) in self.conversations.keys().copied().collect::<Vec<_>>() {
            let Ok(roster) = self.roster(me, id) else { continue };
            for other in roster.into_iter().filter(|other| there.contains(other)) {
                self.tell(me, id, Some(other));
            }
        }
    }

    /// Tells where we are, some time from now; many reasons within that time make one.
    pub(crate) fn tell_later(&mut self, me: PersonaId, id: ConversationId, in_ms: u64) {
        let at_ms = self.now_ms + in_ms + self.rng.gen_range(0..=in_ms / 2);
        let known = self.affairs.tell_at_ms.entry((me, id)).or_insert(at_ms);
        *known = at_ms.min(*known);
    }

    /// Says which entry we followed last: to one, or to everybody who is there.
    fn tell(&mut self, me: PersonaId, id: ConversationId, to: Option<PersonaId>) {
        let Some(hosted) = self.personas.get(&me) else { return };
        let (Ok(position), Ok(succession)) =
            (hosted.groups.position(id), hosted.groups.succession(id))
        else {
            return;
        };
        let (epoch, head, term) = (position.epoch, position.head, succession.term_seen());
        let waits = succession.needs_term() || succession.chain().unsettled() > 0;
        let word = Word::Followed { epoch, head, term };
        match to {
            Some(to) => self.signal(me, id, to, word),
            None => {
                self.signal_all(me, id, &word);
                if waits {
                    self.tell_later(me, id, TELL_MS);
                }
            }
        }
    }

    fn signal_all(&mut self, me: PersonaId, id: ConversationId, word: &Word) {
        for other in self.roster(me, id).unwrap_or_default() {
            if other != me {
                self.signal(me, id, other, word.clone());
            }
        }
    }

    /// Says something about a group to a member whose home is connected.
    fn signal(&mut self, me: PersonaId, id: ConversationId, to: PersonaId, word: Word) {
        // Of direct conversations there is only this to say.
        let followed = matches!(word, Word::Followed { .. });
        let group = self.conversation(me, id).is_ok_and(|row| row.kind == ConversationKind::Group);
        if !(group || followed) || !self.is_online(&to) {
            return;
        }
        let key = match self.personas.get(&to) {
            Some(ours) => Some(ours.sealing.public()),
            None => self.cards.get(&to).map(|known| known.card.sealing_key),
        };
        let (Some(key), Some(hosted)) = (key, self.personas.get(&me)) else { return };
        let signed = Signal::sign(&hosted.key, id, word, self.now_ms);
        if let Ok((envelope, _)) = seal_to(&key, &signed.to_bytes(), self.now_ms, &mut self.rng) {
            self.hand(to, envelope.into_bytes());
        }
    }

    /// Hands an envelope to a persona now, without keeping it.
    fn hand(&mut self, to: PersonaId, envelope: Vec<u8>) {
        match self.home_of(&to) {
            Some(node) if node == self.home.node => {
                self.arrived.push_back((Source::Local, envelope));
            }
            Some(node) => self.then(Effect::Send { node, frame: Frame::Envelope(envelope) }),
            None => {}
        }
    }
}

/// Whether nothing we hold leads to the branch the others are on.
fn is_beyond_repair(adopted: &Result<(), SessionError>) -> bool {
    let apart = SessionError::TooFarApart;
    adopted.as_ref().is_err_and(|error| *error == apart)
}
