//! What every engine has to do, as single cases.

use std::{collections::BTreeSet, time::Duration};

use store::{
    Batch, CommitError, Dir, KEY_BYTES_MAX, KeyRange, LedgerEngine, PAGE_BYTES_MAX, Store, TABLES,
    Table, VALUE_BYTES_MAX, ValueHash,
};

use crate::harness::{Place, noise, on_both_engines};

on_both_engines!(
    a_batch_over_many_tables_is_there_after_reopening,
    the_same_key_in_two_tables_is_two_rows,
    deleting_is_durable_and_deleting_nothing_is_no_error,
    an_expectation_guards_the_whole_batch,
    of_many_threads_that_compare_and_set_each_wins_once,
    pages_forward_and_backward_meet_every_row_once,
    a_page_ends_early_rather_than_grow_large,
    values_of_all_sizes_come_back_and_leave_no_blob,
    keys_and_values_over_the_limit_are_refused_by_name,
    what_is_replaced_or_deleted_gives_its_space_back,
    many_threads_commit_and_read_at_once,
    a_check_of_a_whole_ledger_finds_nothing,
);

fn put(store: &dyn Store, table: Table, key: &[u8], value: &[u8]) {
    let mut batch = Batch::new();
    batch.put(table, key, value);
    store.commit(batch).expect("commits");
}

fn get(store: &dyn Store, table: Table, key: &[u8]) -> Option<Vec<u8>> {
    store.get(table, key).expect("reads").map(|value| value.to_vec())
}

fn a_batch_over_many_tables_is_there_after_reopening(engine: LedgerEngine) {
    let place = Place::new(engine);
    let mut batch = Batch::new();
    for info in TABLES {
        batch.put(info.table, b"key", info.name);
    }
    let store = place.open();
    let first = store.commit(batch).expect("commits");
    let second = store.commit(Batch::new()).expect("an empty batch commits");
    assert!(second > first);
    drop(store);
    let store = place.open();
    for info in TABLES {
        assert_eq!(get(&*store, info.table, b"key").as_deref(), Some(info.name.as_bytes()));
    }
}

fn the_same_key_in_two_tables_is_two_rows(engine: LedgerEngine) {
    let place = Place::new(engine);
    let store = place.open();
    put(&*store, Table::Vote, b"", b"the empty key is a key");
    put(&*store, Table::Task, b"key", b"a task");
    assert_eq!(get(&*store, Table::Vote, b"key"), None);
    assert_eq!(get(&*store, Table::Vote, b"").as_deref(), Some(&b"the empty key is a key"[..]));
    let page = store.scan(Table::Vote, KeyRange::all(), Dir::Forward, 10).expect("scans");
    assert_eq!(page.rows.len(), 1);
}

fn deleting_is_durable_and_deleting_nothing_is_no_error(engine: LedgerEngine) {
    let place = Place::new(engine);
    let store = place.open();
    put(&*store, Table::Outbox, b"short", b"value");
    put(&*store, Table::Outbox, b"long", &noise(1, 200_000));
    let mut batch = Batch::new();
    batch.delete(Table::Outbox, b"short").delete(Table::Outbox, b"long");
    batch.delete(Table::Outbox, b"never there");
    store.commit(batch).expect("commits");
    drop(store);
    let store = place.open();
    let page = store.scan(Table::Outbox, KeyRange::all(), Dir::Forward, 10).expect("scans");
    assert!(page.rows.is_empty());
}

fn an_expectation_guards_the_whole_batch(engine: LedgerEngine) {
    let place = Place::new(engine);
    let store = place.open();
    let attempt = |expected: Option<&[u8]>, value: &[u8]| {
        let mut batch = Batch::new();
        batch.put(Table::Vote, b"slot", value);
        batch.put(Table::Audit, b"beside it", value);
        batch.expect(Table::Vote, b"slot", expected.map(ValueHash::of));
        store.commit(batch)
    };
    attempt(None, b"first").expect("the slot is free");
    for wrong in [None, Some(&b"second"[..])] {
        let error = attempt(wrong, b"other").expect_err("the slot is taken");
        assert!(matches!(error, CommitError::Conflict { table: Table::Vote, .. }), "{error}");
    }
    assert_eq!(get(&*store, Table::Audit, b"beside it").as_deref(), Some(&b"first"[..]));
    attempt(Some(b"first"), b"second").expect("the value is the expected one");
    drop(store);
    let store = place.open();
    assert_eq!(get(&*store, Table::Vote, b"slot").as_deref(), Some(&b"second"[..]));
}

