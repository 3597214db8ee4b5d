//! The host: requests in, batches and outputs out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    Batch, Change, Counts, Limits, Origin, Output, RowError, RowKey, deposit,
    entries::{Entries, Entry, Place, Right},
    limits::EXPIRED_MAX,
    readers::Readers,
    row,
};
use crate::{
    identity::{EnvelopeId, NodeId, NodeKey},
    mailbox::{
        ANSWERS_MAX, Answer, CLAIMS_MAX, Claim, Deposit, LOCKS_MAX, Refusal, Reply, Request, Stored,
    },
};

/// What waits for one batch to be on disk.
#[derive(Debug, Default)]
struct Waiting {
    /// Entries that are new with it.
    fresh: Vec<RowKey>,
    /// Promises to make: to whom, of which envelope, until when.
    promises: Vec<(NodeId, EnvelopeId, u64)>,
}

/// Keeps envelopes for those who sleep.
pub struct Host {
    key: NodeKey,
    limits: Limits,
    entries: Entries,
    readers: Readers,
    next_key: u64,
    /// The batch being filled.
    batch: Batch,
    /// Everything up to this batch is on disk.
    durable: u64,
    waiting: BTreeMap<u64, Waiting>,
    outputs: VecDeque<Output>,
    counts: Counts,
}

impl Host {
    /// An empty mailbox that promises in the name of this key.
    pub fn new(key: NodeKey, limits: Limits) -> Self {
        Self {
            key,
            limits,
            entries: Entries::default(),
            readers: Readers::default(),
            next_key: 1,
            batch: Batch { number: 1, changes: Vec::new() },
            durable: 0,
            waiting: BTreeMap::new(),
            outputs: VecDeque::new(),
            counts: Counts::default(),
        }
    }

    /// Takes up a row of an earlier run, before anything else happens.
    ///
    /// # Errors
    /// [`RowError`]: the row is not understood. It should be reported and left where it is; its
    /// key is not used again.
    pub fn restore(&mut self, key: RowKey, row: &[u8]) -> Result<(), RowError> {
        self.next_key = self.next_key.max(key.0.saturating_add(1));
        let entry = row::read(row)?;
        let there = self.entries.find(entry.place.right, entry.envelope);
        if there.is_some() || self.entries.get(key).is_some() {
            return Err(RowError::Twice);
        }
        self.entries.insert(key, entry);
        Ok(())
    }

    /// A node has connected, from there. What it watched before is forgotten.
    pub fn connected(&mut self, node: NodeId, origin: Origin) {
        self.readers.connected(node, origin);
    }

    /// The last connection with a node is gone.
    pub fn disconnected(&mut self, node: NodeId) {
        self.readers.disconnected(node);
    }

    /// Something sent to a node was lost. Entries it has not answered are handed out again after
    /// a pause, or when it asks for something.
    pub fn lost(&mut self, node: NodeId, now_ms: u64) {
        self.readers.lost(node, &self.entries, self.durable, now_ms);
    }

    /// Takes a request of a connected node.
    pub fn handle(&mut self, from: NodeId, request: Request, now_ms: u64) {
        let Some(origin) = self.readers.origin(&from) else {
            self.counts.dropped += 1;
            return;
        };
        self.readers.resume(&from);
        match request {
            Request::Deposit(deposit) => self.on_deposit(from, origin, deposit, now_ms),
            Request::Watch(claims) if claims.len() <= CLAIMS_MAX => self.on_watch(from, claims),
            Request::Answer(answers) if answers.len() <= ANSWERS_MAX => {
                for answer in answers {
                    self.on_answer(from, &answer);
                }
            }
            Request::Watch(_) | Request::Answer(_) => self.counts.dropped += 1,
        }
        self.hand_out(&from);
    }

    fn on_deposit(&mut self, from: NodeId, origin: Origin, deposit: Deposit, now_ms: u64) {
        let envelope = EnvelopeId::of(&deposit.envelope);
        if let Err(reason) = self.take(from, origin, envelope, deposit, now_ms) {
            self.refuse(from, envelope, reason);
        }
    }

