//! Any sequence of operations against a `BTreeMap` that does the same.

use std::collections::BTreeMap;

use proptest::prelude::*;
use store::{Batch, CommitError, Dir, KeyRange, LedgerEngine, Store, Table, ValueHash};

use crate::harness::{Place, noise, on_both_engines};

on_both_engines!(a_ledger_behaves_like_a_sorted_map);

type Model = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

#[derive(Debug, Clone)]
enum Change {
    Put(Table, Vec<u8>, u64, usize),
    Delete(Table, Vec<u8>),
}

#[derive(Debug, Clone)]
enum Step {
    /// Changes, and perhaps a row expected to be as the model has it, or expected wrongly.
    Commit(Vec<Change>, Option<(Table, Vec<u8>, bool)>),
    Scan(Table, Vec<u8>, Option<Vec<u8>>, bool, usize),
    Reopen,
}

fn table() -> impl Strategy<Value = Table> {
    prop_oneof![Just(Table::Message), Just(Table::Receipt), Just(Table::Booking)]
}

/// Few different keys, so that steps meet; among them awkward ones.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::collection::vec(prop_oneof![Just(0), Just(1), Just(0xff)], 0..4),
        1 => Just(vec![0xff; 512]),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let size = prop_oneof![8 => 0usize..200, 2 => Just(12_000), 1 => Just(130_000)];
    prop_oneof![
        3 => (table(), key(), any::<u64>(), size)
            .prop_map(|(table, key, seed, size)| Change::Put(table, key, seed, size)),
        1 => (table(), key()).prop_map(|(table, key)| Change::Delete(table, key)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let expectation = prop::option::of((table(), key(), prop::bool::weighted(0.7)));
    prop_oneof![
        10 => (prop::collection::vec(change(), 0..6), expectation)
            .prop_map(|(changes, expectation)| Step::Commit(changes, expectation)),
        6 => (table(), key(), prop::option::of(key()), any::<bool>(), 1usize..6)
            .prop_map(|(t, prefix, after, forward, limit)| {
                Step::Scan(t, prefix, after, forward, limit)
            }),
        1 => Just(Step::Reopen),
    ]
}

fn commit(
    store: &dyn Store,
    model: &mut Model,
    changes: Vec<Change>,
    expectation: Option<(Table, Vec<u8>, bool)>,
) -> Result<(), TestCaseError> {
    let mut batch = Batch::new();
    let mut after = model.clone();
    for change in changes {
        match change {
            Change::Put(table, key, seed, size) => {
                let value = noise(seed, size);
                batch.put(table, &key, &value);
                after.insert((table, key), value);
            }
            Change::Delete(table, key) => {
                batch.delete(table, &key);
                after.remove(&(table, key));
            }
        }
    }
    let mut holds = true;
    if let Some((table, key, right)) = expectation {
        let there = model.get(&(table, key.clone()));
        let expected = if right {
            there.map(|value| ValueHash::of(value))
        } else {
            Some(ValueHash::of(b"no value of this test"))
        };
        holds = right;
        batch.expect(table, &key, expected);
    }
    match store.commit(batch) {
        Ok(_) => {
            prop_assert!(holds, "committed against a wrong expectation");
            *model = after;
        }
        Err(CommitError::Conflict { .. }) => prop_assert!(!holds, "refused a right expectation"),
        Err(error) => return Err(TestCaseError::fail(error.to_string())),
    }
    Ok(())
}

fn expected_page(
    model: &Model,
    table: Table,
    prefix: &[u8],
    after: Option<&[u8]>,
    dir: Dir,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let beyond = |key: &[u8]| match (after, dir) {
        (None, _) => true,
        (Some(after), Dir::Forward) => key > after,
        (Some(after), Dir::Backward) => key < after,
    };
    let mut rows: Vec<_> = model
        .iter()
        .filter(|((t, key), _)| *t == table && key.starts_with(prefix) && beyond(key))
        .map(|((_, key), value)| (key.clone(), value.clone()))
        .collect();
    if dir == Dir::Backward {
        rows.reverse();
    }
    rows
}

fn run(engine: LedgerEngine, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let place = Place::new(engine);
    let mut store = place.open();
    let mut model = Model::new();
    for step in steps.into_iter().chain([Step::Reopen]) {
        match step {
            Step::Commit(changes, expectation) => {
                commit(&*store, &mut model, changes, expectation)?;
            }
            Step::Scan(table, prefix, after, forward, limit) => {
                let dir = if forward { Dir::Forward } else { Dir::Backward };
                let mut range = KeyRange::prefix(&prefix);
                if let Some(after) = &after {
                    range = range.after(after);
                }
                let page = store.scan(table, range, dir, limit).expect("scans");
                let mut expected = expected_page(&model, table, &prefix, after.as_deref(), dir);
                let more = expected.len() > limit;
                expected.truncate(limit);
                let found: Vec<_> =
                    page.rows.iter().map(|(k, v)| (k.to_vec(), v.to_vec())).collect();
                prop_assert!(found == expected);
                let last = expected.last().filter(|_| more).map(|(key, _)| key.as_slice());
                prop_assert_eq!(page.next.as_deref(), last);
            }
            Step::Reopen => {
                drop(store);
                store = place.open();
                for ((table, key), value) in &model {
                    let found = store.get(*table, key).expect("reads");
                    prop_assert!(found.as_deref() == Some(value.as_slice()));
                }
                let rows = store.check(true).expect("checks");
                prop_assert!(rows.is_ok());
                prop_assert_eq!(rows.rows, u64::try_from(model.len()).expect("fits"));
            }
        }
    }
    Ok(())
}

fn a_ledger_behaves_like_a_sorted_map(engine: LedgerEngine) {
    let config = ProptestConfig { cases: 40, failure_persistence: None, ..Default::default() };
    proptest!(config, |(steps in prop::collection::vec(step(), 1..30))| run(engine, steps)?);
}
