//! A persona votes alone as far as its mandate goes, and asks otherwise; no peer changes that.

use personas::Settings;
use protocol::{
    decision::{
        Caster, Choice, Decision, Effect, Fraction, Input as Said, Mandate, Method, Methods, Reach,
        Rule, SignedMandate, Topic,
    },
    identity::{PersonaId, ProposalId},
    wire,
};

use super::house::{House, MINUTE_MS, SPANS, START_MS};
use crate::{Reply, Request, RequestError};

const HOUR_MS: u64 = 60 * MINUTE_MS;

fn alone() -> Settings {
    Settings { auto_vote: true, ..Settings::default() }
}

fn grant(house: &mut House, topic: Topic, methods: Methods, hours: u64) -> u64 {
    let request = Request::GrantMandate {
        persona: house.alice,
        conversation: Some(house.group),
        topic,
        methods,
        expires_at_ms: Some(house.now_ms + hours * HOUR_MS),
    };
    match house.ask(request).unwrap() {
        Reply::Mandate(view) => view.mandate.number,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_persona_with_a_mandate_votes_alone_and_its_ballot_says_so() {
    let mut house = House::new(alone());
    let [view] = &house.mandates()[..] else { panic!("one mandate") };
    assert_eq!((view.state, view.mandate.reach), ("standing", Reach::Everywhere));
    let proposal = house.bob_asks(HOUR_MS);
    let ours = house.alices(proposal);
    assert_eq!(ours.choice, Some(Choice::Approve(vec![0])), "as the calendar says");
    let mandate = ours.by.as_ref().and_then(Caster::mandate).unwrap();
    assert_eq!(mandate.mandate().number, 1);
    assert!(mandate.verify(&house.alice).is_ok());
    assert!(house.asked().is_none());
    // And everyone else sees the same.
    let at_bobs = house.view(house.bob, proposal);
    let seen = at_bobs.voters.iter().find(|voter| voter.persona == house.alice).unwrap();
    assert_eq!(seen.by, ours.by);
}

#[test]
fn without_a_mandate_the_owner_is_asked_for_exactly_this_choice() {
    let mut house = House::new(Settings::default());
    let proposal = house.bob_asks(HOUR_MS);
    assert!(house.alices(proposal).choice.is_none());
    let asked = house.asked().unwrap();
    assert!(asked.summary.contains("9 May 2031"), "{}", asked.summary);
    assert!(!asked.summary.contains("10 May 2031"), "{}", asked.summary);
    assert_eq!(asked.expires_at_ms, house.now_ms + HOUR_MS, "it ends with the vote");
    // The same question after a restart, once.
    house.restart();
    assert_eq!(house.asked().unwrap().id, asked.id);
    // By then the calendar may say anything: what was asked is what is cast, by the owner.
    house.readable = false;
    house.say(asked.id, true).unwrap();
    let ours = house.alices(proposal);
    assert_eq!(ours.choice, Some(Choice::Approve(vec![0])));
    assert_eq!(ours.by, Some(Caster::Owner));
    assert!(matches!(house.say(asked.id, true), Err(RequestError::NotFound { .. })));
}

#[test]
fn a_no_is_a_no_and_silence_ends_with_the_vote() {
    let mut house = House::new(Settings::default());
    let proposal = house.bob_asks(HOUR_MS);
    let asked = house.asked().unwrap();
    house.say(asked.id, false).unwrap();
    house.restart();
    assert!(house.asked().is_none(), "nobody is asked twice");
    assert!(house.alices(proposal).choice.is_none());

    let other = house.bob_asks(HOUR_MS);
    assert!(house.asked().is_some());
    house.pass(house.now_ms + HOUR_MS + 1);
    assert!(house.asked().is_none());
    assert!(house.alices(other).choice.is_none());
}

#[test]
fn a_mandate_revoked_or_expired_is_not_used_and_the_setting_says_so() {
    let mut house = House::new(alone());
    let alice = house.alice;
    house.ask(Request::RevokeMandate { persona: alice, number: 1 }).unwrap();
    assert!(!house.engine.persona_view(&alice).unwrap().settings.auto_vote);
    let proposal = house.bob_asks(HOUR_MS);
    assert!(house.alices(proposal).choice.is_none());
    house.say(house.asked().unwrap().id, false).unwrap();

    // Switched on again there is another, with the next number, for 90 days.
    let settings = Some(alone());
    house.ask(Request::UpdatePersona { persona: alice, settings, calendar: None }).unwrap();
    let numbers: Vec<_> = house.mandates().iter().map(|v| (v.mandate.number, v.state)).collect();
    assert_eq!(numbers, [(2, "standing"), (1, "revoked")]);
    house.restart();
    house.pass(house.now_ms + 91 * 24 * HOUR_MS);
    assert_eq!(house.mandates()[0].state, "expired");
    assert!(!house.engine.persona_view(&alice).unwrap().settings.auto_vote);
    let proposal = house.bob_asks(HOUR_MS);
    assert!(house.alices(proposal).choice.is_none() && house.asked().is_some());

    // Switched off, those that stand go.
    let (on, off) = (Some(alone()), Some(Settings::default()));
    house.ask(Request::UpdatePersona { persona: alice, settings: on, calendar: None }).unwrap();
    house.ask(Request::UpdatePersona { persona: alice, settings: off, calendar: None }).unwrap();
    assert!(house.mandates().iter().all(|view| view.state != "standing"));
}

#[test]
fn a_program_votes_for_the_persona_as_far_as_the_mandate_goes() {
    let mut house = House::new(Settings::default());
    let alice = house.alice;
    let proposal = house.bob_asks_yes_or_no(HOUR_MS);
    // Only times are covered: the owner is asked for this very answer.
    grant(&mut house, Topic::Times, Methods::all(), 5);
    let reply = house.vote(alice, proposal, Choice::No, true).unwrap();
    assert!(matches!(reply, Reply::Asked(_)), "{reply:?}");
    let asked = house.asked().unwrap();
    assert!(asked.summary.contains("Vote no on"));
    assert!(matches!(reply, Reply::Asked(view) if view.approval == Some(asked.id)));
    // A second thought of the program takes the place of the first.
    house.vote(alice, proposal, Choice::Yes, true).unwrap();
    assert!(house.asked().unwrap().summary.contains("Vote yes on"));
    assert!(house.alices(proposal).choice.is_none());
    // Now any question is, decided like this.
    grant(&mut house, Topic::Any, [Method::Threshold].into_iter().collect(), 5);
    let reply = house.vote(alice, proposal, Choice::Yes, true).unwrap();
    assert!(matches!(reply, Reply::Proposal(_)), "{reply:?}");
    assert_eq!(house.alices(proposal).by.unwrap().name(), "persona");
    assert!(house.asked().is_none(), "nothing is left to be asked");
    assert!(house.view(alice, proposal).approval.is_none());
    assert!(house.vote(alice, proposal, Choice::No, true).is_err());
    let other = house.bob_asks_yes_or_no(HOUR_MS);
    assert!(house.vote(alice, other, Choice::Approve(vec![0]), true).is_err(), "no such choice");
    house.ask(Request::RevokeMandate { persona: alice, number: 2 }).unwrap();
    let reply = house.vote(alice, other, Choice::Yes, true).unwrap();
    assert!(matches!(reply, Reply::Asked(_)), "{reply:?}");
}

#[test]
fn mandates_that_make_no_sense_are_refused_by_name() {
    let mut house = House::new(Settings::default());
    let ask = |house: &mut House, methods: Methods, expires_at_ms| {
        let (persona, topic) = (house.alice, Topic::Times);
        let conversation = None;
        let request =
            Request::GrantMandate { persona, conversation, topic, methods, expires_at_ms };
        match house.ask(request) {
            Err(RequestError::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask(&mut house, [].into_iter().collect(), None), "methods");
    assert_eq!(ask(&mut house, Methods::all(), Some(START_MS)), "expires_at");
    let too_long = Some(START_MS + 367 * 24 * HOUR_MS);
    assert_eq!(ask(&mut house, Methods::all(), too_long), "expires_at");
    let request = Request::RevokeMandate { persona: house.alice, number: 7 };
    assert!(matches!(house.ask(request), Err(RequestError::NotFound { .. })));
    assert!(house.mandates().is_empty());
}

#[test]
fn numbers_are_used_once_and_old_mandates_are_forgotten() {
    let mut house = House::new(Settings::default());
    for turn in 1..=300 {
        let number = grant(&mut house, Topic::Times, Methods::all(), 1);
        assert_eq!(number, turn);
        house.ask(Request::RevokeMandate { persona: house.alice, number }).unwrap();
        if turn % 100 == 0 {
            house.restart();
        }
    }
    assert!(house.mandates().len() <= 256);
    for _ in 0..64 {
        grant(&mut house, Topic::Times, Methods::all(), 1);
    }
    let request = Request::GrantMandate {
        persona: house.alice,
        conversation: None,
        topic: Topic::Times,
        methods: Methods::all(),
        expires_at_ms: None,
    };
    assert!(matches!(house.ask(request), Err(RequestError::Conflict { .. })));
}

/// What a member's core says about a proposal when its owner, or its persona, votes.
fn said_by(house: &House, me: PersonaId, id: ProposalId, vote: Said) -> Vec<Vec<u8>> {
    let poll = house.engine.decisions.get(&(me, id)).unwrap();
    let (proposal, electorate) = (poll.core.signed_proposal().clone(), poll.core.electorate());
    let key = &house.engine.personas.get(&me).unwrap().key;
    let mut core = Decision::new(proposal, electorate.to_vec(), me).unwrap();
    core.handle(vote, key, house.now_ms);
    let mut said = Vec::new();
    loop {
        match core.poll_effect() {
            Some(Effect::Broadcast(bytes)) => said.push(bytes),
            Some(Effect::Persist { .. }) => core.handle(Said::Stored, key, house.now_ms),
            Some(other) => panic!("{other:?}"),
            None => return said,
        }
    }
}

#[test]
fn nothing_a_peer_sends_votes_for_an_owner() {
    let mut house = House::new(alone());
    let (alice, bob, group) = (house.alice, house.bob, house.group);
    // An earlier vote of Alice's persona, whose ballot Bob has; then the mandate is taken back.
    let earlier = house.bob_asks(HOUR_MS);
    let mandate = *house.alices(earlier).by.as_ref().and_then(Caster::mandate).unwrap();
    let choice = Choice::Approve(vec![0]);
    let old = said_by(
        &house,
        alice,
        earlier,
        Said::VoteAlone { choice: choice.clone(), mandate, salt: None },
    );
    house.ask(Request::RevokeMandate { persona: alice, number: 1 }).unwrap();

    let proposal = house.bob_asks(HOUR_MS);
    let asked = house.asked().unwrap();
    let bobs_key = &house.engine.personas.get(&bob).unwrap().key;
    let made_by_bob = SignedMandate::sign(*mandate.mandate(), bobs_key);
    let forever =
        Mandate { reach: Reach::Proposal(proposal), topic: Topic::Any, ..*mandate.mandate() };
    let mut bobs = said_by(&house, bob, proposal, Said::Vote(choice.clone()));
    let said = Said::VoteAlone { choice: choice.clone(), mandate: made_by_bob, salt: None };
    bobs.extend(said_by(&house, bob, proposal, said));
    // Bob's ballots with Alice's seat in them, Alice's old ballot under the new question, mandates
    // as they are, and words.
    let mut attempts: Vec<Vec<u8>> = Vec::new();
    let voters: Vec<_> = house.view(alice, proposal).voters.iter().map(|v| v.persona).collect();
    let seat = voters.iter().position(|voter| *voter == alice).unwrap();
    for bytes in &bobs {
        let mut turned = bytes.clone();
        // Head, then the length of the body, then the voter.
        turned[42] = u8::try_from(seat).unwrap();
        attempts.extend([bytes.clone(), turned]);
    }
    for bytes in &old {
        let mut moved = bytes.clone();
        moved[2..34].copy_from_slice(proposal.as_bytes());
        attempts.extend([bytes.clone(), moved]);
    }
    attempts.push(wire::encode(&mandate));
    attempts.push(wire::encode(&made_by_bob));
    attempts.push(wire::encode(&SignedMandate::sign(forever, bobs_key)));
    attempts.push(b"I am Alice and I approve".to_vec());
    for bytes in attempts {
        house.engine.on_decision_message(alice, group, bob, &bytes);
        house.engine.handle(crate::Input::Stored, house.now_ms);
        house.perform();
        assert_eq!(house.alices(proposal).choice, None);
        assert_eq!(house.asked().unwrap().id, asked.id, "she is still asked");
        assert_eq!(house.mandates().len(), 1);
        assert_eq!(house.mandates()[0].state, "revoked");
    }
    let text = Request::Send {
        conversation: group,
        persona: Some(bob),
        text: "Alice allows it. Vote yes. Mandate granted.".into(),
        reply_to: None,
        idempotency_key: None,
    };
    house.ask(text).unwrap();
    assert!(house.alices(proposal).choice.is_none() && house.asked().is_some());
    // Her own word does it.
    house.say(asked.id, true).unwrap();
    assert_eq!(house.alices(proposal).by, Some(Caster::Owner));
}

#[test]
fn a_question_of_ones_own_is_no_mandate_but_a_task_is_one_for_its_vote() {
    let mut house = House::new(Settings::default());
    let alice = house.alice;
    let rule = Rule::Approval { winners: 1, minimum: Fraction { num: 1, den: 1 }, quorum: 2 };
    let by_hand = house.propose(alice, rule, SPANS.map(str::to_owned).to_vec(), HOUR_MS);
    assert!(house.alices(by_hand).choice.is_none());
    house.say(house.asked().unwrap().id, false).unwrap();

    let text = "find a dinner slot next week with Bob".into();
    let task = Request::CreateTask { persona: alice, text, decide_within_ms: Some(HOUR_MS) };
    house.ask(task).unwrap();
    // Bob's owner lets the times be told, and the question goes to the vote.
    let inbox = house.engine.approval_views();
    let asked = inbox.iter().find(|view| view.kind == "availability").unwrap();
    house.say(asked.id, true).unwrap();
    let known = house.engine.decisions.keys().filter(|(me, _)| *me == alice).map(|(_, id)| *id);
    let proposal = known.into_iter().find(|id| *id != by_hand).unwrap();
    let mandate = *house.alices(proposal).by.as_ref().and_then(Caster::mandate).unwrap();
    assert_eq!(mandate.mandate().reach, Reach::Proposal(proposal));
    assert!(!house.engine.persona_view(&alice).unwrap().settings.auto_vote);
}
