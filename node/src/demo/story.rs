//! The story of the demo, step by step.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use jiff::{Zoned, civil::Weekday, tz::TimeZone};
use protocol::{
    decision::{self, TrustAnchors, Verdict},
    identity::{NodeKey, PersonaId},
};
use rand::Rng;
use serde_json::{Value, json};

use super::{
    Options,
    calendars::fortnight,
    owner::{Owner, owners},
    process::Process,
    report::Report,
    sleep,
};
use crate::client::Client;

/// How long the personas may take to decide. Owners would give them longer; viewers would not.
const DECIDE_WITHIN_SECONDS: u64 = 16;
/// A step that takes longer than this has failed.
const STEP_TIME_MAX: Duration = Duration::from_secs(90);
/// Between two looks at a node for something that has no event of its own.
const POLL: Duration = Duration::from_millis(50);

/// Everyone and everything that runs.
pub(super) struct Cast {
    pub(super) members: Vec<Member>,
    /// Nodes without personas that hold what waits for sleepers.
    mailboxes: Vec<Process>,
    bootstrap: network::Handle,
    /// What every node of an owner is told when it starts.
    pub(super) settings: Vec<String>,
}

/// An owner, a persona, a node.
pub(super) struct Member {
    pub(super) owner: Owner,
    pub(super) folder: PathBuf,
    calendar: PathBuf,
    pub(super) process: Option<Process>,
    pub(super) did: String,
    handle: String,
}

impl Member {
    pub(super) fn client(&self) -> anyhow::Result<&Client> {
        let process = self.process.as_ref();
        Ok(&process.with_context(|| format!("{}'s node sleeps", self.owner.name))?.client)
    }
}

impl Cast {
    /// Stops every node.
    pub(super) async fn stop(self) {
        for member in self.members {
            if let Some(process) = member.process {
                process.stop().await;
            }
        }
        for mailbox in self.mailboxes {
            mailbox.stop().await;
        }
        self.bootstrap.shutdown().await;
    }

    /// A login link for each owner.
    pub(super) async fn links(&self) -> anyhow::Result<Vec<(String, String)>> {
        let mut links = Vec::new();
        for member in &self.members {
            let client = member.client()?;
            let answer = client.post("/v1/login-codes", json!({})).await?;
            let link = format!("{}/#login={}", client.base(), text(&answer, "code")?);
            links.push((member.owner.name.clone(), link));
        }
        Ok(links)
    }
}

/// Tells the whole story; an error says which step did not hold.
pub(super) async fn tell(
    options: &Options,
    out: &Path,
    report: &mut Report,
) -> anyhow::Result<Cast> {
    let mut cast = raise_curtain(options, out, report).await?;
    discover(&cast, report).await?;
    meet(&cast, report).await?;
    let group = talk(&cast, report).await?;
    let sleeper = cast.members.len() - 1;
    // Of two, neither can decide while the other sleeps.
    let early = cast.members.len() > 2;
    if early {
        sleep::put_to_sleep(&mut cast, sleeper, report).await?;
    }
    let proposal = decide(&cast, report).await?;
    if !early {
        sleep::put_to_sleep(&mut cast, sleeper, report).await?;
    }
    sleep::wake(&mut cast, sleeper, &group, &proposal, report).await?;
    let slot = certify(&cast, &proposal, out, report).await?;
    check_calendars(&cast, &proposal, slot.as_deref(), sleeper, report).await?;
    report.line(&format!("results in {}", out.display()));
    Ok(cast)
}

