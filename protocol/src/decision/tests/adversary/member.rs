//! One running member: a real decision, a disk, and the moments at which it can crash.

use std::{collections::BTreeMap, rc::Rc};

use crate::{
    decision::{Certificate, Decision, Effect, Evidence, Input},
    identity::PersonaKey,
};

/// A message on its way.
pub(super) type Bytes = Rc<[u8]>;

/// What crashes do to a write: how many of the rows not yet flushed still reach the disk.
pub(super) enum Flush {
    All,
    CrashAfter(usize),
}

pub(super) struct Member {
    pub(super) seat: usize,
    /// For a twin of a liar: which half of the group it talks to.
    pub(super) camp: Option<bool>,
    /// Milliseconds by which its clock is wrong.
    pub(super) skew_ms: i64,
    pub(super) decision: Decision,
    disk: BTreeMap<Vec<u8>, Vec<u8>>,
    unflushed: Vec<(Vec<u8>, Vec<u8>)>,
    /// Delivered since the last flush: not acknowledged, so delivered again after a crash.
    unacknowledged: Vec<Bytes>,
    outgoing: Vec<Bytes>,
    pub(super) certificates: Vec<Certificate>,
    pub(super) evidence: Vec<Evidence>,
}

impl Member {
    pub(super) fn new(seat: usize, camp: Option<bool>, skew_ms: i64, decision: Decision) -> Self {
        let mut member = Self {
            seat,
            camp,
            skew_ms,
            decision,
            disk: BTreeMap::new(),
            unflushed: Vec::new(),
            unacknowledged: Vec::new(),
            outgoing: Vec::new(),
            certificates: Vec::new(),
            evidence: Vec::new(),
        };
        member.drain();
        member.disk.extend(member.unflushed.drain(..));
        member
    }

    /// Its own clock, at a moment of the arena's.
    pub(super) fn clock(&self, now_ms: u64) -> u64 {
        now_ms.saturating_add_signed(self.skew_ms)
    }

    /// The arena's time at which it wants to be woken.
    pub(super) fn wakes_at(&self) -> Option<u64> {
        self.decision.poll_timeout().map(|at| at.saturating_add_signed(-self.skew_ms))
    }

    pub(super) fn handle(&mut self, input: Input, key: &PersonaKey, now_ms: u64) {
        let now = self.clock(now_ms);
        self.decision.handle(input, key, now);
        self.drain();
    }

    pub(super) fn deliver(&mut self, bytes: &Bytes, key: &PersonaKey, now_ms: u64) {
        self.unacknowledged.push(bytes.clone());
        self.handle(Input::Message(bytes.to_vec()), key, now_ms);
    }

    fn drain(&mut self) {
        while let Some(effect) = self.decision.poll_effect() {
            match effect {
                Effect::Persist { key, value } => self.unflushed.push((key, value)),
                Effect::Broadcast(bytes) => self.outgoing.push(bytes.into()),
                Effect::Decided(certificate) => self.certificates.push(*certificate),
                Effect::Evidence(evidence) => self.evidence.push(*evidence),
                Effect::Refused(_) => {}
            }
        }
    }

    /// How many rows wait for the disk.
    pub(super) fn waiting(&self) -> usize {
        self.unflushed.len()
    }

    /// How many rows the disk has.
    pub(super) fn rows(&self) -> usize {
        self.disk.len()
    }

    /// Writes and signs until nothing waits, or crashes in the middle of the next write. Hands
    /// out what was delivered in vain, to be delivered again.
    pub(super) fn flush(&mut self, how: Flush, key: &PersonaKey, now_ms: u64) -> Vec<Bytes> {
        if let Flush::CrashAfter(rows) = how {
            let kept = rows.min(self.unflushed.len());
            self.disk.extend(self.unflushed.drain(..kept));
            self.unflushed.clear();
            self.outgoing.clear();
            let me = key.id();
            self.decision = Decision::restore(self.disk.clone(), me).unwrap();
            return std::mem::take(&mut self.unacknowledged);
        }
        while !self.unflushed.is_empty() {
            self.disk.extend(self.unflushed.drain(..));
            self.handle(Input::Stored, key, now_ms);
        }
        self.unacknowledged.clear();
        Vec::new()
    }

    pub(super) fn take_outgoing(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.outgoing)
    }
}
