//! What waits for somebody's node to wake.

use std::{path::Path, process::ExitCode};

use serde_json::{Value, json};

use crate::client::Client;

pub(super) async fn run(
    folder: &Path,
    retry: Option<&str>,
    cancel: Option<&str>,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let client = Client::for_folder(folder)?;
    if let Some(recipient) = retry {
        client.post(&format!("/v1/queue/{recipient}/retry"), json!({})).await?;
        println!("trying again to reach {recipient}");
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(message) = cancel {
        client.post(&format!("/v1/messages/{message}/cancel"), json!({})).await?;
        println!("taken back; nobody got a copy");
        return Ok(ExitCode::SUCCESS);
    }
    let queue = client.get("/v1/queue").await?;
    if as_json {
        println!("{queue:#}");
    } else {
        print(&queue);
    }
    Ok(ExitCode::SUCCESS)
}

fn print(queue: &Value) {
    let recipients = queue["recipients"].as_array().cloned().unwrap_or_default();
    if recipients.is_empty() {
        println!("nothing waits: everything has arrived");
        return;
    }
    for waiting in &recipients {
        let (name, online) = (text(waiting, "name"), waiting["online"] == true);
        let count = |field: &str| waiting[field].as_u64().unwrap_or_default();
        let seen = match waiting["last_seen_at"].as_str() {
            _ if online => "connected".to_owned(),
            Some(at) => format!("last seen {at}"),
            None => "not seen yet".to_owned(),
        };
        println!(
            "{name:<20} {} envelopes since {}; {} held by {} mailboxes; {seen}",
            count("envelopes"),
            text(waiting, "oldest_at"),
            count("stored"),
            count("mailboxes"),
        );
        println!("{:<20} {}", "", text(waiting, "recipient"));
    }
    for message in queue["messages"].as_array().into_iter().flatten() {
        let waiting = message["waiting"].as_array().map_or(0, Vec::len);
        let state = if message["cancellable"] == true { "not sent yet" } else { "on its way" };
        println!(
            "message {}  {}  for {waiting}, {state}",
            text(message, "message"),
            text(message, "created_at")
        );
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}
