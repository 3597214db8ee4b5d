//! Damage and secrecy: what is on the disk, and what happens when it changes there.

use std::{fs, path::Path};

use store::{
    Batch, Dir, KeyRange, LedgerEngine, OpenError, ReadError, RootKey, Table, open_ledger,
};

use crate::harness::{Place, files_in, found_in_files, noise, on_both_engines, raw_sled};

on_both_engines!(
    no_value_is_found_in_any_file,
    another_root_key_is_refused_and_harms_nothing,
    a_newer_schema_is_refused_and_harms_nothing,
    flipped_bytes_of_a_stored_value_are_detected_and_not_returned,
    a_value_moved_to_another_key_is_detected,
    a_ledger_file_that_is_not_one_any_more_is_refused_and_left_alone,
);

const MARKER: &[u8] = b"the owner's own words, which nobody else may read";

fn no_value_is_found_in_any_file(engine: LedgerEngine) {
    let place = Place::new(engine);
    let store = place.open();
    let mut batch = Batch::new();
    batch.put(Table::Message, b"short value", MARKER);
    batch.put(Table::Message, b"long value", MARKER.repeat(3000));
    store.commit(batch).expect("commits");
    drop(store);
    assert!(!found_in_files(&place.dir(), MARKER));
    assert!(!found_in_files(&place.dir(), &MARKER[..16]));
    // The search itself works: keys are there to be found.
    assert!(found_in_files(&place.dir(), b"short value"));
}

fn another_root_key_is_refused_and_harms_nothing(engine: LedgerEngine) {
    let place = Place::new(engine);
    let mut batch = Batch::new();
    batch.put(Table::Meta, b"key", b"value");
    place.open().commit(batch).expect("commits");
    let other = RootKey::from_bytes([43; 32]);
    let error = open_ledger(&place.dir(), engine, &other).err().expect("refuses");
    assert!(matches!(error, OpenError::WrongKey { .. }), "{error}");
    assert!(error.to_string().contains("root key does not open"), "{error}");
    let value = place.open().get(Table::Meta, b"key").expect("reads");
    assert_eq!(value.as_deref(), Some(&b"value"[..]));
}

fn a_newer_schema_is_refused_and_harms_nothing(engine: LedgerEngine) {
    let place = Place::new(engine);
    let mut batch = Batch::new();
    batch.put(Table::Meta, b"key", b"value");
    place.open().commit(batch).expect("commits");
    raw(&place).edit(0, b"schema", |stored| *stored = vec![0, 9]);
    let error = place.try_open().err().expect("refuses");
    assert!(matches!(error, OpenError::NewerSchema { found: 9, .. }), "{error}");
    assert!(error.to_string().contains("start the newer version"), "{error}");
    raw(&place).edit(0, b"schema", |stored| *stored = vec![0, 1]);
    assert!(place.open().get(Table::Meta, b"key").expect("reads").is_some());
}

fn flipped_bytes_of_a_stored_value_are_detected_and_not_returned(engine: LedgerEngine) {
    for position in [0, 2, 10, 30, 60] {
        let place = Place::new(engine);
        let mut batch = Batch::new();
        batch.put(Table::Vote, b"slot", noise(1, 40));
        batch.put(Table::Vote, b"slot next to it", noise(2, 40));
        place.open().commit(batch).expect("commits");
        raw(&place).edit(Table::Vote.number(), b"slot", |stored| stored[position] ^= 0x40);
        let store = place.open();
        let error = store.get(Table::Vote, b"slot").expect_err("detects");
        match error {
            ReadError::Damaged { table, key } => {
                assert_eq!((table, key.as_str()), (Table::Vote, "736c6f74"));
            }
            ReadError::NewerSchema { .. } => assert_eq!(position, 2, "only the label says so"),
            ReadError::Engine(error) => panic!("{error}"),
        }
        assert!(store.scan(Table::Vote, KeyRange::all(), Dir::Forward, 9).is_err());
        let report = store.check(true).expect("checks");
        assert_eq!((report.rows, report.faults_total), (1, 1), "{report:?}");
        let beside = store.get(Table::Vote, b"slot next to it").expect("reads");
        assert_eq!(beside.as_deref(), Some(&noise(2, 40)[..]));
        // An expectation on it is refused, and the ledger goes on working.
        let mut batch = Batch::new();
        batch.expect(Table::Vote, b"slot", None).put(Table::Vote, b"slot", b"again");
        store.commit(batch).expect_err("a damaged row is not an absent one");
        let mut batch = Batch::new();
        batch.put(Table::Vote, b"slot", b"again");
        store.commit(batch).expect("a damaged row can be replaced");
        assert!(store.check(true).expect("checks").is_ok());
    }
}

