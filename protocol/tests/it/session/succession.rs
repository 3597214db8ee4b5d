//! The sequencer is gone: the others elect one of them, and who was on another branch comes back.

use protocol::{
    identity::{ConversationId, PersonaId},
    session::{
        Change, Envelope, GroupEngine, Opened, SessionError, Signal, SignedSignal, Word,
        succession::Refusal,
    },
};

use super::world::{GROUP, Member, NOW, assert_agree, group_of};

fn vote(voter: &mut Member, term: u64, candidate: PersonaId) -> SignedSignal {
    let spine = voter.engine.vote(GROUP, term, candidate).unwrap();
    Signal::sign(&voter.key, GROUP, Word::Vote { term, candidate, spine }, NOW)
}

/// One of the members stands and is voted for by these others.
fn votes_for(members: &mut [Member], candidate: usize, voters: &[usize]) -> Vec<SignedSignal> {
    let (term, spine) = members[candidate].engine.stand(GROUP, 0).unwrap();
    let id = members[candidate].id();
    let own = Word::Vote { term, candidate: id, spine };
    let mut votes = vec![Signal::sign(&members[candidate].key, GROUP, own, NOW)];
    votes.extend(voters.iter().map(|voter| vote(&mut members[*voter], term, id)));
    votes
}

fn elect(members: &mut [Member], candidate: usize, voters: &[usize]) -> Change {
    let votes = votes_for(members, candidate, voters);
    members[candidate].engine.take_over(GROUP, &votes, NOW).unwrap()
}

fn deliver(members: &mut [Member], to: &[usize], envelope: &Envelope) {
    for member in to {
        let opened = members[*member].open(envelope).unwrap();
        assert!(matches!(opened, Opened::Change { .. }), "{opened:?}");
    }
}

/// Sends a member that is on another branch what it takes to come back.
fn call_back(members: &mut [Member], from: usize, to: usize) {
    let (entry, votes) = members[from].engine.certificate(GROUP).unwrap();
    let signer = members[from].engine.policy(GROUP).unwrap().sequencer();
    members[to].engine.adopt(GROUP, signer, &entry, &votes).unwrap();
    let head = members[to].engine.position(GROUP).unwrap().head;
    let lacking = members[from].engine.commits_after(GROUP, &head);
    assert!(!lacking.is_empty());
    for envelope in lacking {
        members[to].open(&envelope).unwrap();
    }
}

#[test]
fn when_the_creator_is_gone_the_others_elect_one_and_go_on_changing_the_group() {
    let mut members = group_of(4);
    let alice = members[0].id();
    let change = elect(&mut members, 1, &[2, 3]);
    deliver(&mut members, &[2, 3], &change.envelope.unwrap());
    assert_agree(&members[1..]);
    assert_eq!(members[2].engine.policy(GROUP).unwrap().sequencer(), members[1].id());
    assert_eq!(members[2].engine.policy(GROUP).unwrap().term, 1);

    let change = members[1].engine.remove(GROUP, &[alice], NOW).unwrap();
    deliver(&mut members, &[2, 3], &change.envelope.unwrap());
    let mut erin = Member::new(9);
    let change = members[1].add(&mut [&mut erin]);
    deliver(&mut members, &[2, 3], &change.envelope.unwrap());
    assert_eq!(erin.engine.join(&change.welcome.unwrap(), NOW), Ok(GROUP));
    members[0] = erin;
    assert_agree(&members);
    let envelope = members[3].say("still here");
    assert_eq!(members[0].read(&envelope).1, "still here");
}

#[test]
fn who_came_back_by_a_change_the_voters_have_not_followed_knows_that_they_voted() {
    let mut members = group_of(3);
    members[1] = Member::new(2);
    let request = members[1].engine.ask_to_rejoin(GROUP, NOW + 1).unwrap();
    let change = members[0].engine.readmit(GROUP, &request, NOW + 1).unwrap();
    members[1].engine.join(&change.welcome.unwrap(), NOW + 1).unwrap();
    // Carol has not heard of it, stood for the term after this one, and nobody voted for her.
    votes_for(&mut members, 2, &[]);
    let (term, spine) = members[0].engine.stand(GROUP, 1).unwrap();
    let alice = members[0].id();
    let own = Word::Vote { term, candidate: alice, spine };
    let own = Signal::sign(&members[0].key, GROUP, own, NOW);
    let votes = [own, vote(&mut members[2], term, alice)];
    let change = members[0].engine.take_over(GROUP, &votes, NOW).unwrap();
    deliver(&mut members, &[1], &change.envelope.unwrap());
    call_back(&mut members, 0, 2);
    assert_agree(&members);
}

