//! Sequencers that let members come back who did not ask, or not so; with all keys at hand.

use openmls::prelude::{KeyPackage, LeafNodeIndex};
use openmls_traits::random::OpenMlsRand;

use super::{
    OpenMls,
    record::Group,
    suite::{context_extensions, policy_in},
};
use crate::{
    card::CardError,
    identity::{ConversationId, PersonaId, PersonaKey},
    session::{
        CredentialError, EntryError, EntryKind, Envelope, GroupEngine, GroupPolicy, Opened,
        REJOIN_LIFETIME_MS, RejoinError, RejoinRequest, SealedFrame, SeqEntry, SessionError,
        SignedEntry, SignedRejoin, log::sha256,
    },
};

const NOW: u64 = 1_780_000_000_000;
const LATER: u64 = NOW + 1_000;
const GROUP: ConversationId = ConversationId([0xc0; 16]);

/// Alice, Bob and Carol in one group, nothing left to save. Carol loses her keys.
fn group() -> [OpenMls; 3] {
    let mut members = [1, 2, 3].map(member);
    let [alice, bob, carol] = &mut members;
    alice.create(GROUP, GroupPolicy::by(alice.identity.id()), NOW).unwrap();
    let packages = [&mut *bob, &mut *carol].map(|it| it.last_resort_key_package(NOW).unwrap());
    let welcome = alice.add(GROUP, &packages, NOW).unwrap().welcome.unwrap();
    bob.join(&welcome, NOW).unwrap();
    carol.join(&welcome, NOW).unwrap();
    members.iter_mut().for_each(|member| drop(member.take_writes()));
    members
}

fn member(seed: u8) -> OpenMls {
    OpenMls::new(&PersonaKey::from_seed(&[seed; 32]), []).unwrap()
}

/// What a persona asks on a new disk.
fn ask(seed: u8, now_ms: u64) -> SignedRejoin {
    member(seed).ask_to_rejoin(GROUP, now_ms).unwrap()
}

fn package(alice: &OpenMls, request: &SignedRejoin) -> KeyPackage {
    let request = request.verify_at_issue().unwrap();
    alice.check_key_package(&request.key_package, LATER).unwrap().0
}

/// What a commit does, whether or not it may.
#[derive(Default)]
struct Deed {
    adds: Vec<KeyPackage>,
    removes: Vec<u32>,
    changes_policy: bool,
}

/// A commit by Alice with an entry of this kind.
fn commit(alice: &mut OpenMls, deed: Deed, kind: EntryKind) -> (SignedEntry, Vec<u8>) {
    let OpenMls { provider, groups, .. } = alice;
    let Group { mls, record } = groups.get_mut(&GROUP).unwrap();
    let policy = policy_in(mls.extensions()).unwrap();
    let (epoch, leaf) = (mls.epoch().as_u64(), mls.own_leaf_index().u32());
    let mut builder = mls
        .commit_builder()
        .force_self_update(true)
        .propose_removals(deed.removes.into_iter().map(LeafNodeIndex::new))
        .propose_adds(deed.adds);
    if deed.changes_policy {
        let changed = GroupPolicy { rewind_epochs: 200, ..policy };
        let extensions = context_extensions(&changed).unwrap();
        builder = builder.propose_group_context_extensions(extensions).unwrap();
    }
    let bundle = builder
        .load_psks(&provider.rows)
        .unwrap()
        .build(&provider.crypto, &provider.crypto, &record.leaf_key, |_| true)
        .unwrap()
        .stage_commit(provider)
        .unwrap();
    let commit = bundle.into_commit().to_bytes().unwrap();
    let authenticator = mls.pending_commit().unwrap().epoch_authenticator().unwrap().as_slice();
    let entry = SeqEntry {
        group: SeqEntry::genesis(GROUP),
        term: 0,
        epoch,
        leaf,
        previous: record.head,
        commit: sha256(&commit),
        authenticator: sha256(authenticator),
        kind,
        time_ms: LATER,
    };
    (entry.sign(&record.leaf_key), commit)
}

