//! Calendars on a server that others wrote: found, followed, written under conditions, and booked
//! into by a node.

use std::{collections::BTreeMap, fs, path::Path, process::Stdio};

use anyhow::{Context, ensure};
use connectors::caldav::{Account, CaldavError, Collection, Found, Mirror, Password};
use jiff::{ToSpan, Zoned, tz::TimeZone};
use personas::{Booking, Calendar, TimeRange};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tests::{
    Setup, World, binaries, calendar,
    people::{Person, trusting},
    planted,
    radicale::{PASSWORD, Radicale, USER},
    rest::{items, text},
    until::until,
};
use tokio::io::AsyncWriteExt;

const HOUR_MS: u64 = 3_600_000;
/// Tuesday, 1 December 2026, 00:00 UTC.
const DECEMBER_MS: u64 = 1_796_083_200_000;

fn account(server: &Radicale, password: &str) -> Account {
    Account::new(&server.url(), USER, Password::new(password.into())).unwrap()
}

async fn open(server: &Radicale, name: &str) -> anyhow::Result<Collection> {
    let account = account(server, PASSWORD);
    let found = account.discover().await?;
    let found = found.iter().find(|found| found.url.path().ends_with(&format!("/{name}/")));
    Ok(account.open(found.context("the calendar is not found")?)?)
}

fn booking(uid: &str, hour: u64) -> Booking {
    let range = TimeRange::starting(DECEMBER_MS + hour * HOUR_MS, 60);
    Booking {
        uid: uid.into(),
        title: "Dinner, with \u{fc}mlauts; and <signs>".into(),
        range,
        zone: "Europe/Berlin".into(),
        attendees: vec!["Bob".into()],
        decision: "ab12".into(),
        stamp_ms: DECEMBER_MS,
    }
}

