//! What personas may vote on by themselves.

use std::{path::Path, process::ExitCode, time::SystemTime};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::client::Client;

/// What to do with mandates.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// Let a persona vote by itself: on times, unless said otherwise
    Grant {
        /// For how many days
        #[arg(long, value_name = "DAYS", default_value_t = 90,
            value_parser = clap::value_parser!(u32).range(1..=366))]
        days: u32,
        /// Only in this conversation [default: everywhere]
        #[arg(long, value_name = "CONVERSATION")]
        conversation: Option<String>,
        /// On any question, rather than on times alone
        #[arg(long)]
        any: bool,
        /// On questions decided so (repeatable) [default: approval]
        #[arg(long = "method", value_name = "METHOD",
            value_parser = ["threshold", "approval", "score", "suitability", "ranked", "consent", "veto"])]
        methods: Vec<String>,
    },
    /// Show what your personas may vote on
    List {
        /// Those that ended too
        #[arg(long)]
        all: bool,
    },
    /// Take a mandate back; what was voted stays voted
    Revoke {
        /// Its number
        number: u64,
    },
}

pub(super) async fn run(
    folder: &Path,
    action: Action,
    persona: Option<String>,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let client = Client::for_folder(folder)?;
    let persona = whose(&client, persona).await?;
    let path = format!("/v1/personas/{persona}/mandates");
    match action {
        Action::Grant { days, conversation, any, methods } => {
            let mut body = json!({ "expires_at": in_days(days)? });
            if let Some(conversation) = conversation {
                body["conversation"] = conversation.into();
            }
            if any {
                body["topic"] = "any".into();
            }
            if !methods.is_empty() {
                body["methods"] = methods.into();
            }
            print(&client.post(&path, body).await?, as_json);
        }
        Action::List { all } => {
            let answer = client.get(&path).await?;
            if as_json {
                println!("{answer:#}");
                return Ok(ExitCode::SUCCESS);
            }
            let mandates = answer["mandates"].as_array().into_iter().flatten();
            let mut shown = mandates.filter(|one| all || one["state"] == "standing").peekable();
            if shown.peek().is_none() {
                println!("it asks before each vote");
            }
            shown.for_each(|one| print(one, false));
        }
        Action::Revoke { number } => {
            print(&client.delete(&format!("{path}/{number}")).await?, as_json);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The persona named, or the only one there is.
async fn whose(client: &Client, persona: Option<String>) -> anyhow::Result<String> {
    if let Some(persona) = persona {
        return Ok(persona);
    }
    let all = client.get("/v1/personas").await?;
    match all["personas"].as_array().map(Vec::as_slice) {
        Some([only]) => Ok(text(only, "id").to_owned()),
        Some([]) | None => bail!("there is no persona yet"),
        Some(_) => bail!("several personas live here; name one with --persona"),
    }
}

fn print(mandate: &Value, as_json: bool) {
    if as_json {
        println!("{mandate:#}");
        return;
    }
    let number = mandate["number"].as_u64().unwrap_or_default();
    let (state, covers) = (text(mandate, "state"), text(mandate, "covers"));
    println!("{number:>4}  {state:<8}  {covers}; until {}", text(mandate, "expires_at"));
}

/// That many days from now, in milliseconds since the Unix epoch.
fn in_days(days: u32) -> anyhow::Result<u64> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.context("the clock is before 1970")?.as_millis();
    Ok(u64::try_from(now)? + u64::from(days) * 24 * 60 * 60 * 1000 - 1000)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}
