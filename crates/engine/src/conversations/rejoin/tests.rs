//! Nodes with disks in memory, joined by wires that lose nothing but what a crash takes with it.

use std::collections::{BTreeMap, VecDeque};

use protocol::{
    identity::{ConversationId, MessageId, NodeId, PersonaId},
    wire::Frame,
};

use crate::{
    Change, Effect, Engine, Input, Ledger, Reply, Request, RequestError, RequestId, Table, backup,
    request::{ContactSource, ConversationKind},
    view::{ConversationView, RejoinView},
};

/// Frames that may be passed on in one go.
const STEPS_MAX: usize = 20_000;
const START_MS: u64 = 1_900_000_000_000;

#[derive(Default, Clone)]
struct Disk(BTreeMap<(Table, Vec<u8>), Vec<u8>>);

impl Ledger for Disk {
    fn get(&self, table: Table, key: &[u8]) -> Option<Vec<u8>> {
        self.0.get(&(table, key.to_vec())).cloned()
    }

    fn newest(
        &self,
        table: Table,
        prefix: &[u8],
        before: Option<&[u8]>,
        limit: usize,
    ) -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows = self.0.iter().rev().filter(|((of, key), _)| {
            *of == table && key.starts_with(prefix) && before.is_none_or(|end| &key[..] < end)
        });
        rows.take(limit).map(|((_, key), value)| (key.clone(), value.clone())).collect()
    }
}

impl Disk {
    fn loaded(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        let mut rows = Vec::new();
        for (table, prefix) in Table::LOADED {
            let found = self.0.iter();
            let found = found.filter(|((of, key), _)| *of == table && key.starts_with(prefix));
            rows.extend(found.map(|((of, key), value)| (*of, key.clone(), value.clone())));
        }
        rows
    }

    fn restored(&self, now_ms: u64) -> Self {
        let mut disk = Self::default();
        for ((table, key), value) in &self.0 {
            if backup::KEPT.contains(table) && backup::is_kept(*table, key) {
                let beside = backup::beside(*table, key, value, now_ms).unwrap();
                disk.0.extend(beside.map(|(key, value)| ((*table, key), value)));
                let row = backup::restored(*table, key, value.clone(), now_ms).unwrap();
                disk.0.insert((*table, key.clone()), row);
            }
        }
        disk
    }
}

struct Node {
    id: NodeId,
    engine: Option<Engine>,
    disk: Disk,
    /// How many batches it still writes before it dies; what follows the last never happens.
    batches_left: Option<usize>,
}

/// Some nodes with one persona each, and the wires between them.
struct Net {
    now_ms: u64,
    nodes: Vec<Node>,
    personas: Vec<PersonaId>,
    frames: VecDeque<(usize, usize, Frame)>,
    replies: BTreeMap<u64, Result<Reply, RequestError>>,
    requests: u64,
}

impl Net {
    /// Alice, who knows everybody, and others who know her.
    fn new(size: usize) -> Self {
        let mut net = Self {
            now_ms: START_MS,
            nodes: Vec::new(),
            personas: Vec::new(),
            frames: VecDeque::new(),
            replies: BTreeMap::new(),
            requests: 0,
        };
        for place in 0..size {
            net.start_on(Disk::default());
            let request = Request::CreatePersona {
                name: format!("Persona {place}"),
                handle: None,
                settings: None,
                calendar: None,
            };
            match net.ask(place, request).unwrap() {
                Reply::Persona(view) => net.personas.push(view.id),
                other => panic!("{other:?}"),
            }
        }
        for guest in 1..size {
            let persona = net.personas[0];
            let link = match net.ask(0, Request::CreateInvite { persona }).unwrap() {
                Reply::Invite { link, .. } => link,
                other => panic!("{other:?}"),
            };
            let (persona, peer) = (net.personas[guest], ContactSource::Invite(link));
            net.ask(guest, Request::AddContact { persona, peer }).unwrap();
        }
        net.pass(5_000);
        net
    }

    fn start_on(&mut self, disk: Disk) -> usize {
        let place = self.nodes.len();
        let id = NodeId([u8::try_from(place + 1).unwrap(); 32]);
        let node = Node { id, engine: None, disk, batches_left: None };
        self.nodes.push(node);
        self.start(place);
        place
    }

