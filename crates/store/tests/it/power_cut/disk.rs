//! A disk that forgets what was not flushed.
//!
//! It follows the calls of a process and knows at every moment what is certainly on the medium:
//! of a file what was written before a flush of it began that has ended, of a folder the names
//! that were there before a flush of the *folder* began. Nothing else makes anything durable, so
//! this disk is stricter than ext4, which writes a new file's name along with its data.
//!
//! After a power cut there may be more than that: any of the blocks written since, and any number
//! of the changes of names since, in their order, as a journal keeps it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::ensure;
use rand::{Rng, rngs::StdRng};

use super::trace::Step;

/// What a drive writes in one piece.
const BLOCK: usize = 4096;

/// How much of what was not flushed reaches the medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Luck {
    /// Nothing.
    Synced,
    /// Each block as it was last, as it was at some moment since the flush, or not at all.
    Torn,
}

#[derive(Debug, Clone, Default)]
struct File {
    /// What is certain.
    durable: Vec<u8>,
    /// What was done since, with the time it was done at.
    since: Vec<(usize, Change)>,
}

#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, data: Vec<u8> },
    Resize(usize),
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    File(usize),
    Folder,
}

type Names = BTreeMap<PathBuf, Node>;

/// A change of names, and the folders that have to be flushed for it.
#[derive(Debug, Clone)]
enum Naming {
    Add(PathBuf, Node),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

/// A folder on such a disk. The folder itself is certain from the start.
pub(super) struct Disk {
    root: PathBuf,
    /// Whether flushes do anything. A disk on which they do not must lose something, or whoever
    /// looks for losses is blind.
    flushes: bool,
    files: Vec<File>,
    /// The names the process sees.
    names: Names,
    /// The names that are certain.
    durable: Names,
    since: Vec<(usize, Naming)>,
    begun: BTreeMap<usize, (PathBuf, usize)>,
    time: usize,
}

impl Disk {
    /// A disk on which everything that is in a folder now is certain.
    pub(super) fn holding(root: &Path, flushes: bool) -> anyhow::Result<Self> {
        let mut disk = Self {
            root: root.to_owned(),
            flushes,
            files: Vec::new(),
            names: Names::new(),
            durable: Names::new(),
            since: Vec::new(),
            begun: BTreeMap::new(),
            time: 0,
        };
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                let node = if path.is_dir() {
                    folders.push(path.clone());
                    Node::Folder
                } else {
                    disk.files.push(File { durable: fs::read(&path)?, since: Vec::new() });
                    Node::File(disk.files.len() - 1)
                };
                disk.names.insert(path, node);
            }
        }
        disk.durable = disk.names.clone();
        Ok(disk)
    }

    /// Does what the process did.
    pub(super) fn take(&mut self, step: &Step) -> anyhow::Result<()> {
        self.time += 1;
        match step {
            Step::Acknowledged { .. } => {}
            Step::Open { path, truncate } => {
                if !path.starts_with(&self.root) {
                    return Ok(());
                }
                if !self.names.contains_key(path) {
                    self.files.push(File::default());
                    let node = Node::File(self.files.len() - 1);
                    self.rename(Naming::Add(path.clone(), node));
                } else if *truncate {
                    self.change(path, Change::Resize(0));
                }
            }
            Step::Write { path, at, data } => {
                self.change(path, Change::Write { at: *at, data: data.clone() });
            }
            Step::Resize { path, len } => self.change(path, Change::Resize(*len)),
            Step::CreateFolder { path } => self.rename(Naming::Add(path.clone(), Node::Folder)),
            Step::Remove { path } => self.rename(Naming::Remove(path.clone())),
            Step::Rename { from, to } => self.rename(Naming::Rename(from.clone(), to.clone())),
            Step::FlushBegins { path, ticket } => {
                self.begun.insert(*ticket, (path.clone(), self.time));
            }
            Step::FlushEnds { ticket } => {
                if let Some((path, time)) = self.begun.remove(ticket)
                    && self.flushes
                {
                    self.flush(&path, time);
                }
            }
        }
        Ok(())
    }

    fn change(&mut self, path: &Path, change: Change) {
        // Other files are none of this disk.
        if let Some(Node::File(file)) = self.names.get(path) {
            self.files[*file].since.push((self.time, change));
        }
    }

    fn rename(&mut self, naming: Naming) {
        let (Naming::Add(path, _) | Naming::Remove(path) | Naming::Rename(path, _)) = &naming;
        if path.starts_with(&self.root) {
            apply_naming(&mut self.names, &naming);
            self.since.push((self.time, naming));
        }
    }

    fn flush(&mut self, path: &Path, time: usize) {
        if path == self.root || self.names.get(path) == Some(&Node::Folder) {
            let durable = &mut self.durable;
            self.since.retain(|(done, naming)| {
                let (Naming::Add(name, _) | Naming::Remove(name) | Naming::Rename(name, _)) =
                    naming;
                let now = *done < time && name.parent() == Some(path);
                if now {
                    apply_naming(durable, naming);
                }
                !now
            });
        } else if let Some(Node::File(file)) = self.names.get(path) {
            let file = &mut self.files[*file];
            let before = file.since.iter().take_while(|(done, _)| *done < time).count();
            for (_, change) in file.since.drain(..before) {
                apply(&mut file.durable, &change);
            }
        }
    }

    /// Writes what is on the medium after a power cut now into an empty folder.
    pub(super) fn write_to(&self, to: &Path, luck: Luck, rng: &mut StdRng) -> anyhow::Result<()> {
        let namings = match luck {
            Luck::Synced => 0,
            Luck::Torn => rng.gen_range(0..=self.since.len()),
        };
        let mut names = self.durable.clone();
        self.since[..namings].iter().for_each(|(_, naming)| apply_naming(&mut names, naming));
        // In order, so that a folder comes before what is in it; without its folder a file is
        // nowhere.
        let mut folders = BTreeSet::from([self.root.clone()]);
        for (path, node) in names {
            if !path.parent().is_some_and(|parent| folders.contains(parent)) {
                continue;
            }
            let place = to.join(path.strip_prefix(&self.root)?);
            match node {
                Node::Folder => {
                    fs::create_dir(&place)?;
                    folders.insert(path);
                }
                Node::File(file) => fs::write(&place, self.files[file].after(luck, rng))?,
            }
        }
        Ok(())
    }

    /// Compares what the process sees with what is really there; `-shm` files are memory.
    pub(super) fn compare_with_reality(&self) -> anyhow::Result<()> {
        let real = Self::holding(&self.root, true)?;
        let listed = |disk: &Self| disk.names.keys().cloned().collect::<Vec<_>>();
        ensure!(listed(self) == listed(&real), "{:?}, not {:?}", listed(self), listed(&real));
        for (path, node) in &self.names {
            let (Node::File(ours), Some(Node::File(file))) = (node, real.names.get(path)) else {
                continue;
            };
            if path.to_string_lossy().ends_with("-shm") {
                continue;
            }
            let mut bytes = self.files[*ours].durable.clone();
            self.files[*ours].since.iter().for_each(|(_, change)| apply(&mut bytes, change));
            let there = &real.files[*file].durable;
            let at = bytes.iter().zip(there).position(|(ours, theirs)| ours != theirs);
            let sizes = (bytes.len(), there.len());
            ensure!(at.is_none() && sizes.0 == sizes.1, "{}: {at:?} {sizes:?}", path.display());
        }
        Ok(())
    }

    /// How many changes are not certain yet.
    pub(super) fn uncertain(&self) -> usize {
        self.since.len() + self.files.iter().map(|file| file.since.len()).sum::<usize>()
    }
}

