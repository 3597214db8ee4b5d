//! Where no time suits everybody, nobody is told otherwise and nothing is booked.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use jiff::{ToSpan, Zoned, tz::TimeZone};
use serde_json::{Value, json};
use tests::{
    Setup, World, calendar,
    people::{Person, trusting},
    rest::{items, text},
    until::until,
};

use crate::verify::verify;

/// Three people who are at home on the days whose number since today, divided by three, leaves
/// `own`, and away all day on the others. Every pair of them, and so all three, never meet.
fn calendar_of(own: i64, file: &Path) -> anyhow::Result<()> {
    let today = Zoned::now().with_time_zone(TimeZone::UTC).date();
    let mut text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\n".to_owned();
    for day in (0..16i64).filter(|day| day % 3 != own) {
        let (from, to) = (today.checked_add(day.days())?, today.checked_add((day + 1).days())?);
        let (from, to) = (from.strftime("%Y%m%dT000000Z"), to.strftime("%Y%m%dT000000Z"));
        text.push_str(&format!(
            "BEGIN:VEVENT\r\nUID:away-{own}-{day}\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Away\r\n\
             DTSTART:{from}\r\nDTEND:{to}\r\nEND:VEVENT\r\n"
        ));
    }
    text.push_str("END:VCALENDAR\r\n");
    std::fs::write(file, text)?;
    Ok(())
}

struct Friends {
    world: World,
    people: Vec<Person>,
    calendars: Vec<PathBuf>,
}

impl Friends {
    /// Friends with calendars; the first is at home on the days of all of `homes[0]`.
    async fn new(names: &[&str], free: bool) -> anyhow::Result<Self> {
        let world = World::new()?;
        let mut people: Vec<Person> = Vec::new();
        let mut calendars = Vec::new();
        for (own, name) in (0i64..).zip(names) {
            let file = world.path(format!("{name}.ics"));
            match own {
                0 if free => std::fs::write(&file, "")?,
                own => calendar_of(own, &file)?,
            }
            let setup = Setup::default();
            people.push(Person::with_calendar(&world, name, setup, &file, trusting()).await?);
            calendars.push(file);
        }
        for person in &people[1..] {
            person.meet(&people[0]).await?;
        }
        Ok(Self { world, people, calendars })
    }

    fn texts(&self) -> anyhow::Result<Vec<String>> {
        Ok(self.calendars.iter().map(std::fs::read_to_string).collect::<Result<_, _>>()?)
    }

    /// Asks the first persona for a dinner with everyone and waits for what comes of it.
    async fn ask(&self) -> anyhow::Result<Value> {
        let host = &self.people[0];
        let body = json!({
            "text": "find a dinner slot next week with everyone",
            "decide_within_seconds": 240,
        });
        let task = host.post(&format!("/v1/personas/{}/tasks", host.did), body).await?;
        let path = format!("/v1/tasks/{}", text(&task, "id")?);
        until("a task ending", async || {
            let task = host.get(&path).await?;
            let over = matches!(task["state"].as_str(), Some("done" | "failed" | "question"));
            Ok(over.then_some(task))
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vote_without_a_common_time_is_certified_as_such_and_books_nothing() -> anyhow::Result<()>
{
    // Alice could always, Bob and Carol never on the same day.
    let friends = Friends::new(&["Alice", "Bob", "Carol"], true).await?;
    let before = friends.texts()?;
    let task = friends.ask().await?;
    ensure!(task["state"] == "done", "{task}");
    ensure!(task["slot"].is_null(), "{task}");
    let result = text(&task, "result")?;
    ensure!(result.contains("no time suits everyone"), "{result}");

    let proposal = text(&task, "proposal")?;
    let keys: Vec<&str> = friends.people.iter().map(|person| person.did.as_str()).collect();
    for person in &friends.people {
        let view = person.certified(&proposal).await?;
        ensure!(view["outcome"] == "no option has enough votes", "{view}");
        ensure!(view["winners"] == json!([]) && view["cast"] == 3, "{view}");
        let file = friends.world.path(format!("{}.json", person.name));
        std::fs::write(&file, person.certificate(&proposal).await?)?;
        let verdict = verify(&file, &keys).await?;
        ensure!(verdict.code == 0, "{verdict:?}");
        ensure!(verdict.output.contains("no option has enough votes"), "{verdict:?}");
        check_votes(&friends, &view)?;
        let approvals = person.get("/v1/approvals").await?;
        ensure!(approvals["approvals"] == json!([]), "nothing is to be approved: {approvals}");
    }
    ensure!(friends.texts()? == before, "nothing may be booked");
    Ok(())
}

/// Each voted for exactly the times that are free in the own calendar, by another reading of it.
fn check_votes(friends: &Friends, view: &Value) -> anyhow::Result<()> {
    let options: Vec<String> =
        items(view, "options").filter_map(|option| Some(option.as_str()?.to_owned())).collect();
    ensure!(!options.is_empty(), "{view}");
    for (person, file) in friends.people.iter().zip(&friends.calendars).skip(1) {
        let entries = calendar::entries(file, 0..i64::MAX)?;
        let mut suit = Vec::new();
        for (index, option) in options.iter().enumerate() {
            if calendar::is_free(&entries, &calendar::slot(option)?) {
                suit.push(index);
            }
        }
        ensure!(suit.len() < options.len(), "nobody but Alice can make all of them");
        let vote = items(view, "voters").find(|voter| voter["persona"] == *person.did);
        let choice = vote.map(|voter| voter["choice"].clone()).unwrap_or_default();
        ensure!(choice == json!(suit), "{} can make {suit:?} and voted {choice}", person.name);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_whose_owner_meets_nobody_ends_before_a_vote_and_says_why() -> anyhow::Result<()> {
    // Alice is only at home on days on which Bob is away.
    let friends = Friends::new(&["Alice", "Bob"], false).await?;
    let before = friends.texts()?;
    let task = friends.ask().await?;
    ensure!(task["state"] == "failed" && task["proposal"].is_null(), "{task}");
    let result = text(&task, "result")?;
    ensure!(result == "none of the times suits anybody who answered", "{result}");
    for person in &friends.people {
        let proposals = person.get("/v1/proposals").await?;
        ensure!(proposals["proposals"] == json!([]), "{proposals}");
    }
    ensure!(friends.texts()? == before, "nothing may be booked");
    Ok(())
}
