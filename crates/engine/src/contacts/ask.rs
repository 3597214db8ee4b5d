//! Our side of an acquaintance: invites handed out and contacts asked for.

use protocol::{
    card::{Invite, InviteToken, SignedInvite},
    identity::PersonaId,
};
use rand::Rng;

use super::INVITE_LIFETIME_MS;
use crate::{
    effect::Table,
    event::EventBody,
    persona::invalid,
    request::{ContactSource, Reply, RequestError},
    rows::{self, ContactRow, InviteRow, Wanted},
    state::Engine,
    view::ContactState,
};

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

    /// The owner does not want this stranger: forget that it asked.
    pub(crate) fn refuse_contact(&mut self, me: PersonaId, peer: PersonaId) {
        let pending = |row: &ContactRow| row.state == ContactState::Pending;
        if self.contacts.get(&(me, peer)).is_some_and(pending) {
            self.contacts.remove(&(me, peer));
            self.delete(Table::Contact, rows::key(&[me.as_bytes(), peer.as_bytes()]));
            self.emit(Some(me), EventBody::ContactUpdated(peer));
        }
    }

    pub(crate) fn put_contact(&mut self, owner: PersonaId, peer: PersonaId, row: ContactRow) {
        self.put(Table::Contact, rows::key(&[owner.as_bytes(), peer.as_bytes()]), &row);
        self.contacts.insert((owner, peer), row);
        self.emit(Some(owner), EventBody::ContactUpdated(peer));
    }
}
