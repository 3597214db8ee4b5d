//! One attack on every parser: what it accepts is canonical, what it refuses it refuses calmly.

use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, TestRunner},
};

/// A parser under attack.
pub(crate) struct Parser {
    pub(crate) name: &'static str,
    /// Bytes it accepts.
    pub(crate) valid: Vec<Vec<u8>>,
    /// Reads bytes and writes again what was read; `None` where they are refused.
    pub(crate) read: fn(&[u8]) -> Option<Vec<u8>>,
    /// Whether a signature covers every byte, so that nothing but `valid` is ever accepted.
    pub(crate) signed: bool,
}

#[derive(Debug, Clone)]
enum Damage {
    Flip(Index, u8),
    Cut(Index),
    Extend(Vec<u8>),
    Insert(Index, u8),
    Remove(Index),
    /// Eight bytes that, where a length stands, promise something else.
    Length(Index, u64),
    Replace(Vec<u8>),
}

impl Damage {
    fn apply(self, bytes: &mut Vec<u8>) {
        let len = bytes.len();
        match self {
            Self::Extend(more) => bytes.extend(more),
            Self::Replace(other) => *bytes = other,
            _ if len == 0 => {}
            Self::Flip(at, change) => bytes[at.index(len)] ^= change,
            Self::Cut(at) => bytes.truncate(at.index(len)),
            Self::Insert(at, byte) => bytes.insert(at.index(len), byte),
            Self::Remove(at) => drop(bytes.remove(at.index(len))),
            Self::Length(at, value) => {
                let (at, value) = (at.index(len), value.to_le_bytes());
                bytes.iter_mut().skip(at).zip(value).for_each(|(byte, new)| *byte = new);
            }
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let length = prop_oneof![0u64..64, Just(u64::MAX), Just(1 << 20), Just(1 << 40), any::<u64>()];
    prop_oneof![
        4 => (any::<Index>(), 1u8..).prop_map(|(at, change)| Damage::Flip(at, change)),
        2 => any::<Index>().prop_map(Damage::Cut),
        2 => prop::collection::vec(any::<u8>(), 1..80).prop_map(Damage::Extend),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        1 => any::<Index>().prop_map(Damage::Remove),
        2 => (any::<Index>(), length).prop_map(|(at, value)| Damage::Length(at, value)),
        1 => prop::collection::vec(any::<u8>(), 0..300).prop_map(Damage::Replace),
    ]
}

pub(crate) fn attack(parser: &Parser) {
    for valid in &parser.valid {
        come_back(parser, valid);
        every_byte_counts(parser, valid);
    }
    let damages = prop::collection::vec(damage(), 1..4);
    let strategy = (prop::sample::select(parser.valid.clone()), damages);
    let config = Config { cases: 1024, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&strategy, |(mut bytes, damages)| {
        damages.into_iter().for_each(|damage| damage.apply(&mut bytes));
        if let Some(again) = (parser.read)(&bytes) {
            prop_assert_eq!(&again, &bytes, "accepted, but not in canonical form");
            prop_assert!(!parser.signed || parser.valid.contains(&bytes), "nobody signed this");
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{}: {error}", parser.name));
}

fn come_back(parser: &Parser, valid: &[u8]) {
    assert_eq!((parser.read)(valid).as_deref(), Some(valid), "{}", parser.name);
}

fn every_byte_counts(parser: &Parser, valid: &[u8]) {
    for end in 0..valid.len() {
        assert_eq!((parser.read)(&valid[..end]), None, "{} cut off at {end}", parser.name);
    }
    let longer = [valid, &[0]].concat();
    assert_eq!((parser.read)(&longer), None, "{} with a byte left over", parser.name);
    for at in 0..valid.len() {
        let mut bytes = valid.to_vec();
        bytes[at] ^= 1;
        match (parser.read)(&bytes) {
            Some(_) if parser.signed => panic!("{}: byte {at} is not signed", parser.name),
            Some(again) => assert_eq!(again, bytes, "{} changed at {at}", parser.name),
            None => {}
        }
    }
}