fn seal(by: &OpenMls, frame: &SealedFrame) -> Envelope {
    let nonce: [u8; 24] = by.provider.crypto.random_array().unwrap();
    by.groups[&GROUP].record.current().seal(&frame.to_bytes(), nonce, LATER).unwrap()
}

/// Alice lets a request be answered with this deed; what Bob says of it, and that he goes on as
/// before.
fn verdict(request: &SignedRejoin, deed: impl FnOnce(&OpenMls) -> Deed) -> SessionError {
    let [mut alice, mut bob, _] = group();
    let deed = deed(&alice);
    let (entry, commit) = commit(&mut alice, deed, EntryKind::Rejoin);
    let frame = SealedFrame::Rejoin { entry, commit, request: request.clone() };
    refused(&mut bob, &seal(&alice, &frame))
}

fn refused(bob: &mut OpenMls, envelope: &Envelope) -> SessionError {
    let position = bob.position(GROUP).unwrap();
    let error = bob.open(GROUP, envelope, LATER).unwrap_err();
    assert_eq!(bob.position(GROUP), Ok(position));
    assert_eq!(bob.take_writes(), vec![]);
    error
}

#[test]
fn an_honest_commit_made_this_way_is_followed() {
    let [mut alice, mut bob, mut carol] = group();
    let request = ask(3, LATER);
    let deed = Deed { adds: vec![package(&alice, &request)], removes: vec![2], ..Deed::default() };
    let (entry, commit) = commit(&mut alice, deed, EntryKind::Rejoin);
    let envelope = seal(&alice, &SealedFrame::Rejoin { entry, commit, request });
    let persona = carol.identity.id();
    let by = alice.identity.id();
    let opened = Opened::Rejoined { persona, by, epoch: 2 };
    assert_eq!(bob.open(GROUP, &envelope, LATER), Ok(opened));
    let replaced = carol.open(GROUP, &envelope, LATER);
    assert_eq!(replaced, Ok(Opened::Replaced { here: false }));
}

#[test]
fn whoever_is_no_member_does_not_come_back() {
    let request = ask(9, LATER);
    let error = verdict(&request, |alice| Deed {
        adds: vec![package(alice, &request)],
        removes: vec![2],
        ..Deed::default()
    });
    assert_eq!(error, RejoinError::Stranger(member(9).identity.id()).into());
}

#[test]
fn nobody_comes_back_in_the_place_of_somebody_else() {
    let request = ask(3, LATER);
    let error = verdict(&request, |alice| Deed {
        adds: vec![package(alice, &request)],
        removes: vec![1],
        ..Deed::default()
    });
    // It removes Bob, and nothing but the keys to tell him so are lost if he believes it.
    assert_eq!(error, RejoinError::Removes.into());
}

#[test]
fn nobody_has_two_leaves_afterwards() {
    let request = ask(3, LATER);
    let error =
        verdict(&request, |alice| Deed { adds: vec![package(alice, &request)], ..Deed::default() });
    assert_eq!(error, RejoinError::Keeps.into());
}

#[test]
fn only_the_leaf_that_was_asked_for_comes_in() {
    let (request, other) = (ask(3, LATER), ask(3, LATER + 1));
    let error = verdict(&request, |alice| Deed {
        adds: vec![package(alice, &other)],
        removes: vec![2],
        ..Deed::default()
    });
    assert_eq!(error, RejoinError::Adds.into());
    let error = verdict(&request, |_| Deed { removes: vec![2], ..Deed::default() });
    assert_eq!(error, RejoinError::Adds.into());
}

