//! Members and sequencers that break the rules from inside a group, with all its keys at hand.

use openmls::prelude::{
    BasicCredential, CredentialWithKey, KeyPackage, LeafNodeIndex, MlsMessageOut,
    tls_codec::Serialize as _,
};
use rand::{RngCore, SeedableRng};

use super::{
    OpenMls,
    record::Group,
    suite::{SUITE, capabilities, context_extensions, policy_in},
};
use crate::{
    identity::{ConversationId, MessageId, PersonaId, PersonaKey},
    session::{
        CREDENTIAL_LIFETIME_MS, CredentialError, DeviceCredential, EntryError, EntryKind, Envelope,
        GroupEngine, GroupPolicy, SealedFrame, SeqEntry, SessionError, leaf::LeafKey, log::sha256,
    },
    wire::{self, Content, Message},
};

const NOW: u64 = 1_780_000_000_000;
const GROUP: ConversationId = ConversationId([0xc0; 16]);

/// What a commit does, whether or not it may.
enum Deed {
    Nothing,
    Add(Box<KeyPackage>),
    Remove(u32),
    ChangePolicy,
}

/// Alice, Bob and Carol in one group, nothing left to save.
fn group() -> [OpenMls; 3] {
    let mut members =
        [1, 2, 3].map(|seed| OpenMls::new(&PersonaKey::from_seed(&[seed; 32]), []).unwrap());
    let [alice, bob, carol] = &mut members;
    alice.create(GROUP, GroupPolicy::by(alice.identity.id()), NOW).unwrap();
    let packages = [&mut *bob, &mut *carol].map(|it| it.last_resort_key_package(NOW).unwrap());
    let welcome = alice.add(GROUP, &packages, NOW).unwrap().welcome.unwrap();
    bob.join(&welcome, NOW).unwrap();
    carol.join(&welcome, NOW).unwrap();
    members.iter_mut().for_each(|member| drop(member.take_writes()));
    members
}

/// A commit by this member, with an entry as it should be but for what `bend` changes.
fn commit(by: &mut OpenMls, deed: Deed, bend: impl FnOnce(&mut SeqEntry)) -> Envelope {
    let OpenMls { provider, groups, .. } = by;
    let Group { mls, record } = groups.get_mut(&GROUP).unwrap();
    let kind = if matches!(deed, Deed::Remove(_)) { EntryKind::Remove } else { EntryKind::Add };
    let policy = policy_in(mls.extensions()).unwrap();
    let (epoch, leaf) = (mls.epoch().as_u64(), mls.own_leaf_index().u32());
    let builder = mls.commit_builder().force_self_update(true);
    let builder = match deed {
        Deed::Nothing => builder,
        Deed::Add(package) => builder.propose_adds([*package]),
        Deed::Remove(leaf) => builder.propose_removals([LeafNodeIndex::new(leaf)]),
        Deed::ChangePolicy => {
            let changed = GroupPolicy { rewind_epochs: 200, ..policy };
            let extensions = context_extensions(&changed).unwrap();
            builder.propose_group_context_extensions(extensions).unwrap()
        }
    };
    let bundle = builder
        .load_psks(&provider.rows)
        .unwrap()
        .build(&provider.crypto, &provider.crypto, &record.leaf_key, |_| true)
        .unwrap()
        .stage_commit(provider)
        .unwrap();
    let commit = bundle.into_commit().to_bytes().unwrap();
    let authenticator = mls.pending_commit().unwrap().epoch_authenticator().unwrap().as_slice();
    let mut entry = SeqEntry {
        group: SeqEntry::genesis(GROUP),
        term: 0,
        epoch,
        leaf,
        previous: record.head,
        commit: sha256(&commit),
        authenticator: sha256(authenticator),
        kind,
        time_ms: NOW,
    };
    bend(&mut entry);
    let frame = SealedFrame::Commit { entry: entry.sign(&record.leaf_key), commit };
    seal(by, &frame)
}

/// A frame of any content under the outer keys of the group.
fn seal(by: &OpenMls, frame: &SealedFrame) -> Envelope {
    let mut nonce = [0; 24];
    rand_chacha::ChaCha20Rng::from_seed([7; 32]).fill_bytes(&mut nonce);
    by.groups[&GROUP].record.current().seal(&frame.to_bytes(), nonce, NOW).unwrap()
}

/// An application message of any content.
fn say(by: &mut OpenMls, plaintext: &[u8]) -> Vec<u8> {
    let OpenMls { provider, groups, .. } = by;
    let Group { mls, record } = groups.get_mut(&GROUP).unwrap();
    mls.create_message(provider, &record.leaf_key, plaintext).unwrap().to_bytes().unwrap()
}