#[test]
fn a_minority_elects_nobody_and_a_vote_binds() {
    let mut members = group_of(4);
    let votes = votes_for(&mut members, 1, &[]);
    let result = members[1].engine.take_over(GROUP, &votes, NOW);
    assert!(matches!(result, Err(SessionError::Succession(_))), "{result:?}");
    let (bob, dora) = (members[1].id(), members[3].id());
    members[2].engine.vote(GROUP, 1, bob).unwrap();
    members[2].restart();
    assert!(members[2].engine.vote(GROUP, 1, dora).is_err());
    assert!(members[2].engine.vote(GROUP, 1, bob).is_ok(), "the same vote may be said again");
}

#[test]
fn who_has_voted_to_end_a_term_follows_nothing_of_it_any_more() {
    let mut members = group_of(4);
    let bob = members[1].id();
    members[2].engine.vote(GROUP, 1, bob).unwrap();
    let mut erin = Member::new(9);
    let change = members[0].add(&mut [&mut erin]);
    let envelope = change.envelope.unwrap();
    assert!(matches!(members[2].open(&envelope), Err(SessionError::Succession(_))));
    deliver(&mut members, &[1, 3], &envelope);
}

#[test]
fn the_deposed_takes_back_what_nobody_followed_and_comes_to_the_same_epoch() {
    let mut members = group_of(4);
    let mut erin = Member::new(9);
    // Alice is cut off and adds Erin twice over; meanwhile the others elect Bob.
    members[0].add(&mut [&mut erin]);
    members[0].engine.remove(GROUP, &[erin.id()], NOW).unwrap();
    let change = elect(&mut members, 1, &[2, 3]);
    deliver(&mut members, &[2, 3], &change.envelope.unwrap());
    let dora = members[3].id();
    let change = members[1].engine.remove(GROUP, &[dora], NOW).unwrap();
    deliver(&mut members, &[2], change.envelope.as_ref().unwrap());
    assert_eq!(members[0].epoch(), members[1].epoch(), "the number does not show the fork");

    members[0].restart();
    call_back(&mut members, 1, 0);
    members.truncate(3);
    assert_agree(&members);
    let envelope = members[0].say("back again");
    assert_eq!(members[2].read(&envelope).1, "back again");
    assert!(matches!(members[0].engine.add(GROUP, &[], NOW), Err(SessionError::NotSequencer)));
    members[0].restart();
    assert_agree(&members);
}

#[test]
fn a_removal_that_had_to_be_taken_back_is_owed_until_it_is_repeated() {
    let mut members = group_of(4);
    let dora = members[3].id();
    members[0].engine.remove(GROUP, &[dora], NOW).unwrap();
    let change = elect(&mut members, 1, &[2, 3]);
    deliver(&mut members, &[2, 3], &change.envelope.unwrap());
    call_back(&mut members, 1, 0);
    let owed = |member: &Member| member.engine.succession(GROUP).unwrap().owed().clone();
    assert!(owed(&members[0]).contains(&dora));
    let message = members[0].message("she would read this");
    let sealed = members[0].engine.seal(GROUP, &message, NOW);
    assert_eq!(sealed, Err(SessionError::Succession(Refusal::Owed)));
    let change = members[1].engine.remove(GROUP, &[dora], NOW).unwrap();
    deliver(&mut members, &[0, 2], &change.envelope.unwrap());
    assert!(owed(&members[0]).is_empty());
}

#[test]
fn what_a_voter_followed_is_not_lost_by_the_election() {
    let mut members = group_of(4);
    let mut erin = Member::new(9);
    let change = members[0].add(&mut [&mut erin]);
    deliver(&mut members, &[2], &change.envelope.unwrap());
    let votes = votes_for(&mut members, 1, &[2, 3]);
    let result = members[1].engine.take_over(GROUP, &votes, NOW);
    assert!(matches!(result, Err(SessionError::Succession(_))), "it lacks an entry: {result:?}");
}

