//! `conclave demo` as a script runs it, and an outsider's judgement of what it leaves behind.

use std::{
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, ensure};
use protocol::{
    decision::{self, TrustAnchors, Verdict},
    identity::PersonaId,
};
use serde_json::Value;
use tests::{
    World, binaries, calendar,
    rest::{items, text},
};

use crate::verify::verify;

/// What one run of the demo left behind.
struct Told {
    out: PathBuf,
    report: Value,
    /// Name and key of everyone, the first owner first.
    people: Vec<(String, String)>,
}

impl Told {
    /// Runs the demo; every step of its story must have held.
    async fn run(world: &World, name: &str, arguments: &[&str]) -> anyhow::Result<Self> {
        let out = world.path(name);
        let began = Instant::now();
        let output = binaries::command(binaries::conclave()?)
            .args(["demo", "--once", "--json", "--out"])
            .arg(&out)
            .args(arguments)
            .kill_on_drop(true)
            .output()
            .await?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "demo {arguments:?}: {errors}");
        let report: Value = serde_json::from_slice(&output.stdout)?;
        ensure!(report["ok"] == true, "{report}");
        let steps = items(&report, "steps");
        let names = steps.filter(|step| step["step"] == "nodes").find_map(|step| {
            Some(step["detail"].as_str()?.split_once(": ")?.1.split(", ").map(str::to_owned))
        });
        let keys = items(&report["results"], "personas").filter_map(Value::as_str);
        let people: Vec<(String, String)> =
            names.context("no names")?.zip(keys.map(str::to_owned)).collect();
        let outcome = &report["results"]["outcome"];
        println!("demo {arguments:?}: {outcome} in {:.1} s", began.elapsed().as_secs_f32());
        Ok(Self { out, report, people })
    }

    fn certificate(&self) -> PathBuf {
        self.out.join("certificate.json")
    }

    fn calendar(&self, name: &str) -> PathBuf {
        self.out.join(format!("{}.ics", name.to_lowercase()))
    }

    fn keys(&self) -> Vec<&str> {
        self.people.iter().map(|(_, key)| key.as_str()).collect()
    }

    /// Everything an outsider can hold against it.
    async fn judge(&self, members: usize) -> anyhow::Result<()> {
        ensure!(self.people.len() == members, "{:?}", self.people);
        let keys = self.keys();
        let known = verify(&self.certificate(), &keys).await?;
        ensure!(known.code == 0, "{known:?}");
        let outcome = text(&self.report["results"], "outcome")?;
        ensure!(known.output.contains(&outcome), "{outcome} is not what {known:?} says");
        let unknown = verify(&self.certificate(), &keys[1..]).await?;
        ensure!(unknown.code == 2, "{unknown:?}");
        self.judge_calendars()
    }

    /// Nobody voted for a time that was taken, and everybody who could has the event.
    fn judge_calendars(&self) -> anyhow::Result<()> {
        let file: Value = serde_json::from_str(&std::fs::read_to_string(self.certificate())?)?;
        let now = jiff::Timestamp::now().as_millisecond();
        let window = now - 30 * 86_400_000..now + 60 * 86_400_000;
        let mut calendars = BTreeMap::new();
        for (name, key) in &self.people {
            let entries = calendar::entries(&self.calendar(name), window.clone())?;
            ensure!(entries.len() > 5, "{name} has a believable fortnight");
            calendars.insert(key.as_str(), entries);
        }
        let voters: Vec<&Value> = items(&file, "votes").collect();
        ensure!(voters.len() + 1 >= self.people.len(), "only the sleeper may miss the vote");
        for vote in &voters {
            let entries = &calendars[text(vote, "voter")?.as_str()];
            for choice in items(vote, "choice").filter_map(Value::as_str) {
                let slot = calendar::slot(choice)?;
                ensure!(calendar::is_free(entries, &slot), "{choice} is taken for {vote}");
            }
        }
        let proposal = text(&file, "proposal")?;
        match self.report["results"]["slot"].as_str() {
            Some(slot) => {
                ensure!(file["winners"] == serde_json::json!([slot]), "{file}");
                let everybody = voters.iter().all(|vote| items(vote, "choice").any(|c| c == slot));
                ensure!(everybody, "{slot} does not suit everybody who voted: {voters:?}");
                self.judge_bookings(&calendars, &proposal, &calendar::slot(slot)?)
            }
            None => {
                ensure!(file["outcome"] != "winners", "{file}");
                let booked = calendars.values().flatten().find(|entry| entry.decision.is_some());
                ensure!(booked.is_none(), "nothing was agreed, and there is {booked:?}");
                Ok(())
            }
        }
    }

    fn judge_bookings(
        &self,
        calendars: &BTreeMap<&str, Vec<calendar::Entry>>,
        proposal: &str,
        slot: &Range<i64>,
    ) -> anyhow::Result<()> {
        for (name, key) in &self.people {
            let entries = &calendars[key.as_str()];
            let booked: Vec<_> = entries.iter().filter(|e| e.decision.is_some()).collect();
            let free = calendar::is_free(entries, slot);
            let told = &self.report["results"]["calendars"][name];
            ensure!((told == "booked") == free, "{name}: free {free}, and {told}");
            ensure!(booked.len() == usize::from(free), "{name}: free {free}, and {booked:?}");
            for entry in booked {
                ensure!(entry.time == *slot, "{name} has {entry:?}");
                ensure!(entry.decision.as_deref() == Some(proposal), "{name} has {entry:?}");
            }
        }
        Ok(())
    }
}