fn message(author: PersonaId, seq: u64) -> Message {
    let id = |seq| MessageId::derive(GROUP, author, seq);
    let previous = seq.checked_sub(1).map_or(MessageId([0; 16]), id);
    let content = Content::text("hello");
    Message { id: id(seq), seq, previous, sent_at_ms: NOW, content }
}

/// The envelope is refused with this error, and the group goes on as before.
fn refused(member: &mut OpenMls, envelope: &Envelope, expected: &SessionError) {
    let position = member.position(GROUP).unwrap();
    assert_eq!(member.open(GROUP, envelope, NOW).as_ref(), Err(expected));
    assert_eq!(member.position(GROUP), Ok(position));
    assert_eq!(member.take_writes(), vec![]);
}

/// A key package whose leaf presents this credential.
fn package(key: &LeafKey, credential: Vec<u8>) -> KeyPackage {
    let credential = CredentialWithKey {
        credential: BasicCredential::new(credential).into(),
        signature_key: key.public().to_vec().into(),
    };
    let provider = crate::session::storage::Provider::default();
    KeyPackage::builder()
        .leaf_node_capabilities(capabilities())
        .build(SUITE, &provider, key, credential)
        .unwrap()
        .into_key_package()
}

#[test]
fn an_honest_commit_made_this_way_is_followed() {
    let [mut alice, mut bob, _] = group();
    let envelope = commit(&mut alice, Deed::Remove(2), |_| ());
    assert!(bob.open(GROUP, &envelope, NOW).is_ok());
}

#[test]
fn each_field_of_a_false_entry_is_noticed() {
    type Bend = fn(&mut SeqEntry);
    let cases: [(Bend, EntryError); 8] = [
        (|entry| entry.group[0] ^= 1, EntryError::Group),
        (|entry| entry.term = 1, EntryError::Term(1)),
        (|entry| entry.epoch = 7, EntryError::Epoch(7)),
        (|entry| entry.leaf = 1, EntryError::Signature),
        (|entry| entry.previous[0] ^= 1, EntryError::Previous),
        (|entry| entry.commit[0] ^= 1, EntryError::Commit),
        (|entry| entry.kind = EntryKind::Add, EntryError::Kind),
        (|entry| entry.authenticator[0] ^= 1, EntryError::Authenticator),
    ];
    for (bend, expected) in cases {
        let [mut alice, mut bob, _] = group();
        let envelope = commit(&mut alice, Deed::Remove(2), bend);
        refused(&mut bob, &envelope, &expected.clone().into());
        // The honest commit, for which the state is as it was, is followed.
        let mls = &mut alice.groups.get_mut(&GROUP).unwrap().mls;
        mls.clear_pending_commit(&alice.provider.rows).unwrap();
        let honest = commit(&mut alice, Deed::Remove(2), |_| ());
        assert!(bob.open(GROUP, &honest, NOW).is_ok(), "{expected}");
    }
}

#[test]
fn a_commit_of_anyone_but_the_sequencer_is_refused() {
    let [_, mut bob, mut carol] = group();
    let envelope = commit(&mut bob, Deed::Remove(0), |_| ());
    refused(&mut carol, &envelope, &EntryError::Signature.into());
}

#[test]
fn a_commit_of_another_under_an_entry_of_the_sequencer_is_refused() {
    let [mut alice, mut bob, mut carol] = group();
    let theirs = commit(&mut bob, Deed::Remove(0), |_| ());
    let (_, frame) = carol.groups[&GROUP].record.open(&theirs, NOW).unwrap();
    let SealedFrame::Commit { commit: theirs, .. } = SealedFrame::from_bytes(&frame).unwrap()
    else {
        panic!("not a commit")
    };
    let hash = sha256(&theirs);
    let ours = commit(&mut alice, Deed::Remove(2), |entry| entry.commit = hash);
    let (_, frame) = carol.groups[&GROUP].record.open(&ours, NOW).unwrap();
    let SealedFrame::Commit { entry, .. } = SealedFrame::from_bytes(&frame).unwrap() else {
        panic!("not a commit")
    };
    let mixed = seal(&alice, &SealedFrame::Commit { entry, commit: theirs });
    refused(&mut carol, &mixed, &EntryError::Signature.into());
}

#[test]
fn a_commit_that_does_anything_but_add_or_remove_is_refused() {
    let cases = [
        (Deed::Nothing, SessionError::Commit("changes nothing")),
        (Deed::ChangePolicy, SessionError::Commit("changes the policy")),
    ];
    for (deed, expected) in cases {
        let [mut alice, mut bob, _] = group();
        let envelope = commit(&mut alice, deed, |_| ());
        refused(&mut bob, &envelope, &expected);
    }
}

