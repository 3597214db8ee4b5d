//! One node sleeps through the most important part, and misses nothing.

use std::path::Path;

use anyhow::Context;
use futures::future::try_join_all;
use serde_json::json;

use super::{
    process::Process,
    report::Report,
    story::{Cast, items, text, until},
};

/// Where sleepers' messages wait. Two of three are enough, so one may fail.
const MAILBOXES: usize = 3;

/// Starts the mailboxes, and tells every node of them that starts with these settings.
pub(super) async fn mailboxes(
    out: &Path,
    settings: &mut Vec<String>,
    report: &mut Report,
) -> anyhow::Result<Vec<Process>> {
    let told: Vec<String> =
        settings.iter().cloned().chain(["--mailbox-serve".into(), "true".into()]).collect();
    let told = &told;
    let start = |number: usize| async move {
        let folder = out.join("mailboxes").join(number.to_string());
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        Process::start(&folder, told).await
    };
    let mailboxes = try_join_all((1..=MAILBOXES).map(start)).await?;
    for mailbox in &mailboxes {
        let network = until("a mailbox listening", async || {
            let network = mailbox.client.get("/v1/network").await?;
            Ok((items(&network, "addresses").count() >= 2).then_some(network))
        })
        .await?;
        let addresses = items(&network, "addresses").filter_map(|address| address.as_str());
        settings.extend(addresses.flat_map(|address| ["--mailbox", address]).map(str::to_owned));
    }
    let words = format!("{MAILBOXES} nodes hold sealed envelopes for sleepers; no names on them");
    report.step("mailboxes", &words);
    Ok(mailboxes)
}

pub(super) async fn put_to_sleep(
    cast: &mut Cast,
    sleeper: usize,
    report: &mut Report,
) -> anyhow::Result<()> {
    let member = &mut cast.members[sleeper];
    if let Some(process) = member.process.take() {
        process.stop().await;
    }
    report.step("sleep", &format!("{}'s node is switched off", member.owner.name));
    Ok(())
}

/// The sleeper wakes, gets everything it missed, and reaches the same decision. One who wrote to
/// it is gone by then, so what it gets of that owner came from mailboxes.
pub(super) async fn wake(
    cast: &mut Cast,
    sleeper: usize,
    group: &str,
    proposal: &str,
    report: &mut Report,
) -> anyhow::Result<()> {
    let writer = usize::from(sleeper > 1);
    let line = leave_a_line(cast, writer, sleeper, group, report).await?;
    if let Some(process) = cast.members[writer].process.take() {
        process.stop().await;
    }
    start(cast, sleeper).await?;
    let client = cast.members[sleeper].client()?;
    let path = format!("/v1/messages/{line}");
    until("mail", async || Ok(client.get(&path).await.ok())).await?;
    let [from, to] = [writer, sleeper].map(|index| cast.members[index].owner.name.clone());
    report.step("mail", &format!("{from}'s node is off; {to} wakes and has {from}'s line"));
    start(cast, writer).await?;

    let client = cast.members[sleeper].client()?;
    let path = format!("/v1/proposals/{proposal}");
    let view = until("waking", async || {
        let view = client.get(&path).await.ok();
        Ok(view.filter(|view| view["certified"] == true))
    })
    .await?;
    let page = client.get(&format!("/v1/conversations/{group}/messages?limit=200")).await?;
    let missed = items(&page, "messages").count();
    let member = &cast.members[sleeper];
    let voted = items(&view, "voters")
        .any(|voter| voter["persona"] == member.did.as_str() && !voter["choice"].is_null());
    let vote =
        if voted { "its vote counts" } else { "it did not vote, and the certificate says so" };
    let name = &member.owner.name;
    report.step("waking", &format!("{name} has all {missed} messages and the decision; {vote}"));
    report.result("sleeper", json!({ "persona": member.did, "voted": voted }));
    Ok(())
}

/// Says something in the group and waits until mailboxes hold it for the sleeper.
async fn leave_a_line(
    cast: &Cast,
    writer: usize,
    sleeper: usize,
    group: &str,
    report: &mut Report,
) -> anyhow::Result<String> {
    let [writer, sleeper] = [writer, sleeper].map(|index| &cast.members[index]);
    let client = writer.client()?;
    let body = json!({ "text": format!("{}, you were missed.", sleeper.owner.name) });
    let said = client.post(&format!("/v1/conversations/{group}/messages"), body).await?;
    let line = text(&said, "id")?;
    let path = format!("/v1/messages/{line}");
    let held = until("mailboxes holding a line", async || {
        let message = client.get(&path).await?;
        let mut deliveries = items(&message, "deliveries");
        let delivery = deliveries.find(|delivery| delivery["recipient"] == sleeper.did.as_str());
        let held = delivery.context("the sleeper is a recipient")?["mailboxes"]["held"].as_u64();
        Ok(held.filter(|held| *held >= 2))
    })
    .await?;
    let [from, to] = [writer, sleeper].map(|member| &member.owner.name);
    report.step("left", &format!("{held} of {MAILBOXES} mailboxes hold a line of {from} for {to}"));
    Ok(line)
}

async fn start(cast: &mut Cast, index: usize) -> anyhow::Result<()> {
    let member = &mut cast.members[index];
    member.process = Some(Process::start(&member.folder, &cast.settings).await?);
    Ok(())
}
