//! A virtual node: an engine, its disk, and what it is doing.

use std::collections::{BTreeMap, VecDeque};

use engine::{Engine, Input, RequestId, Write};
use protocol::identity::{NodeId, NodeKey};

use crate::{disk::Disk, faults::CrashPoint};

/// A node that may be up or down.
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) disk: Disk,
    /// Counts starts, so that nothing meant for an earlier life reaches a later one.
    pub(crate) life: u64,
    /// Counts moves to another address.
    pub(crate) house: u32,
    /// How this node will die, once it gets there.
    pub(crate) doom: Option<(CrashPoint, u64, bool)>,
    /// Whether it will never start again.
    pub(crate) dead: bool,
    /// All that a crash takes away; none while the node is down.
    pub(crate) running: Option<Running>,
}

/// What lives in memory only.
pub(crate) struct Running {
    pub(crate) engine: Engine,
    /// What has happened and was not handled yet, because the disk is busy.
    pub(crate) waiting: VecDeque<Input>,
    /// The batch the disk is writing.
    pub(crate) writing: Option<Vec<Write>>,
    /// When the node will look at the clock next.
    pub(crate) wakes_ms: Option<u64>,
    /// Addresses of other nodes, as dialled.
    pub(crate) addresses: BTreeMap<usize, Vec<String>>,
    /// Requests without an answer, and whose wish they are.
    pub(crate) asked: BTreeMap<RequestId, usize>,
    /// Timeouts handled at one and the same moment.
    pub(crate) spins: (u64, u32),
}

impl Running {
    pub(crate) fn new(engine: Engine) -> Self {
        Self {
            engine,
            waiting: VecDeque::new(),
            writing: None,
            wakes_ms: None,
            addresses: BTreeMap::new(),
            asked: BTreeMap::new(),
            spins: (0, 0),
        }
    }
}

impl Node {
    pub(crate) fn new(index: usize) -> Self {
        let number = u8::try_from(index + 1).expect("simulations have few nodes");
        Self {
            id: NodeKey::from_seed(&[number; 32]).id(),
            disk: Disk::default(),
            life: 0,
            house: 0,
            doom: None,
            dead: false,
            running: None,
        }
    }

    /// Where a node can be reached now.
    pub(crate) fn address(&self, index: usize) -> String {
        format!("/ip4/10.0.{}.{index}/tcp/4000", self.house)
    }
}
