//! How two personas meet: invites, contact requests, cards.
//!
//! ```text
//! Bob's owner pastes Alice's invite
//!   -> Bob's node asks Alice's node for her card
//!   -> Request { token } sealed to her card's key     (Bob: requested)
//!   -> Alice's node finds the token it handed out     (Alice: established)
//!   -> Accept sealed to Bob's card's key              (Bob: established)
//! ```
//!
//! Without a token the request waits in Alice's approvals, and nothing else of Bob's is heard.

use personas::{Action, Tier, Verdict};
use protocol::{
    card::{
        HomeNode, Introduction, Invite, InviteToken, PersonaCard, Purpose, Record, RecordKey,
        SignedCard, SignedIntroduction, SignedInvite,
    },
    identity::{Handle, NodeId, PersonaId},
    session::seal_to,
    wire::Frame,
};
use rand::Rng;

use crate::{
    agent::Errand,
    effect::{Effect, RequestId, Table},
    event::EventBody,
    persona::{internal, invalid},
    request::{ContactSource, DiscoveredView, Reply, RequestError, Whom},
    rows::{self, ApprovalRow, ContactRow, EnvelopeRow, InviteRow, Pending, Wanted},
    state::{Engine, KnownCard, LoadError, Rows, damaged, read},
    view::{ContactState, ContactView},
};

/// How long an invite works, in milliseconds.
const INVITE_LIFETIME_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// How long an introduction may wait for its recipient to wake, in milliseconds.
const INTRODUCTION_LIFETIME_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// Requests of strangers that may wait for one persona's owner.
const PENDING_MAX: usize = 50;
/// How long a stranger's request waits for the owner, in milliseconds.
const REQUEST_EXPIRY_MS: u64 = 14 * 24 * 60 * 60 * 1000;

pub(crate) fn load(engine: &mut Engine, tables: &mut Rows) -> Result<(), LoadError> {
    for (key, value) in tables.remove(&Table::Card).unwrap_or_default() {
        let bad = || damaged(Table::Card, "not a signed card");
        let persona = PersonaId::from_slice(&key).ok_or_else(bad)?;
        let signed = SignedCard::from_bytes(&value).map_err(|_| bad())?;
        // It was valid when it was stored; that it has expired since does not unlearn it.
        let card = signed.verify_at_issue().map_err(|_| bad())?;
        engine.cards.insert(persona, KnownCard { signed, card });
    }
    for (key, value) in tables.remove(&Table::Contact).unwrap_or_default() {
        let split = key.split_at_checked(32).and_then(|(owner, peer)| {
            Some((PersonaId::from_slice(owner)?, PersonaId::from_slice(peer)?))
        });
        let pair = split.ok_or_else(|| damaged(Table::Contact, "key"))?;
        engine.contacts.insert(pair, read(Table::Contact, &value)?);
    }
    for (key, value) in tables.remove(&Table::Invite).unwrap_or_default() {
        let token = key.try_into().map_err(|_| damaged(Table::Invite, "key"))?;
        engine.invites.insert(token, read(Table::Invite, &value)?);
    }
    Ok(())
}

impl Engine {
    pub(crate) fn create_invite(&mut self, persona: PersonaId) -> Result<Reply, RequestError> {
        let token: [u8; 16] = self.rng.r#gen();
        if self.home.addresses.is_empty() {
            return Err(RequestError::Unavailable {
                reason: "the node does not listen on any address yet; try again in a moment".into(),
            });
        }
        let expires_at_ms = self.now_ms + INVITE_LIFETIME_MS;
        let hosted = self.hosted(&persona)?;
        let invite = Invite {
            persona,
            handle: hosted.row.handle.clone(),
            home: self.home.clone(),
            token: InviteToken(token),
            issued_at_ms: self.now_ms,
            expires_at_ms,
        };
        let link = SignedInvite::sign(&invite, &hosted.key).to_link();
        let row = InviteRow { persona, expires_at_ms };
        self.put(Table::Invite, token.to_vec(), &row);
        self.invites.insert(token, row);
        self.audit(persona, "invite.created", "an invite was made".into());
        Ok(Reply::Invite { link, expires_at_ms })
    }

