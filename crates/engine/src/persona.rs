//! The personas of this node: keys, settings, and the card each shows to the world.

use personas::Settings;
use protocol::{
    card::{
        CARD_LIFETIME_MS, Capability, HandlePointer, PersonaCard, Record, RecordKey, SignedCard,
        SignedPointer,
    },
    identity::{Handle, PersonaId, PersonaKey},
    session::{GroupEngine, OpenMls, SealingSecret},
};
use rand::Rng;

use crate::{
    effect::{Effect, Table},
    event::EventBody,
    mandates,
    request::{Reply, RequestError},
    rows::PersonaRow,
    state::{Engine, LoadError, Rows, damaged, read},
    view::PersonaView,
};

/// A persona of this node, ready to act.
pub(crate) struct Hosted {
    pub(crate) row: PersonaRow,
    pub(crate) key: PersonaKey,
    pub(crate) sealing: SealingSecret,
    pub(crate) groups: Box<dyn GroupEngine>,
    /// The card shown now, and when it was made; none before our addresses are known.
    pub(crate) card: Option<(SignedCard, u64)>,
}

/// A card is renewed after half its life.
const CARD_RENEW_MS: u64 = CARD_LIFETIME_MS / 2;

pub(crate) fn load(engine: &mut Engine, tables: &mut Rows) -> Result<(), LoadError> {
    let mut group_rows = tables.remove(&Table::Group).unwrap_or_default();
    for (key, value) in tables.remove(&Table::Identity).unwrap_or_default() {
        if let Some(name) = mandates::parse_key(&key) {
            engine.mandates.insert(name, read(Table::Identity, &value)?);
            continue;
        }
        let row: PersonaRow = read(Table::Identity, &value)?;
        let id = PersonaId::from_slice(&key).ok_or_else(|| damaged(Table::Identity, "key"))?;
        let (ours, others) =
            group_rows.into_iter().partition(|(key, _)| key.starts_with(id.as_bytes()));
        group_rows = others;
        let ours: Vec<(Vec<u8>, Vec<u8>)> = ours;
        let ours = ours.into_iter().map(|(key, value)| (key[32..].to_vec(), value));
        let identity = PersonaKey::from_seed(&row.seed);
        let groups = OpenMls::new(&identity, ours)
            .map_err(|error| damaged(Table::Group, &error.to_string()))?;
        let hosted = Hosted {
            sealing: SealingSecret::from_seed(&row.sealing_seed),
            key: identity,
            groups: Box::new(groups),
            card: None,
            row,
        };
        engine.personas.insert(id, hosted);
    }
    Ok(())
}

