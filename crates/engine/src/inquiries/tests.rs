//! Whose turn it is, who counts and when it is over; and that every node comes to the same.

use std::collections::BTreeMap;

use protocol::{
    decision::Fraction,
    identity::{ConversationId, MessageId, NodeId, PersonaId},
    wire::{self, Content, ContentKind, Inquiry, Message, Way},
};

use super::round::{Phase, Round, Standing, Turn};
use crate::{
    effect::{Change, Effect, Table, Write},
    event::EventBody,
    rows::{AnswerRow, InquiryRow},
    state::Engine,
};

const HERE: ConversationId = ConversationId([1; 16]);
const ASKED_AT: u64 = 1_000_000;
const TURN: u64 = 60_000;

fn persona(number: u8) -> PersonaId {
    PersonaId([number; 32])
}

fn inquiry(way: Way, members: u8, open_ms: u64) -> Inquiry {
    Inquiry {
        way,
        question: "What shall we cook?".into(),
        asked: (1..=members).map(persona).collect(),
        open_ms,
        turn_ms: if way == Way::Sequential { TURN } else { 0 },
        enough: Fraction { num: 7, den: 10 },
    }
}

/// Asked of so many, and answered by these at these times after it was asked.
fn round(inquiry: Inquiry, answers: &[(u8, u64)]) -> Round {
    let asked_at_ms = ASKED_AT;
    let row = InquiryRow { conversation: HERE, asker: persona(99), asked_at_ms, inquiry };
    let answer = |(who, at_ms): &(u8, u64)| {
        let at_ms = ASKED_AT + at_ms;
        let text = Some("Soup".into());
        ((HERE, persona(*who)), AnswerRow { seq: 0, at_ms, text, seen: vec![] })
    };
    Round { row: Some(row), answers: answers.iter().map(answer).collect(), due_ms: None }
}

fn standings(round: &Round, after_ms: u64) -> Vec<Standing> {
    let members = round.row.as_ref().unwrap().inquiry.asked.len();
    (0..members).map(|place| round.standing(place, ASKED_AT + after_ms).unwrap()).collect()
}

#[test]
fn all_at_once_is_over_when_all_have_answered_or_at_the_deadline() {
    use Standing::{Answered, Due, Late, Silent};
    let ask = |answers: &[(u8, u64)]| round(inquiry(Way::Broadcast, 3, 10 * TURN), answers);
    let now = |round: &Round, after_ms| round.phase(ASKED_AT + after_ms).unwrap();
    let some = ask(&[(2, 5)]);
    assert_eq!(standings(&some, 10), [Due, Answered, Due]);
    assert_eq!(some.turn(ASKED_AT + 10), None);
    assert_eq!(some.changes_at_ms(ASKED_AT + 10), Some(ASKED_AT + 10 * TURN + 1));
    assert_eq!(now(&some, 10 * TURN), Phase::Open, "the last millisecond counts");
    assert_eq!(now(&some, 10 * TURN + 1), Phase::TooFew);
    assert_eq!(standings(&some, 10 * TURN + 1), [Silent, Answered, Silent]);
    assert_eq!(some.changes_at_ms(ASKED_AT + 10 * TURN + 1), None);

    let all = ask(&[(1, 7), (2, 5), (3, 10 * TURN)]);
    assert_eq!(now(&all, 10), Phase::Complete);
    assert_eq!(now(&all, 99 * TURN), Phase::Complete);
    let late = ask(&[(1, 7), (2, 5), (3, 10 * TURN + 1)]);
    assert_eq!(standings(&late, 10 * TURN + 1), [Answered, Answered, Late]);
    assert_eq!(now(&late, 10 * TURN + 1), Phase::TooFew, "2 of 3 is less than 7/10");
}

#[test]
fn seven_of_ten_are_enough_and_six_are_not() {
    for (answered, phase) in [(6, Phase::TooFew), (7, Phase::Enough), (9, Phase::Enough)] {
        let answers: Vec<_> = (1..=answered).map(|who| (who, 1)).collect();
        let round = round(inquiry(Way::Broadcast, 10, TURN), &answers);
        assert_eq!(round.phase(ASKED_AT + TURN + 1), Some(phase), "{answered}");
    }
}