#[test]
fn a_leaf_with_a_credential_that_does_not_hold_is_not_let_in() {
    let (key, other) = (LeafKey::from_seed(&[8; 32]), LeafKey::from_seed(&[9; 32]));
    let dora = PersonaKey::from_seed(&[4; 32]);
    let good = |key: &LeafKey, at| DeviceCredential::issue(&dora, 0, key.public(), at);
    let mut stolen = good(&key, NOW);
    stolen.persona = PersonaId([0xdd; 32]);
    let cases = [
        (b"nobody".to_vec(), CredentialError::Malformed),
        (good(&other, NOW).to_bytes(), CredentialError::LeafKey),
        (stolen.to_bytes(), CredentialError::Signature),
        (good(&key, NOW - CREDENTIAL_LIFETIME_MS).to_bytes(), CredentialError::Expired),
        (good(&key, NOW + CREDENTIAL_LIFETIME_MS).to_bytes(), CredentialError::Lifetime),
    ];
    for (credential, expected) in cases {
        let [mut alice, mut bob, _] = group();
        let package = package(&key, credential);
        let message = MlsMessageOut::from(package.clone()).tls_serialize_detached().unwrap();
        let honest = alice.add(GROUP, &[message], NOW);
        assert_eq!(honest, Err(SessionError::Credential(expected)));
        let envelope = commit(&mut alice, Deed::Add(Box::new(package)), |_| ());
        refused(&mut bob, &envelope, &SessionError::Credential(expected));
    }
}

#[test]
fn a_member_cannot_be_added_a_second_time() {
    let [mut alice, mut bob, _] = group();
    let key = LeafKey::from_seed(&[8; 32]);
    let carol = PersonaKey::from_seed(&[3; 32]);
    let credential = DeviceCredential::issue(&carol, 1, key.public(), NOW);
    let package = package(&key, credential.to_bytes());
    let envelope = commit(&mut alice, Deed::Add(Box::new(package)), |_| ());
    refused(&mut bob, &envelope, &SessionError::Commit("adds a member twice"));
}

#[test]
fn a_message_that_breaks_its_rules_is_refused_and_leaves_its_key() {
    let [mut alice, mut bob, _] = group();
    let author = alice.identity.id();
    let honest = message(author, 0);
    let cases = [
        (Message { id: MessageId([9; 16]), ..honest.clone() }, "id"),
        (message(bob.identity.id(), 0), "id"),
        (Message { seq: 1, ..honest.clone() }, "id"),
        (Message { previous: MessageId([9; 16]), ..honest.clone() }, "previous"),
    ];
    for (bad, field) in cases {
        let sealed = SealedFrame::Application(say(&mut alice, &wire::encode(&bad)));
        let envelope = seal(&alice, &sealed);
        refused(&mut bob, &envelope, &SessionError::Message(field));
        // Refused again for the same reason: the first refusal used up nothing.
        refused(&mut bob, &envelope, &SessionError::Message(field));
    }
    let noise = SealedFrame::Application(say(&mut alice, b"noise"));
    let envelope = seal(&alice, &noise);
    let verdict = bob.open(GROUP, &envelope, NOW);
    assert!(matches!(verdict, Err(SessionError::MessageDecode(_))), "{verdict:?}");
    let envelope = alice.seal(GROUP, &honest, NOW).unwrap();
    assert!(bob.open(GROUP, &envelope, NOW).is_ok());
}

#[test]
fn an_mls_message_in_an_envelope_of_another_kind_or_epoch_is_refused() {
    let [mut alice, mut bob, carol] = group();
    let plaintext = wire::encode(&message(alice.identity.id(), 0));
    let said = say(&mut alice, &plaintext);
    let honest = commit(&mut alice, Deed::Remove(2), |_| ());
    let (_, frame) = carol.groups[&GROUP].record.open(&honest, NOW).unwrap();
    let SealedFrame::Commit { entry, commit } = SealedFrame::from_bytes(&frame).unwrap() else {
        panic!("not a commit")
    };

    let hidden = seal(&alice, &SealedFrame::Application(commit));
    let expected = SessionError::Mls("of another type than its frame".into());
    refused(&mut bob, &hidden, &expected);
    let swapped = seal(&alice, &SealedFrame::Commit { entry, commit: said.clone() });
    refused(&mut bob, &swapped, &EntryError::Commit.into());

    bob.open(GROUP, &honest, NOW).unwrap();
    bob.take_writes();
    let moved = seal(&bob, &SealedFrame::Application(said));
    let expected = SessionError::Mls("of another epoch than its envelope".into());
    refused(&mut bob, &moved, &expected);
}
