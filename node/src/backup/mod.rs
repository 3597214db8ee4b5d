//! `conclave backup` and `conclave restore`: who the owner's personas are and what was said, in
//! one file that only a passphrase opens.
//!
//! What is in it and what is left out, and why, stands in [`engine::backup`]. The file is a stream
//! of rows ([`rows`]) in an authenticated cipher ([`seal`]): cut short or changed anywhere, it is
//! refused, and it is read whole once before the first row of it is written anywhere.

mod rows;
mod seal;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context, bail, ensure};
use store::{Batch, Dir, KeyRange, RootKey};

use self::{
    rows::{RowReader, RowWriter},
    seal::{Opener, Sealer},
};
use crate::{config::Config, ledger};

/// Shorter passphrases are guessed.
pub(crate) const PASSPHRASE_CHARS_MIN: usize = 12;
/// The largest passphrase that is read, in bytes.
pub(crate) const PASSPHRASE_BYTES_MAX: usize = 1024;
/// Rows of one batch while restoring, and their bytes.
const BATCH_ROWS: usize = 1_000;
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// The file that keeps a data folder from being used again.
pub(crate) const RETIRED_FILE: &str = "retired";

/// What a backup or a restore went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Report {
    /// Rows.
    pub(crate) rows: u64,
    /// Personas among them.
    pub(crate) personas: u64,
    /// Messages among them.
    pub(crate) messages: u64,
}

impl Report {
    const NONE: Self = Self { rows: 0, personas: 0, messages: 0 };

    fn count(&mut self, table: engine::Table, key: &[u8]) {
        self.rows += 1;
        self.personas += u64::from(engine::backup::is_persona(table, key));
        let is_message = table == engine::Table::Message && key.first() == Some(&b'm');
        self.messages += u64::from(is_message);
    }
}

