//! Lookups under way: what others have answered so far.

use std::collections::{BTreeMap, HashMap, HashSet};

use libp2p::{
    PeerId,
    kad::{self, GetRecordError, GetRecordOk, PeerRecord, QueryId},
};
use protocol::card::{Record, RecordKey};
use tokio::sync::oneshot;

use crate::handle::LookupError;

/// Lookups at the same time.
pub(crate) const LOOKUPS_MAX: usize = 256;

/// Nodes that have to answer before a lookup ends early. One could withhold the newest record;
/// this many of the nearest would have to do so together.
const ANSWERS_ENOUGH: usize = 4;

/// Different valid records kept of one lookup.
const FOUND_MAX: usize = 16;

/// Where the outcome of a lookup goes.
pub(crate) type Reply = oneshot::Sender<Result<Vec<Record>, LookupError>>;

/// One lookup.
#[derive(Debug)]
struct Lookup {
    key: RecordKey,
    reply: Reply,
    answered: HashSet<PeerId>,
    /// By sequence number and bytes, so that the same record is kept once.
    found: BTreeMap<(u64, Vec<u8>), Record>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    running: HashMap<QueryId, Lookup>,
}

impl Lookups {
    pub(crate) fn has_room(&self) -> bool {
        self.running.len() < LOOKUPS_MAX
    }

    pub(crate) fn start(&mut self, id: QueryId, key: RecordKey, reply: Reply) {
        let (answered, found) = (HashSet::new(), BTreeMap::new());
        self.running.insert(id, Lookup { key, reply, answered, found });
    }

    /// Notes progress. `true` when Kademlia may stop looking.
    pub(crate) fn progress(
        &mut self,
        id: QueryId,
        result: Result<GetRecordOk, GetRecordError>,
        last: bool,
        now_ms: u64,
    ) -> bool {
        let Some(lookup) = self.running.get_mut(&id) else { return true };
        let timed_out = matches!(result, Err(GetRecordError::Timeout { .. }));
        if let Ok(GetRecordOk::FoundRecord(answer)) = result {
            lookup.add(answer, now_ms);
        }
        let over = last || lookup.reply.is_closed() || lookup.answered.len() >= ANSWERS_ENOUGH;
        if over && let Some(lookup) = self.running.remove(&id) {
            lookup.answer(timed_out);
        }
        over
    }
}

impl Lookup {
    fn add(&mut self, PeerRecord { peer, record }: PeerRecord, now_ms: u64) {
        let kad::Record { value, .. } = record;
        match Record::verify(&self.key, &value, now_ms) {
            Ok((record, sequence)) => {
                self.answered.extend(peer);
                self.found.insert((sequence, value), record);
                if self.found.len() > FOUND_MAX {
                    self.found.pop_first();
                }
            }
            // Not counted as an answer: a liar must not end the lookup.
            Err(error) => tracing::debug!(?peer, %error, "a peer served an invalid record"),
        }
    }

    fn answer(self, timed_out: bool) {
        let records: Vec<Record> = self.found.into_values().rev().collect();
        let outcome =
            if timed_out && records.is_empty() { Err(LookupError::TimedOut) } else { Ok(records) };
        // The caller may have given up; then nobody is left to tell.
        let _ = self.reply.send(outcome);
    }
}