#[test]
fn a_turn_ends_with_the_answer_or_with_its_time() {
    use Standing::{Answered, Due, Next, Passed};
    let ask = |answers: &[(u8, u64)]| round(inquiry(Way::Sequential, 4, 10 * TURN), answers);
    let turn = |round: &Round, after_ms: u64| {
        round.turn(ASKED_AT + after_ms).map(|turn| (turn.place, turn.until_ms - ASKED_AT))
    };
    let none = ask(&[]);
    assert_eq!(turn(&none, 0), Some((0, TURN)));
    assert_eq!(standings(&none, 0), [Due, Next, Next, Next]);
    assert_eq!(turn(&none, TURN - 1), Some((0, TURN)));
    assert_eq!(turn(&none, TURN), Some((1, 2 * TURN)));
    assert_eq!(standings(&none, TURN), [Passed, Due, Next, Next]);
    assert_eq!(turn(&none, 4 * TURN), None, "everyone had a turn");
    assert_eq!(standings(&none, 4 * TURN), [Passed; 4], "and may still answer");

    // Whoever answers soon passes the turn on at once.
    assert_eq!(turn(&ask(&[(1, 10)]), 20), Some((1, TURN + 10)));
    // Who answers after its turn takes no time of others.
    let after = ask(&[(1, TURN + 50), (2, TURN + 80)]);
    assert_eq!(turn(&after, TURN + 90), Some((2, 2 * TURN + 80)));
    assert_eq!(standings(&after, TURN + 90), [Answered, Answered, Due, Next]);
    // Nor does a clock that is behind.
    assert_eq!(turn(&ask(&[(1, 10), (2, 0)]), 20), Some((2, TURN + 10)));
    let all = ask(&[(1, 10), (2, 20), (3, 30), (4, 40)]);
    assert_eq!((turn(&all, 41), all.phase(ASKED_AT + 41)), (None, Some(Phase::Complete)));
}

#[test]
fn time_passes_every_turn_on_and_then_ends_it() {
    let round = round(inquiry(Way::Sequential, 3, 4 * TURN), &[(2, TURN + 5)]);
    let (mut now, mut moments) = (ASKED_AT, Vec::new());
    while let Some(at) = round.changes_at_ms(now) {
        assert!(at > now, "it comes to an end");
        (now, moments) = (at, [moments, vec![at - ASKED_AT]].concat());
    }
    assert_eq!(moments, [TURN, 2 * TURN + 5, 4 * TURN + 1]);
    let Turn { place, .. } = round.turn(ASKED_AT + TURN).unwrap();
    assert_eq!(place, 2, "the second has answered");
}

#[test]
fn a_thousand_can_be_asked() {
    let mut many = inquiry(Way::Sequential, 1, 31 * 24 * 3_600_000);
    many.asked = (0..1_000u32)
        .map(|number| {
            let mut key = [7; 32];
            key[..4].copy_from_slice(&number.to_be_bytes());
            PersonaId(key)
        })
        .collect();
    assert_eq!(many.check(persona(99)), Ok(()));
    let round = round(many, &[]);
    assert_eq!(round.turn(ASKED_AT + 999 * TURN).unwrap().place, 999);
    assert_eq!(round.phase(u64::MAX), Some(Phase::TooFew));
}

/// A node's disk and what it told listeners.
#[derive(Default)]
struct Disk {
    rows: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    told: Vec<&'static str>,
}

impl Disk {
    fn drain(&mut self, engine: &mut Engine) {
        while let Some(effect) = engine.poll_effect() {
            match effect {
                Effect::Persist(writes) => writes.into_iter().for_each(|write| self.write(write)),
                Effect::Emit(event) => {
                    if let EventBody::InquiryUpdated { phase, .. } = event.body {
                        self.told.push(phase);
                    }
                }
                _ => {}
            }
        }
    }

    fn write(&mut self, Write { table, key, change }: Write) {
        match change {
            Change::Put(value) => drop(self.rows.insert((table, key), value)),
            Change::Delete => drop(self.rows.remove(&(table, key))),
            Change::DeleteUnder => {
                self.rows.retain(|(t, k), _| *t != table || !k.starts_with(&key));
            }
        }
    }

    fn engine(&self, now_ms: u64) -> Engine {
        let is_loaded = |(table, key): &(Table, Vec<u8>)| {
            Table::LOADED.iter().any(|(t, prefix)| t == table && key.starts_with(prefix))
        };
        let rows = self.rows.iter().filter(|(key, _)| is_loaded(key));
        let rows = rows.map(|((table, key), value)| (*table, key.clone(), value.clone()));
        Engine::load(NodeId([3; 32]), [4; 32], rows, now_ms).unwrap()
    }
}

/// A message of another node's persona, once it is open.
fn hear(engine: &mut Engine, conversation: ConversationId, author: PersonaId, message: &Message) {
    match ContentKind::from_number(message.content.kind) {
        Some(ContentKind::Inquiry) => engine.on_inquiry(conversation, author, message),
        _ => engine.on_answer(conversation, author, message),
    }
}

fn message(author: PersonaId, seq: u64, at_ms: u64, content: Content) -> (PersonaId, Message) {
    let id = MessageId::derive(HERE, author, seq);
    let sent_at_ms = ASKED_AT + at_ms;
    (author, Message { id, seq, previous: MessageId([0; 16]), sent_at_ms, content })
}

fn answer(author: u8, seq: u64, at_ms: u64, text: &str) -> (PersonaId, Message) {
    let to = MessageId::derive(HERE, persona(99), 0);
    let answer = wire::Answer { to, text: Some(text.into()), seen: vec![] };
    message(persona(author), seq, at_ms, Content::new(ContentKind::Answer, answer.to_bytes()))
}