    fn start(&mut self, place: usize) {
        self.now_ms += 1;
        let node = &mut self.nodes[place];
        let seed = u8::try_from(self.now_ms % 251).unwrap();
        let engine = Engine::load(node.id, [seed; 32], node.disk.loaded(), self.now_ms).unwrap();
        node.engine = Some(engine);
        node.batches_left = None;
        self.perform(place);
        self.input(place, Input::Listening(vec![format!("/ip4/127.0.0.1/tcp/{}", 4001 + place)]));
    }

    fn kill(&mut self, place: usize) {
        self.nodes[place].engine = None;
        self.frames.retain(|(from, to, _)| *from != place && *to != place);
        let gone = self.nodes[place].id;
        for other in 0..self.nodes.len() {
            self.input(other, Input::Disconnected(gone));
        }
    }

    fn input(&mut self, place: usize, input: Input) {
        let now_ms = self.now_ms;
        if let Some(engine) = &mut self.nodes[place].engine {
            engine.handle(input, now_ms);
            self.perform(place);
        }
    }

    fn perform(&mut self, place: usize) {
        while let Some(effect) =
            self.nodes[place].engine.as_mut().and_then(|engine| engine.poll_effect())
        {
            match effect {
                Effect::Persist(writes) => {
                    let node = &mut self.nodes[place];
                    for write in writes {
                        let key = (write.table, write.key);
                        match write.change {
                            Change::Put(value) => drop(node.disk.0.insert(key, value)),
                            Change::Delete => drop(node.disk.0.remove(&key)),
                            Change::DeleteUnder => node.disk.0.retain(|(of, other), _| {
                                *of != key.0 || !other.starts_with(&key.1)
                            }),
                        }
                    }
                    if let Some(left) = &mut node.batches_left {
                        *left -= 1;
                        if *left == 0 {
                            return self.kill(place);
                        }
                    }
                    self.input(place, Input::Stored);
                }
                Effect::Send { node, frame } => {
                    if let Some(to) = self.place_of(node) {
                        self.frames.push_back((place, to, frame));
                    }
                }
                Effect::Dial { node, .. } => {
                    if let Some(to) = self.place_of(node).filter(|to| *to != place) {
                        let here = self.nodes[place].id;
                        self.input(to, Input::Connected(here));
                        self.input(place, Input::Connected(node));
                    }
                }
                Effect::Reply { request, result } => {
                    self.replies.insert(request.0, result);
                }
                _ => {}
            }
        }
    }

    fn place_of(&self, id: NodeId) -> Option<usize> {
        self.nodes.iter().position(|node| node.id == id && node.engine.is_some())
    }

    /// Lets so much time pass.
    fn pass(&mut self, ms: u64) {
        let end_ms = self.now_ms + ms;
        let mut steps = 0;
        loop {
            while let Some((from, to, frame)) = self.frames.pop_front() {
                steps += 1;
                assert!(steps < STEPS_MAX, "frames go round for ever: {frame:?}");
                let node = self.nodes[from].id;
                self.input(to, Input::Frame { node, frame });
            }
            let next =
                self.nodes.iter().enumerate().filter_map(|(place, node)| {
                    Some((node.engine.as_ref()?.poll_timeout()?, place))
                });
            match next.min() {
                Some((at_ms, place)) if at_ms <= end_ms => {
                    self.now_ms = self.now_ms.max(at_ms);
                    self.input(place, Input::Timeout);
                    steps += 1;
                    assert!(steps < STEPS_MAX, "node {place} wakes for ever");
                }
                _ => break,
            }
        }
        self.now_ms = end_ms;
    }

    fn ask(&mut self, place: usize, request: Request) -> Result<Reply, RequestError> {
        let id = RequestId(self.requests);
        self.requests += 1;
        self.input(place, Input::Request { id, request, by: None });
        self.replies.remove(&id.0).unwrap()
    }

    fn open(&mut self, kind: ConversationKind, others: &[usize]) -> ConversationId {
        let members = others.iter().map(|other| self.personas[*other]).collect();
        let title = (kind == ConversationKind::Group).then(|| "Club".to_owned());
        let request = Request::OpenConversation { persona: self.personas[0], kind, members, title };
        let id = match self.ask(0, request).unwrap() {
            Reply::Conversation(view) => view.id,
            other => panic!("{other:?}"),
        };
        self.pass(5_000);
        id
    }

    fn say(
        &mut self,
        place: usize,
        conversation: ConversationId,
        text: &str,
    ) -> Result<MessageId, RequestError> {
        let request = Request::Send {
            conversation,
            persona: None,
            text: text.into(),
            reply_to: None,
            idempotency_key: None,
        };
        match self.ask(place, request)? {
            Reply::Accepted { message } => Ok(message),
            other => panic!("{other:?}"),
        }
    }

