//! Virtual mailboxes: the real host over a virtual disk, and the second network on which nodes talk
//! to them.
//!
//! On that network, participants are numbered: first the nodes, then the mailboxes. A node goes by
//! another key there, made anew at each start.

use std::collections::BTreeMap;

use engine::Input;
use protocol::{
    card::HomeNode,
    identity::{NodeId, NodeKey},
    mailbox::{
        Reply, Request,
        host::{Change, Host, Limits, Origin, Output, RowKey},
    },
    wire::Frame,
};
use rand::Rng;

use crate::{
    network::{Plans, Sent},
    world::{Event, World},
};

/// One mailbox.
pub(crate) struct Mailbox {
    key_seed: [u8; 32],
    rows: BTreeMap<RowKey, Row>,
    host: Option<Host>,
    life: u64,
    wakes_ms: Option<u64>,
    /// By which keys it knows the nodes that are connected.
    callers: BTreeMap<usize, NodeId>,
    /// Requests that wait for a connection, by node.
    calls: BTreeMap<usize, Vec<Request>>,
}

struct Row {
    index: Vec<u8>,
    envelope: Vec<u8>,
}

impl Mailbox {
    fn new(index: usize) -> Self {
        let number = u8::try_from(200 + index).expect("simulations have few mailboxes");
        Self {
            key_seed: [number; 32],
            rows: BTreeMap::new(),
            host: None,
            life: 0,
            wakes_ms: None,
            callers: BTreeMap::new(),
            calls: BTreeMap::new(),
        }
    }

    fn key(&self) -> NodeKey {
        NodeKey::from_seed(&self.key_seed)
    }

    /// Starts the host with what the disk has.
    fn start(&mut self) {
        let mut host = Host::new(self.key(), Limits::default());
        for (key, row) in &self.rows {
            host.restore(*key, &row.index).expect("what a mailbox wrote it can read");
        }
        self.host = Some(host);
    }

    /// Writes what the host wants written, and returns what it wants said.
    fn turn(&mut self) -> Vec<(NodeId, Reply)> {
        let mut said = Vec::new();
        let Some(host) = &mut self.host else { return said };
        loop {
            if let Some(batch) = host.poll_batch() {
                for change in batch.changes {
                    match change {
                        Change::Keep { key, row, envelope } => {
                            let before = self.rows.remove(&key).map(|row| row.envelope);
                            let envelope = envelope.or(before).expect("kept with its envelope");
                            self.rows.insert(key, Row { index: row, envelope });
                        }
                        Change::Drop { key } => drop(self.rows.remove(&key)),
                    }
                }
                host.stored(batch.number);
            } else if let Some(output) = host.poll_output() {
                said.push(match output {
                    Output::Reply { to, reply } => (to, reply),
                    Output::Entry { to, key } => {
                        let row = self.rows.get(&key).expect("only what lies there is asked for");
                        (to, Reply::Entry(row.envelope.clone()))
                    }
                });
            } else {
                return said;
            }
        }
    }
}

/// The key under which a node talks to mailboxes in one of its lives.
fn alias(node: usize, life: u64) -> NodeId {
    let mut seed = [77; 32];
    seed[..8].copy_from_slice(&life.to_be_bytes());
    seed[8..16].copy_from_slice(&(node as u64).to_be_bytes());
    NodeKey::from_seed(&seed).id()
}

