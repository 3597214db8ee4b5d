//! The connector against real files.

use std::{fs, path::PathBuf, process::Command, sync::Barrier, thread};

use personas::{Booking, Calendar, TimeRange};
use tempfile::TempDir;

use super::{BookError, Booked, IcsFile, ReadError};

const HOUR_MS: u64 = 3_600_000;

/// 2026-12-01, midnight UTC.
const DAY_MS: u64 = 1_796_083_200_000;

fn booking(uid: &str, hour: u64) -> Booking {
    Booking {
        uid: uid.into(),
        title: "Dinner".into(),
        range: TimeRange::starting(DAY_MS + hour * HOUR_MS, 60),
        zone: "Europe/Berlin".into(),
        attendees: vec!["Bob".into()],
        decision: "00ff".into(),
        stamp_ms: DAY_MS,
    }
}

fn fresh() -> (TempDir, IcsFile) {
    let folder = tempfile::tempdir().unwrap();
    let file = IcsFile::new(folder.path().join("calendar.ics"));
    (folder, file)
}

/// How many separate hours of the day are taken.
fn taken(file: &IcsFile) -> usize {
    let window = TimeRange { start_ms: DAY_MS, end_ms: DAY_MS + 40 * 24 * HOUR_MS };
    let calendar = Calendar::parse(&file.read().unwrap()).unwrap();
    calendar.busy(window, "UTC").unwrap().len()
}

/// Files beside the calendar, without the lock.
fn leftovers(folder: &TempDir) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|ending| ending == "tmp")).collect()
}

#[test]
fn no_file_is_an_empty_calendar_and_booking_makes_one() {
    let (folder, file) = fresh();
    assert_eq!(file.read().unwrap(), "");
    assert_eq!(file.book(&booking("a", 19)).unwrap(), Booked::Written);
    assert_eq!(taken(&file), 1);
    assert_eq!(leftovers(&folder), Vec::<PathBuf>::new());
}

#[test]
fn booking_twice_writes_once() {
    let (_folder, file) = fresh();
    file.book(&booking("a", 19)).unwrap();
    let once = file.read().unwrap();
    assert_eq!(file.book(&booking("a", 19)).unwrap(), Booked::AlreadyThere);
    assert_eq!(file.read().unwrap(), once);
}

#[test]
fn what_is_no_readable_calendar_is_refused_and_left_alone() {
    let (folder, file) = fresh();
    let as_folder = IcsFile::new(folder.path());
    assert!(matches!(as_folder.read(), Err(ReadError::NotAFile(_))));
    assert!(matches!(IcsFile::new("/dev/null").read(), Err(ReadError::NotAFile(_))));

    fs::write(file.path(), [0xff, 0xfe]).unwrap();
    assert!(matches!(file.read(), Err(ReadError::NotText(_))));
    assert!(matches!(file.book(&booking("a", 19)), Err(BookError::Read(_))));

    fs::write(file.path(), "no calendar").unwrap();
    assert!(matches!(file.book(&booking("a", 19)), Err(BookError::Calendar(_))));
    assert_eq!(fs::read(file.path()).unwrap(), b"no calendar");

    // Sparse, so that the size alone decides and nothing is read.
    fs::File::create(file.path()).unwrap().set_len(1 << 40).unwrap();
    assert!(matches!(file.read(), Err(ReadError::TooLarge { .. })));
}