impl Engine {
    pub(crate) fn create_persona(
        &mut self,
        name: &str,
        handle: Option<String>,
        settings: Option<Settings>,
        calendar: Option<String>,
    ) -> Result<Reply, RequestError> {
        if !PersonaCard::is_display_name(name) {
            return Err(invalid("name", "1 to 64 bytes of text without control characters"));
        }
        let settings = settings.unwrap_or_default();
        settings.check().map_err(|error| invalid(error.field, error.reason))?;
        let key = PersonaKey::from_seed(&self.rng.r#gen());
        let handle_name = handle.unwrap_or_else(|| handle_from(name));
        let handle = Handle::new(&handle_name, &key.id())
            .map_err(|error| invalid("handle", &error.to_string()))?;
        let mut groups = OpenMls::new(&key, []).map_err(internal)?;
        let key_package = groups.last_resort_key_package(self.now_ms).map_err(internal)?;
        let row = PersonaRow {
            seed: *key.seed(),
            sealing_seed: self.rng.r#gen(),
            name: name.to_owned(),
            handle,
            settings,
            calendar,
            created_at_ms: self.now_ms,
            card_sequence: 0,
            key_package,
        };
        let id = key.id();
        let auto_vote = row.settings.auto_vote;
        let sealing = SealingSecret::from_seed(&row.sealing_seed);
        self.put(Table::Identity, id.as_bytes().to_vec(), &row);
        self.personas
            .insert(id, Hosted { row, key, sealing, groups: Box::new(groups), card: None });
        self.add_contact_tags(id);
        self.audit(id, "persona.created", format!("{name} was made"));
        self.on_auto_vote(id, auto_vote);
        self.renew_card(id);
        self.emit(Some(id), EventBody::PersonaUpdated(id));
        Ok(Reply::Persona(self.persona_view(&id)?))
    }

    pub(crate) fn update_persona(
        &mut self,
        id: PersonaId,
        settings: Option<Settings>,
        calendar: Option<String>,
    ) -> Result<Reply, RequestError> {
        if let Some(settings) = &settings {
            settings.check().map_err(|error| invalid(error.field, error.reason))?;
        }
        let hosted = self.hosted_mut(&id)?;
        let alone = hosted.row.settings.auto_vote;
        hosted.row.settings = settings.unwrap_or_else(|| hosted.row.settings.clone());
        hosted.row.calendar = calendar.or_else(|| hosted.row.calendar.clone());
        let row = hosted.row.clone();
        self.put(Table::Identity, id.as_bytes().to_vec(), &row);
        self.audit(id, "persona.updated", "settings changed".into());
        let wanted = row.settings.auto_vote;
        if wanted != alone {
            self.on_auto_vote(id, wanted);
        }
        self.emit(Some(id), EventBody::PersonaUpdated(id));
        Ok(Reply::Persona(self.persona_view(&id)?))
    }

    pub(crate) fn hosted(&self, id: &PersonaId) -> Result<&Hosted, RequestError> {
        self.personas.get(id).ok_or(RequestError::NotFound { what: "persona" })
    }

    pub(crate) fn hosted_mut(&mut self, id: &PersonaId) -> Result<&mut Hosted, RequestError> {
        self.personas.get_mut(id).ok_or(RequestError::NotFound { what: "persona" })
    }

    pub(crate) fn persona_view(&self, id: &PersonaId) -> Result<PersonaView, RequestError> {
        let hosted = self.hosted(id)?;
        Ok(PersonaView {
            id: *id,
            name: hosted.row.name.clone(),
            handle: hosted.row.handle.to_string(),
            settings: hosted.row.settings.clone(),
            calendar: hosted.row.calendar.clone(),
            created_at_ms: hosted.row.created_at_ms,
            published: hosted.card.is_some(),
        })
    }

    /// The name to show for any persona: its card's, ours, or the start of its fingerprint.
    pub(crate) fn name_of(&self, id: &PersonaId) -> String {
        if let Some(hosted) = self.personas.get(id) {
            return hosted.row.name.clone();
        }
        match self.cards.get(id) {
            Some(known) => known.card.display_name.clone(),
            None => id.fingerprint(8),
        }
    }

    /// Our addresses are known or have changed: every card must say so.
    pub(crate) fn on_listening(&mut self, mut addresses: Vec<String>) {
        addresses.sort();
        addresses.dedup();
        addresses.truncate(8);
        if addresses == self.home.addresses {
            return;
        }
        self.home.addresses = addresses;
        for id in self.personas.keys().copied().collect::<Vec<_>>() {
            self.renew_card(id);
        }
        self.dial_everyone();
        self.seek_now();
        self.ask_all_to_rejoin();
    }

    /// Renews cards that have reached half their life.
    pub(crate) fn refresh_cards(&mut self) {
        let now_ms = self.now_ms;
        let due = |hosted: &Hosted| {
            hosted.card.as_ref().is_some_and(|(_, made)| made + CARD_RENEW_MS <= now_ms)
        };
        let old: Vec<_> = self.personas.iter().filter(|(_, h)| due(h)).map(|(id, _)| *id).collect();
        for id in old {
            self.renew_card(id);
        }
    }

    pub(crate) fn cards_timeout(&self) -> Option<u64> {
        self.personas.values().filter_map(|h| h.card.as_ref()).map(|(_, m)| m + CARD_RENEW_MS).min()
    }

    /// Signs a new card and puts it and the handle's pointer into the DHT. The sequence number is
    /// stored before the card leaves, so a lower one is never shown again.
    pub(crate) fn renew_card(&mut self, id: PersonaId) {
        if self.home.addresses.is_empty() {
            return;
        }
        let (home, now_ms) = (self.home.clone(), self.now_ms);
        let mailboxes = self.mailboxes_of(&id);
        let Some(hosted) = self.personas.get_mut(&id) else { return };
        // The session replaces the package once it has been used or has grown old.
        if let Ok(key_package) = hosted.groups.last_resort_key_package(now_ms) {
            hosted.row.key_package = key_package;
        }
        hosted.row.card_sequence += 1;
        let expires_at_ms = now_ms + CARD_LIFETIME_MS;
        let card = PersonaCard {
            persona: id,
            sequence: hosted.row.card_sequence,
            issued_at_ms: now_ms,
            expires_at_ms,
            display_name: hosted.row.name.clone(),
            handle: hosted.row.handle.clone(),
            capabilities: vec![Capability::Schedule, Capability::Calendar, Capability::Vote],
            home,
            mailboxes,
            sealing_key: hosted.sealing.public(),
            key_package: hosted.row.key_package.clone(),
        };
        let pointer = HandlePointer {
            handle: card.handle.clone(),
            persona: id,
            sequence: card.sequence,
            issued_at_ms: now_ms,
            expires_at_ms,
        };
        let signed = SignedCard::sign(&card, &hosted.key);
        let pointer = SignedPointer::sign(&pointer, &hosted.key);
        hosted.card = Some((signed.clone(), now_ms));
        let row = hosted.row.clone();
        self.put(Table::Identity, id.as_bytes().to_vec(), &row);
        let value = Record::Card(signed).to_bytes();
        self.then(Effect::Publish { key: RecordKey::card(&id), value, expires_at_ms });
        let value = Record::Pointer(pointer).to_bytes();
        self.then(Effect::Publish { key: RecordKey::handle(&card.handle), value, expires_at_ms });
    }
}

/// A legal handle name made from a display name: its lower-case letters and digits.
fn handle_from(name: &str) -> String {
    let word: String = name
        .to_ascii_lowercase()
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        .take(32)
        .collect();
    if word.is_empty() { "persona".to_owned() } else { word }
}

pub(crate) fn invalid(field: &'static str, reason: &str) -> RequestError {
    RequestError::Invalid { field, reason: reason.to_owned() }
}

pub(crate) fn internal(error: impl std::fmt::Display) -> RequestError {
    RequestError::Internal { reason: error.to_string() }
}