fn a_value_moved_to_another_key_is_detected(engine: LedgerEngine) {
    let place = Place::new(engine);
    let mut batch = Batch::new();
    batch.put(Table::Vote, b"yes", b"alice").put(Table::Vote, b"no", b"bob");
    place.open().commit(batch).expect("commits");
    let mut yes = Vec::new();
    raw(&place).edit(Table::Vote.number(), b"yes", |stored| yes.clone_from(stored));
    raw(&place).edit(Table::Vote.number(), b"no", |stored| *stored = yes.clone());
    let store = place.open();
    assert!(matches!(store.get(Table::Vote, b"no"), Err(ReadError::Damaged { .. })));
}

/// What happens to a file.
type Damage = fn(&Path);

fn a_ledger_file_that_is_not_one_any_more_is_refused_and_left_alone(engine: LedgerEngine) {
    let kinds: [(&str, Damage); 4] = [
        ("noise", |file| fs::write(file, noise(99, 500_000)).expect("overwrites")),
        ("zeroes", |file| fs::write(file, vec![0; 500_000]).expect("overwrites")),
        ("nothing", |file| fs::write(file, []).expect("empties")),
        ("removed", |file| fs::remove_file(file).expect("removes")),
    ];
    for (kind, damage) in kinds {
        let place = Place::new(engine);
        let store = place.open();
        for n in 0u8..50 {
            let mut batch = Batch::new();
            batch.put(Table::Event, [n], noise(n.into(), 20_000));
            store.commit(batch).expect("commits");
        }
        drop(store);
        let main = place.dir().join(match engine {
            LedgerEngine::Sqlite => "ledger.sqlite",
            LedgerEngine::Sled => "ledger.sled/generation-1/db",
        });
        let beside: Vec<_> =
            files_in(&place.dir()).into_iter().filter(|file| *file != main).collect();
        damage(&main);
        for _ in 0..2 {
            let error = place.try_open().err().expect(kind);
            assert!(matches!(error, OpenError::Damaged { .. }), "{kind}: {error}");
            assert!(error.to_string().contains("move the folder aside"), "{error}");
        }
        let created = place.dir().join("created");
        assert!(beside.contains(&created) && created.exists());
        // sled writes to its files while it recovers, whatever they are.
        if kind == "noise" && engine == LedgerEngine::Sqlite {
            let bytes = fs::read(&main).expect("is still there");
            assert!(bytes.starts_with(&noise(99, 500_000)[..1000]), "nothing is overwritten");
        }
    }
}

/// Changes stored bytes behind the ledger's back.
enum Raw {
    Sqlite(rusqlite::Connection),
    Sled(::sled::Db),
}

fn raw(place: &Place) -> Raw {
    match place.engine {
        LedgerEngine::Sqlite => {
            let path = place.dir().join("ledger.sqlite");
            Raw::Sqlite(rusqlite::Connection::open(path).expect("opens"))
        }
        LedgerEngine::Sled => Raw::Sled(raw_sled(&place.dir())),
    }
}

impl Raw {
    fn edit(&self, table: u8, key: &[u8], change: impl FnOnce(&mut Vec<u8>)) {
        match self {
            Self::Sqlite(connection) => {
                let row = rusqlite::params![table, key];
                let select = "SELECT value FROM rows WHERE tbl = ?1 AND key = ?2";
                let mut stored: Vec<u8> =
                    connection.query_row(select, row, |row| row.get(0)).expect("is there");
                change(&mut stored);
                let update = "UPDATE rows SET value = ?3 WHERE tbl = ?1 AND key = ?2";
                let row = rusqlite::params![table, key, stored];
                assert_eq!(connection.execute(update, row).expect("updates"), 1);
            }
            Self::Sled(db) => {
                let head = [&[1, table], key].concat();
                let raw = db.get(&head).expect("reads").expect("is there");
                assert_eq!(raw[0], 0, "stored in one piece");
                let mut stored = raw[1..].to_vec();
                change(&mut stored);
                db.insert(head, [&[0], &stored[..]].concat()).expect("updates");
                db.flush().expect("flushes");
            }
        }
    }
}
