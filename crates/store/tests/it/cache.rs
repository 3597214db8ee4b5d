//! The cache: forgetful, and never in the way.

use std::{fs, path::Path};

use store::{CACHE_VALUE_BYTES_MAX, Cache, CacheOpenError, CacheTable, PutError, RootKey};

use crate::harness::{files_in, found_in_files, key, noise};

const MARKER: &[u8] = b"an address nobody else on this machine should see";

fn open(dir: &Path) -> Cache {
    Cache::open(dir, &key()).expect("the cache opens")
}

fn fill(cache: &Cache) {
    for n in 0u16..500 {
        let value = noise(n.into(), 1000);
        cache.put(CacheTable::Record, &n.to_be_bytes(), &value).expect("puts");
    }
    cache.put(CacheTable::PeerAddress, b"peer", MARKER).expect("puts");
}

#[test]
fn what_was_put_is_there_after_reopening_in_the_order_of_its_keys() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    fill(&open(dir.path()));
    let cache = open(dir.path());
    assert_eq!(cache.get(CacheTable::PeerAddress, b"peer").as_deref(), Some(MARKER));
    let mut after = None;
    let mut met = 0u16;
    loop {
        let rows = cache.scan(CacheTable::Record, after.as_deref(), 64);
        let Some((last, _)) = rows.last() else { break };
        after = Some(last.clone());
        for (key, value) in rows {
            assert_eq!(key, met.to_be_bytes()[..]);
            assert_eq!(value, noise(met.into(), 1000));
            met += 1;
        }
    }
    assert_eq!(met, 500);
    cache.remove(CacheTable::PeerAddress, b"peer");
    assert_eq!(cache.get(CacheTable::PeerAddress, b"peer"), None);
    assert_eq!(cache.get(CacheTable::Presence, b"peer"), None);
    assert_eq!(cache.resets(), 0);
}

#[test]
fn a_removed_folder_costs_only_its_contents() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("cache");
    fill(&open(&path));
    fs::remove_dir_all(&path).expect("removes");
    let cache = open(&path);
    assert_eq!(cache.get(CacheTable::PeerAddress, b"peer"), None);
    fill(&cache);
    assert_eq!(cache.get(CacheTable::PeerAddress, b"peer").as_deref(), Some(MARKER));
}

#[test]
fn however_its_files_are_damaged_it_opens_and_works() {
    for seed in 0..12u64 {
        let dir = tempfile::tempdir().expect("a temporary folder");
        fill(&open(dir.path()));
        for (n, file) in (0u64..).zip(files_in(dir.path())) {
            let len = fs::metadata(&file).expect("is there").len();
            let len = usize::try_from(len).expect("fits");
            let mut bytes = fs::read(&file).expect("reads");
            match seed % 4 {
                0 => bytes = noise(seed + n, len),
                1 => bytes.truncate(len / 2),
                2 => bytes.clear(),
                _ => {
                    for position in (usize::try_from(seed).expect("fits")..len).step_by(97) {
                        bytes[position] ^= 0xff;
                    }
                }
            }
            fs::write(&file, bytes).expect("damages");
        }
        let cache = open(dir.path());
        // Whatever is still there is what was put.
        for n in 0u16..500 {
            if let Some(value) = cache.get(CacheTable::Record, &n.to_be_bytes()) {
                assert_eq!(value, noise(n.into(), 1000));
            }
        }
        fill(&cache);
        assert_eq!(cache.get(CacheTable::PeerAddress, b"peer").as_deref(), Some(MARKER));
        drop(cache);
        let cache = open(dir.path());
        assert_eq!(cache.get(CacheTable::PeerAddress, b"peer").as_deref(), Some(MARKER));
        assert_eq!(cache.resets(), 0, "it was repaired for good");
    }
}

#[test]
fn a_cache_of_another_key_starts_empty_and_shows_nothing() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    fill(&open(dir.path()));
    assert!(!found_in_files(dir.path(), MARKER));
    let cache = Cache::open(dir.path(), &RootKey::from_bytes([1; 32])).expect("opens");
    assert_eq!(cache.resets(), 1);
    assert_eq!(cache.get(CacheTable::PeerAddress, b"peer"), None);
    assert!(cache.scan(CacheTable::Record, None, 10).is_empty());
}

#[test]
fn a_cache_that_has_grown_too_large_starts_empty() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    fill(&open(dir.path()));
    let cache = Cache::open_with(dir.path(), &key(), 1024 * 1024, 100_000).expect("opens");
    assert_eq!(cache.resets(), 1);
    assert_eq!(cache.get(CacheTable::PeerAddress, b"peer"), None);
}

#[test]
fn limits_are_named_when_they_are_exceeded() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let cache = open(dir.path());
    let largest = noise(1, CACHE_VALUE_BYTES_MAX);
    cache.put(CacheTable::Card, &[1; 512], &largest).expect("at the limit");
    assert_eq!(cache.get(CacheTable::Card, &[1; 512]), Some(largest.into()));
    let long_key = cache.put(CacheTable::Card, &[1; 513], b"");
    assert_eq!(long_key, Err(PutError::KeyTooLong(513)));
    let long_value = cache.put(CacheTable::Card, b"key", &[0; CACHE_VALUE_BYTES_MAX + 1]);
    let error = long_value.expect_err("refuses");
    assert_eq!(error.to_string(), "value of 4097 bytes, at most 4096 allowed");
}

#[test]
fn full_tables_of_the_largest_values_leave_no_blob() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let cache = open(dir.path());
    for n in 0u64..600 {
        let value = noise(n, CACHE_VALUE_BYTES_MAX);
        let key = noise(n, 512);
        cache.put(CacheTable::Record, &key, &value).expect("puts");
    }
    drop(cache);
    let blobs = dir.path().join("cache-1/blobs");
    assert_eq!(fs::read_dir(blobs).expect("lists").count(), 0);
}

#[test]
fn a_second_owner_is_refused_and_an_unusable_folder_is_an_error() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("cache");
    let first = open(&path);
    let error = Cache::open(&path, &key()).expect_err("refuses");
    assert!(matches!(error, CacheOpenError::InUse { .. }), "{error}");
    drop(first);
    let file = dir.path().join("file");
    fs::write(&file, b"a file where the folder should be").expect("writes");
    let error = Cache::open(&file, &key()).expect_err("refuses");
    assert!(matches!(error, CacheOpenError::Unusable { .. }), "{error}");
}
