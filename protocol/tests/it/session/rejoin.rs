//! A member loses its keys and comes back; an old copy of it does not.

use protocol::session::{
    Fault, GroupEngine, OpenMls, Opened, REJOIN_LIFETIME_MS, RejoinError, SessionError,
    SignedRejoin,
};

use super::world::{GROUP, Member, NOW, assert_agree, group_of, remove};

/// A while after everybody joined.
const LATER: u64 = NOW + 1_000;

/// The same persona on a new disk.
fn restored(seed: u8) -> Member {
    Member::new(seed)
}

fn ask(member: &mut Member, now_ms: u64) -> SignedRejoin {
    member.engine.ask_to_rejoin(GROUP, now_ms).unwrap()
}

/// Alice lets a member back in, the others follow, and it joins. Gives the old copy.
fn bring_back(members: &mut [Member], place: usize, now_ms: u64) -> Member {
    let seed = u8::try_from(place + 1).unwrap();
    let mut old = std::mem::replace(&mut members[place], restored(seed));
    let request = ask(&mut members[place], now_ms);
    let change = members[0].engine.readmit(GROUP, &request, now_ms).unwrap();
    let (envelope, welcome) = (change.envelope.unwrap(), change.welcome.unwrap());
    let persona = members[place].id();
    let (by, epoch) = (members[0].id(), members[0].epoch());
    for (other, member) in members.iter_mut().enumerate().skip(1) {
        if other != place {
            let opened = member.engine.open(GROUP, &envelope, now_ms);
            assert_eq!(opened, Ok(Opened::Rejoined { persona, by, epoch }));
        }
    }
    assert_eq!(members[place].engine.join(&welcome, now_ms), Ok(GROUP));
    let opened = old.engine.open(GROUP, &envelope, now_ms);
    assert_eq!(opened, Ok(Opened::Replaced { here: false }));
    old
}

#[test]
fn who_lost_its_keys_comes_back_and_its_old_copy_is_locked_out() {
    let mut members = group_of(4);
    let before = members[0].engine.roster(GROUP).unwrap();
    let old = bring_back(&mut members, 2, LATER);
    assert_agree(&members);
    assert_eq!(members[0].engine.roster(GROUP).unwrap(), before, "nobody came, nobody left");
    assert_eq!(old.engine.groups(), vec![], "no key of the group is left on the old copy");

    let said = members[2].say("I am back");
    for place in [0, 1, 3] {
        assert_eq!(members[place].read(&said).1, "I am back");
    }
    let said = members[3].say("welcome");
    assert_eq!(members[2].read(&said).1, "welcome");
    members.iter_mut().for_each(Member::restart);
    assert_agree(&members);
    // And the group goes on changing.
    remove(&mut members, 1);
}

#[test]
fn an_old_copy_that_has_not_heard_of_it_neither_speaks_nor_reads_nor_gives_receipts() {
    let mut members = group_of(3);
    let mut old = std::mem::replace(&mut members[1], restored(2));
    let request = ask(&mut members[1], LATER);
    let change = members[0].engine.readmit(GROUP, &request, LATER).unwrap();
    let early = old.say("said before anybody knew");
    let (envelope, welcome) = (change.envelope.unwrap(), change.welcome.unwrap());
    members[2].open(&envelope).unwrap();
    members[1].engine.join(&welcome, LATER).unwrap();

    let late = old.say("said by a leaf that is gone");
    for envelope in [&early, &late] {
        let refused = members[2].open(envelope);
        assert_eq!(refused, Err(SessionError::Replaced));
        assert_eq!(refused.unwrap_err().fault(), Fault::Late);
    }
    let said = members[2].say("between us");
    assert_eq!(old.open(&said), Err(SessionError::UnknownEpoch));
    let receipt = old.engine.receipt(GROUP, said.id()).unwrap();
    let refused = members[2].engine.verify_receipt(GROUP, said.id(), &receipt);
    assert_eq!(refused, Err(SessionError::Receipt));
    let receipt = members[1].engine.receipt(GROUP, said.id()).unwrap();
    let author = members[2].engine.verify_receipt(GROUP, said.id(), &receipt);
    assert_eq!(author, Ok(members[1].id()));
}

#[test]
fn a_request_is_used_once_and_an_older_one_never_again() {
    let mut members = group_of(3);
    members[1] = restored(2);
    let first = ask(&mut members[1], LATER);
    let second = ask(&mut members[1], LATER + 1);
    let mut readmit =
        |request: &SignedRejoin| members[0].engine.readmit(GROUP, request, LATER + 2).map(|_| ());
    assert_eq!(readmit(&second), Ok(()));
    let replayed = Err(SessionError::Rejoin(RejoinError::Replayed));
    assert_eq!(readmit(&second), replayed);
    assert_eq!(readmit(&first), replayed);
}