#[test]
fn nothing_else_travels_in_the_commit() {
    let (request, dora) = (ask(3, LATER), ask(4, LATER));
    let error = verdict(&request, |alice| Deed {
        adds: vec![package(alice, &request), package(alice, &dora)],
        removes: vec![2],
        ..Deed::default()
    });
    assert!(matches!(error, SessionError::Rejoin(RejoinError::Adds | RejoinError::More)));
    let error = verdict(&request, |alice| Deed {
        adds: vec![package(alice, &request)],
        removes: vec![2, 1],
        ..Deed::default()
    });
    assert_eq!(error, RejoinError::Removes.into());
    let error = verdict(&request, |alice| Deed {
        adds: vec![package(alice, &request)],
        removes: vec![2],
        changes_policy: true,
    });
    assert_eq!(error, SessionError::Commit("changes the policy"));
}

#[test]
fn a_request_nobody_signed_or_for_another_group_or_time_is_refused() {
    let request = ask(3, LATER);
    let with = |asked: &SignedRejoin| {
        verdict(asked, |alice| Deed {
            adds: vec![package(alice, &request)],
            removes: vec![2],
            ..Deed::default()
        })
    };
    let claim = request.verify_at_issue().unwrap();
    let carol = PersonaKey::from_seed(&[3; 32]);
    // Signed by Bob in the name of Carol.
    let forged = SignedRejoin::sign(&claim, &PersonaKey::from_seed(&[2; 32]));
    assert_eq!(with(&forged), RejoinError::Request(CardError::Signature).into());
    let elsewhere = RejoinRequest { group: ConversationId([7; 16]), ..claim.clone() };
    assert_eq!(with(&SignedRejoin::sign(&elsewhere, &carol)), RejoinError::Group.into());
    let old = RejoinRequest {
        issued_at_ms: LATER - REJOIN_LIFETIME_MS - 1,
        expires_at_ms: LATER - 1,
        ..claim.clone()
    };
    let expired = RejoinError::Request(CardError::Expired);
    assert_eq!(with(&SignedRejoin::sign(&old, &carol)), expired.into());
    let large = RejoinRequest { key_package: vec![0; 1_025], ..claim.clone() };
    let field = RejoinError::Request(CardError::Field("key_package"));
    assert_eq!(with(&SignedRejoin::sign(&large, &carol)), field.into());
    // Bob's own request beside Carol's leaf.
    let theirs = RejoinRequest { persona: member(2).identity.id(), ..claim };
    let theirs = SignedRejoin::sign(&theirs, &PersonaKey::from_seed(&[2; 32]));
    assert_eq!(with(&theirs), RejoinError::Removes.into());
}

#[test]
fn bytes_beyond_the_bound_are_no_request() {
    let claim = ask(3, LATER).verify_at_issue().unwrap();
    let large = RejoinRequest { key_package: vec![0; 4_096], ..claim };
    let signed = SignedRejoin::sign(&large, &PersonaKey::from_seed(&[3; 32]));
    assert!(SignedRejoin::from_bytes(&signed.to_bytes()).is_err());
}

#[test]
fn a_request_that_was_used_is_not_used_by_those_who_were_not_there() {
    let [mut alice, mut bob, _] = group();
    let mut carol = member(3);
    let first = carol.ask_to_rejoin(GROUP, LATER).unwrap();
    let change = alice.readmit(GROUP, &first, LATER).unwrap();
    bob.open(GROUP, &change.envelope.unwrap(), LATER).unwrap();
    bob.take_writes();
    // A newcomer knows no request of the past; the tree tells it all the same.
    let mut dora = member(4);
    let added = alice.add(GROUP, &[dora.last_resort_key_package(NOW).unwrap()], LATER).unwrap();
    bob.open(GROUP, &added.envelope.unwrap(), LATER).unwrap();
    dora.join(&added.welcome.unwrap(), LATER).unwrap();
    bob.take_writes();
    dora.take_writes();
    let place = alice.leaves_of(GROUP, &[carol.identity.id()].into()).unwrap()[0].index.u32();
    let adds = vec![package(&alice, &first)];
    let deed = Deed { adds, removes: vec![place], ..Deed::default() };
    let (entry, commit) = commit(&mut alice, deed, EntryKind::Rejoin);
    let envelope = seal(&alice, &SealedFrame::Rejoin { entry, commit, request: first });
    assert_eq!(refused(&mut bob, &envelope), RejoinError::Replayed.into());
    assert_eq!(refused(&mut dora, &envelope), RejoinError::Replayed.into());
}