fn apply_naming(names: &mut Names, naming: &Naming) {
    match naming {
        Naming::Add(path, node) => {
            names.insert(path.clone(), *node);
        }
        Naming::Remove(path) => {
            names.remove(path);
        }
        Naming::Rename(from, to) => {
            if let Some(node) = names.remove(from) {
                names.insert(to.clone(), node);
            }
        }
    }
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Resize(len) => bytes.resize(*len, 0),
        Change::Write { at, data } => {
            let end = at + data.len();
            bytes.resize(bytes.len().max(end), 0);
            bytes[*at..end].copy_from_slice(data);
        }
    }
}

impl File {
    fn after(&self, luck: Luck, rng: &mut StdRng) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        if luck == Luck::Synced {
            return bytes;
        }
        // How many of the changes each block saw. Lengths are the journal's: a shorter file is
        // shorter from some moment on, for all blocks.
        let seen_by_length = rng.gen_range(0..=self.since.len());
        let mut seen = BTreeMap::new();
        for (n, (_, change)) in self.since.iter().enumerate() {
            match change {
                Change::Resize(len) => {
                    if n < seen_by_length {
                        bytes.resize(*len, 0);
                    }
                }
                Change::Write { at, data } => {
                    for block in at / BLOCK..(at + data.len()).div_ceil(BLOCK) {
                        let seen =
                            *seen.entry(block).or_insert_with(|| match rng.gen_range(0..4) {
                                0 | 1 => 0,
                                2 => self.since.len(),
                                _ => rng.gen_range(0..=self.since.len()),
                            });
                        if n < seen {
                            let from = (block * BLOCK).max(*at);
                            let to = ((block + 1) * BLOCK).min(at + data.len());
                            let data = data[from - at..to - at].to_vec();
                            apply(&mut bytes, &Change::Write { at: from, data });
                        }
                    }
                }
            }
        }
        bytes
    }
}