fn event(uid: &str, lines: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
         DTSTAMP:20260101T000000Z\r\n{lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calendars_are_found_from_the_bare_address_of_the_server() -> anyhow::Result<()> {
    let world = World::new()?;
    let name = "calendars_are_found_from_the_bare_address_of_the_server";
    let Some(server) = Radicale::start(&world.path("radicale"), name).await? else { return Ok(()) };
    server.make_calendar("home").await?;
    server.make_public(&[])?;
    let mut found = account(&server, PASSWORD).discover().await?;
    found.sort_by_key(|found| found.url.to_string());
    let short: Vec<(&str, bool)> = found.iter().map(|f| (f.url.path(), f.writable)).collect();
    ensure!(short == [("/alice/home/", true), ("/alice/public/", false)], "{found:?}");

    // The calendar's own address, and its home's, lead there too.
    for path in ["alice/home/", "alice/"] {
        let url = format!("{}{path}", server.url());
        let near = Account::new(&url, USER, Password::new(PASSWORD.into()))?.discover().await?;
        ensure!(near.iter().any(|near| near.url == found[0].url), "{path}: {near:?}");
    }

    let wrong = account(&server, "wrong horse").discover().await;
    ensure!(matches!(wrong, Err(CaldavError::Unauthorised)), "{wrong:?}");
    let public = account(&server, PASSWORD).open(&found[1])?;
    let refused = public.book(&booking("x@conclave", 9)).await;
    ensure!(matches!(refused, Err(CaldavError::ReadOnly)), "{refused:?}");
    // Even where we do not know it beforehand, the server says so.
    let forced = Found { writable: true, ..found[1].clone() };
    let refused = account(&server, PASSWORD).open(&forced)?.book(&booking("x@conclave", 9)).await;
    ensure!(matches!(refused, Err(CaldavError::ReadOnly)), "{refused:?}");
    let gone = Account::new("http://127.0.0.1:9/", USER, Password::new(PASSWORD.into()))?;
    let refused = gone.discover().await;
    ensure!(matches!(refused, Err(CaldavError::Unreachable { .. })), "{refused:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_is_held_then_confirmed_or_released_and_never_over_a_change() -> anyhow::Result<()> {
    let world = World::new()?;
    let name = "a_time_is_held_then_confirmed_or_released_and_never_over_a_change";
    let Some(server) = Radicale::start(&world.path("radicale"), name).await? else { return Ok(()) };
    server.make_calendar("home").await?;
    let home = open(&server, "home").await?;
    let read = || -> anyhow::Result<Vec<String>> {
        let mut texts = Vec::new();
        for file in fs::read_dir(server.files("home"))? {
            let path = file?.path();
            if path.extension().is_some_and(|ending| ending == "ics") {
                texts.push(fs::read_to_string(path)?);
            }
        }
        Ok(texts)
    };

    let held = home.hold(&booking("a@conclave", 18)).await?;
    ensure!(read()?.len() == 1 && read()?[0].contains("STATUS:TENTATIVE"), "{:?}", read()?);
    ensure!(
        home.hold(&booking("a@conclave", 18)).await?.url == held.url,
        "held twice is held once"
    );
    let confirmed = home.confirm(&held).await?;
    ensure!(read()?.len() == 1 && read()?[0].contains("STATUS:CONFIRMED"), "{:?}", read()?);
    // The hold of before is not what lies there any more.
    let stale = home.release(&held).await;
    ensure!(held.etag.is_none() || matches!(stale, Err(CaldavError::Changed)), "{stale:?}");
    home.release(&confirmed).await?;
    ensure!(read()?.is_empty(), "{:?}", read()?);
    home.release(&confirmed).await?;

    // Somebody moves the event: neither confirming nor releasing undoes that.
    let held = home.hold(&booking("b@conclave", 20)).await?;
    let moved =
        event("b@conclave", "SUMMARY:Mine\r\nDTSTART:20261205T090000Z\r\nDTEND:20261205T100000Z");
    let path = held.url.path().trim_start_matches("/alice/").to_owned();
    server.put(&path, &moved).await?;
    for refused in [home.confirm(&held).await.map(|_| ()), home.release(&held).await] {
        ensure!(matches!(refused, Err(CaldavError::Changed)), "{refused:?}");
    }
    ensure!(read()?[0].contains("SUMMARY:Mine"), "{:?}", read()?);

    // Booked again after a crash is booked once; a place taken by another event is not taken over.
    home.book(&booking("c@conclave", 9)).await?;
    home.book(&booking("c@conclave", 9)).await?;
    ensure!(read()?.len() == 2, "{:?}", read()?);
    server.put("home/d-conclave.ics", &event("other", "DTSTART:20261206T090000Z")).await?;
    let taken = home.book(&booking("d@conclave", 9)).await;
    ensure!(matches!(taken, Err(CaldavError::Changed)), "{taken:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_asks_only_for_what_changed() -> anyhow::Result<()> {
    let world = World::new()?;
    let name = "a_copy_asks_only_for_what_changed";
    let Some(server) = Radicale::start(&world.path("radicale"), name).await? else { return Ok(()) };
    server.make_calendar("home").await?;
    let home = open(&server, "home").await?;
    let mut copy = Mirror::default();
    ensure!(copy.sync(&home).await? == 0 && copy.is_empty());
    let times = |hour: u32| {
        format!("DTSTART:20261201T{hour:02}0000Z\r\nDTEND:20261201T{:02}0000Z", hour + 1)
    };
    for n in 0..120 {
        server.put(&format!("home/{n}.ics"), &event(&n.to_string(), &times(n % 20))).await?;
    }
    ensure!(copy.sync(&home).await? == 120 && copy.len() == 120, "{}", copy.len());
    ensure!(copy.sync(&home).await? == 0, "nothing changed");
    server
        .put("home/7.ics", &event("7", "DTSTART:20261209T090000Z\r\nDTEND:20261209T100000Z"))
        .await?;
    server.delete("home/8.ics").await?;
    ensure!(copy.sync(&home).await? == 2 && copy.len() == 119, "{}", copy.len());
    let text = Mirror::text([&copy])?;
    ensure!(text.contains("20261209T090000Z") && !text.contains("UID:8\r\n"));
    let busy = Calendar::parse(&text)?
        .busy(TimeRange { start_ms: DECEMBER_MS, end_ms: DECEMBER_MS + 240 * HOUR_MS }, "UTC")?;
    ensure!(busy.iter().any(|range| range.start_ms == DECEMBER_MS + (8 * 24 + 9) * HOUR_MS));

    // The calendar is made anew, and its old words for how far we have read mean nothing.
    server.delete("home/").await?;
    server.make_calendar("home").await?;
    server.put("home/new.ics", &event("new", &times(9))).await?;
    copy.sync(&home).await?;
    ensure!(copy.len() == 1, "{}", copy.len());
    Ok(())
}

/// How many random calendars the two readings are compared on.
const CALENDARS: &str = "CONCLAVE_FREE_BUSY_CALENDARS";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn busy_times_are_those_the_server_itself_reports() -> anyhow::Result<()> {
    let world = World::new()?;
    let name = "busy_times_are_those_the_server_itself_reports";
    let Some(server) = Radicale::start(&world.path("radicale"), name).await? else { return Ok(()) };
    let count = std::env::var(CALENDARS).ok().map_or(Ok(30), |count| count.parse::<u64>())?;
    let window = TimeRange { start_ms: DECEMBER_MS, end_ms: DECEMBER_MS + 60 * 24 * HOUR_MS };
    server.make_calendar("random").await?;
    let random = open(&server, "random").await?;
    let mut copy = Mirror::default();
    let mut ranges = 0;
    for seed in 0..count {
        let text = random_calendar(&mut StdRng::seed_from_u64(seed));
        server.put("random/", &text).await?;
        let reported = free_busy_ranges(&random.free_busy(window).await?, &window)?;
        copy.sync(&random).await?;
        let read = Calendar::parse(&Mirror::text([&copy])?)?.busy(window, "UTC")?;
        ranges += read.len();
        ensure!(read == reported, "seed {seed}\n{text}\nours {read:?}\nradicale's {reported:?}");
    }
    println!("{count} calendars, {ranges} busy ranges, all as Radicale reports them");
    ensure!(ranges > 0, "nothing was compared");
    Ok(())
}

/// Events of all kinds that a server can expand: single, whole days, recurring with exceptions,
/// transparent and cancelled ones.
fn random_calendar(random: &mut StdRng) -> String {
    let mut text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\n".to_owned();
    for number in 0..random.gen_range(1..8) {
        let day: usize = random.gen_range(1..28);
        let (hour, minutes) = (random.gen_range(0..22), random.gen_range(1..8) * 15);
        let start = format!("202612{day:02}T{hour:02}0000");
        let mut lines = match random.gen_range(0..10) {
            0 => format!(
                "DTSTART;VALUE=DATE:202612{day:02}\r\nDTEND;VALUE=DATE:202612{:02}",
                day + 1
            ),
            _ => format!("DTSTART:{start}Z\r\nDURATION:PT{minutes}M"),
        };
        let is_whole = lines.contains("VALUE=DATE");
        if !is_whole && random.gen_bool(0.6) {
            let rule = match random.gen_range(0..5) {
                0 => format!("FREQ=DAILY;COUNT={}", random.gen_range(1..20)),
                // A rule that its own first day does not fit means nothing certain (RFC 5545, 3.8.5.3).
                1 => {
                    let own = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"][day % 7];
                    let other = ["SU", "MO", "TU", "WE", "TH", "FR", "SA"][day % 7];
                    format!("FREQ=WEEKLY;BYDAY={own},{other};COUNT={}", random.gen_range(1..15))
                }
                2 => format!(
                    "FREQ=WEEKLY;INTERVAL=2;UNTIL=202701{:02}T000000Z",
                    random.gen_range(1..28)
                ),
                3 => format!("FREQ=MONTHLY;BYMONTHDAY={day};COUNT=3"),
                _ => format!("FREQ=DAILY;INTERVAL={};COUNT=8", random.gen_range(2..6)),
            };
            lines.push_str(&format!("\r\nRRULE:{rule}"));
            if random.gen_bool(0.4) {
                lines.push_str(&format!("\r\nEXDATE:{start}Z"));
            }
        }
        match random.gen_range(0..8) {
            0 => lines.push_str("\r\nTRANSP:TRANSPARENT"),
            1 => lines.push_str("\r\nSTATUS:CANCELLED"),
            2 => lines.push_str("\r\nSTATUS:TENTATIVE"),
            _ => {}
        }
        text.push_str(&format!(
            "BEGIN:VEVENT\r\nUID:{number}\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:x\r\n{lines}\r\nEND:VEVENT\r\n"
        ));
    }
    text + "END:VCALENDAR\r\n"
}

/// The busy times of a VFREEBUSY, within a window, as few ranges as possible.
fn free_busy_ranges(text: &str, window: &TimeRange) -> anyhow::Result<Vec<TimeRange>> {
    let mut ranges = Vec::new();
    let text = text.replace("\r\n ", "");
    for line in text.lines().filter(|line| line.starts_with("FREEBUSY")) {
        let (name, periods) = line.split_once(':').context("no periods")?;
        if name.contains("FBTYPE=FREE") {
            continue;
        }
        for period in periods.trim().split(',') {
            let (from, to) = period.split_once('/').context("no period")?;
            let at = |text: &str| -> anyhow::Result<u64> {
                let civil =
                    jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", text.trim_end_matches('Z'))?;
                Ok(u64::try_from(civil.to_zoned(TimeZone::UTC)?.timestamp().as_millisecond())?)
            };
            let range = TimeRange { start_ms: at(from)?, end_ms: at(to)? };
            ranges.extend(range.overlap(window));
        }
    }
    Ok(TimeRange::merged(ranges))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_meeting_is_booked_through_nodes_into_a_server() -> anyhow::Result<()> {
    let world = World::new()?;
    let name = "a_meeting_is_booked_through_nodes_into_a_server";
    let Some(server) = Radicale::start(&world.path("radicale"), name).await? else { return Ok(()) };
    server.make_calendar("home").await?;
    // She is away on every other day by one calendar, and on Mondays by the other.
    let today = Zoned::now().with_time_zone(TimeZone::UTC).date();
    let away = |uid: String, day: i64| -> anyhow::Result<String> {
        let (from, to) = (today.checked_add(day.days())?, today.checked_add((day + 1).days())?);
        let (from, to) = (from.strftime("%Y%m%d"), to.strftime("%Y%m%d"));
        Ok(event(&uid, &format!("SUMMARY:Away\r\nDTSTART:{from}T000000Z\r\nDTEND:{to}T000000Z")))
    };
    for day in (0..16i64).step_by(2) {
        server.put(&format!("home/away{day}.ics"), &away(format!("away{day}"), day)?).await?;
    }
    let mondays = (0..16i64).find(|day| {
        today
            .checked_add(day.days())
            .is_ok_and(|date| date.weekday() == jiff::civil::Weekday::Monday)
    });
    let monday = today.checked_add(mondays.context("no Monday")?.days())?;
    let tuesday = monday.tomorrow()?.strftime("%Y%m%d");
    let monday = monday.strftime("%Y%m%d");
    let mondays = format!(
        "SUMMARY:Choir\r\nDTSTART:{monday}T000000Z\r\nDTEND:{tuesday}T000000Z\r\nRRULE:FREQ=WEEKLY;COUNT=5"
    );
    server.make_public(&[&event("choir", &mondays)])?;

    let nothing = world.path("bob.ics");
    fs::write(&nothing, "")?;
    let mut settings = trusting();
    settings["zone"] = json!("UTC");
    let alice =
        Person::with_calendar(&world, "Alice", Setup::default(), &nothing, settings.clone())
            .await?;
    let bob = Person::with_calendar(&world, "Bob", Setup::default(), &nothing, settings).await?;
    alice.meet(&bob).await?;

    let refused =
        conclave_calendar(&alice, &["add", "--url", &server.url(), "--user", USER], "wrong")
            .await?;
    ensure!(refused.contains("does not accept"), "{refused}");
    let added =
        conclave_calendar(&alice, &["add", "--url", &server.url(), "--user", USER], PASSWORD)
            .await?;
    ensure!(added.contains("read and write") && added.contains("read only"), "{added}");
    let listed: Value =
        serde_json::from_str(&conclave_calendar(&alice, &["list", "--json"], "").await?)?;
    ensure!(items(&listed, "calendars").count() == 2, "{listed}");

    let body = json!({ "text": "dinner next week with Bob", "decide_within_seconds": 240 });
    let task = alice.post(&format!("/v1/personas/{}/tasks", alice.did), body).await?;
    let path = format!("/v1/tasks/{}", text(&task, "id")?);
    let task = until("a task ending", async || {
        let task = alice.get(&path).await?;
        let over = matches!(task["state"].as_str(), Some("done" | "failed" | "question"));
        Ok(over.then_some(task))
    })
    .await?;
    ensure!(task["state"] == "done", "{task}");
    let proposal = text(&task, "proposal")?;

    // Read back from the server's own files, by another parser.
    let now = i64::try_from(DECEMBER_MS)? / 1_000_000_000_000;
    let window = now..i64::MAX / 4;
    let mut entries: BTreeMap<String, calendar::Entry> = BTreeMap::new();
    let mut others = Vec::new();
    for calendar in ["home", "public"] {
        for file in fs::read_dir(server.files(calendar))? {
            let path = file?.path();
            if path.extension().is_none_or(|ending| ending != "ics") {
                continue;
            }
            for entry in calendar::entries(&path, window.clone())? {
                match &entry.decision {
                    Some(decision) => {
                        ensure!(calendar == "home", "booked where it may not be");
                        entries.insert(decision.clone(), entry);
                    }
                    None => others.push(entry),
                }
            }
        }
    }
    let booked = entries.get(&proposal).context("the meeting is not on the server")?;
    ensure!(entries.len() == 1, "{entries:?}");
    ensure!(calendar::is_free(&others, &booked.time), "{booked:?} {others:?}");

    // The password lies in one file that only its owner can read.
    let secret = PASSWORD.as_bytes();
    for file in planted::files(alice.node.folder())? {
        let found = fs::read(&file)?.windows(secret.len()).any(|window| window == secret);
        ensure!(found == file.ends_with("calendars.toml"), "{}", file.display());
    }
    check_private(&alice.node.data().join("calendars.toml"))?;
    let removed = conclave_calendar(&alice, &["remove", "alice/public"], "").await?;
    ensure!(removed.contains("forgot 1"), "{removed}");
    Ok(())
}

fn check_private(file: &Path) -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(file)?.permissions().mode();
        ensure!(mode & 0o777 == 0o600, "{mode:o}");
    }
    Ok(())
}

/// What `conclave calendar` prints when it is given a password on its standard input.
async fn conclave_calendar(who: &Person, args: &[&str], password: &str) -> anyhow::Result<String> {
    let mut child = binaries::command(binaries::conclave()?)
        .args(["calendar", args[0], "--data-dir"])
        .arg(who.node.data())
        .args(&args[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    // A command that fails early does not read it.
    let _ = stdin.write_all(format!("{password}\n").as_bytes()).await;
    drop(stdin);
    let output = child.wait_with_output().await?;
    let both = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&both).into_owned())
}