impl World<'_> {
    pub(crate) fn mailboxes_arrive(&mut self) {
        for index in 0..self.scenario.mailboxes {
            let mut mailbox = Mailbox::new(index);
            mailbox.start();
            self.mailboxes.push(mailbox);
        }
    }

    /// What a node's owner chose.
    pub(crate) fn chosen_mailboxes(&self) -> Vec<HomeNode> {
        let home = |(index, mailbox): (usize, &Mailbox)| HomeNode {
            node: mailbox.key().id(),
            addresses: vec![format!("/ip4/10.9.0.{index}/tcp/4000")],
        };
        self.mailboxes.iter().enumerate().map(home).collect()
    }

    fn mailbox_index(&self, id: &NodeId) -> Option<usize> {
        self.mailboxes.iter().position(|mailbox| mailbox.key().id() == *id)
    }

    /// A node wants a connection with a mailbox.
    pub(crate) fn dial_mailbox(&mut self, node: usize, mailbox: &NodeId) {
        let Some(index) = self.mailbox_index(mailbox) else { return };
        let there = self.nodes.len() + index;
        if self.mail.is_connected(node, there) {
            return;
        }
        let life = self.nodes[node].life;
        let delay_ms = self.mail.dial_ms(node, there);
        self.agenda.after(delay_ms, Event::MailboxDialled { node, mailbox: index, life });
    }

    pub(crate) fn on_mailbox_dialled(&mut self, node: usize, mailbox: usize, life: u64) {
        if self.nodes[node].life != life || !self.is_up(node) {
            return;
        }
        let there = self.nodes.len() + mailbox;
        if self.mailboxes[mailbox].host.is_none() {
            self.mailboxes[mailbox].calls.remove(&node);
            return self.lose_mailbox(node, mailbox);
        }
        let plans = self.mail.connect(node, there, self.agenda.now_ms());
        self.plan_mail(plans);
        let calls = self.mailboxes[mailbox].calls.remove(&node).unwrap_or_default();
        for request in calls {
            self.say(node, there, Frame::ToMailbox(request));
        }
    }

    /// A node says something to a mailbox, when the connection stands.
    pub(crate) fn call_mailbox(&mut self, node: usize, mailbox: &NodeId, request: Request) {
        let Some(index) = self.mailbox_index(mailbox) else { return };
        let there = self.nodes.len() + index;
        if self.mail.is_connected(node, there) {
            self.say(node, there, Frame::ToMailbox(request));
        } else {
            self.mailboxes[index].calls.entry(node).or_default().push(request);
            self.dial_mailbox(node, mailbox);
        }
    }

    fn say(&mut self, from: usize, to: usize, frame: Frame) {
        match self.mail.send(from, to, frame, self.agenda.now_ms()) {
            Sent::Gone(plans) => self.plan_mail(plans),
            Sent::NotConnected(_) => {}
        }
    }

    fn plan_mail(&mut self, plans: Plans) {
        for (at_ms, event) in plans {
            self.agenda.at(at_ms, Event::Mail(Box::new(event)));
        }
    }

    fn lose_mailbox(&mut self, node: usize, mailbox: usize) {
        let id = self.mailboxes[mailbox].key().id();
        self.input(node, Input::MailboxLost(id));
    }

    /// Something happens on the network of the mailboxes.
    pub(crate) fn on_mail(&mut self, event: Event) {
        let nodes = self.nodes.len();
        match event {
            Event::Met { side, other, serial } => self.on_mail_met(side, other, serial),
            Event::Missed { side, other } => {
                if !self.mail.on_missed(side, other) {
                    return;
                }
                if side < nodes {
                    if self.is_up(side) {
                        self.lose_mailbox(side, other - nodes);
                    }
                } else {
                    let mailbox = &mut self.mailboxes[side - nodes];
                    let caller = mailbox.callers.remove(&other);
                    if let (Some(host), Some(caller)) = (&mut mailbox.host, caller) {
                        host.disconnected(caller);
                    }
                }
            }
            Event::Frame { from, to, serial, frame } => {
                if !self.mail.arrives(from, to, serial) {
                    return;
                }
                match frame {
                    Frame::FromMailbox(reply) if self.is_up(to) => {
                        let node = self.mailboxes[from - nodes].key().id();
                        self.input(to, Input::FromMailbox { node, reply });
                    }
                    Frame::ToMailbox(request) => self.serve(from, to - nodes, request),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn on_mail_met(&mut self, side: usize, other: usize, serial: u64) {
        let nodes = self.nodes.len();
        if !self.mail.on_met(side, other, serial) || side < nodes {
            return;
        }
        let alias = alias(other, self.nodes[other].life);
        let last = u8::try_from(other).expect("simulations have few nodes");
        let mailbox = &mut self.mailboxes[side - nodes];
        mailbox.callers.insert(other, alias);
        if let Some(host) = &mut mailbox.host {
            host.connected(alias, Origin::V4([10, 0, 0, last]));
        }
    }

    fn serve(&mut self, from: usize, mailbox: usize, request: Request) {
        let now_ms = self.agenda.now_ms();
        let known = &mut self.mailboxes[mailbox];
        if let (Some(host), Some(caller)) = (&mut known.host, known.callers.get(&from)) {
            host.handle(*caller, request, now_ms);
        }
        self.turn_mailbox(mailbox);
    }

    fn turn_mailbox(&mut self, mailbox: usize) {
        let here = self.nodes.len() + mailbox;
        for (to, reply) in self.mailboxes[mailbox].turn() {
            let callers = &self.mailboxes[mailbox].callers;
            let node = callers.iter().find(|(_, caller)| **caller == to).map(|(node, _)| *node);
            if let Some(node) = node {
                self.note(|| format!("mailbox {mailbox} -> {node} {}", name(&reply)));
                self.say(here, node, Frame::FromMailbox(reply));
            }
        }
        let life = self.mailboxes[mailbox].life;
        let Some(host) = &self.mailboxes[mailbox].host else { return };
        let Some(at_ms) = host.poll_timeout() else { return };
        let at_ms = at_ms.max(self.agenda.now_ms());
        if self.mailboxes[mailbox].wakes_ms != Some(at_ms) {
            self.mailboxes[mailbox].wakes_ms = Some(at_ms);
            self.agenda.at(at_ms, Event::MailboxWake { mailbox, life, at_ms });
        }
    }

    pub(crate) fn on_mailbox_wake(&mut self, mailbox: usize, life: u64, at_ms: u64) {
        let known = &mut self.mailboxes[mailbox];
        if known.life != life || known.wakes_ms != Some(at_ms) {
            return;
        }
        known.wakes_ms = None;
        if let Some(host) = &mut known.host {
            host.on_timeout(at_ms);
        }
        self.turn_mailbox(mailbox);
    }

    /// A mailbox stops at once; for good, with its disk, or for a while.
    pub(crate) fn mailbox_dies(&mut self, mailbox: usize, down_ms: Option<u64>) {
        let there = self.nodes.len() + mailbox;
        let known = &mut self.mailboxes[mailbox];
        if known.host.take().is_none() {
            return;
        }
        known.life += 1;
        known.wakes_ms = None;
        known.callers.clear();
        let plans = self.mail.drop_node(there, self.agenda.now_ms());
        self.plan_mail(plans);
        match down_ms {
            Some(down_ms) => self.agenda.after(down_ms, Event::MailboxStart { mailbox }),
            None => self.mailboxes[mailbox].rows.clear(),
        }
    }

    pub(crate) fn on_mailbox_start(&mut self, mailbox: usize) {
        self.mailboxes[mailbox].start();
        self.turn_mailbox(mailbox);
    }

    /// A node is gone; nothing it wanted to say is said by its next life.
    pub(crate) fn hang_up_mailboxes(&mut self, node: usize) {
        for mailbox in &mut self.mailboxes {
            mailbox.calls.remove(&node);
        }
        let plans = self.mail.drop_node(node, self.agenda.now_ms());
        self.plan_mail(plans);
    }

    /// Cuts the connections of some node with some mailbox now and then.
    pub(crate) fn mail_is_cut(&mut self) {
        if self.mailboxes.is_empty() {
            return;
        }
        let node = self.rng.gen_range(0..self.nodes.len());
        let there = self.nodes.len() + self.rng.gen_range(0..self.mailboxes.len());
        let plans = self.mail.cut(node, there, self.agenda.now_ms());
        self.plan_mail(plans);
    }
}

/// A reply in a word.
fn name(reply: &Reply) -> &'static str {
    match reply {
        Reply::Stored(_) => "stored",
        Reply::Refused { .. } => "refused",
        Reply::Entry(_) => "entry",
        Reply::Watching { .. } => "watching",
    }
}