    fn has(&self, place: usize, message: &MessageId) -> bool {
        let key = crate::rows::key(&[b"i", message.as_bytes()]);
        self.nodes[place].disk.0.contains_key(&(Table::Message, key))
    }

    fn view(&self, place: usize, id: ConversationId) -> ConversationView {
        let engine = self.nodes[place].engine.as_ref().unwrap();
        let me = engine.personas.keys().next().copied().unwrap();
        engine.conversation_view(me, id).unwrap()
    }

    fn is_back(&self, place: usize, id: ConversationId) -> bool {
        let view = self.view(place, id);
        view.active && matches!(view.rejoin, Some(RejoinView::Back { .. }))
    }

    fn is_replaced(&self, place: usize, id: ConversationId) -> bool {
        let view = self.view(place, id);
        !view.active && matches!(view.rejoin, Some(RejoinView::Replaced { .. }))
    }

    /// A node is gone, and another one with its backup stands in its place; gives where.
    fn restore(&mut self, place: usize) -> usize {
        self.kill(place);
        let disk = self.nodes[place].disk.restored(self.now_ms);
        self.start_on(disk)
    }

    /// Everyone hears everyone.
    fn assert_all_talk(&mut self, places: &[usize], id: ConversationId) {
        for speaker in places {
            let said = self.say(*speaker, id, "hello").unwrap();
            self.pass(10_000);
            for listener in places {
                assert!(self.has(*listener, &said), "{listener} hears {speaker}");
            }
        }
        let epochs: Vec<_> = places.iter().map(|place| self.view(*place, id).epoch).collect();
        assert!(epochs.iter().all(|epoch| *epoch == epochs[0]), "{epochs:?}");
    }
}

#[test]
fn a_restored_member_comes_back_and_what_it_wrote_before_leaves_in_order() {
    let mut net = Net::new(3);
    let id = net.open(ConversationKind::Group, &[1, 2]);
    let again = net.restore(1);
    assert!(matches!(net.view(again, id).rejoin, Some(RejoinView::Asking { .. })));
    let early: Vec<_> = (0..5).map(|n| net.say(again, id, &format!("{n}")).unwrap()).collect();
    net.pass(60_000);
    assert!(net.is_back(again, id));
    let mut order = Vec::new();
    for message in &early {
        for other in [0, 2] {
            assert!(net.has(other, message));
        }
        let key = crate::rows::key(&[b"i", message.as_bytes()]);
        order.push(net.nodes[2].disk.0[&(Table::Message, key)].clone());
    }
    assert!(order.is_sorted(), "in the order they were written");
    net.assert_all_talk(&[0, again, 2], id);
    let back = net.view(2, id);
    let seen = back.members.iter().find(|member| member.persona == net.personas[1]).unwrap();
    assert!(seen.rejoined_at_ms.is_some() && back.members.len() == 3);
}

#[test]
fn who_is_back_belongs_to_no_electorate_in_which_its_lost_copy_may_have_voted() {
    let mut net = Net::new(3);
    let id = net.open(ConversationKind::Group, &[1, 2]);
    let asked_in = net.view(1, id).epoch;
    let again = net.restore(1);
    net.pass(60_000);
    assert!(net.is_back(again, id));
    let engine = net.nodes[again].engine.as_ref().unwrap();
    let row = &engine.conversations[&(net.personas[1], id)];
    let epochs: Vec<u64> = row.epochs.iter().map(|epoch| epoch.epoch).collect();
    assert!(!epochs.is_empty() && epochs.iter().all(|epoch| *epoch > asked_in), "{epochs:?}");
}

#[test]
fn who_ordered_the_changes_comes_back_into_groups_and_direct_conversations() {
    let mut net = Net::new(3);
    let group = net.open(ConversationKind::Group, &[1, 2]);
    let direct = net.open(ConversationKind::Direct, &[1]);
    let again = net.restore(0);
    net.pass(120_000);
    for id in [group, direct] {
        assert!(net.is_back(again, id));
        assert_ne!(net.view(again, id).sequencer, net.personas[0], "another one orders now");
    }
    net.assert_all_talk(&[again, 1, 2], group);
    net.assert_all_talk(&[again, 1], direct);
}

