//! What personas say to each other before they share a conversation.

use personas::{Action, Tier, Verdict};
use protocol::{
    card::{Introduction, InviteToken, Purpose, SignedIntroduction},
    identity::{EnvelopeId, PersonaId},
    session::seal_to,
};

use super::{INTRODUCTION_LIFETIME_MS, PENDING_MAX, REQUEST_EXPIRY_MS};
use crate::{
    effect::Table,
    persona::internal,
    request::{Reply, RequestError},
    rows::{ApprovalRow, Cargo, ContactRow, EnvelopeRow, InviteRow, Pending},
    state::Engine,
    view::ContactState,
};

impl Engine {
    /// Puts an introduction into the outbox, sealed to its recipient; gives its envelope.
    pub(crate) fn introduce(
        &mut self,
        author: PersonaId,
        to: PersonaId,
        purpose: Purpose,
    ) -> Result<EnvelopeId, RequestError> {
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
        let (envelope, lock) =
            seal_to(&sealing_key, &signed.to_bytes(), self.now_ms, &mut self.rng)
                .map_err(internal)?;
        let cargo = match introduction.purpose {
            Purpose::Received(_) => Cargo::Received { lock },
            _ => Cargo::FirstContact { lock },
        };
        let row = EnvelopeRow {
            id: envelope.id(),
            envelope: envelope.into_bytes(),
            author,
            cargo,
            created_at_ms: self.now_ms,
        };
        let id = row.id;
        self.post(row, &[to]);
        Ok(id)
    }

    /// Somebody introduced itself to one of our personas. Who waits for a receipt now, if anybody.
    pub(crate) fn on_introduction(&mut self, me: PersonaId, bytes: &[u8]) -> Option<PersonaId> {
        let signed = SignedIntroduction::from_bytes(bytes).ok()?;
        let introduction = signed.verify(self.now_ms).ok()?;
        let (peer, issued) = (introduction.persona, introduction.issued_at_ms);
        if introduction.to != me || peer == me {
            return None;
        }
        let contact = self.contacts.get(&(me, peer)).cloned();
        if contact.as_ref().is_some_and(|row| row.blocked) {
            return None;
        }
        let state = contact.as_ref().map(|row| row.state);
        match introduction.purpose {
            Purpose::Request { token } => {
                let invited = token.is_some_and(|token| self.redeem(me, token));
                let agreed =
                    matches!(state, Some(ContactState::Established | ContactState::Requested));
                if !invited && !agreed && !self.may_ask(me) {
                    return None;
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
                // A peer we asked may welcome us before its yes has arrived: it means yes.
                let agreed =
                    matches!(state, Some(ContactState::Established | ContactState::Requested));
                if !agreed {
                    self.audit(me, "welcome.refused", "a stranger's invitation to a group".into());
                    return None;
                }
                self.learn_card(introduction.card, issued.min(self.now_ms));
                self.establish(me, peer);
                self.on_welcome(me, peer, direct, title, &welcome, cards, issued);
            }
            Purpose::Rejoin { request, card } => self.on_rejoin(me, request, card, issued),
            Purpose::Readmit { welcome, cards } => {
                self.on_readmit(me, peer, &welcome, cards, issued);
            }
            Purpose::Received(envelopes) => {
                self.on_received(me, peer, &envelopes);
                return None;
            }
        }
        Some(peer)
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
}
