use std::sync::atomic::AtomicUsize;

use super::*;

const KEY: FileHash = [0xab; 32];
const OTHER: FileHash = [0xcd; 32];

fn chunks() -> Vec<Vec<u8>> {
    (0..3u8).map(|n| vec![n; 1000 + usize::from(n)]).collect()
}

fn fill(mut incoming: Incoming, key: &FileHash) -> io::Result<()> {
    for (place, chunk) in (0..).zip(chunks()) {
        incoming.put(place, &chunk)?;
    }
    incoming.finish(key, b"hashes")
}

fn assert_whole(files: &Files, key: &FileHash) {
    assert!(files.is_whole(key) && files.whole().contains(key));
    for (place, chunk) in (0..).zip(chunks()) {
        assert_eq!(files.chunk(key, place, 2000).expect("reads"), chunk);
    }
    assert_eq!(files.hashes(key, 100).expect("reads"), b"hashes");
}

#[test]
fn a_file_added_or_fetched_is_there_after_a_restart() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let files = Files::open(dir.path()).expect("opens");
    fill(files.add().expect("begins"), &KEY).expect("is kept");
    fill(files.fetch(&OTHER).expect("begins"), &OTHER).expect("is kept");
    for files in [&files, &Files::open(dir.path()).expect("opens again")] {
        assert_whole(files, &KEY);
        assert_whole(files, &OTHER);
        assert_eq!(files.bytes(), 2 * (1000 + 1001 + 1002 + 6));
    }
    files.remove(&KEY).expect("is removed");
    files.remove(&KEY).expect("is removed already");
    assert_eq!(files.whole(), BTreeSet::from([OTHER]));
    assert!(files.chunk(&KEY, 0, 2000).is_err());
}

#[test]
fn what_nobody_refers_to_is_swept_whole_or_in_part() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let files = Files::open(dir.path()).expect("opens");
    fill(files.add().expect("begins"), &KEY).expect("is kept");
    files.fetch(&OTHER).expect("begins").put(0, b"chunk").expect("is kept");
    files.sweep(&BTreeSet::from([OTHER])).expect("sweeps");
    assert!(files.whole().is_empty());
    assert_eq!(files.fetch(&OTHER).expect("goes on").places().expect("reads"), [0].into());
    files.sweep(&BTreeSet::new()).expect("sweeps");
    assert_eq!(files.bytes(), 0);
    assert_eq!(std::fs::read_dir(dir.path()).expect("reads").count(), 0);
}

#[test]
fn a_chunk_longer_than_it_may_be_is_not_read() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let files = Files::open(dir.path()).expect("opens");
    fill(files.add().expect("begins"), &KEY).expect("is kept");
    assert!(files.chunk(&KEY, 0, 999).is_err());
    assert!(files.chunk(&KEY, 9, 2000).is_err(), "there is none");
}

#[test]
fn an_upload_given_up_leaves_nothing() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let files = Files::open(dir.path()).expect("opens");
    let mut incoming = files.add().expect("begins");
    incoming.put(0, b"chunk").expect("is kept");
    drop(incoming);
    assert_eq!(files.bytes(), 0);
    assert_eq!(std::fs::read_dir(dir.path()).expect("reads").count(), 0);
}

#[test]
fn foreign_names_are_left_alone_and_never_taken_for_files() {
    let dir = tempfile::tempdir().expect("temporary folder");
    for name in ["notes", "..part", &"AB".repeat(32), &"zz".repeat(32)] {
        std::fs::create_dir(dir.path().join(name)).expect("is made");
    }
    let files = Files::open(dir.path()).expect("opens");
    assert!(files.whole().is_empty());
    files.sweep(&BTreeSet::new()).expect("sweeps");
    assert_eq!(std::fs::read_dir(dir.path()).expect("reads").count(), 4);
}

/// The node dies before every single step in turn: what was acknowledged is there, what is there
/// is complete, and the next attempt succeeds.
#[test]
fn a_kill_at_any_step_leaves_a_file_whole_in_part_or_not_there() {
    for fetched in [false, true] {
        let mut finished = false;
        for steps in 0.. {
            let dir = tempfile::tempdir().expect("temporary folder");
            let disk = Disk { steps: Some(AtomicUsize::new(steps)) };
            let result = Files::on(dir.path(), disk).and_then(|files| {
                let incoming = if fetched { files.fetch(&KEY) } else { files.add() }?;
                // The process is gone, and nobody tidies up after it.
                let mut incoming = std::mem::ManuallyDrop::new(incoming);
                for (place, chunk) in (0..).zip(chunks()) {
                    incoming.put(place, &chunk)?;
                }
                std::mem::ManuallyDrop::into_inner(incoming).finish(&KEY, b"hashes")
            });
            let files = Files::open(dir.path()).expect("opens after a kill");
            if result.is_ok() || files.is_whole(&KEY) {
                assert_whole(&files, &KEY);
            }
            assert!(result.is_err() || files.is_whole(&KEY), "acknowledged, so it is there");
            let incoming = files.fetch(&KEY).expect("goes on");
            for place in incoming.places().expect("reads") {
                let chunk = incoming.chunk(place, 2000).expect("reads");
                assert_eq!(chunk, chunks()[place as usize], "half a chunk counts as one");
            }
            fill(incoming, &KEY).expect("is kept");
            assert_whole(&Files::open(dir.path()).expect("opens"), &KEY);
            if result.is_ok() {
                finished = true;
                break;
            }
            assert!(steps < 1000, "it never ends");
        }
        assert!(finished);
    }
}

#[test]
fn a_kill_while_a_file_is_removed_leaves_it_whole_or_gone() {
    for steps in 0..8 {
        let dir = tempfile::tempdir().expect("temporary folder");
        fill(Files::open(dir.path()).expect("opens").add().expect("begins"), &KEY).expect("kept");
        let disk = Disk { steps: Some(AtomicUsize::new(steps)) };
        let _ = Files::on(dir.path(), disk).and_then(|files| files.remove(&KEY));
        let files = Files::open(dir.path()).expect("opens after a kill");
        if files.is_whole(&KEY) {
            assert_whole(&files, &KEY);
        }
    }
}