/// Bytes put in place of each byte of a certificate file: a near miss, a blank, a digit, what
/// else may stand in JSON, and what may not stand in text at all.
fn replacements(byte: u8) -> impl Iterator<Item = u8> {
    [byte ^ 1, byte ^ 0x20, b' ', b'0', b'"', 0xff].into_iter().filter(move |other| *other != byte)
}

/// Changes every byte of a certificate file in turn; none may go unnoticed.
fn every_changed_byte_is_noticed(file: &Path, keys: &[&str]) -> anyhow::Result<()> {
    let original = std::fs::read(file)?;
    let keys: Vec<PersonaId> = keys.iter().map(|key| key.parse()).collect::<Result<_, _>>()?;
    let trust = TrustAnchors::new(keys);
    let passes = |bytes: &[u8]| {
        let read = decision::read_json(bytes);
        read.is_ok_and(|read| !matches!(decision::verify(&read, &trust), Verdict::Invalid(_)))
    };
    ensure!(passes(&original), "the file itself must hold");
    let threads = std::thread::available_parallelism()?.get();
    let share = original.len().div_ceil(threads);
    let tried: usize = std::thread::scope(|scope| {
        let check = |positions: Range<usize>| {
            let mut bytes = original.clone();
            let mut tried = 0;
            for at in positions {
                for other in replacements(original[at]) {
                    bytes[at] = other;
                    ensure!(!passes(&bytes), "byte {at} may be {other:#04x} unnoticed");
                    tried += 1;
                }
                bytes[at] = original[at];
            }
            Ok(tried)
        };
        let shares = (0..original.len()).step_by(share);
        let shares = shares.map(|from| from..(from + share).min(original.len()));
        let running: Vec<_> = shares.map(|share| scope.spawn(move || check(share))).collect();
        running
            .into_iter()
            .map(|one| one.join().expect("it does not panic"))
            .sum::<anyhow::Result<usize>>()
    })?;
    println!("{tried} changes of {} bytes, all noticed", original.len());
    Ok(())
}

/// The same with the program people have, for a few positions.
async fn the_program_notices_too(told: &Told) -> anyhow::Result<()> {
    const SAMPLES: usize = 20;
    let original = std::fs::read(told.certificate())?;
    let keys = told.keys();
    for sample in 0..SAMPLES {
        let at = sample * (original.len() - 1) / (SAMPLES - 1);
        let mut bytes = original.clone();
        bytes[at] ^= 1;
        let file = told.out.join("changed.json");
        std::fs::write(&file, bytes)?;
        let verdict = verify(&file, &keys).await?;
        ensure!(verdict.code == 1, "byte {at}: {verdict:?}");
    }
    for length in [0, 1, original.len() / 2, original.len() - 1] {
        let file = told.out.join("short.json");
        std::fs::write(&file, &original[..length])?;
        let verdict = verify(&file, &keys).await?;
        ensure!(verdict.code == 1, "cut off after {length} bytes: {verdict:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_holds_for_anyone_who_checks_it() -> anyhow::Result<()> {
    let world = World::new()?;
    let five = async {
        let told = Told::run(&world, "five", &[]).await?;
        told.judge(5).await?;
        anyhow::Ok(told)
    };
    let three = async {
        let told = Told::run(&world, "three", &["--nodes", "3"]).await?;
        told.judge(3).await?;
        anyhow::Ok(told)
    };
    let (five, three) = tokio::try_join!(five, three)?;
    the_program_notices_too(&five).await?;
    tokio::task::spawn_blocking(move || {
        every_changed_byte_is_noticed(&three.certificate(), &three.keys())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_holds_with_nine_nodes() -> anyhow::Result<()> {
    let world = World::new()?;
    Told::run(&world, "nine", &["--nodes", "9"]).await?.judge(9).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_holds_with_other_calendars() -> anyhow::Result<()> {
    let world = World::new()?;
    let run = async |seed: &str| {
        Told::run(&world, seed, &["--nodes", "4", "--seed", seed]).await?.judge(4).await
    };
    tokio::try_join!(run("2"), run("7"), run("4242"))?;
    Ok(())
}