#[test]
fn frame_and_kind_of_the_entry_go_together() {
    let request = ask(3, LATER);
    let deed = |alice: &OpenMls| Deed {
        adds: vec![package(alice, &request)],
        removes: vec![2],
        ..Deed::default()
    };
    // A request beside a commit that says it removes.
    let [mut alice, mut bob, _] = group();
    let only = Deed { removes: vec![2], ..Deed::default() };
    let (entry, bytes) = commit(&mut alice, only, EntryKind::Remove);
    let frame = SealedFrame::Rejoin { entry, commit: bytes, request: request.clone() };
    assert_eq!(refused(&mut bob, &seal(&alice, &frame)), RejoinError::Kind.into());
    // A commit that says it lets somebody back in, and nobody asked.
    let [mut alice, mut bob, _] = group();
    let wanted = deed(&alice);
    let (entry, bytes) = commit(&mut alice, wanted, EntryKind::Rejoin);
    let frame = SealedFrame::Commit { entry, commit: bytes };
    assert_eq!(refused(&mut bob, &seal(&alice, &frame)), RejoinError::Kind.into());
    // An exchange under an entry that says it adds.
    let [mut alice, mut bob, _] = group();
    let wanted = deed(&alice);
    let (entry, bytes) = commit(&mut alice, wanted, EntryKind::Add);
    let frame = SealedFrame::Commit { entry, commit: bytes };
    let error = refused(&mut bob, &seal(&alice, &frame));
    let expected = [EntryError::Kind.into(), SessionError::Commit("adds a member twice")];
    assert!(expected.contains(&error), "{error}");
}

#[test]
fn a_leaf_whose_credential_is_over_does_not_come_in() {
    let [mut alice, ..] = group();
    let request = ask(3, LATER - crate::session::CREDENTIAL_LIFETIME_MS);
    let claim = request.verify_at_issue().unwrap();
    let carol = PersonaKey::from_seed(&[3; 32]);
    let times = RejoinRequest { issued_at_ms: LATER, expires_at_ms: LATER + 1_000, ..claim };
    let request = SignedRejoin::sign(&times, &carol);
    let refused = alice.readmit(GROUP, &request, LATER);
    assert_eq!(refused, Err(SessionError::Credential(CredentialError::Expired)));
}

#[test]
fn a_stale_answer_is_not_followed_into_the_past() {
    let [mut alice, ..] = group();
    let mut carol = member(3);
    let request = carol.ask_to_rejoin(GROUP, LATER).unwrap();
    let stale = alice.readmit(GROUP, &request, LATER).unwrap().welcome.unwrap();
    let again = carol.ask_to_rejoin(GROUP, LATER + 1).unwrap();
    let fresh = alice.readmit(GROUP, &again, LATER + 1).unwrap().welcome.unwrap();
    assert_eq!(carol.join(&fresh, LATER + 2), Ok(GROUP));
    assert_eq!(carol.join(&stale, LATER + 2), Err(SessionError::NotInvited));
}

#[test]
fn a_sequencer_that_welcomes_another_persona_under_the_request_is_noticed() {
    let [mut alice, ..] = group();
    let mut carol = member(3);
    let request = carol.ask_to_rejoin(GROUP, LATER).unwrap();
    let claim = request.verify_at_issue().unwrap();
    // Mallory signs a request of her own around Carol's package.
    let mallory = PersonaKey::from_seed(&[2; 32]);
    let stolen = RejoinRequest { persona: PersonaId(mallory.id().0), ..claim };
    let refused = alice.readmit(GROUP, &SignedRejoin::sign(&stolen, &mallory), LATER);
    assert_eq!(refused, Err(RejoinError::Persona.into()));
}