    pub(crate) fn add_contact(
        &mut self,
        owner: PersonaId,
        source: ContactSource,
    ) -> Result<Reply, RequestError> {
        self.hosted(&owner)?;
        let (peer, wanted) = match source {
            ContactSource::Persona(peer) => (peer, Wanted { token: None, home: None }),
            ContactSource::Invite(link) => {
                let signed: SignedInvite =
                    link.parse().map_err(|e| invalid("invite", &format!("{e}")))?;
                let invite =
                    signed.verify(self.now_ms).map_err(|e| invalid("invite", &e.to_string()))?;
                let wanted = Wanted { token: Some(invite.token.0), home: Some(invite.home) };
                (invite.persona, wanted)
            }
        };
        if peer == owner {
            return Err(invalid("contact", "a persona cannot be its own contact"));
        }
        let known = self.contacts.get(&(owner, peer));
        let row = match known.map(|row| row.state) {
            Some(ContactState::Established) => {
                return Ok(Reply::Contact(self.contact_view(&owner, &peer)?));
            }
            // Both owners want it: that is an agreement.
            Some(ContactState::Pending) => return self.accept_contact(owner, peer),
            Some(ContactState::Requested) | None => ContactRow {
                state: ContactState::Requested,
                blocked: false,
                trusted: false,
                wanted: Some(wanted),
                since_ms: self.now_ms,
            },
        };
        self.put_contact(owner, peer, row);
        self.audit(
            owner,
            "contact.requested",
            format!("asked {} for contact", self.name_of(&peer)),
        );
        self.pursue(owner, peer);
        Ok(Reply::Contact(self.contact_view(&owner, &peer)?))
    }

    /// Takes a wanted contact one step further: sends the request when the peer's card is known,
    /// and looks for the card when it is not.
    pub(crate) fn pursue(&mut self, owner: PersonaId, peer: PersonaId) {
        let Some(row) = self.contacts.get(&(owner, peer)) else { return };
        let Some(wanted) = row.wanted.clone() else { return };
        if self.card_of(&peer).is_some() {
            let token = wanted.token.map(InviteToken);
            let asked = ContactRow { wanted: None, ..row.clone() };
            if self.introduce(owner, peer, Purpose::Request { token }).is_ok() {
                self.put_contact(owner, peer, asked);
            }
            return;
        }
        if let Some(HomeNode { node, addresses }) = wanted.home {
            self.then(Effect::Dial { node, addresses });
            self.then(Effect::Send { node, frame: Frame::CardRequest(peer) });
        }
        let ticket = self.ticket(Errand::RefreshCard(peer));
        self.then(Effect::Lookup { ticket, key: RecordKey::card(&peer) });
    }

    /// A node has connected: it may be the home of somebody whose card we want.
    pub(crate) fn ask_for_cards(&mut self, node: &NodeId) {
        let wanted: Vec<PersonaId> = self
            .contacts
            .iter()
            .filter(|(_, row)| {
                let home = row.wanted.as_ref().and_then(|wanted| wanted.home.as_ref());
                home.is_some_and(|home| home.node == *node)
            })
            .map(|((_, peer), _)| *peer)
            .collect();
        for peer in wanted {
            self.then(Effect::Send { node: *node, frame: Frame::CardRequest(peer) });
        }
    }

    /// The signed card of any persona, ours or another's.
    pub(crate) fn card_of(&self, persona: &PersonaId) -> Option<SignedCard> {
        match self.personas.get(persona) {
            Some(hosted) => hosted.card.as_ref().map(|(signed, _)| signed.clone()),
            None => self.cards.get(persona).map(|known| known.signed.clone()),
        }
    }

    /// The content of [`Engine::card_of`].
    pub(crate) fn open_card(&self, persona: &PersonaId) -> Option<PersonaCard> {
        match self.cards.get(persona) {
            Some(known) => Some(known.card.clone()),
            None => self.card_of(persona)?.verify_at_issue().ok(),
        }
    }