#[test]
fn a_node_that_dies_after_any_of_its_batches_comes_back_all_the_same() {
    // As the one who asks, as the one who lets in, and as a member that follows.
    for (lost, dies) in [(1, None), (1, Some(0)), (1, Some(2)), (0, None), (0, Some(1))] {
        for batches in [1, 2, 3, 5, 8] {
            let mut net = Net::new(3);
            let id = net.open(ConversationKind::Group, &[1, 2]);
            net.kill(lost);
            let disk = net.nodes[lost].disk.restored(net.now_ms);
            let again = net.start_on(disk);
            let early = net.say(again, id, "wait for me").unwrap();
            let dies = dies.unwrap_or(again);
            net.nodes[dies].batches_left = Some(batches);
            net.pass(20_000);
            if net.nodes[dies].engine.is_none() {
                net.start(dies);
            }
            net.nodes[dies].batches_left = None;
            net.pass(600_000);
            let place = format!("node {dies} died after batch {batches} of coming back");
            assert!(net.is_back(again, id), "{place}");
            for other in [0, 1, 2].into_iter().filter(|other| *other != lost) {
                assert!(net.has(other, &early), "{place}");
                assert_eq!(net.view(other, id).epoch, net.view(again, id).epoch, "{place}");
            }
        }
    }
}

#[test]
fn an_old_copy_is_told_says_so_and_asks_nothing_until_its_owner_does() {
    let mut net = Net::new(3);
    let group = net.open(ConversationKind::Group, &[1, 2]);
    let direct = net.open(ConversationKind::Direct, &[1]);
    let again = net.restore(1);
    net.pass(120_000);
    assert!(net.is_back(again, group) && net.is_back(again, direct));

    net.start(1);
    let hopeful = net.say(1, group, "it is me").unwrap();
    net.pass(60_000);
    for id in [group, direct] {
        assert!(net.is_replaced(1, id));
        let refused = net.say(1, id, "it is me").unwrap_err();
        let RequestError::Forbidden { reason } = refused else { panic!("{refused:?}") };
        assert!(reason.contains("locked out"), "{reason}");
    }
    let epoch = net.view(0, group).epoch;
    net.pass(3 * 60 * 60 * 1000);
    assert_eq!(net.view(0, group).epoch, epoch, "it fights nobody");
    assert!(net.is_replaced(1, group) && net.is_back(again, group));
    assert!(!net.has(0, &hopeful) && !net.has(2, &hopeful), "its leaf was gone");

    // A restart changes nothing.
    net.kill(1);
    net.start(1);
    net.pass(60_000);
    assert!(net.is_replaced(1, group) && net.is_back(again, group));

    // The owner decides for the old one.
    net.ask(1, Request::Rejoin { conversation: group, persona: None }).unwrap();
    net.pass(120_000);
    assert!(net.is_back(1, group));
    assert!(net.is_replaced(again, group), "now the other is locked out, and says so");
    net.assert_all_talk(&[0, 1, 2], group);
    let twice = net.ask(1, Request::Rejoin { conversation: group, persona: None });
    assert!(matches!(twice, Err(RequestError::Conflict { .. })), "it is in");
}

#[test]
fn who_is_no_member_asks_in_vain() {
    let mut net = Net::new(4);
    let id = net.open(ConversationKind::Group, &[1, 2, 3]);
    net.kill(3);
    let disk = net.nodes[3].disk.restored(net.now_ms);
    let member = net.personas[3];
    net.ask(0, Request::RemoveMember { conversation: id, member }).unwrap();
    net.pass(10_000);
    let epoch = net.view(0, id).epoch;
    let again = net.start_on(disk);
    net.pass(10 * 60_000);
    assert!(!net.view(again, id).active);
    assert_eq!(net.view(0, id).epoch, epoch);
    assert_eq!(net.view(0, id).members.len(), 3);
}

#[test]
fn members_that_sleep_are_asked_when_they_wake() {
    let mut net = Net::new(3);
    let id = net.open(ConversationKind::Group, &[1, 2]);
    net.kill(0);
    net.kill(2);
    let again = net.restore(1);
    net.pass(6 * 60 * 60 * 1000);
    assert!(
        net.view(again, id)
            .rejoin
            .is_some_and(|rejoin| { matches!(rejoin, RejoinView::Asking { asked: 2, .. }) })
    );
    net.start(0);
    net.start(2);
    net.pass(10 * 60_000);
    assert!(net.is_back(again, id));
    net.assert_all_talk(&[0, again, 2], id);
}