    fn take(
        &mut self,
        from: NodeId,
        origin: Origin,
        envelope: EnvelopeId,
        deposit: Deposit,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        let (locks, keep_ms) = (deposit.locks.clone(), deposit.keep_ms);
        let sound = deposit::check(envelope, deposit)?;
        if let Some(key) = self.entries.find(sound.place.right, envelope) {
            let changed = self.entries.add_locks(&self.limits, key, &locks)?;
            self.counts.repeated += 1;
            let Some(entry) = self.entries.get(key) else { return Ok(()) };
            let (batch, until_ms) = (entry.batch, entry.until_ms);
            if changed {
                let row = row::write(entry);
                self.batch.changes.push(Change::Keep { key, row, envelope: None });
            }
            self.promise(if changed { self.batch.number } else { batch }, from, envelope, until_ms);
            return Ok(());
        }
        let until_ms = now_ms.saturating_add(keep_ms);
        let (place, bytes) = (sound.place, sound.bytes);
        let (origin, batch) = (Some(origin), self.batch.number);
        let entry = Entry { envelope, place, bytes, until_ms, locks, origin, batch };
        self.entries.check(&self.limits, &entry)?;
        let key = RowKey(self.next_key);
        self.next_key += 1;
        let row = row::write(&entry);
        self.batch.changes.push(Change::Keep { key, row, envelope: Some(sound.envelope) });
        self.entries.insert(key, entry);
        self.counts.taken += 1;
        self.waiting.entry(batch).or_default().fresh.push(key);
        self.promise(batch, from, envelope, until_ms);
        Ok(())
    }

    /// Promises once the batch is on disk, which it may be already.
    fn promise(&mut self, batch: u64, to: NodeId, envelope: EnvelopeId, until_ms: u64) {
        if batch > self.durable {
            let waiting = self.waiting.entry(batch).or_default();
            waiting.promises.push((to, envelope, until_ms));
            return;
        }
        let reply = Reply::Stored(Stored::sign(&self.key, envelope, until_ms));
        self.outputs.push_back(Output::Reply { to, reply });
    }

    fn refuse(&mut self, to: NodeId, envelope: EnvelopeId, reason: Refusal) {
        self.counts.refused += 1;
        let reply = Reply::Refused { envelope, reason };
        self.outputs.push_back(Output::Reply { to, reply });
    }

    fn on_watch(&mut self, from: NodeId, claims: Vec<Claim>) {
        let place = |claim| match claim {
            Claim::Token(token) => Place { right: Right::Token, tag: token.tag() },
            Claim::Contact(tag) => Place { right: Right::Work, tag },
        };
        let places = claims.into_iter().map(place).collect();
        let (watched, refused) =
            self.readers.watch(from, places, &self.limits, &self.entries, self.durable);
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let reply = Reply::Watching { watched: count(watched), refused: count(refused) };
        self.outputs.push_back(Output::Reply { to: from, reply });
    }

    fn on_answer(&mut self, from: NodeId, answer: &Answer) {
        if answer.keys.len() > LOCKS_MAX {
            self.counts.dropped += 1;
            return;
        }
        for right in [Right::Token, Right::Work] {
            let Some(key) = self.entries.find(right, answer.envelope) else { continue };
            if let Some(connection) = self.readers.get_mut(&from) {
                connection.answered(key);
            }
            match self.entries.open_locks(key, &answer.keys) {
                None => {}
                Some(0) => {
                    self.counts.released += 1;
                    self.remove(key);
                }
                Some(_) => {
                    if let Some(entry) = self.entries.get(key) {
                        let row = row::write(entry);
                        self.batch.changes.push(Change::Keep { key, row, envelope: None });
                    }
                }
            }
        }
    }

    /// Drops an entry from index and disk.
    fn remove(&mut self, key: RowKey) {
        self.batch.changes.push(Change::Drop { key });
        self.forget(key);
    }

    /// Drops an entry from the index.
    fn forget(&mut self, key: RowKey) {
        let Some(entry) = self.entries.remove(key) else { return };
        let freed = self.readers.gone(key, entry.place, &self.entries, self.durable);
        freed.iter().for_each(|node| self.hand_out(node));
    }

