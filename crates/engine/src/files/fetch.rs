//! Which files are fetched, from whom, and when again.

use std::collections::BTreeSet;

use protocol::identity::{ConversationId, FileId, NodeId, PersonaId};
use rand::Rng;
use rand_chacha::ChaCha20Rng;

use super::{MIB, wish_key};
use crate::{
    effect::{Effect, Table},
    request::{Reply, RequestError},
    rows::WishRow,
    state::Engine,
};

/// Files fetched at the same time.
const AT_ONCE_MAX: usize = 3;
/// How long a small file's parts are waited for before it is fetched, in milliseconds.
const PARTS_MS: u64 = 10_000;
/// The first pause after a failure, in milliseconds; it doubles up to [`PAUSE_MS_MAX`].
const PAUSE_MS: u64 = 2_000;
const PAUSE_MS_MAX: u64 = 5 * 60_000;
/// Nodes asked for one file.
const HOLDERS_MAX: usize = 8;

/// How far fetching a file has come.
#[derive(Debug, Default)]
pub(super) struct Fetch {
    /// Whether it is to be here.
    pub(super) wanted: bool,
    /// Whether the shell works on it.
    running: bool,
    /// Bytes that are here, as far as the shell has said.
    pub(super) have: u64,
    attempt: u32,
    /// Not before this time.
    not_before_ms: u64,
    /// Why it is not wanted, or why the last attempt failed.
    pub(super) reason: Option<String>,
}

impl Fetch {
    pub(super) fn failed(&mut self, reason: String, now_ms: u64, jitter: u64) {
        let most = PAUSE_MS.saturating_mul(1 << self.attempt.min(10)).min(PAUSE_MS_MAX);
        self.attempt = self.attempt.saturating_add(1);
        self.running = false;
        self.not_before_ms = now_ms + PAUSE_MS / 2 + jitter % most;
        self.reason = Some(reason);
    }

    pub(super) fn is_running(&self) -> bool {
        self.running
    }
}

pub(super) fn jitter(rng: &mut ChaCha20Rng) -> u64 {
    rng.gen_range(0..PAUSE_MS_MAX)
}

impl Engine {
    /// Decides whether a file is to be here.
    pub(super) fn consider(&mut self, file: FileId) {
        let now_ms = self.now_ms;
        let refusal = self.refuses(&file);
        let here = self.files.on_disk.contains(&file);
        let Some(known) = self.files.known.get_mut(&file) else { return };
        let ours = known.said.values().any(|row| self.personas.contains_key(&row.author));
        let automatic = known.content.size <= self.files.limits.automatic_bytes;
        let wish = known.wish;
        let wanted = !here && !known.said.is_empty() && !wish.stopped && (automatic || wish.asked);
        known.fetch.wanted = wanted && refusal.is_none();
        known.fetch.reason = refusal;
        if known.fetch.wanted
            && known.fetch.not_before_ms == 0
            && known.content.has_parts()
            && !ours
        {
            known.fetch.not_before_ms = now_ms + PARTS_MS;
        }
        if known.fetch.wanted {
            let authors: BTreeSet<PersonaId> = known.said.values().map(|row| row.author).collect();
            authors.iter().for_each(|author| self.reach(author));
        }
    }

    /// Why a file may not be kept here, naming the limit.
    fn refuses(&self, file: &FileId) -> Option<String> {
        let known = self.files.known.get(file)?;
        if self.files.on_disk.contains(file) {
            return None;
        }
        let size = known.content.size;
        let beside = |taken: u64| if known.fetch.wanted { taken - size.min(taken) } else { taken };
        for row in known.said.values() {
            let taken = beside(self.taken_in(row.conversation));
            if let Some(reason) = self.over_limits(size, taken, beside(self.files.taken())) {
                return Some(reason);
            }
        }
        None
    }

    /// What the files of one conversation take here, in bytes.
    pub(super) fn taken_in(&self, conversation: ConversationId) -> u64 {
        let files = self.files.known.iter().filter(|(file, known)| {
            (self.files.on_disk.contains(*file) || known.fetch.wanted)
                && known.said.values().any(|row| row.conversation == conversation)
        });
        files.map(|(_, known)| known.content.size).sum()
    }

    /// Which limit a file of this size goes beyond, if one.
    pub(super) fn over_limits(&self, size: u64, conversation: u64, disk: u64) -> Option<String> {
        let limits = self.files.limits;
        let over = |what: &str, limit: u64, name: &str| {
            Some(format!("{what} {} MiB, the limit {name}", limit / MIB))
        };
        if size > limits.file_bytes {
            return over("a file has at most", limits.file_bytes, "files.file_mib_max");
        }
        if size.saturating_add(conversation) > limits.conversation_bytes {
            let limit = limits.conversation_bytes;
            return over(
                "files of one conversation take at most",
                limit,
                "files.conversation_mib_max",
            );
        }
        if size.saturating_add(disk) > limits.disk_bytes {
            return over("files take at most", limits.disk_bytes, "files.disk_mib_max");
        }
        None
    }

