//! Personas with engines and the disks their rows are kept on; nothing moves by itself.

use std::collections::BTreeMap;

use protocol::{
    identity::{ConversationId, MessageId, PersonaId, PersonaKey},
    session::{Change, Envelope, GroupEngine, GroupPolicy, OpenMls, Opened, SessionError},
    wire::{Content, Message},
};

/// A day in 2026. The system clock that openmls reads need not agree.
pub(super) const NOW: u64 = 1_780_000_000_000;

pub(super) const GROUP: ConversationId = ConversationId([0xc0; 16]);

/// One persona on its node.
pub(super) struct Member {
    pub(super) key: PersonaKey,
    pub(super) engine: OpenMls,
    pub(super) disk: BTreeMap<Vec<u8>, Vec<u8>>,
    next: BTreeMap<ConversationId, u64>,
}

impl Member {
    pub(super) fn new(seed: u8) -> Self {
        let key = PersonaKey::from_seed(&[seed; 32]);
        let engine = OpenMls::new(&key, []).unwrap();
        Self { key, engine, disk: BTreeMap::new(), next: BTreeMap::new() }
    }

    pub(super) fn id(&self) -> PersonaId {
        self.key.id()
    }

    /// Takes the writes to disk; says how many there were.
    pub(super) fn save(&mut self) -> usize {
        let writes = self.engine.take_writes();
        let count = writes.len();
        for write in writes {
            match write.value {
                Some(value) => self.disk.insert(write.key, value),
                None => self.disk.remove(&write.key),
            };
        }
        count
    }

    /// Saves, stops, and starts again from disk.
    pub(super) fn restart(&mut self) {
        self.save();
        self.engine = OpenMls::new(&self.key, self.disk.clone()).unwrap();
    }

    pub(super) fn key_package(&mut self) -> Vec<u8> {
        self.engine.last_resort_key_package(NOW).unwrap()
    }

    pub(super) fn create(&mut self) {
        let policy = GroupPolicy::by(self.id());
        self.engine.create(GROUP, policy, NOW).unwrap();
    }

    /// The next message of this persona in the group, not sealed yet.
    pub(super) fn message(&mut self, text: &str) -> Message {
        let next = self.next.entry(GROUP).or_default();
        let seq = *next;
        *next += 1;
        message(self.id(), seq, Content::text(text))
    }

    pub(super) fn say(&mut self, text: &str) -> Envelope {
        let message = self.message(text);
        self.engine.seal(GROUP, &message, NOW).unwrap()
    }

    pub(super) fn open(&mut self, envelope: &Envelope) -> Result<Opened, SessionError> {
        self.engine.open(GROUP, envelope, NOW)
    }

    /// Opens an envelope that has to hold text.
    pub(super) fn read(&mut self, envelope: &Envelope) -> (PersonaId, String) {
        match self.open(envelope).unwrap() {
            Opened::Message { author, message } => {
                (author, String::from_utf8(message.content.body).unwrap())
            }
            other => panic!("not a message: {other:?}"),
        }
    }

    pub(super) fn add(&mut self, others: &mut [&mut Member]) -> Change {
        let packages: Vec<_> = others.iter_mut().map(|other| other.key_package()).collect();
        self.engine.add(GROUP, &packages, NOW).unwrap()
    }

    pub(super) fn epoch(&self) -> u64 {
        self.engine.position(GROUP).unwrap().epoch
    }
}

pub(super) fn message(author: PersonaId, seq: u64, content: Content) -> Message {
    let previous = match seq.checked_sub(1) {
        Some(before) => MessageId::derive(GROUP, author, before),
        None => MessageId([0; 16]),
    };
    let id = MessageId::derive(GROUP, author, seq);
    Message { id, seq, previous, sent_at_ms: NOW, content }
}

/// Alice, who made the group, and as many others as asked for, all in one epoch.
pub(super) fn group_of(size: u8) -> Vec<Member> {
    let mut members: Vec<_> = (1..=size).map(Member::new).collect();
    let (alice, others) = members.split_first_mut().unwrap();
    alice.create();
    if !others.is_empty() {
        let change = alice.add(&mut others.iter_mut().collect::<Vec<_>>());
        let welcome = change.welcome.unwrap();
        for other in others {
            assert_eq!(other.engine.join(&welcome, NOW), Ok(GROUP));
        }
    }
    members
}

/// All members hold the same keys of the same epoch, and the same log.
pub(super) fn assert_agree(members: &[Member]) {
    let position = |member: &Member| member.engine.position(GROUP).unwrap();
    let roster = |member: &Member| member.engine.roster(GROUP).unwrap();
    for member in members {
        assert_eq!(position(member), position(&members[0]));
        assert_eq!(roster(member), roster(&members[0]));
    }
}

/// Removes a member by its place and carries the commit to all others, it included.
pub(super) fn remove(members: &mut [Member], gone: usize) -> Envelope {
    let persona = members[gone].id();
    let change = members[0].engine.remove(GROUP, &[persona], NOW).unwrap();
    let envelope = change.envelope.unwrap();
    for member in &mut members[1..] {
        member.open(&envelope).unwrap();
    }
    envelope
}