    /// An envelope cannot be read from disk. What is there stays there, for whoever repairs it.
    pub fn unreadable(&mut self, key: RowKey) {
        self.forget(key);
    }

    fn hand_out(&mut self, node: &NodeId) {
        let Some(connection) = self.readers.get_mut(node) else { return };
        while let Some(key) = connection.hand_out(&self.entries, self.durable) {
            self.outputs.push_back(Output::Entry { to: *node, key });
            self.counts.handed_out += 1;
        }
    }

    /// Changes to write in one batch, if there are any. Each has to be answered by
    /// [`Host::stored`] or [`Host::failed`], in order.
    pub fn poll_batch(&mut self) -> Option<Batch> {
        if self.batch.changes.is_empty() {
            return None;
        }
        let next = Batch { number: self.batch.number + 1, changes: Vec::new() };
        Some(std::mem::replace(&mut self.batch, next))
    }

    /// A batch, and all before it, survives a power cut from now on.
    pub fn stored(&mut self, number: u64) {
        self.durable = self.durable.max(number);
        let later = self.waiting.split_off(&(number + 1));
        for (_, waiting) in std::mem::replace(&mut self.waiting, later) {
            for (to, envelope, until_ms) in waiting.promises {
                self.promise(0, to, envelope, until_ms);
            }
            for key in waiting.fresh {
                let Some(place) = self.entries.get(key).map(|entry| entry.place) else { continue };
                let watchers = self.readers.came(place, &self.entries, self.durable);
                watchers.iter().for_each(|node| self.hand_out(node));
            }
        }
    }

    /// A batch was not written, and nothing of it is on disk: what it was to hold is refused.
    /// Envelopes it was to remove come back with the next start.
    pub fn failed(&mut self, number: u64) {
        let Some(waiting) = self.waiting.remove(&number) else { return };
        let mut lost = BTreeSet::new();
        for key in waiting.fresh {
            self.counts.taken -= 1;
            lost.extend(self.entries.get(key).map(|entry| entry.envelope));
            // A later batch may hold the row of an entry that has no envelope now.
            self.remove(key);
        }
        let mut refused = waiting.promises;
        for later in self.waiting.values_mut() {
            refused.extend(later.promises.extract_if(.., |(_, of, _)| lost.contains(of)));
        }
        for (to, envelope, _) in refused {
            self.refuse(to, envelope, Refusal::Full);
        }
    }

    /// What is to be sent next.
    pub fn poll_output(&mut self) -> Option<Output> {
        loop {
            let output = self.outputs.pop_front()?;
            let (Output::Reply { to, .. } | Output::Entry { to, .. }) = &output;
            if self.readers.origin(to).is_some() {
                return Some(output);
            }
        }
    }

    /// When [`Host::on_timeout`] is due, milliseconds since the Unix epoch.
    pub fn poll_timeout(&self) -> Option<u64> {
        let end = self.entries.first_end().map(|(at, _)| at);
        let pause = self.readers.first_pause().map(|(at, _)| at);
        [end, pause].into_iter().flatten().min()
    }

    /// Lets go what has been kept long enough, some at a time, and goes on with readers that had
    /// a pause.
    pub fn on_timeout(&mut self, now_ms: u64) {
        for _ in 0..EXPIRED_MAX {
            match self.entries.first_end() {
                Some((at, key)) if at <= now_ms => {
                    self.counts.expired += 1;
                    self.remove(key);
                }
                _ => break,
            }
        }
        while let Some((_, node)) = self.readers.first_pause().filter(|(at, _)| *at <= now_ms) {
            self.readers.resume(&node);
            self.hand_out(&node);
        }
    }

    /// How things are.
    pub fn counts(&self) -> Counts {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        Counts {
            envelopes: count(self.entries.len()),
            room_bytes: self.entries.room_bytes(),
            tags: count(self.entries.tags()),
            watches: count(self.readers.watches()),
            ..self.counts
        }
    }
}