#[cfg(unix)]
#[test]
fn the_mode_is_kept_and_a_new_file_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |file: &IcsFile| fs::metadata(file.path()).unwrap().permissions().mode() & 0o777;
    let (_folder, file) = fresh();
    file.book(&booking("a", 19)).unwrap();
    assert_eq!(mode(&file), 0o600);
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o640)).unwrap();
    file.book(&booking("b", 21)).unwrap();
    assert_eq!(mode(&file), 0o640);
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link() {
    let (folder, file) = fresh();
    file.book(&booking("a", 19)).unwrap();
    let link = folder.path().join("link.ics");
    std::os::unix::fs::symlink(file.path(), &link).unwrap();
    let linked = IcsFile::new(&link);
    assert_eq!(linked.book(&booking("b", 21)).unwrap(), Booked::Written);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(taken(&file), 2);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_without_waiting_for_its_other_end() {
    let (folder, _) = fresh();
    let pipe = folder.path().join("pipe.ics");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(matches!(IcsFile::new(&pipe).read(), Err(ReadError::NotAFile(_))));
}

#[test]
fn a_change_by_another_program_is_kept() {
    let (folder, file) = fresh();
    file.book(&booking("a", 1)).unwrap();
    let mut changes = 0;
    // Another program saves the file between our reading and our replacing, three times.
    let mut meddle = || {
        if changes < 3 {
            changes += 1;
            let text = fs::read_to_string(file.path()).unwrap();
            let uid = format!("other{changes}");
            let text = personas::book(&text, &booking(&uid, 3 + 2 * changes)).unwrap();
            fs::write(file.path(), text).unwrap();
        }
    };
    assert_eq!(file.book_noticing(&booking("b", 15), &mut meddle).unwrap(), Booked::Written);
    assert_eq!(taken(&file), 5);
    assert_eq!(leftovers(&folder), Vec::<PathBuf>::new());
}

#[test]
fn a_file_that_never_rests_is_given_up_on_and_left_alone() {
    let (folder, file) = fresh();
    let mut length = 0;
    let mut meddle = || {
        length += 1;
        let padding = "X-PAD:1\r\n".repeat(length);
        fs::write(file.path(), format!("BEGIN:VCALENDAR\r\n{padding}END:VCALENDAR\r\n")).unwrap();
    };
    let given_up = file.book_noticing(&booking("b", 15), &mut meddle);
    assert!(matches!(given_up, Err(BookError::Contended { .. })), "{given_up:?}");
    assert_eq!(taken(&file), 0);
    assert_eq!(leftovers(&folder), Vec::<PathBuf>::new());
}

#[test]
fn concurrent_bookings_are_all_kept() {
    let (folder, file) = fresh();
    let start = Barrier::new(16);
    thread::scope(|scope| {
        for number in 0..16 {
            let (file, start) = (&file, &start);
            scope.spawn(move || {
                start.wait();
                file.book(&booking(&format!("uid{number}"), 2 * number)).unwrap();
            });
        }
    });
    assert_eq!(taken(&file), 16);
    assert_eq!(leftovers(&folder), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn bookings_from_async_tasks_are_all_kept() {
    let (_folder, file) = fresh();
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let file = file.clone();
            let booking = booking(&format!("uid{number}"), 2 * number);
            tokio::spawn(async move { file.book_async(booking).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), Booked::Written);
    }
    let text = file.read_async().await.unwrap();
    assert_eq!(Calendar::parse(&text).unwrap().len(), 8);
}

/// Names the calendar for the child processes of the tests below.
const CHILD: &str = "CONNECTORS_TEST_CALENDAR";

/// Not a test of its own: what the children of the tests below run.
#[test]
fn child_process() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let file = IcsFile::new(path);
    match std::env::var("CONNECTORS_TEST_UID") {
        Ok(uid) => {
            let hour = uid.parse::<u64>().unwrap() * 2;
            file.book(&booking(&uid, hour)).unwrap();
        }
        // Dies with the temporary file written and the calendar not yet replaced.
        Err(_) => {
            let _ = file.book_noticing(&booking("killed", 5), &mut || std::process::abort());
        }
    }
}

fn child(file: &IcsFile) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "calendar::tests::child_process"]).env(CHILD, file.path());
    child
}

#[test]
fn a_process_that_is_killed_in_between_leaves_the_calendar_whole() {
    let (folder, file) = fresh();
    file.book(&booking("a", 1)).unwrap();
    let before = file.read().unwrap();
    let killed = child(&file).output().unwrap();
    assert!(!killed.status.success(), "the child was to abort");
    assert_eq!(file.read().unwrap(), before);
    assert_eq!(leftovers(&folder).len(), 1, "the child died before it replaced the calendar");
    // The next booking takes the lock the dead process held, and clears up after it.
    assert_eq!(file.book(&booking("b", 3)).unwrap(), Booked::Written);
    assert_eq!(taken(&file), 2);
    assert_eq!(leftovers(&folder), Vec::<PathBuf>::new());
}

#[test]
fn bookings_of_several_processes_are_all_kept() {
    let (_folder, file) = fresh();
    let children: Vec<_> = (0..6)
        .map(|number| child(&file).env("CONNECTORS_TEST_UID", number.to_string()).spawn().unwrap())
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(taken(&file), 6);
}