#[test]
fn a_request_that_does_not_hold_is_refused_with_the_reason() {
    let mut members = group_of(3);
    let mut stranger = Member::new(9);
    let asked = ask(&mut stranger, LATER);
    let unknown = RejoinError::Stranger(stranger.id());
    let other = protocol::identity::ConversationId([7; 16]);
    let elsewhere = members[1].engine.ask_to_rejoin(other, LATER).unwrap();
    let old = ask(&mut members[1], LATER);
    let mut refused = |request: &SignedRejoin, now_ms| {
        let position = members[0].engine.position(GROUP).unwrap();
        let result = members[0].engine.readmit(GROUP, request, now_ms);
        assert_eq!(members[0].engine.position(GROUP).unwrap(), position);
        match result {
            Err(SessionError::Rejoin(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(&asked, LATER), unknown);
    assert_eq!(refused(&elsewhere, LATER), RejoinError::Group);
    let expired = refused(&old, LATER + REJOIN_LIFETIME_MS);
    assert_eq!(expired.to_string(), "request: expired");
    let early = refused(&old, LATER - 3_600_000);
    assert!(matches!(early, RejoinError::Request(_)), "{early}");
    let not_sequencer = members[2].engine.readmit(GROUP, &old, LATER);
    assert_eq!(not_sequencer, Err(SessionError::NotSequencer));
}

#[test]
fn a_welcome_to_come_back_is_followed_by_who_asked_for_it_and_nobody_else() {
    let mut members = group_of(3);
    members[1] = restored(2);
    let request = ask(&mut members[1], LATER);
    let change = members[0].engine.readmit(GROUP, &request, LATER).unwrap();
    let welcome = change.welcome.unwrap();
    let mut third = restored(2);
    assert_eq!(third.engine.join(&welcome, LATER), Err(SessionError::NotInvited));
    members[1].restart();
    assert_eq!(members[1].engine.join(&welcome, LATER), Ok(GROUP), "a restart changes nothing");
    members[1].save();
    assert_eq!(members[1].engine.join(&welcome, LATER), Err(SessionError::NotInvited), "used up");
}

#[test]
fn the_package_of_a_request_opens_no_other_door() {
    let mut members = group_of(2);
    members[1] = restored(2);
    let request = ask(&mut members[1], LATER);
    let package = request.verify(LATER).unwrap().key_package;
    // Somebody who knows the request welcomes its maker elsewhere.
    let mut mallory = Member::new(8);
    let elsewhere = protocol::identity::ConversationId([7; 16]);
    let policy = protocol::session::GroupPolicy::by(mallory.id());
    mallory.engine.create(elsewhere, policy, LATER).unwrap();
    let change = mallory.engine.add(elsewhere, &[package], LATER).unwrap();
    let joined = members[1].engine.join(&change.welcome.unwrap(), LATER);
    assert_eq!(joined, Err(SessionError::Rejoin(RejoinError::Unasked)));
    // The honest answer is followed all the same.
    let change = members[0].engine.readmit(GROUP, &request, LATER).unwrap();
    assert_eq!(members[1].engine.join(&change.welcome.unwrap(), LATER), Ok(GROUP));
}

#[test]
fn who_is_on_a_branch_nobody_follows_comes_back_over_it() {
    let mut members = group_of(3);
    let disk = {
        members[1].save();
        members[1].disk.clone()
    };
    // Bob is left behind by six changes, more than any rewind.
    for _ in 0..3 {
        let mut dora = Member::new(4);
        let change = members[0].add(&mut [&mut dora]);
        members[2].open(&change.envelope.unwrap()).unwrap();
        let change = members[0].engine.remove(GROUP, &[dora.id()], NOW).unwrap();
        members[2].open(&change.envelope.unwrap()).unwrap();
    }
    members[1].engine = OpenMls::new(&members[1].key, disk).unwrap();
    let request = ask(&mut members[1], LATER);
    let change = members[0].engine.readmit(GROUP, &request, LATER).unwrap();
    members[2].open(&change.envelope.unwrap()).unwrap();
    assert_eq!(members[1].engine.join(&change.welcome.unwrap(), LATER), Ok(GROUP));
    assert_agree(&members);
}

#[test]
fn who_asked_while_still_in_the_group_knows_the_change_as_its_own() {
    let mut members = group_of(3);
    let request = ask(&mut members[1], LATER);
    let change = members[0].engine.readmit(GROUP, &request, LATER).unwrap();
    let opened = members[1].open(&change.envelope.unwrap());
    assert_eq!(opened, Ok(Opened::Replaced { here: true }));
    assert_eq!(members[1].engine.join(&change.welcome.unwrap(), LATER), Ok(GROUP));
}

#[test]
fn a_member_may_come_back_again_and_again() {
    let mut members = group_of(3);
    for round in 0..8 {
        let place = 1 + usize::from(round % 2 == 0);
        bring_back(&mut members, place, LATER + round);
        assert_agree(&members);
        let said = members[place].say("here");
        assert_eq!(members[0].read(&said).1, "here");
    }
}