    /// Keeps a card if it is valid and newer than the one we have.
    pub(crate) fn learn_card(&mut self, signed: SignedCard, as_of_ms: u64) {
        let Ok(card) = signed.verify(as_of_ms) else { return };
        let persona = card.persona;
        let newest = self.cards.get(&persona).map(|known| known.card.sequence);
        if self.personas.contains_key(&persona) || newest >= Some(card.sequence) {
            return;
        }
        self.put_bytes(Table::Card, persona.as_bytes().to_vec(), signed.to_bytes());
        self.cards.insert(persona, KnownCard { signed, card });
        self.reach(&persona);
        if self.is_online(&persona) {
            self.pump(&persona);
        }
        let wanting: Vec<PersonaId> = self
            .contacts
            .iter()
            .filter(|((_, peer), row)| *peer == persona && row.wanted.is_some())
            .map(|((owner, _), _)| *owner)
            .collect();
        for owner in wanting {
            self.pursue(owner, persona);
        }
    }

    pub(crate) fn on_card_request(&mut self, node: NodeId, persona: PersonaId) {
        let card = self.personas.get(&persona).and_then(|h| h.card.as_ref());
        let card = card.map(|(signed, _)| signed.clone());
        self.then(Effect::Send { node, frame: Frame::CardReply { persona, card } });
    }

    /// Puts an introduction into the outbox, sealed to its recipient.
    pub(crate) fn introduce(
        &mut self,
        author: PersonaId,
        to: PersonaId,
        purpose: Purpose,
    ) -> Result<(), RequestError> {
        let unavailable = |reason: &str| RequestError::Unavailable { reason: reason.to_owned() };
        let card = self
            .card_of(&author)
            .ok_or_else(|| unavailable("our own card is not made yet; the node has no address"))?;
        let sealing_key = self
            .open_card(&to)
            .map(|card| card.sealing_key)
            .ok_or_else(|| unavailable("the other persona's card is not known yet"))?;
        let introduction = Introduction {
            persona: author,
            to,
            issued_at_ms: self.now_ms,
            expires_at_ms: self.now_ms + INTRODUCTION_LIFETIME_MS,
            card,
            purpose,
        };
        let signed = SignedIntroduction::sign(&introduction, &self.hosted(&author)?.key);
        let envelope = seal_to(&sealing_key, &signed.to_bytes(), self.now_ms, &mut self.rng)
            .map_err(internal)?;
        let row = EnvelopeRow {
            id: envelope.id(),
            envelope: envelope.into_bytes(),
            author,
            conversation: None,
            message: None,
            created_at_ms: self.now_ms,
        };
        self.post(row, &[to]);
        Ok(())
    }

    /// Somebody introduced itself to one of our personas.
    pub(crate) fn on_introduction(&mut self, me: PersonaId, bytes: &[u8]) {
        let Ok(signed) = SignedIntroduction::from_bytes(bytes) else { return };
        let Ok(introduction) = signed.verify(self.now_ms) else { return };
        let (peer, issued) = (introduction.persona, introduction.issued_at_ms);
        if introduction.to != me || peer == me {
            return;
        }
        let contact = self.contacts.get(&(me, peer)).cloned();
        if contact.as_ref().is_some_and(|row| row.blocked) {
            return;
        }
        let state = contact.as_ref().map(|row| row.state);
        match introduction.purpose {
            Purpose::Request { token } => {
                let invited = token.is_some_and(|token| self.redeem(me, token));
                let agreed =
                    matches!(state, Some(ContactState::Established | ContactState::Requested));
                if !invited && !agreed && !self.may_ask(me) {
                    return;
                }
                self.learn_card(introduction.card, issued.min(self.now_ms));
                if invited || agreed {
                    // The card is known now, so this cannot fail for want of one.
                    let _ = self.accept_contact(me, peer);
                } else {
                    self.note_request(me, peer);
                }
            }
            Purpose::Accept => {
                if state == Some(ContactState::Requested) {
                    self.learn_card(introduction.card, issued.min(self.now_ms));
                    self.establish(me, peer);
                }
            }
            Purpose::Welcome { direct, title, welcome, cards } => {
                if state != Some(ContactState::Established) {
                    self.audit(me, "welcome.refused", "a stranger's invitation to a group".into());
                    return;
                }
                self.learn_card(introduction.card, issued.min(self.now_ms));
                self.on_welcome(me, peer, direct, title, &welcome, cards, issued);
            }
        }
    }