/// Starts the rendezvous and every node, and makes the personas.
async fn raise_curtain(options: &Options, out: &Path, report: &mut Report) -> anyhow::Result<Cast> {
    let (bootstrap, mut events) = network::start(
        &NodeKey::from_seed(&rand::thread_rng().r#gen()),
        network::Config {
            listen: vec!["/ip4/127.0.0.1/udp/0/quic-v1".into(), "/ip4/127.0.0.1/tcp/0".into()],
            ..network::Config::rendezvous()
        },
    )?;
    let mut addresses = Vec::new();
    while addresses.len() < 2 {
        match events.next().await {
            Some(network::Event::Listening { address }) => addresses.push(address),
            Some(_) => {}
            None => bail!("the rendezvous did not start"),
        }
    }
    tokio::spawn(async move { while events.next().await.is_some() {} });
    report.step("network", "a rendezvous listens; it will see addresses, never words");
    let mut settings: Vec<String> =
        addresses.iter().flat_map(|address| ["--bootstrap", address]).map(str::to_owned).collect();
    let mailboxes = sleep::mailboxes(out, &mut settings, report).await?;

    let now = Zoned::now();
    let mut members = Vec::new();
    for (index, owner) in owners(usize::from(options.nodes)).into_iter().enumerate() {
        let calendar = out.join(format!("{}.ics", owner.name.to_lowercase()));
        let local = now.with_time_zone(TimeZone::get(owner.zone)?);
        std::fs::write(&calendar, fortnight(&owner, index, options.seed, &local))?;
        let folder = out.join("nodes").join(owner.name.to_lowercase());
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        let process = Process::start(&folder, &settings).await?;
        let persona = process
            .client
            .post(
                "/v1/personas",
                json!({
                    "name": owner.name,
                    "calendar": calendar,
                    "settings": {
                        "zone": owner.zone,
                        "latest_minute": 23 * 60 + 30,
                        "auto_schedule": true,
                        "auto_vote": true,
                        "auto_book": true,
                    },
                }),
            )
            .await?;
        let (did, handle) = (text(&persona, "id")?, text(&persona, "handle")?);
        members.push(Member { owner, folder, calendar, process: Some(process), did, handle });
    }
    let names: Vec<&str> = members.iter().map(|member| member.owner.name.as_str()).collect();
    report.step("nodes", &format!("{} run: {}", members.len(), names.join(", ")));
    report.result("personas", json!(members.iter().map(|m| &m.did).collect::<Vec<_>>()));
    Ok(Cast { members, mailboxes, bootstrap, settings })
}

/// The first owner finds every other persona by its handle, through the DHT.
async fn discover(cast: &Cast, report: &mut Report) -> anyhow::Result<()> {
    let alice = cast.members[0].client()?;
    for member in &cast.members[1..] {
        let path = format!("/v1/discover?handle={}", member.handle.replace('#', "%23"));
        let found = until("discovery", async || {
            // A card may still be on its way into the DHT.
            Ok(alice.get(&path).await.ok())
        })
        .await?;
        ensure!(text(&found, "persona")? == member.did, "{} leads elsewhere", member.handle);
    }
    let handles: Vec<&str> = cast.members[1..].iter().map(|m| m.handle.as_str()).collect();
    report.step("discovery", &format!("found by handle: {}", handles.join(", ")));
    Ok(())
}

/// Everyone accepts an invite of the first owner.
async fn meet(cast: &Cast, report: &mut Report) -> anyhow::Result<()> {
    let alice = &cast.members[0];
    for member in &cast.members[1..] {
        let invite = alice.client()?.post("/v1/invites", json!({ "persona": alice.did })).await?;
        let invite = text(&invite, "invite")?;
        let body = json!({ "persona": member.did, "invite": invite });
        member.client()?.post("/v1/contacts", body).await?;
    }
    for member in &cast.members[1..] {
        for client in [alice.client()?, member.client()?] {
            until("meeting", async || {
                let contacts = client.get("/v1/contacts").await?;
                let met = items(&contacts, "contacts").any(|contact| {
                    let pair = [&contact["owner"], &contact["persona"]];
                    contact["state"] == "established"
                        && pair.iter().all(|id| **id == alice.did || **id == member.did)
                });
                Ok(met.then_some(()))
            })
            .await?;
        }
    }
    let count = cast.members.len() - 1;
    report.step("contacts", &format!("{count} invites accepted, keys pinned on both sides"));
    Ok(())
}

/// One encrypted group; everyone says a line and everyone has every line.
async fn talk(cast: &Cast, report: &mut Report) -> anyhow::Result<String> {
    let alice = &cast.members[0];
    let others: Vec<&str> = cast.members[1..].iter().map(|m| m.did.as_str()).collect();
    let kind = if others.len() == 1 { "direct" } else { "group" };
    let mut body = json!({ "persona": alice.did, "kind": kind, "members": others });
    if kind == "group" {
        body["title"] = json!("Friends");
    }
    let group = text(&alice.client()?.post("/v1/conversations", body).await?, "id")?;
    for member in &cast.members {
        let client = member.client()?;
        until("joining", async || Ok(client.get(&format!("/v1/conversations/{group}")).await.ok()))
            .await?;
    }
    report.step("group", &format!("an MLS group of {} is open", cast.members.len()));
    let path = format!("/v1/conversations/{group}/messages");
    for member in &cast.members {
        let line = format!("{} is here.", member.owner.name);
        member.client()?.post(&path, json!({ "text": line })).await?;
    }
    for member in &cast.members {
        let client = member.client()?;
        until("talking", async || {
            let page = client.get(&path).await?;
            let texts = items(&page, "messages").filter(|message| message["kind"] == "text");
            Ok((texts.count() >= cast.members.len()).then_some(()))
        })
        .await?;
    }
    let count = cast.members.len();
    report.step(
        "words",
        &format!("{count} messages, each encrypted end to end, each on {count} disks"),
    );
    Ok(group)
}

/// The first owner asks in plain words; the personas do the rest.
async fn decide(cast: &Cast, report: &mut Report) -> anyhow::Result<String> {
    let alice = &cast.members[0];
    let zone = TimeZone::get(alice.owner.zone)?;
    let today = Zoned::now().with_time_zone(zone).weekday();
    // On a Friday "this week" has too little left of it for a dinner with everyone.
    let week = match today {
        Weekday::Monday | Weekday::Tuesday | Weekday::Wednesday | Weekday::Thursday => "this week",
        _ => "next week",
    };
    let wish = format!("find a dinner slot {week} with everyone");
    report.line(&format!("Alice: \"{wish}\""));
    let body = json!({ "text": wish, "decide_within_seconds": DECIDE_WITHIN_SECONDS });
    let path = format!("/v1/personas/{}/tasks", alice.did);
    let task = text(&alice.client()?.post(&path, body).await?, "id")?;
    let path = format!("/v1/tasks/{task}");
    let mut told = 0;
    let done = until("deciding", async || {
        let task = alice.client()?.get(&path).await?;
        let steps: Vec<String> =
            items(&task, "steps").filter_map(|s| s["text"].as_str().map(str::to_owned)).collect();
        for step in steps.iter().skip(told) {
            report.line(step);
        }
        told = steps.len();
        let over = matches!(task["state"].as_str(), Some("done" | "failed" | "question"));
        Ok(over.then_some(task))
    })
    .await?;
    ensure!(done["state"] == "done", "the task ended in: {}", done["result"]);
    let proposal = text(&done, "proposal")?;
    report.step("decision", done["result"].as_str().unwrap_or_default());
    report.result("task", done);
    Ok(proposal)
}

/// Writes the certificate and verifies it as a stranger would, with the voters' keys.
async fn certify(
    cast: &Cast,
    proposal: &str,
    out: &Path,
    report: &mut Report,
) -> anyhow::Result<Option<String>> {
    let path = format!("/v1/proposals/{proposal}/certificate");
    let file = cast.members[0].client()?.get_text(&path).await?;
    std::fs::write(out.join("certificate.json"), &file)?;
    let mut trust = Vec::new();
    for member in &cast.members {
        trust.push(member.did.parse::<PersonaId>()?);
    }
    let trust = TrustAnchors::new(trust);
    let certificate = decision::read_json(file.as_bytes())?;
    let Verdict::Valid(verified) = decision::verify(&certificate, &trust) else {
        bail!("the certificate does not verify");
    };
    for member in &cast.members {
        let theirs = decision::read_json(member.client()?.get_text(&path).await?.as_bytes())?;
        let Verdict::Valid(other) = decision::verify(&theirs, &trust) else {
            bail!("{}'s certificate does not verify", member.owner.name);
        };
        ensure!(other.digest == verified.digest, "{} has another result", member.owner.name);
    }
    let proposal = certificate.proposal();
    let outcome = engine::outcome_in_words(&verified.result.outcome, &proposal.options);
    let (cast, electorate) = (verified.result.cast, verified.result.electorate);
    report.step("verify", &format!("valid: {cast} of {electorate} voted; {outcome}"));
    let by = certificate.cast_by();
    let words = "by personas under their owners' mandates";
    report.line(&format!("{} votes {words}, {} by owners themselves", by.persona, by.owner));
    report.line(&format!("conclave verify {}", out.join("certificate.json").display()));
    let slot = match &verified.result.outcome {
        decision::Outcome::Winners { options, .. } => {
            options.first().and_then(|i| proposal.options.get(usize::from(*i))).cloned()
        }
        _ => None,
    };
    report.result("outcome", json!(outcome));
    report.result("slot", json!(slot));
    report.result("certificate", json!(out.join("certificate.json")));
    Ok(slot)
}

/// Each calendar has the event; the sleeper's has it unless its owner is busy then, and then its
/// owner is asked.
async fn check_calendars(
    cast: &Cast,
    proposal: &str,
    slot: Option<&str>,
    sleeper: usize,
    report: &mut Report,
) -> anyhow::Result<()> {
    let Some(_) = slot else {
        report.step("calendars", "nothing to book: no time suited everyone who voted");
        return Ok(());
    };
    let mut booked = BTreeMap::new();
    for (index, member) in cast.members.iter().enumerate() {
        let client = member.client()?;
        let outcome = until("booking", async || {
            if std::fs::read_to_string(&member.calendar)?.contains(proposal) {
                return Ok(Some("booked"));
            }
            let approvals = client.get("/v1/approvals").await?;
            let asked = items(&approvals, "approvals").any(|a| a["kind"] == "booking");
            Ok((asked && index == sleeper).then_some("busy then; its owner is asked"))
        })
        .await?;
        booked.insert(member.owner.name.clone(), outcome);
    }
    let words: Vec<_> = booked.iter().map(|(name, outcome)| format!("{name} {outcome}")).collect();
    report.step("calendars", &words.join(", "));
    report.result("calendars", json!(booked));
    Ok(())
}

/// Looks again until there is something, or the step has taken too long.
pub(super) async fn until<T>(
    step: &str,
    mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if began.elapsed() > STEP_TIME_MAX {
            bail!("{step} took longer than {} seconds", STEP_TIME_MAX.as_secs());
        }
        tokio::time::sleep(POLL).await;
    }
}

pub(super) fn text(value: &Value, field: &str) -> anyhow::Result<String> {
    let text = value.get(field).and_then(Value::as_str);
    Ok(text.with_context(|| format!("the node's answer has no {field}"))?.to_owned())
}

pub(super) fn items<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}