/// Writes a backup of a node that does not run to a new file. With `retire`, the node's folder is
/// marked afterwards and cannot be used again.
///
/// # Errors
/// The node runs, there is no node, the file exists or cannot be written.
pub(crate) fn create(
    config: &Config,
    to: &Path,
    passphrase: &str,
    retire: bool,
) -> anyhow::Result<Report> {
    let folder = &config.data_dir;
    ensure!(folder.join("root.key").is_file(), "{} holds no node", folder.display());
    refuse_retired(folder)?;
    let root = RootKey::load_or_create(&folder.join("root.key"))?;
    let store = store::open_ledger(&folder.join("ledger"), config.ledger, &root)
        .context("the ledger cannot be opened; a running node has to be stopped first")?;
    ensure!(fs::symlink_metadata(to).is_err(), "{} exists already", to.display());
    let beside = PathBuf::from(format!("{}.partial", to.display()));
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let file = options.open(&beside).with_context(|| format!("cannot write {}", to.display()))?;
    let mut report = Report::NONE;
    let mut write = || -> anyhow::Result<()> {
        let sealer = Sealer::create(BufWriter::new(&file), passphrase)?;
        let mut rows = RowWriter::new(sealer);
        for table in engine::backup::KEPT {
            let mut range = KeyRange::prefix(b"");
            loop {
                let page = store.scan(ledger::table(table), range, Dir::Forward, BATCH_ROWS)?;
                for (key, value) in &page.rows {
                    if !engine::backup::is_kept(table, key) {
                        continue;
                    }
                    rows.row(table, key, value)?;
                    report.count(table, key);
                }
                match page.next {
                    Some(next) => range = KeyRange::prefix(b"").after(&next),
                    None => break,
                }
            }
        }
        rows.finish()?.finish()?.flush()?;
        file.sync_all()?;
        fs::rename(&beside, to)?;
        sync_folder_of(to)
    };
    if let Err(error) = write() {
        // Half a backup is none; the next one of this name removes it otherwise.
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    if retire {
        fs::write(folder.join(RETIRED_FILE), format!("backed up to {}\n", to.display()))?;
        sync_folder_of(&folder.join(RETIRED_FILE))?;
    }
    Ok(report)
}

/// Makes a node out of a backup, in a folder that holds none.
///
/// # Errors
/// The folder holds a node, the passphrase is wrong, the file is cut, changed or newer.
pub(crate) fn restore(config: &Config, from: &Path, passphrase: &str) -> anyhow::Result<Report> {
    let folder = &config.data_dir;
    for name in ["root.key", "ledger"] {
        ensure!(
            fs::symlink_metadata(folder.join(name)).is_err(),
            "{} holds a node already; restore into a new folder",
            folder.display()
        );
    }
    // Once to be sure of every byte, and only then to write.
    let expected = read(from, passphrase, |_, _, _| Ok(()))?;
    crate::running::create_private(folder)?;
    let root = RootKey::load_or_create(&folder.join("root.key"))?;
    let store = store::open_ledger(&folder.join("ledger"), config.ledger, &root)?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now_ms = u64::try_from(now.context("the clock is before 1970")?.as_millis())?;
    let (mut batch, mut bytes) = (Batch::new(), 0);
    let report = read(from, passphrase, |table, key, value| {
        if let Some((key, value)) = engine::backup::beside(table, &key, &value, now_ms)? {
            batch.put(ledger::table(table), &key, &value);
        }
        let value = engine::backup::restored(table, &key, value, now_ms)?;
        bytes += key.len() + value.len();
        batch.put(ledger::table(table), &key, &value);
        if batch.len() >= BATCH_ROWS || bytes >= BATCH_BYTES {
            store.commit(std::mem::take(&mut batch))?;
            bytes = 0;
        }
        Ok(())
    })?;
    ensure!(report == expected, "the file changed while it was read");
    store.commit(batch)?;
    Ok(report)
}

fn read(
    from: &Path,
    passphrase: &str,
    mut take: impl FnMut(engine::Table, Vec<u8>, Vec<u8>) -> anyhow::Result<()>,
) -> anyhow::Result<Report> {
    let file = File::open(from).with_context(|| format!("cannot read {}", from.display()))?;
    let mut rows = RowReader::new(Opener::open(BufReader::new(file), passphrase)?);
    let mut report = Report::NONE;
    while let Some((table, key, value)) = rows.next_row()? {
        report.count(table, &key);
        take(table, key, value)?;
    }
    Ok(report)
}

/// Says no to a folder whose node moved elsewhere.
///
/// # Errors
/// It did.
pub(crate) fn refuse_retired(folder: &Path) -> anyhow::Result<()> {
    if fs::symlink_metadata(folder.join(RETIRED_FILE)).is_ok() {
        bail!(
            "the node of {} was moved away with `conclave backup --retire`; two copies of it must \
             never run. Use the restored one",
            folder.display()
        );
    }
    Ok(())
}

fn sync_folder_of(path: &Path) -> anyhow::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSPHRASE: &str = "a horse that staples";

    fn config(folder: &Path) -> Config {
        let flags = crate::config::Layer {
            data_dir: Some(folder.to_owned()),
            ..crate::config::Layer::default()
        };
        Config::load(flags, None, |_| None).unwrap()
    }

    /// A data folder whose ledger has a row of every table.
    fn filled(folder: &Path) -> Config {
        let config = config(folder);
        crate::running::create_private(folder).unwrap();
        let root = RootKey::load_or_create(&folder.join("root.key")).unwrap();
        let store = store::open_ledger(&folder.join("ledger"), config.ledger, &root).unwrap();
        let mut batch = Batch::new();
        for info in store::TABLES {
            if !matches!(info.table, store::Table::Identity | store::Table::Conversation) {
                batch.put(info.table, b"mkey", vec![info.table.number(); 100_000]);
            }
        }
        // Of files: one that a message shares, and one that nobody has been sent.
        batch.put(store::Table::File, b"fkey", b"shared");
        batch.put(store::Table::File, b"ukey", b"uploaded");
        store.commit(batch).unwrap();
        config
    }

    #[test]
    fn what_is_restored_is_what_was_kept_and_no_secret_that_must_not_exist_twice() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("backup");
        let old = filled(&dir.path().join("old"));
        let report = create(&old, &file, PASSPHRASE, false).unwrap();
        assert_eq!((report.rows, report.messages), (6, 1));
        let new = config(&dir.path().join("new"));
        assert_eq!(restore(&new, &file, PASSPHRASE).unwrap(), report);
        let root = RootKey::load_or_create(&new.data_dir.join("root.key")).unwrap();
        let store = store::open_ledger(&new.data_dir.join("ledger"), new.ledger, &root).unwrap();
        for info in store::TABLES {
            let kept = engine::backup::KEPT.iter().any(|t| ledger::table(*t) == info.table);
            let skipped = matches!(
                info.table,
                store::Table::Identity | store::Table::Conversation | store::Table::File
            );
            let found = store.get(info.table, b"mkey").unwrap().is_some();
            assert_eq!(found, kept && !skipped, "{}", info.name);
        }
        assert!(store.get(store::Table::File, b"fkey").unwrap().is_some());
        assert!(store.get(store::Table::File, b"ukey").unwrap().is_none());
        drop(store);
        let again = restore(&new, &file, PASSPHRASE).unwrap_err().to_string();
        assert!(again.contains("holds a node already"), "{again}");
        assert!(create(&old, &file, PASSPHRASE, false).is_err(), "it replaces nothing");
    }

    #[test]
    fn a_file_cut_or_changed_anywhere_is_refused_before_anything_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("backup");
        let old = filled(&dir.path().join("old"));
        create(&old, &file, PASSPHRASE, false).unwrap();
        let whole = fs::read(&file).unwrap();
        let new = config(&dir.path().join("new"));
        let refused = |bytes: &[u8], what: String| {
            fs::write(&file, bytes).unwrap();
            assert!(restore(&new, &file, PASSPHRASE).is_err(), "{what}");
            assert!(!new.data_dir.exists(), "{what}: nothing is written");
        };
        // Places of every kind: header, first and last chunk, edges between chunks.
        let chunk = seal::CHUNK_BYTES + seal::TAG_BYTES;
        let edges =
            (0..).map(|n| seal::HEADER_BYTES + n * chunk).take_while(|at| *at < whole.len());
        let mut places: Vec<usize> = edges.flat_map(|at| [at.saturating_sub(1), at]).collect();
        places.extend([0, 15, 16, 30, seal::HEADER_BYTES / 2, whole.len() / 2, whole.len() - 1]);
        for at in places {
            refused(&whole[..at], format!("cut at {at}"));
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            refused(&flipped, format!("flipped at {at}"));
        }
        let swapped = [
            &whole[..seal::HEADER_BYTES],
            &whole[seal::HEADER_BYTES + chunk..seal::HEADER_BYTES + 2 * chunk],
            &whole[seal::HEADER_BYTES..seal::HEADER_BYTES + chunk],
            &whole[seal::HEADER_BYTES + 2 * chunk..],
        ];
        refused(&swapped.concat(), "swapped chunks".into());
        refused(&[&whole[..], b"x"].concat(), "a byte more".into());
        fs::write(&file, &whole).unwrap();
        let wrong = restore(&new, &file, "another passphrase").unwrap_err().to_string();
        assert!(wrong.contains("passphrase"), "{wrong}");
        assert!(restore(&new, &file, PASSPHRASE).is_ok());
    }

    #[test]
    fn a_retired_folder_is_not_used_again() {
        let dir = tempfile::tempdir().unwrap();
        let old = filled(&dir.path().join("old"));
        create(&old, &dir.path().join("backup"), PASSPHRASE, true).unwrap();
        assert!(refuse_retired(&old.data_dir).is_err());
        assert!(create(&old, &dir.path().join("other"), PASSPHRASE, false).is_err());
    }
}
