//! A write that fails: the ledger stops, and loses nothing it had acknowledged.
//!
//! A child process runs under a limit on the size of files, which fails writes as a full disk
//! does, commits until that happens, and says what it saw.
#![cfg(unix)]

use std::{env, path::Path, process::Command};

use store::{Batch, CommitError, LedgerEngine, Table, open_ledger};

use crate::harness::{Place, key, noise, on_both_engines};

on_both_engines!(a_full_disk_poisons_the_ledger_and_loses_nothing_acknowledged);

const CHILD_DIR: &str = "CONCLAVE_STORE_FULL_DIR";
const CHILD_ENGINE: &str = "CONCLAVE_STORE_FULL_ENGINE";

fn batch(n: u64) -> Batch {
    let mut batch = Batch::new();
    batch.put(Table::Message, n.to_be_bytes(), noise(n, 30_000));
    batch.put(Table::Meta, b"last", n.to_be_bytes());
    batch
}

/// Runs in the child only.
#[test]
#[ignore = "the process the other tests here start"]
fn child() {
    let dir = env::var_os(CHILD_DIR).expect("started by a test of this file");
    let engine: LedgerEngine =
        env::var(CHILD_ENGINE).expect("is set").parse().expect("names an engine");
    let store = open_ledger(Path::new(&dir), engine, &key()).expect("opens");
    for n in 0..10_000 {
        match store.commit(batch(n)) {
            Ok(_) => println!("acknowledged {n}"),
            Err(CommitError::Failed(reason)) => {
                println!("failed {n}: {reason}");
                for _ in 0..3 {
                    let again = store.commit(batch(n)).expect_err("poisoned");
                    assert!(matches!(again, CommitError::Poisoned(_)), "{again}");
                    println!("poisoned");
                }
                return;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn a_full_disk_poisons_the_ledger_and_loses_nothing_acknowledged(engine: LedgerEngine) {
    let place = Place::new(engine);
    drop(place.open());
    // 20 MB, in units of 1 KiB. Without the trap the system would kill the child instead.
    let script = r#"trap '' XFSZ; ulimit -f 20000; exec "$0" "$@""#;
    let output = Command::new("bash")
        .args(["-c", script])
        .arg(env::current_exe().expect("the test binary"))
        .args(["--exact", "disk_full::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(CHILD_DIR, place.dir())
        .env(CHILD_ENGINE, engine.to_string())
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let count = |word: &str| said.lines().filter(|line| line.contains(word)).count();
    let acknowledged = u64::try_from(count("acknowledged ")).expect("fits");
    let tail = || {
        let lines: Vec<_> = said.lines().rev().take(5).collect();
        format!("{lines:?}\n{}", String::from_utf8_lossy(&output.stderr))
    };
    assert!(acknowledged > 100, "{}", tail());
    assert_eq!((count("failed "), count("poisoned")), (1, 3), "{}", tail());

    let store = place.open();
    for n in 0..acknowledged {
        let value = store.get(Table::Message, &n.to_be_bytes()).expect("reads");
        assert!(value.as_deref() == Some(&noise(n, 30_000)[..]), "batch {n}");
    }
    let last = store.get(Table::Meta, b"last").expect("reads").expect("is there");
    let last = u64::from_be_bytes(last[..].try_into().expect("8 bytes"));
    assert!(last + 1 == acknowledged || last == acknowledged, "{last} of {acknowledged}");
    store.commit(batch(last + 1)).expect("takes commits again");
}
