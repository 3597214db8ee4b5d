//! Export, import, and from one engine to the other.

use std::fs;

use store::{
    Batch, Dir, ExportError, ImportError, KeyRange, LedgerEngine, OpenError, RootKey, Store,
    TABLES, Table, VALUE_BYTES_MAX, export, import, open_ledger,
};

use crate::harness::{Place, found_in_files, noise, on_both_engines, raw_sled};

on_both_engines!(
    everything_moves_to_the_other_engine_and_back,
    an_export_is_of_one_moment_while_commits_go_on,
    an_export_replaces_no_file_and_shows_no_value,
    no_changed_or_cut_byte_of_an_export_is_imported,
    an_import_needs_an_empty_ledger_and_the_same_key,
    an_interrupted_import_is_not_mistaken_for_a_ledger,
);

const MARKER: &[u8] = b"the owner's own words, which nobody else may read";

fn fill(store: &dyn Store) {
    let mut batch = Batch::new();
    for (n, info) in (0u64..).zip(TABLES) {
        batch.put(info.table, b"", info.name);
        batch.put(info.table, [7; 512], noise(n, 12_000));
        batch.put(info.table, b"long", noise(n, 200_000));
        batch.put(info.table, b"deleted", b"not any more");
    }
    batch.put(Table::Group, b"largest", noise(99, VALUE_BYTES_MAX));
    batch.put(Table::Message, b"marked", MARKER);
    store.commit(batch).expect("commits");
    let mut batch = Batch::new();
    for info in TABLES {
        batch.delete(info.table, b"deleted");
    }
    store.commit(batch).expect("commits");
}

type Rows = Vec<(Table, Vec<u8>, Vec<u8>)>;

fn rows_of(store: &dyn Store) -> Rows {
    let mut all = Vec::new();
    for info in TABLES {
        let mut range = KeyRange::all();
        loop {
            let page = store.scan(info.table, range, Dir::Forward, 100).expect("scans");
            all.extend(page.rows.into_iter().map(|(k, v)| (info.table, k.to_vec(), v.to_vec())));
            let Some(next) = page.next else { break };
            range = KeyRange::all().after(&next);
        }
    }
    all
}

fn other(engine: LedgerEngine) -> LedgerEngine {
    match engine {
        LedgerEngine::Sqlite => LedgerEngine::Sled,
        LedgerEngine::Sled => LedgerEngine::Sqlite,
    }
}

fn everything_moves_to_the_other_engine_and_back(engine: LedgerEngine) {
    let from = Place::new(engine);
    let store = from.open();
    fill(&*store);
    let rows = rows_of(&*store);
    let file = from.beside("first.export");
    let written = export(&*store, &file).expect("exports");
    assert_eq!(written.rows, u64::try_from(rows.len()).expect("fits"));
    assert_eq!(written.bytes, fs::metadata(&file).expect("is there").len());

    let to = Place::new(other(engine));
    let store = to.open();
    assert_eq!(import(&*store, &file).expect("imports").rows, written.rows);
    assert!(rows_of(&*store) == rows);
    drop(store);
    let store = to.open();
    assert!(rows_of(&*store) == rows, "the import is durable");
    let file = from.beside("second.export");
    export(&*store, &file).expect("exports");

    let back = Place::new(engine);
    let store = back.open();
    import(&*store, &file).expect("imports");
    assert!(rows_of(&*store) == rows);
    assert!(store.check(true).expect("checks").is_ok());
}

fn an_export_is_of_one_moment_while_commits_go_on(engine: LedgerEngine) {
    let place = Place::new(engine);
    let store = place.open();
    let commit = |n: u64| {
        let mut batch = Batch::new();
        // The first and the last row of the export, always changed together.
        batch.put(Table::Meta, b"first", n.to_be_bytes());
        batch.put(Table::Booking, b"last", n.to_be_bytes());
        batch.put(Table::Message, n.to_be_bytes(), noise(n, 20_000));
        store.commit(batch).expect("commits");
    };
    (0..50).for_each(commit);
    std::thread::scope(|scope| {
        let exporting = scope.spawn(|| export(&*store, &place.beside("export")).expect("exports"));
        let mut n = 50;
        while !exporting.is_finished() {
            commit(n);
            n += 1;
        }
    });
    let copy = Place::new(other(engine));
    let store = copy.open();
    import(&*store, &place.beside("export")).expect("imports");
    let first = store.get(Table::Meta, b"first").expect("reads").expect("is there");
    let last = store.get(Table::Booking, b"last").expect("reads").expect("is there");
    assert_eq!(first, last);
    let messages = rows_of(&*store).len() - 2;
    let count = u64::from_be_bytes(first[..].try_into().expect("8 bytes")) + 1;
    assert_eq!(u64::try_from(messages).expect("fits"), count);
}

