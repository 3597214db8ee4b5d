//! What owners let their personas vote on by themselves.
//!
//! A mandate comes from its owner alone: by request, by the setting that stands for one on times,
//! or with a task, for the one question the task puts. No message of a peer leads here.

use std::collections::BTreeMap;

use protocol::{
    decision::{MANDATE_MS_MAX, Mandate, Method, Methods, Reach, SignedMandate, Topic},
    identity::{ConversationId, PersonaId, ProposalId},
};

use crate::{
    effect::Table,
    event::EventBody,
    persona::invalid,
    request::{Reply, RequestError},
    rows::{self, MandateRow},
    state::Engine,
    view::MandateView,
};

/// How long a mandate runs when its owner does not say, in milliseconds: 90 days.
const USUAL_MS: u64 = 90 * 24 * 60 * 60 * 1000;
/// Mandates of one persona that hold at once.
const STANDING_MAX: usize = 64;
/// Mandates of one persona that are remembered, those that ended among them.
const KEPT_MAX: usize = 256;
const KEY_BYTES: usize = 32 + 1 + 8;

/// By persona and number.
pub(crate) type Mandates = BTreeMap<(PersonaId, u64), MandateRow>;

fn key(persona: &PersonaId, number: u64) -> Vec<u8> {
    rows::key(&[persona.as_bytes(), b"m", &number.to_be_bytes()])
}

/// Whose mandate lies under a key of the identity table, and its number; none for another row.
pub(crate) fn parse_key(key: &[u8]) -> Option<(PersonaId, u64)> {
    let (persona, rest) = key.split_at_checked(32)?;
    let number = rest.strip_prefix(b"m")?.try_into().ok()?;
    let persona = PersonaId::from_slice(persona).filter(|_| key.len() == KEY_BYTES)?;
    Some((persona, u64::from_be_bytes(number)))
}

impl Engine {
    /// The owner allows something.
    pub(crate) fn grant_mandate(
        &mut self,
        persona: PersonaId,
        conversation: Option<ConversationId>,
        topic: Topic,
        methods: Methods,
        expires_at_ms: Option<u64>,
    ) -> Result<Reply, RequestError> {
        self.hosted(&persona)?;
        if let Some(conversation) = conversation {
            self.conversation(persona, conversation)?;
        }
        if methods.iter().next().is_none() {
            return Err(invalid("methods", "must name at least one method"));
        }
        let expires_at_ms = expires_at_ms.unwrap_or(self.now_ms.saturating_add(USUAL_MS));
        let latest = self.now_ms.saturating_add(MANDATE_MS_MAX);
        if expires_at_ms <= self.now_ms || expires_at_ms > latest {
            return Err(invalid("expires_at", "must lie in the future, at most 366 days away"));
        }
        if self.standing(persona).count() >= STANDING_MAX {
            let reason = format!("{STANDING_MAX} mandates stand already; revoke one first");
            return Err(RequestError::Conflict { reason });
        }
        let reach = conversation.map_or(Reach::Everywhere, Reach::Conversation);
        let number = self.sign_mandate(persona, reach, topic, methods, expires_at_ms)?;
        self.mirror_mandates(persona);
        self.mandate_view(persona, number).map(Reply::Mandate)
    }

    /// The owner takes it back: it is not used any more. What was cast under it stays cast.
    pub(crate) fn revoke_mandate(
        &mut self,
        persona: PersonaId,
        number: u64,
    ) -> Result<Reply, RequestError> {
        self.hosted(&persona)?;
        let now_ms = self.now_ms;
        let row = self.mandates.get_mut(&(persona, number));
        let row = row.ok_or(RequestError::NotFound { what: "mandate" })?;
        if row.revoked_at_ms.is_none() {
            row.revoked_at_ms = Some(now_ms);
            let row = row.clone();
            self.put(Table::Identity, key(&persona, number), &row);
            let words = format!("{number}: {}", row.signed.mandate().in_words());
            self.audit(persona, "mandate.revoked", words);
            self.emit(Some(persona), EventBody::PersonaUpdated(persona));
            self.mirror_mandates(persona);
        }
        self.mandate_view(persona, number).map(Reply::Mandate)
    }