    /// Whether another stranger's request still fits, and policy lets strangers ask at all.
    fn may_ask(&self, me: PersonaId) -> bool {
        let waiting = self
            .approvals
            .values()
            .filter(|row| row.persona == me && row.action == Pending::Contact)
            .count();
        let settings = self.personas.get(&me).map(|hosted| &hosted.row.settings);
        waiting < PENDING_MAX
            && settings.is_some_and(|settings| {
                let verdict = personas::decide(&Action::AcceptContact, Tier::Unknown, settings);
                !matches!(verdict, Verdict::Deny { .. })
            })
    }

    fn note_request(&mut self, me: PersonaId, peer: PersonaId) {
        let row = ContactRow {
            state: ContactState::Pending,
            blocked: false,
            trusted: false,
            wanted: None,
            since_ms: self.now_ms,
        };
        if self.contacts.contains_key(&(me, peer)) {
            return;
        }
        self.put_contact(me, peer, row);
        let summary = format!("{} would like to be a contact", self.name_of(&peer));
        self.ask_owner(ApprovalRow {
            persona: me,
            action: Pending::Contact,
            from: peer,
            summary,
            created_at_ms: self.now_ms,
            expires_at_ms: self.now_ms + REQUEST_EXPIRY_MS,
        });
    }

    /// Takes an invite's token back, once.
    fn redeem(&mut self, me: PersonaId, token: InviteToken) -> bool {
        let valid = |row: &InviteRow| row.persona == me && row.expires_at_ms > self.now_ms;
        if !self.invites.get(&token.0).is_some_and(valid) {
            return false;
        }
        self.invites.remove(&token.0);
        self.delete(Table::Invite, token.0.to_vec());
        true
    }

    /// Says yes to a peer and tells it so.
    pub(crate) fn accept_contact(
        &mut self,
        me: PersonaId,
        peer: PersonaId,
    ) -> Result<Reply, RequestError> {
        self.introduce(me, peer, Purpose::Accept)?;
        self.establish(me, peer);
        Ok(Reply::Contact(self.contact_view(&me, &peer)?))
    }

    fn establish(&mut self, me: PersonaId, peer: PersonaId) {
        let known = self.contacts.get(&(me, peer));
        if known.is_some_and(|row| row.state == ContactState::Established) {
            return;
        }
        let row = ContactRow {
            state: ContactState::Established,
            blocked: false,
            trusted: known.is_some_and(|row| row.trusted),
            wanted: None,
            since_ms: self.now_ms,
        };
        self.put_contact(me, peer, row);
        self.withdraw(|row| {
            row.persona == me && row.from == peer && row.action == Pending::Contact
        });
        self.audit(me, "contact.established", format!("{} is a contact", self.name_of(&peer)));
        self.reach(&peer);
    }

    /// The owner does not want this stranger: forget that it asked.
    pub(crate) fn refuse_contact(&mut self, me: PersonaId, peer: PersonaId) {
        let pending = |row: &ContactRow| row.state == ContactState::Pending;
        if self.contacts.get(&(me, peer)).is_some_and(pending) {
            self.contacts.remove(&(me, peer));
            self.delete(Table::Contact, rows::key(&[me.as_bytes(), peer.as_bytes()]));
            self.emit(Some(me), EventBody::ContactUpdated(peer));
        }
    }

