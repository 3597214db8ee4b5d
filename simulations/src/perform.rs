//! How a virtual node carries out what its engine wants.

use engine::{Effect, Event as Told, EventBody, Input, RequestId, Write};
use protocol::{identity::NodeId, wire::Frame};
use rand::Rng;

use crate::{
    faults::CrashPoint,
    network::Sent,
    world::{Event, World},
};

/// A frame in a word.
pub(crate) fn name(frame: &Frame) -> String {
    match frame {
        Frame::Envelope(bytes) => format!("envelope of {} bytes", bytes.len()),
        Frame::Ack(ack) if ack.receipt.is_some() => "receipt".into(),
        Frame::Ack(_) => "ack".into(),
        Frame::CardRequest(_) => "card request".into(),
        Frame::ToMailbox(_) => "request to a mailbox".into(),
        Frame::FromMailbox(_) => "answer of a mailbox".into(),
        Frame::CardReply { card, .. } => format!("card reply, found: {}", card.is_some()),
    }
}

impl World<'_> {
    pub(crate) fn commit(&mut self, node: usize, writes: Vec<Write>) {
        self.checkers.before_commit(node, &self.nodes[node].disk, &writes);
        self.nodes[node].disk.commit(writes.clone());
        self.check_receipts(node, &writes);
    }

    pub(crate) fn perform(&mut self, node: usize, effect: Effect) {
        let (now_ms, life) = (self.agenda.now_ms(), self.nodes[node].life);
        match effect {
            Effect::Persist(_) => {}
            Effect::Send { node: to, frame } => {
                if !self.is_said_again(node, &to, &frame) {
                    self.checkers.on_send(node, &self.nodes[node].disk, &frame);
                }
                if let Some(to) = self.index_of(&to) {
                    self.send(node, to, frame);
                }
            }
            Effect::Dial { node: to, addresses } => {
                if let Some(to) = self.index_of(&to) {
                    self.dial(node, to, addresses, None);
                }
            }
            Effect::Publish { key, value, .. } => self.dht.publish(key, value, now_ms),
            Effect::Lookup { ticket, key } => {
                let found = !self.rng.gen_bool(0.2);
                let records = if found { self.dht.lookup(&key, now_ms) } else { Vec::new() };
                let input = Input::Found { ticket, records };
                self.answer_later(node, life, input, 500);
            }
            Effect::ReadCalendar { ticket, path } => {
                let diary = self.person_with(&path).map(|person| &self.people[person].diary);
                let result = diary.map(|diary| diary.text.clone());
                let result = result.ok_or_else(|| "no such calendar".to_owned());
                self.answer_later(node, life, Input::CalendarRead { ticket, result }, 200);
                self.may_be_fatal(node);
            }
            Effect::DialMailbox { node: mailbox, .. } => self.dial_mailbox(node, &mailbox),
            Effect::ToMailbox { node: mailbox, request } => {
                self.checkers.on_mailbox(node, &self.nodes[node].disk, &request);
                self.call_mailbox(node, &mailbox, request);
            }
            Effect::Book { ticket, path, booking } => {
                let result = match self.person_with(&path) {
                    Some(person) => self.people[person].diary.book(booking),
                    None => Err("no such calendar".into()),
                };
                self.answer_later(node, life, Input::Booked { ticket, result }, 200);
                self.may_be_fatal(node);
            }
            // Nobody shares files here.
            Effect::FetchFile { .. } | Effect::KeepPart { .. } | Effect::DropFile(_) => {}
            Effect::Reply { request, result } => self.on_reply(node, request, result),
            Effect::Emit(told) => self.on_told(node, &told),
        }
    }

    /// A node may die while the outside world works for it.
    fn may_be_fatal(&mut self, node: usize) {
        let share = self.scenario.faults.fatal_errands;
        if self.network.bad && self.rng.gen_range(0..1000) < share {
            self.nodes[node].doom = Some((CrashPoint::AfterEffects(1), 1_000, false));
        }
    }

    fn answer_later(&mut self, node: usize, life: u64, input: Input, within_ms: u64) {
        let delay_ms = self.rng.gen_range(1..within_ms);
        self.agenda.after(delay_ms, Event::Answer { node, life, input });
    }

    fn index_of(&self, id: &NodeId) -> Option<usize> {
        self.nodes.iter().position(|node| node.id == *id)
    }

    fn person_with(&self, path: &str) -> Option<usize> {
        let index: usize = path.strip_suffix(".ics")?.parse().ok()?;
        (index < self.people.len()).then_some(index)
    }

    fn send(&mut self, from: usize, to: usize, frame: Frame) {
        match self.network.send(from, to, frame, self.agenda.now_ms()) {
            Sent::Gone(plans) => self.plan(plans),
            Sent::NotConnected(frame) => {
                // The real link connects where it knows an address, and waits with the frame.
                let running = self.nodes[from].running.as_ref();
                if let Some(known) = running.and_then(|node| node.addresses.get(&to)).cloned() {
                    self.dial(from, to, known, Some(frame));
                }
            }
        }
    }

    fn dial(&mut self, from: usize, to: usize, addresses: Vec<String>, then: Option<Frame>) {
        if from == to {
            return;
        }
        if let Some(running) = &mut self.nodes[from].running {
            running.addresses.insert(to, addresses);
        }
        let delay_ms = self.network.dial_ms(from, to);
        let life = self.nodes[from].life;
        self.agenda.after(delay_ms, Event::Dialled { from, to, life, then });
    }

    pub(crate) fn on_dialled(&mut self, from: usize, to: usize, life: u64, then: Option<Frame>) {
        if self.nodes[from].life != life || !self.is_up(from) || !self.is_up(to) {
            return;
        }
        let here = self.nodes[to].address(to);
        let running = self.nodes[from].running.as_ref();
        let known = running.and_then(|node| node.addresses.get(&to));
        if known.is_some_and(|known| known.contains(&here)) {
            let plans = self.network.connect(from, to, self.agenda.now_ms());
            self.plan(plans);
        }
        if let Some(frame) = then
            && let Sent::Gone(plans) = self.network.send(from, to, frame, self.agenda.now_ms())
        {
            self.plan(plans);
        }
    }

    fn on_reply(
        &mut self,
        node: usize,
        request: RequestId,
        result: Result<engine::Reply, engine::RequestError>,
    ) {
        if let Ok(engine::Reply::Persona(view)) = &result {
            let person = self.people.iter_mut().find(|person| person.name == view.name);
            if let Some(person) = person {
                person.id = Some(view.id);
            }
        }
        let running = self.nodes[node].running.as_mut();
        if let Some(wish) = running.and_then(|node| node.asked.remove(&request)) {
            self.on_answer(wish, node, result);
        }
    }

    fn on_told(&mut self, node: usize, told: &Told) {
        match &told.body {
            EventBody::MessagePersisted(view) => {
                self.checkers.on_persisted(node, &self.nodes[node].disk, &view.id);
            }
            EventBody::MessageDelivery { message, recipient, .. } => {
                self.checkers.on_delivery(node, &self.nodes[node].disk, message, recipient);
            }
            EventBody::TaskUpdated(_) | EventBody::ProposalUpdated { .. } => {
                self.note(|| format!("{node} {:?}", told.body));
            }
            _ => {}
        }
    }
}