    /// The setting "votes on times alone" was switched: it stands for a mandate on times in every
    /// conversation.
    pub(crate) fn on_auto_vote(&mut self, persona: PersonaId, on: bool) {
        if on && !self.votes_on_times(persona) {
            let expires_at_ms = self.now_ms.saturating_add(USUAL_MS);
            let methods = [Method::Approval].into_iter().collect();
            // A persona of ours can sign; else there was nobody to switch it.
            let _ =
                self.sign_mandate(persona, Reach::Everywhere, Topic::Times, methods, expires_at_ms);
        } else if !on {
            let usual = |mandate: &Mandate| is_usual(mandate);
            let numbers: Vec<u64> =
                self.standing(persona).filter(|m| usual(m)).map(|m| m.number).collect();
            for number in numbers {
                // It stands, so it is there.
                let _ = self.revoke_mandate(persona, number);
            }
        }
        self.mirror_mandates(persona);
    }

    /// Whoever gives its persona a task that ends in a vote lets it vote on that one question.
    pub(crate) fn mandate_for_task(
        &mut self,
        persona: PersonaId,
        proposal: ProposalId,
        deadline_ms: u64,
    ) -> Result<(), RequestError> {
        let latest = self.now_ms.saturating_add(MANDATE_MS_MAX);
        let expires_at_ms = deadline_ms.clamp(self.now_ms, latest);
        let (reach, methods) =
            (Reach::Proposal(proposal), [Method::Approval].into_iter().collect());
        self.sign_mandate(persona, reach, Topic::Times, methods, expires_at_ms).map(drop)
    }

    /// Numbers, signs, stores and notes a mandate.
    fn sign_mandate(
        &mut self,
        persona: PersonaId,
        reach: Reach,
        topic: Topic,
        methods: Methods,
        expires_at_ms: u64,
    ) -> Result<u64, RequestError> {
        let number = self.numbers(persona).next_back().map_or(1, |newest| newest + 1);
        let granted_at_ms = self.now_ms;
        let mandate = Mandate { number, reach, topic, methods, granted_at_ms, expires_at_ms };
        let signed = SignedMandate::sign(mandate, &self.hosted(&persona)?.key);
        let row = MandateRow { signed, revoked_at_ms: None };
        self.put(Table::Identity, key(&persona, number), &row);
        self.mandates.insert((persona, number), row);
        self.audit(persona, "mandate.granted", format!("{number}: {}", mandate.in_words()));
        self.emit(Some(persona), EventBody::PersonaUpdated(persona));
        self.forget_old_mandates(persona);
        Ok(number)
    }

    /// Forgets the oldest that ended. The newest is kept in any case, for its number.
    fn forget_old_mandates(&mut self, persona: PersonaId) {
        let newest = self.numbers(persona).next_back();
        let count = self.numbers(persona).count();
        let ended = |number: &u64| {
            let row = self.mandates.get(&(persona, *number));
            Some(*number) != newest && row.is_some_and(|row| !self.stands(row))
        };
        let surplus = count.saturating_sub(KEPT_MAX);
        let old: Vec<u64> = self.numbers(persona).filter(ended).take(surplus).collect();
        for number in old {
            self.mandates.remove(&(persona, number));
            self.delete(Table::Identity, key(&persona, number));
        }
    }