    fn put_contact(&mut self, owner: PersonaId, peer: PersonaId, row: ContactRow) {
        self.put(Table::Contact, rows::key(&[owner.as_bytes(), peer.as_bytes()]), &row);
        self.contacts.insert((owner, peer), row);
        self.emit(Some(owner), EventBody::ContactUpdated(peer));
    }

    /// How far one of our personas trusts another persona.
    pub(crate) fn tier(&self, owner: &PersonaId, peer: &PersonaId) -> Tier {
        match self.contacts.get(&(*owner, *peer)) {
            Some(row) if row.blocked => Tier::Blocked,
            Some(row) if row.state != ContactState::Established => Tier::Unknown,
            Some(row) if row.trusted => Tier::Trusted,
            Some(_) => Tier::Known,
            None => Tier::Unknown,
        }
    }

    pub(crate) fn contact_view(
        &self,
        owner: &PersonaId,
        peer: &PersonaId,
    ) -> Result<ContactView, RequestError> {
        let row = self
            .contacts
            .get(&(*owner, *peer))
            .ok_or(RequestError::NotFound { what: "contact" })?;
        let card = self.open_card(peer);
        Ok(ContactView {
            owner: *owner,
            persona: *peer,
            name: self.name_of(peer),
            handle: card.map(|card| card.handle.to_string()).unwrap_or_default(),
            tier: tier_name(self.tier(owner, peer)),
            state: row.state,
            online: self.is_online(peer),
            last_seen_ms: self.home_of(peer).and_then(|node| self.peers.last_seen(&node)),
        })
    }

    pub(crate) fn discover(&mut self, id: RequestId, whom: Whom) {
        let (errand, key) = match whom {
            Whom::Handle(handle) => {
                let key = RecordKey::handle(&handle);
                (Errand::FollowHandle { request: id, handle }, key)
            }
            Whom::Persona(persona) => {
                (Errand::Discover { request: id, persona }, RecordKey::card(&persona))
            }
        };
        let ticket = self.ticket(errand);
        self.then(Effect::Lookup { ticket, key });
    }

    pub(crate) fn on_handle_found(&mut self, id: RequestId, handle: &Handle, records: &[Record]) {
        let pointer = records.iter().find_map(|record| match record {
            Record::Pointer(pointer) => pointer.verify(self.now_ms).ok(),
            Record::Card(_) => None,
        });
        match pointer.filter(|pointer| pointer.handle == *handle) {
            Some(pointer) => self.discover(id, Whom::Persona(pointer.persona)),
            None => self.reply(id, Err(RequestError::NotFound { what: "handle" })),
        }
    }

    pub(crate) fn on_discovered(&mut self, id: RequestId, persona: PersonaId, found: &[Record]) {
        for record in found {
            if let Record::Card(card) = record {
                // A card found for looking is kept only when we already know its persona.
                if self.cards.contains_key(&persona) {
                    self.learn_card(card.clone(), self.now_ms);
                }
            }
        }
        let card = found.iter().find_map(|record| match record {
            Record::Card(card) => card.verify(self.now_ms).ok(),
            Record::Pointer(_) => None,
        });
        let result = match card.or_else(|| self.open_card(&persona)) {
            Some(card) => Ok(Reply::Discovered(DiscoveredView {
                persona,
                name: card.display_name,
                handle: card.handle.to_string(),
                home_node: card.home.node.to_string(),
                capabilities: card.capabilities.into_iter().map(capability_name).collect(),
                expires_at_ms: card.expires_at_ms,
            })),
            None => Err(RequestError::NotFound { what: "persona" }),
        };
        self.reply(id, result);
    }
}

fn tier_name(tier: Tier) -> &'static str {
    match tier {
        Tier::Blocked => "blocked",
        Tier::Unknown => "unknown",
        Tier::Known => "known",
        Tier::Trusted => "trusted",
        Tier::Operator => "operator",
    }
}

fn capability_name(capability: protocol::card::Capability) -> &'static str {
    match capability {
        protocol::card::Capability::Schedule => "schedule",
        protocol::card::Capability::Calendar => "calendar",
        protocol::card::Capability::Vote => "vote",
    }
}