    /// Has what is wanted fetched, as far as somebody can be asked and there is room.
    pub(crate) fn stir_files(&mut self) {
        if !self.files.looked {
            return;
        }
        let now_ms = self.now_ms;
        let mut running = self.files.known.values().filter(|known| known.fetch.running).count();
        let due = self.files.known.iter().filter(|(_, known)| {
            let fetch = &known.fetch;
            fetch.wanted && !fetch.running && fetch.not_before_ms <= now_ms
        });
        for file in due.map(|(file, _)| *file).collect::<Vec<_>>() {
            if running >= AT_ONCE_MAX {
                return;
            }
            let holders = self.holders(&file);
            let Some(known) = self.files.known.get_mut(&file).filter(|_| !holders.is_empty())
            else {
                continue;
            };
            known.fetch.running = true;
            running += 1;
            let content = Box::new(known.content.clone());
            self.then(Effect::FetchFile { content, holders });
            self.tell_file(file);
        }
    }

    /// Nodes that may have a file and can be asked now, its authors' first.
    fn holders(&self, file: &FileId) -> Vec<NodeId> {
        let Some(known) = self.files.known.get(file) else { return Vec::new() };
        let authors = known.said.values().map(|row| row.author);
        let members = known
            .said
            .values()
            .flat_map(|row| self.roster(row.me, row.conversation).unwrap_or_default());
        let mut holders = Vec::new();
        for persona in authors.chain(members) {
            let home = self.home_of(&persona).filter(|node| *node != self.home.node);
            if let Some(node) = home.filter(|node| self.peers.is_online(node))
                && !holders.contains(&node)
                && holders.len() < HOLDERS_MAX
            {
                holders.push(node);
            }
        }
        holders
    }

    /// When something is due that is not waiting for somebody to come.
    pub(crate) fn files_timeout(&self) -> Option<u64> {
        let fetches = self.files.known.values().map(|known| &known.fetch);
        let waiting = fetches.filter(|fetch| fetch.wanted && !fetch.running);
        waiting.map(|fetch| fetch.not_before_ms).filter(|at_ms| *at_ms > self.now_ms).min()
    }

    /// Somebody who may have files can be asked now: pauses after failures are over.
    pub(crate) fn files_may_come(&mut self) {
        for known in self.files.known.values_mut() {
            if known.fetch.attempt > 0 && !known.fetch.running {
                (known.fetch.attempt, known.fetch.not_before_ms) = (0, 1);
            }
        }
        self.stir_files();
    }

    /// The owner wants a file that was not fetched by itself, or was stopped; at once.
    pub(crate) fn fetch_file(&mut self, file: FileId) -> Result<Reply, RequestError> {
        self.wish(file, WishRow { asked: true, stopped: false })?;
        self.consider(file);
        if let Some(known) = self.files.known.get_mut(&file) {
            if let Some(reason) = known.fetch.reason.clone().filter(|_| !known.fetch.wanted) {
                return Err(RequestError::Conflict { reason });
            }
            (known.fetch.attempt, known.fetch.not_before_ms) = (0, 1);
        }
        self.stir_files();
        self.tell_file(file);
        self.file_reply(&file)
    }

    /// The owner does not want a file any longer: stops fetching it, and removes what is here of
    /// one that others sent. An upload is dropped.
    pub(crate) fn stop_file(&mut self, file: FileId) -> Result<Reply, RequestError> {
        let known = self.known_file(&file)?;
        if known.said.is_empty() {
            let reply = self.file_reply(&file);
            self.drop_file(file);
            return reply;
        }
        if known.said.values().any(|row| self.personas.contains_key(&row.author)) {
            let reason = "others fetch it from here; delete the message to take it back".into();
            return Err(RequestError::Conflict { reason });
        }
        self.wish(file, WishRow { asked: false, stopped: true })?;
        self.files.on_disk.remove(&file);
        self.then(Effect::DropFile(file));
        if let Some(known) = self.files.known.get_mut(&file) {
            known.fetch = Fetch::default();
        }
        self.consider(file);
        self.tell_file(file);
        self.stir_files();
        self.file_reply(&file)
    }

    fn wish(&mut self, file: FileId, wish: WishRow) -> Result<(), RequestError> {
        let known = self.files.known.get_mut(&file);
        let known = known.filter(|known| !known.said.is_empty());
        known.ok_or(RequestError::NotFound { what: "file" })?.wish = wish;
        self.put(Table::File, wish_key(&file), &wish);
        Ok(())
    }
}
