//! One signed claim of every shape, from fixed seeds.

use protocol::{
    card::{
        CARD_LIFETIME_MS, Capability, Claims, HandlePointer, HomeNode, Introduction, Invite,
        InviteToken, PersonaCard, Purpose, Signed,
    },
    identity::{ConversationId, Handle, NodeKey, PersonaKey},
    session::{REJOIN_LIFETIME_MS, RejoinRequest, SealingSecret},
};

pub(crate) const ALICE_SEED: [u8; 32] = [0xa1; 32];
pub(crate) const BOB_SEED: [u8; 32] = [0xb2; 32];
pub(crate) const NODE_SEED: [u8; 32] = [0xc3; 32];
pub(crate) const MAILBOX_SEED: [u8; 32] = [0xd4; 32];
pub(super) const SEALING_SEED: [u8; 32] = [0xe5; 32];

/// 2026-05-28T20:26:40Z.
pub(crate) const NOW: u64 = 1_780_000_000_000;

pub(crate) fn alice() -> PersonaKey {
    PersonaKey::from_seed(&ALICE_SEED)
}

pub(crate) fn bob() -> PersonaKey {
    PersonaKey::from_seed(&BOB_SEED)
}

/// A claim, and who signs it.
pub(crate) struct Sample<C> {
    pub(super) name: &'static str,
    pub(super) claim: C,
    pub(super) seed: [u8; 32],
}

impl<C: Claims> Sample<C> {
    pub(crate) fn signed(&self) -> Signed<C> {
        Signed::sign(&self.claim, &PersonaKey::from_seed(&self.seed))
    }
}

fn by_alice<C>(name: &'static str, claim: C) -> Sample<C> {
    Sample { name, claim, seed: ALICE_SEED }
}

fn by_bob<C>(name: &'static str, claim: C) -> Sample<C> {
    Sample { name, claim, seed: BOB_SEED }
}

fn handle(name: &str, key: &PersonaKey) -> Handle {
    Handle::new(name, &key.id()).unwrap()
}

pub(super) fn home() -> HomeNode {
    let addresses = ["/ip4/192.0.2.7/tcp/4001", "/ip6/2001:db8::7/udp/4001/quic-v1"];
    let node = NodeKey::from_seed(&NODE_SEED).id();
    HomeNode { node, addresses: addresses.map(str::to_owned).to_vec() }
}

pub(super) fn card(key: &PersonaKey, name: &str) -> PersonaCard {
    PersonaCard {
        persona: key.id(),
        sequence: 7,
        issued_at_ms: NOW,
        expires_at_ms: NOW + CARD_LIFETIME_MS,
        display_name: "Maya 🌻 Müller".into(),
        handle: handle(name, key),
        capabilities: vec![Capability::Schedule, Capability::Calendar, Capability::Vote],
        home: home(),
        mailboxes: vec![HomeNode {
            node: NodeKey::from_seed(&MAILBOX_SEED).id(),
            addresses: vec!["/dns/mailbox.example/tcp/4001".into()],
        }],
        sealing_key: SealingSecret::from_seed(&SEALING_SEED).public(),
        key_package: (0..100).collect(),
    }
}

fn smallest_card() -> PersonaCard {
    let mut card = card(&bob(), "b");
    card.display_name = "B".into();
    card.capabilities.clear();
    card.home.addresses.clear();
    card.mailboxes.clear();
    card.key_package = vec![0];
    PersonaCard { sequence: 0, expires_at_ms: NOW + 1, ..card }
}

pub(crate) fn cards() -> Vec<Sample<PersonaCard>> {
    vec![
        by_alice("every field in use", card(&alice(), "maya")),
        by_bob("the least a card can hold", smallest_card()),
    ]
}

pub(super) fn pointer() -> HandlePointer {
    HandlePointer {
        handle: handle("maya", &alice()),
        persona: alice().id(),
        sequence: 7,
        issued_at_ms: NOW,
        expires_at_ms: NOW + CARD_LIFETIME_MS,
    }
}

pub(super) fn pointers() -> Vec<Sample<HandlePointer>> {
    vec![by_alice("a handle pointer", pointer())]
}

pub(super) fn invite() -> Invite {
    Invite {
        persona: alice().id(),
        handle: handle("maya", &alice()),
        home: home(),
        token: InviteToken(*b"opens one door.."),
        issued_at_ms: NOW,
        expires_at_ms: NOW + 7 * CARD_LIFETIME_MS,
    }
}

pub(super) fn invites() -> Vec<Sample<Invite>> {
    vec![by_alice("an invite", invite())]
}

/// What Bob says to Alice.
pub(super) fn introduction(purpose: Purpose) -> Introduction {
    Introduction {
        persona: bob().id(),
        to: alice().id(),
        issued_at_ms: NOW,
        expires_at_ms: NOW + 30 * CARD_LIFETIME_MS,
        card: Signed::sign(&smallest_card(), &bob()),
        purpose,
    }
}

pub(super) fn welcome() -> Purpose {
    Purpose::Welcome {
        direct: false,
        title: "Summer party".into(),
        welcome: vec![0xee; 40],
        cards: cards().iter().map(Sample::signed).collect(),
    }
}

fn rejoin() -> Purpose {
    let request = RejoinRequest {
        persona: bob().id(),
        group: ConversationId([0xc0; 16]),
        issued_at_ms: NOW,
        expires_at_ms: NOW + REJOIN_LIFETIME_MS,
        key_package: vec![0xdd; 40],
    };
    let card = Signed::sign(&smallest_card(), &bob());
    Purpose::Rejoin { request: Signed::sign(&request, &bob()), card }
}

fn readmit() -> Purpose {
    let cards = cards().iter().map(Sample::signed).collect();
    Purpose::Readmit { welcome: vec![0xee; 40], cards }
}

pub(super) fn introductions() -> Vec<Sample<Introduction>> {
    let invited = Purpose::Request { token: Some(invite().token) };
    let asked = |name, purpose| by_bob(name, introduction(purpose));
    vec![
        asked("a request with an invite's token", invited),
        asked("a request without a token", Purpose::Request { token: None }),
        asked("the answer yes", Purpose::Accept),
        asked("a welcome to a conversation", welcome()),
        asked("a request to come back into a group", rejoin()),
        asked("the way back into a group", readmit()),
    ]
}