    /// The mandate under which a persona may vote on a proposal now: of several the narrowest, which
    /// tells the readers of a certificate least.
    pub(crate) fn mandate_for(&self, me: PersonaId, id: ProposalId) -> Option<SignedMandate> {
        let proposal = self.decisions.get(&(me, id))?.core.proposal();
        let rows = self.mandates.range((me, 0)..=(me, u64::MAX)).map(|(_, row)| row);
        rows.filter(|row| row.revoked_at_ms.is_none())
            .map(|row| row.signed)
            .filter(|signed| signed.mandate().covers(id, proposal, self.now_ms).is_ok())
            .min_by_key(|signed| {
                let width = match signed.mandate().reach {
                    Reach::Proposal(_) => 0,
                    Reach::Conversation(_) => 1,
                    Reach::Everywhere => 2,
                };
                (width, signed.mandate().topic == Topic::Any)
            })
    }

    /// Keeps the setting "votes on times alone" true exactly while such a mandate stands.
    fn mirror_mandates(&mut self, persona: PersonaId) {
        let on = self.votes_on_times(persona);
        let Some(hosted) = self.personas.get_mut(&persona) else { return };
        if hosted.row.settings.auto_vote != on {
            hosted.row.settings.auto_vote = on;
            let row = hosted.row.clone();
            self.put(Table::Identity, persona.as_bytes().to_vec(), &row);
            self.emit(Some(persona), EventBody::PersonaUpdated(persona));
        }
    }

    /// When the next mandate has expired.
    pub(crate) fn mandates_timeout(&self) -> Option<u64> {
        let standing = self.mandates.values().filter(|row| self.stands(row));
        standing.map(|row| row.signed.mandate().expires_at_ms.saturating_add(1)).min()
    }

    pub(crate) fn on_mandates_timeout(&mut self) {
        let said = self.personas.iter().filter(|(_, hosted)| hosted.row.settings.auto_vote);
        let said: Vec<PersonaId> = said.map(|(id, _)| *id).collect();
        for persona in said.into_iter().filter(|id| !self.votes_on_times(*id)).collect::<Vec<_>>() {
            self.audit(persona, "mandate.expired", "votes on times are asked for again".into());
            self.mirror_mandates(persona);
        }
    }

    fn votes_on_times(&self, persona: PersonaId) -> bool {
        self.standing(persona).any(is_usual)
    }

    fn numbers(&self, persona: PersonaId) -> impl DoubleEndedIterator<Item = u64> {
        self.mandates.range((persona, 0)..=(persona, u64::MAX)).map(|((_, number), _)| *number)
    }

    fn standing(&self, persona: PersonaId) -> impl Iterator<Item = &Mandate> {
        let rows = self.mandates.range((persona, 0)..=(persona, u64::MAX)).map(|(_, row)| row);
        rows.filter(|row| self.stands(row)).map(|row| row.signed.mandate())
    }

    fn stands(&self, row: &MandateRow) -> bool {
        row.revoked_at_ms.is_none() && self.now_ms <= row.signed.mandate().expires_at_ms
    }

    fn mandate_view(&self, persona: PersonaId, number: u64) -> Result<MandateView, RequestError> {
        let row = self.mandates.get(&(persona, number));
        let row = row.ok_or(RequestError::NotFound { what: "mandate" })?;
        Ok(MandateView {
            persona,
            mandate: *row.signed.mandate(),
            covers: row.signed.mandate().in_words(),
            revoked_at_ms: row.revoked_at_ms,
            state: match (row.revoked_at_ms, self.stands(row)) {
                (Some(_), _) => "revoked",
                (None, true) => "standing",
                (None, false) => "expired",
            },
        })
    }

    /// Every mandate that is remembered, the newest first.
    pub(crate) fn mandate_views(
        &self,
        persona: PersonaId,
    ) -> Result<Vec<MandateView>, RequestError> {
        self.hosted(&persona)?;
        self.numbers(persona).rev().map(|number| self.mandate_view(persona, number)).collect()
    }
}

fn is_usual(mandate: &Mandate) -> bool {
    mandate.reach == Reach::Everywhere && mandate.topic == Topic::Times
}
