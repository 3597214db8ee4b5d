//! Who may open a folder, and who may look into it.

use store::{Batch, LedgerEngine, OpenError, Table, open_ledger};

use crate::harness::{Place, files_in, key, noise, on_both_engines};

on_both_engines!(
    a_folder_has_one_owner_at_a_time,
    a_folder_of_the_other_engine_is_refused_and_says_how_to_convert,
    a_folder_is_closed_to_others,
    a_folder_that_cannot_be_created_is_an_error_of_the_system,
);

fn other(engine: LedgerEngine) -> LedgerEngine {
    match engine {
        LedgerEngine::Sqlite => LedgerEngine::Sled,
        LedgerEngine::Sled => LedgerEngine::Sqlite,
    }
}

fn a_folder_has_one_owner_at_a_time(engine: LedgerEngine) {
    let place = Place::new(engine);
    let first = place.open();
    for engine in [engine, other(engine)] {
        let error = open_ledger(&place.dir(), engine, &key()).err().expect("refuses");
        assert!(matches!(error, OpenError::InUse { .. }), "{error}");
        let owner = format!("in use by process {}", std::process::id());
        assert!(error.to_string().contains(&owner), "{error}");
    }
    let mut batch = Batch::new();
    batch.put(Table::Meta, b"key", b"value");
    first.commit(batch).expect("the first owner is not disturbed");
    drop(first);
    assert!(place.open().get(Table::Meta, b"key").expect("reads").is_some());
}

fn a_folder_of_the_other_engine_is_refused_and_says_how_to_convert(engine: LedgerEngine) {
    let place = Place::new(engine);
    let mut batch = Batch::new();
    batch.put(Table::Meta, b"key", b"value");
    place.open().commit(batch).expect("commits");
    let wanted = other(engine);
    let error = open_ledger(&place.dir(), wanted, &key()).err().expect("refuses");
    assert!(matches!(error, OpenError::OtherEngine { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains(&format!("holds a {engine} ledger, but {wanted}")), "{message}");
    assert!(message.contains("export") && message.contains("import"), "{message}");
    assert!(place.open().get(Table::Meta, b"key").expect("reads").is_some());
}

#[cfg(unix)]
fn a_folder_is_closed_to_others(engine: LedgerEngine) {
    use std::{fs, os::unix::fs::PermissionsExt};
    let mode =
        |path: &std::path::Path| fs::metadata(path).expect("is there").permissions().mode() & 0o777;
    let place = Place::new(engine);
    fs::create_dir(place.dir()).expect("creates");
    fs::set_permissions(place.dir(), fs::Permissions::from_mode(0o755)).expect("opens it up");
    let store = place.open();
    let mut batch = Batch::new();
    batch.put(Table::Meta, b"key", noise(1, 300_000));
    store.commit(batch).expect("commits");
    assert_eq!(mode(&place.dir()), 0o700);
    drop(store);
    let store = place.open();
    for file in files_in(&place.dir()) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
        let folder = file.parent().expect("is in a folder");
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
    drop(store);
}

#[cfg(not(unix))]
fn a_folder_is_closed_to_others(_: LedgerEngine) {}

fn a_folder_that_cannot_be_created_is_an_error_of_the_system(engine: LedgerEngine) {
    let place = Place::new(engine);
    std::fs::write(place.dir(), b"a file where the folder should be").expect("writes");
    let error = place.try_open().err().expect("refuses");
    assert!(matches!(error, OpenError::Io { .. }), "{error}");
}