/// What is said to three who are asked in turn, one of whom answers twice and a stranger once.
fn said() -> Vec<(PersonaId, Message)> {
    let asked = inquiry(Way::Sequential, 3, 3 * TURN).to_bytes();
    vec![
        message(persona(99), 0, 0, Content::new(ContentKind::Inquiry, asked)),
        answer(1, 4, 10, "Soup"),
        answer(1, 5, 20, "No, stew"),
        answer(2, 0, TURN + 5, "Bread"),
        answer(77, 0, 30, "I was not asked"),
    ]
}

#[test]
fn in_whatever_order_and_after_any_restart_all_see_the_same() {
    let id = MessageId::derive(HERE, persona(99), 0);
    let mut orders = vec![Vec::new()];
    for next in 0..said().len() {
        let longer = orders.iter().flat_map(|order: &Vec<usize>| {
            (0..=order.len()).map(move |at| {
                let mut longer = order.clone();
                longer.insert(at, next);
                longer
            })
        });
        orders = longer.collect();
    }
    assert_eq!(orders.len(), 120);
    for (number, order) in orders.iter().enumerate() {
        let mut disk = Disk::default();
        let mut engine = disk.engine(ASKED_AT);
        for (step, index) in order.iter().enumerate() {
            let (author, message) = &said()[*index];
            hear(&mut engine, HERE, *author, message);
            // The same answer in another conversation says nothing here.
            if step == number % 5 && *author == persona(1) {
                hear(&mut engine, ConversationId([2; 16]), *author, message);
            }
            engine.handle(crate::Input::Stored, ASKED_AT + 2 * TURN);
            disk.drain(&mut engine);
            if step == number % 5 {
                engine = disk.engine(ASKED_AT + 2 * TURN);
            }
        }
        let view = engine.inquiry_view(id).unwrap();
        let seen: Vec<_> =
            view.asked.iter().map(|one| (one.standing, one.text.as_deref())).collect();
        let expected = [("answered", Some("Soup")), ("answered", Some("Bread")), ("due", None)];
        assert_eq!(seen, expected, "{order:?}");
        assert_eq!((view.answered, view.phase), (2, "open"), "{order:?}");
        assert_eq!(view.turn_ends_at_ms, Some(ASKED_AT + 2 * TURN + 5), "{order:?}");
    }
}

#[test]
fn listeners_are_told_when_a_turn_passes_and_when_it_is_over_also_after_a_restart() {
    let mut disk = Disk::default();
    let mut engine = disk.engine(ASKED_AT);
    let (author, asked) = &said()[0];
    hear(&mut engine, HERE, *author, asked);
    engine.handle(crate::Input::Stored, ASKED_AT);
    disk.drain(&mut engine);
    assert_eq!(disk.told, ["open"]);
    let mut moments = Vec::new();
    for _ in 0..4 {
        engine = disk.engine(moments.last().copied().unwrap_or(ASKED_AT));
        disk.drain(&mut engine);
        let Some(at) = engine.inquiries_timeout() else { break };
        assert!(engine.poll_timeout().is_some_and(|wake| wake <= at));
        engine.handle(crate::Input::Timeout, at);
        disk.drain(&mut engine);
        moments.push(at);
    }
    assert_eq!(moments, [TURN, 2 * TURN, 3 * TURN, 3 * TURN + 1].map(|after| ASKED_AT + after));
    assert_eq!(disk.told, ["open", "open", "open", "open", "too_few"]);
    assert_eq!(engine.inquiries_timeout(), None);
}

#[test]
fn what_nobody_asked_is_bounded_and_what_is_long_over_is_forgotten() {
    let mut disk = Disk::default();
    let mut engine = disk.engine(ASKED_AT);
    for seq in 0..100 {
        let to = MessageId::derive(HERE, persona(50), seq);
        let answer = wire::Answer { to, text: None, seen: vec![] }.to_bytes();
        let content = Content::new(ContentKind::Answer, answer);
        let (author, message) = message(persona(1), seq, seq, content);
        hear(&mut engine, HERE, author, &message);
    }
    assert_eq!(engine.inquiries.len(), super::UNASKED_MAX);
    for seq in 0..300 {
        let asked = inquiry(Way::Broadcast, 3, TURN).to_bytes();
        let content = Content::new(ContentKind::Inquiry, asked);
        let (author, message) = message(persona(99), seq, 0, content);
        hear(&mut engine, HERE, author, &message);
    }
    assert_eq!(engine.inquiry_views(None).len(), super::PER_ASKER_MAX);
    engine.handle(crate::Input::Stored, ASKED_AT + 1);
    disk.drain(&mut engine);
    let kept = |disk: &Disk| {
        disk.rows.keys().filter(|(table, key)| *table == Table::Message && key[0] == b'q').count()
    };
    assert_eq!(kept(&disk), super::UNASKED_MAX + super::PER_ASKER_MAX);
    engine.now_ms = ASKED_AT + super::KEPT_MS + 2 * TURN;
    engine.forget_inquiries();
    engine.handle(crate::Input::Stored, ASKED_AT + super::KEPT_MS + 2 * TURN);
    disk.drain(&mut engine);
    assert_eq!((kept(&disk), engine.inquiries.len()), (0, 0));
}