fn an_export_replaces_no_file_and_shows_no_value(engine: LedgerEngine) {
    let place = Place::new(engine);
    let store = place.open();
    fill(&*store);
    let folder = place.beside("exports");
    fs::create_dir(&folder).expect("creates");
    // What a killed export leaves is in nobody's way.
    fs::write(folder.join("a.partial"), b"half").expect("writes");
    export(&*store, &folder.join("a")).expect("exports");
    assert!(!found_in_files(&folder, MARKER));
    assert!(found_in_files(&folder, b"marked"), "the search finds keys");
    let before = fs::read(folder.join("a")).expect("reads");
    let error = export(&*store, &folder.join("a")).expect_err("refuses");
    assert!(matches!(error, ExportError::Exists { .. }), "{error}");
    assert!(fs::read(folder.join("a")).expect("reads") == before);
    export(&*store, &folder.join("missing/a")).expect_err("there is no such folder");
    assert_eq!(fs::read_dir(&folder).expect("lists").count(), 1);
}

fn no_changed_or_cut_byte_of_an_export_is_imported(engine: LedgerEngine) {
    let place = Place::new(engine);
    let store = place.open();
    let mut batch = Batch::new();
    batch.put(Table::Vote, b"slot", b"ballot").put(Table::Task, b"task", b"done");
    store.commit(batch).expect("commits");
    let file = place.beside("export");
    export(&*store, &file).expect("exports");
    let whole = fs::read(&file).expect("reads");
    let target = Place::new(engine);
    let empty = target.open();
    let refused = |bytes: &[u8], what: &str| {
        let damaged = place.beside("damaged");
        fs::write(&damaged, bytes).expect("writes");
        import(&*empty, &damaged).expect_err(what);
        assert!(rows_of(&*empty).is_empty(), "{what}");
    };
    for position in 0..whole.len() {
        let mut changed = whole.clone();
        changed[position] ^= 1;
        refused(&changed, &format!("byte {position} changed"));
        refused(&whole[..position], &format!("cut at {position}"));
    }
    refused(&[&whole[..], b"x"].concat(), "a byte after the end");
    import(&*empty, &file).expect("the whole one is imported");
    assert!(rows_of(&*empty) == rows_of(&*store));
}

fn an_import_needs_an_empty_ledger_and_the_same_key(engine: LedgerEngine) {
    let place = Place::new(engine);
    let store = place.open();
    fill(&*store);
    let file = place.beside("export");
    export(&*store, &file).expect("exports");
    assert!(matches!(import(&*store, &file), Err(ImportError::NotEmpty)));
    let foreign = place.beside("foreign");
    let foreign = open_ledger(&foreign, engine, &RootKey::from_bytes([1; 32])).expect("opens");
    assert!(matches!(import(&*foreign, &file), Err(ImportError::WrongKey)));
    assert!(rows_of(&*foreign).is_empty());
    let missing = import(&*foreign, &place.beside("missing"));
    assert!(matches!(missing, Err(ImportError::Io { .. })));
}

fn an_interrupted_import_is_not_mistaken_for_a_ledger(engine: LedgerEngine) {
    let place = Place::new(engine);
    drop(place.open());
    // What a kill in the middle of an import leaves: some rows, and the mark.
    match engine {
        LedgerEngine::Sqlite => {
            let path = place.dir().join("ledger.sqlite");
            let connection = rusqlite::Connection::open(path).expect("opens");
            let insert = "INSERT INTO rows VALUES (0, CAST('importing' AS BLOB), x'')";
            connection.execute(insert, []).expect("inserts");
        }
        LedgerEngine::Sled => {
            let db = raw_sled(&place.dir());
            db.insert(b"\x01\x00importing", &[0]).expect("inserts");
            db.flush().expect("flushes");
        }
    }
    let error = place.try_open().err().expect("refuses");
    assert!(matches!(error, OpenError::ImportUnfinished { .. }), "{error}");
}