#[test]
fn what_is_final_is_known_when_enough_say_that_they_followed_it() {
    let mut members = group_of(4);
    let mut erin = Member::new(9);
    let change = members[0].add(&mut [&mut erin]);
    deliver(&mut members, &[1, 2], &change.envelope.unwrap());
    let head = members[1].engine.position(GROUP).unwrap().head;
    let unsettled = |member: &Member| member.engine.succession(GROUP).unwrap().chain().unsettled();
    let before = unsettled(&members[0]);
    for member in [1, 2] {
        let persona = members[member].id();
        members[0].engine.note_followed(GROUP, persona, head).unwrap();
    }
    assert!(unsettled(&members[0]) < before);
    assert_eq!(unsettled(&members[0]), 0);
}

#[test]
fn a_signal_with_any_byte_changed_or_cut_off_is_refused() {
    let mut members = group_of(4);
    let votes = votes_for(&mut members, 1, &[2, 3]);
    members[1].engine.take_over(GROUP, &votes, NOW).unwrap();
    let (entry, votes) = members[1].engine.certificate(GROUP).unwrap();
    let (signer, head) = (members[1].id(), [7; 32]);
    let words = [
        Word::Followed { epoch: 3, head, term: 1 },
        Word::Solicit { term: 2 },
        Word::Elected { signer, entry, votes: votes.clone() },
    ];
    let words = words.map(|word| Signal::sign(&members[1].key, GROUP, word, NOW));
    for signal in words.iter().chain(&votes) {
        let bytes = signal.to_bytes();
        assert!(SignedSignal::from_bytes(&bytes).unwrap().verify(NOW).is_ok());
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let verdict = SignedSignal::from_bytes(&changed).map(|signal| signal.verify(NOW));
            assert!(!matches!(verdict, Ok(Ok(_))), "byte {at}");
            assert!(SignedSignal::from_bytes(&bytes[..at]).is_err(), "cut at {at}");
        }
    }
}

#[test]
fn votes_for_another_term_candidate_or_group_and_forged_ones_do_not_count() {
    let mut members = group_of(4);
    let (term, spine) = members[1].engine.stand(GROUP, 0).unwrap();
    let bob = members[1].id();
    let word = |term, candidate| Word::Vote { term, candidate, spine: spine.clone() };
    let elsewhere = ConversationId([9; 16]);
    let own = Signal::sign(&members[1].key, GROUP, word(term, bob), NOW);
    let stranger = Member::new(77);
    let bad = [
        Signal::sign(&members[2].key, GROUP, word(term + 1, bob), NOW),
        Signal::sign(&members[2].key, GROUP, word(term, members[3].id()), NOW),
        Signal::sign(&members[2].key, elsewhere, word(term, bob), NOW),
        Signal::sign(&stranger.key, GROUP, word(term, bob), NOW),
        Signal::sign(&members[2].key, GROUP, Word::Solicit { term }, NOW),
        own.clone(),
    ];
    for vote in bad {
        members[1].save();
        let result = members[1].engine.take_over(GROUP, &[own.clone(), vote], NOW);
        assert!(matches!(result, Err(SessionError::Succession(_))), "{result:?}");
        assert_eq!(members[1].save(), 0, "what is refused changes nothing");
    }
}

#[test]
fn a_commit_that_begins_a_term_without_the_votes_for_it_is_refused() {
    let mut members = group_of(4);
    let votes = votes_for(&mut members, 1, &[2, 3]);
    let change = members[1].engine.take_over(GROUP, &votes, NOW).unwrap();
    let (entry, _) = members[1].engine.certificate(GROUP).unwrap();
    // Carol's own vote alone is no majority, whoever says so.
    let bob = members[1].id();
    let result = members[0].engine.adopt(GROUP, bob, &entry, &votes[1..2]);
    assert!(matches!(result, Err(SessionError::Succession(_))), "{result:?}");
    let envelope = change.envelope.unwrap();
    deliver(&mut members, &[0, 2, 3], &envelope);
    assert_eq!(members[2].open(&envelope), Err(SessionError::AlreadyOpened));
    assert_agree(&members);
}