fn of_many_threads_that_compare_and_set_each_wins_once(engine: LedgerEngine) {
    const THREADS: u64 = 6;
    const WINS: u64 = 15;
    let place = Place::new(engine);
    let store = place.open();
    put(&*store, Table::Meta, b"counter", &0u64.to_be_bytes());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut wins = 0;
                while wins < WINS {
                    let seen = get(&*store, Table::Meta, b"counter").expect("is there");
                    let count = u64::from_be_bytes(seen.as_slice().try_into().expect("8 bytes"));
                    let mut batch = Batch::new();
                    batch.expect(Table::Meta, b"counter", Some(ValueHash::of(&seen)));
                    batch.put(Table::Meta, b"counter", (count + 1).to_be_bytes());
                    match store.commit(batch) {
                        Ok(_) => wins += 1,
                        Err(CommitError::Conflict { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    let count = get(&*store, Table::Meta, b"counter").expect("is there");
    assert_eq!(count, (THREADS * WINS).to_be_bytes());
}

fn pages_forward_and_backward_meet_every_row_once(engine: LedgerEngine) {
    let place = Place::new(engine);
    let store = place.open();
    let mut batch = Batch::new();
    let mut keys = Vec::new();
    for n in 0u16..103 {
        let key = [b"conversation", &n.to_be_bytes()[..]].concat();
        batch.put(Table::Message, &key, n.to_le_bytes());
        keys.push(key);
    }
    batch.put(Table::Message, b"conversatio", b"before the prefix");
    batch.put(Table::Message, b"conversatioo", b"after the prefix");
    batch.put(Table::Receipt, keys[0].as_slice(), b"another table");
    store.commit(batch).expect("commits");
    for (dir, limit) in [(Dir::Forward, 10), (Dir::Backward, 10), (Dir::Backward, 103)] {
        let mut met = Vec::new();
        let mut range = KeyRange::prefix(b"conversation");
        loop {
            let page = store.scan(Table::Message, range, dir, limit).expect("scans");
            assert!(page.rows.len() <= limit);
            met.extend(page.rows.into_iter().map(|(key, _)| key.to_vec()));
            let Some(next) = page.next else { break };
            range = KeyRange::prefix(b"conversation").after(&next);
        }
        if dir == Dir::Backward {
            met.reverse();
        }
        assert_eq!(met, keys, "{dir:?} by {limit}");
    }
    let range = KeyRange::between(&keys[20], &keys[23]);
    let page = store.scan(Table::Message, range, Dir::Forward, 10).expect("scans");
    let met: Vec<_> = page.rows.iter().map(|(key, _)| key.to_vec()).collect();
    assert_eq!(met, keys[20..23]);
    assert_eq!(page.next, None);
    let empty = KeyRange::between(b"z", b"a");
    assert!(store.scan(Table::Message, empty, Dir::Forward, 10).expect("scans").rows.is_empty());
}

fn a_page_ends_early_rather_than_grow_large(engine: LedgerEngine) {
    let place = Place::new(engine);
    let store = place.open();
    let value = noise(3, VALUE_BYTES_MAX);
    for n in 0u8..10 {
        put(&*store, Table::Event, &[n], &value);
    }
    let first = store.scan(Table::Event, KeyRange::all(), Dir::Forward, 100).expect("scans");
    let bytes: usize = first.rows.iter().map(|(_, value)| value.len()).sum();
    assert!(first.rows.len() < 10 && bytes <= PAGE_BYTES_MAX);
    let next = KeyRange::all().after(&first.next.expect("there is more"));
    let second = store.scan(Table::Event, next, Dir::Forward, 100).expect("scans");
    assert_eq!(first.rows.len() + second.rows.len(), 10);
    assert_eq!(second.next, None);
}

fn values_of_all_sizes_come_back_and_leave_no_blob(engine: LedgerEngine) {
    let place = Place::new(engine);
    let store = place.open();
    let around_a_piece = (60 * 1024 - 45)..(60 * 1024 - 40);
    let sizes: BTreeSet<usize> = [0, 1, 12_000, 60_000, 64 * 1024, 900_000, VALUE_BYTES_MAX]
        .into_iter()
        .chain(around_a_piece)
        .chain([120 * 1024 - 43, 120 * 1024 - 42])
        .collect();
    for round in 0..2 {
        for size in &sizes {
            let key = u64::try_from(*size).expect("fits").to_be_bytes();
            put(&*store, Table::Group, &key, &noise(round, *size));
        }
    }
    let many: Vec<_> = (0u64..60).map(|n| noise(n, 12_000)).collect();
    let mut batch = Batch::new();
    for (n, value) in (0u8..).zip(&many) {
        batch.put(Table::Card, [n], value);
    }
    store.commit(batch).expect("commits");
    let report = store.maintain(Duration::from_secs(60)).expect("maintains");
    assert_eq!(report.blob_files, 0);
    drop(store);
    let store = place.open();
    for size in &sizes {
        let key = u64::try_from(*size).expect("fits").to_be_bytes();
        let value = get(&*store, Table::Group, &key);
        assert!(value == Some(noise(1, *size)), "{size} bytes");
    }
    let page = store.scan(Table::Card, KeyRange::all(), Dir::Forward, 100).expect("scans");
    assert!(page.rows.iter().map(|(_, value)| value.to_vec()).eq(many));
}

fn keys_and_values_over_the_limit_are_refused_by_name(engine: LedgerEngine) {
    let place = Place::new(engine);
    let store = place.open();
    put(&*store, Table::Task, &[7; KEY_BYTES_MAX], b"as long as a key may be");
    let refusal = |key: &[u8], value: &[u8]| {
        let mut batch = Batch::new();
        batch.put(Table::Meta, b"beside it", b"must not be written");
        batch.put(Table::Task, key, value);
        store.commit(batch).expect_err("refused").to_string()
    };
    assert_eq!(
        refusal(&[7; KEY_BYTES_MAX + 1], b""),
        "table task: key of 513 bytes, at most 512 allowed"
    );
    assert_eq!(
        refusal(b"key", &vec![0; VALUE_BYTES_MAX + 1]),
        "table task: value of 1048577 bytes, at most 1048576 allowed"
    );
    let mut batch = Batch::new();
    batch.expect(Table::Task, [7; KEY_BYTES_MAX + 1], None);
    assert!(matches!(store.commit(batch), Err(CommitError::KeyTooLong { .. })));
    assert_eq!(get(&*store, Table::Meta, b"beside it"), None);
    assert_eq!(
        get(&*store, Table::Task, &[7; KEY_BYTES_MAX]).as_deref(),
        Some(&b"as long as a key may be"[..])
    );
}

fn what_is_replaced_or_deleted_gives_its_space_back(engine: LedgerEngine) {
    let place = Place::new(engine);
    let store = place.open();
    // 18 MB live, over 250 MB written: more than 8 times as much, where that counts.
    for round in 0..15 {
        let state = noise(round, 300_000);
        for group in 0u8..60 {
            put(&*store, Table::Group, &[group], &state);
        }
    }
    let mut batch = Batch::new();
    for group in 10u8..60 {
        batch.delete(Table::Group, [group]);
    }
    store.commit(batch).expect("commits");
    let report = store.maintain(Duration::from_secs(300)).expect("maintains");
    assert!(report.complete, "{report:?}");
    let live = report.live_bytes.expect("counted");
    assert!((3_000_000..6_000_000).contains(&live), "{report:?}");
    assert!(report.disk_bytes < report.disk_bytes_before / 2, "{report:?}");
    // What follows is written to the smaller store, and is there after reopening.
    put(&*store, Table::Meta, b"after", b"upkeep");
    drop(store);
    let store = place.open();
    assert_eq!(get(&*store, Table::Meta, b"after").as_deref(), Some(&b"upkeep"[..]));
    for group in 0u8..10 {
        assert!(get(&*store, Table::Group, &[group]) == Some(noise(14, 300_000)));
    }
    assert!(store.check(true).expect("checks").is_ok());
}

fn many_threads_commit_and_read_at_once(engine: LedgerEngine) {
    let place = Place::new(engine);
    let store = place.open();
    std::thread::scope(|scope| {
        for thread in 0u8..8 {
            let store = &store;
            scope.spawn(move || {
                for n in 0u8..40 {
                    // A long value replaced over and over: readers must never see half of it.
                    let fill = thread ^ n;
                    put(&**store, Table::Group, b"shared", &vec![fill; 150_000]);
                    put(&**store, Table::Event, &[thread, n], &[n]);
                    let shared = get(&**store, Table::Group, b"shared").expect("is there");
                    assert!(shared.iter().all(|byte| *byte == shared[0]));
                    assert_eq!(get(&**store, Table::Event, &[thread, n]), Some(vec![n]));
                }
            });
        }
    });
    drop(store);
    let store = place.open();
    let page = store.scan(Table::Event, KeyRange::all(), Dir::Forward, 1000).expect("scans");
    assert_eq!(page.rows.len(), 8 * 40);
}

fn a_check_of_a_whole_ledger_finds_nothing(engine: LedgerEngine) {
    let place = Place::new(engine);
    let store = place.open();
    for n in 0u8..20 {
        put(&*store, Table::Contact, &[n], &noise(n.into(), usize::from(n) * 5_000));
    }
    let shallow = store.check(false).expect("checks");
    assert!(shallow.is_ok(), "{shallow:?}");
    let deep = store.check(true).expect("checks");
    assert!(deep.is_ok(), "{deep:?}");
    assert_eq!(deep.rows, 20);
}
