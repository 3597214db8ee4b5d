//! kill -9 at random instants, also while the ledger is opening.
//!
//! A child process works in [`crate::lanes`]. It is killed, the ledger is opened, and everything
//! it said must be there, nothing torn, and nothing missing in between. `CONCLAVE_KILLS` says how
//! often (20 an engine), `CONCLAVE_KILL_SEED` repeats a run.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use store::LedgerEngine;

use crate::{
    harness::{Place, on_both_engines},
    lanes::{self, Acknowledged},
};

on_both_engines!(what_was_acknowledged_survives_kill_9_and_nothing_is_torn);

fn start(place: &Place) -> Child {
    let mut command = Command::new(env::current_exe().expect("the test binary"));
    lanes::work_on(&mut command, place, None)
        .stdout(Stdio::piped())
        .stderr(fs::File::create(place.beside("stderr")).expect("creates"))
        .spawn()
        .expect("starts")
}

/// What a round does before it kills.
#[derive(Debug, Clone, Copy)]
enum Until {
    /// So long after the start: in the middle of opening, more often than not.
    Elapsed(Duration),
    /// So many acknowledgements, and then so long again.
    Acknowledged(u32, Duration),
}

/// Starts a child, kills it, and notes what it had acknowledged. Says whether it had opened.
fn round(place: &Place, until: Until, acknowledged: &mut Acknowledged) -> bool {
    let mut child = start(place);
    let mut lines = BufReader::new(child.stdout.take().expect("is piped")).lines();
    let (mut opened, mut count) = (false, 0);
    // The last line may be cut off; then nobody has been told.
    let mut note = |line: &str| {
        opened |= line == "opened.";
        assert!(!line.starts_with("failed") && !line.starts_with("refused"), "{line}");
        let Some(told) = lanes::acknowledgement(line) else { return false };
        lanes::note(acknowledged, told);
        true
    };
    // The instant of the kill is random on purpose: it is what is being tested.
    match until {
        Until::Elapsed(time) => std::thread::sleep(time),
        Until::Acknowledged(wanted, time) => {
            while count < wanted {
                let Some(line) = lines.next() else {
                    let said = fs::read_to_string(place.beside("stderr")).expect("reads");
                    panic!("the child ended by itself after {count}: {said}");
                };
                count += u32::from(note(&line.expect("reads")));
            }
            std::thread::sleep(time);
        }
    }
    child.kill().expect("kills");
    let status = child.wait().expect("ends");
    assert!(!status.success() && status.code().is_none(), "not killed but ended: {status}");
    for line in lines {
        note(&line.expect("reads"));
    }
    opened
}

fn what_was_acknowledged_survives_kill_9_and_nothing_is_torn(engine: LedgerEngine) {
    let number =
        |name, default| env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let rounds = number("CONCLAVE_KILLS", 20);
    let seed = number("CONCLAVE_KILL_SEED", rand::random::<u64>());
    eprintln!("{engine}: CONCLAVE_KILLS={rounds} CONCLAVE_KILL_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let place = Place::new(engine);
    let mut acknowledged = Acknowledged::default();

    // How long opening takes here, so that kills during it hit it.
    let began = Instant::now();
    let mut child = start(&place);
    let mut lines = BufReader::new(child.stdout.take().expect("is piped")).lines();
    while lines.next().expect("the child goes on").expect("reads") != "opened." {}
    let opening = began.elapsed();
    child.kill().expect("kills");
    child.wait().expect("ends");
    drop(lines);

    let (mut killed_opening, mut verified) = (0, 0);
    for n in 0..rounds {
        let until = if n % 3 == 2 {
            Until::Elapsed(opening.mul_f64(rng.gen_range(0.05..1.0)))
        } else {
            let time = Duration::from_micros(rng.gen_range(0..20_000));
            Until::Acknowledged(rng.gen_range(1..120), time)
        };
        let opened = round(&place, until, &mut acknowledged);
        killed_opening += u64::from(!opened);
        if n % 4 == 3 {
            // The next child opens what this one left, so that recovery itself is killed, too.
            continue;
        }
        acknowledged = lanes::verify(&*place.open(), &acknowledged).expect("nothing is lost");
        verified += 1;
    }
    let store = place.open();
    let reached = lanes::verify(&*store, &acknowledged).expect("nothing is lost");
    assert!(store.check(true).expect("checks").is_ok());
    eprintln!(
        "{engine}: {rounds} kills, {killed_opening} of them before it was open; \
         verified {verified} times, lanes at {reached:?}"
    );
    assert!(reached.iter().any(Option::is_some) || rounds == 0, "nothing was ever committed");
}
