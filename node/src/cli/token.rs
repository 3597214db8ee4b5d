//! Tokens for programs that use the running node.

use std::{path::Path, process::ExitCode, time::SystemTime};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::client::Client;

/// What to do with tokens.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// Make a token and print it; it is shown this once
    Create {
        /// What will use it, such as "backup script"
        name: String,
        /// What it may do (repeatable): read, send, vote, admin
        #[arg(long = "scope", value_name = "SCOPE", required = true,
            value_parser = ["read", "send", "vote", "admin"])]
        scopes: Vec<String>,
        /// Until when it works [default: until it is revoked]
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: Option<u32>,
        /// Print what an MCP client wants in its configuration, with the token in it
        #[arg(long)]
        mcp: bool,
        /// With --mcp: which of your personas, by did:key, handle or name, where there are several
        #[arg(long, value_name = "PERSONA", requires = "mcp")]
        persona: Option<String>,
    },
    /// Show the tokens that work, without themselves
    List,
    /// Take a token back, at once
    Revoke {
        /// Its name or id
        token: String,
    },
}

pub(super) async fn run(folder: &Path, action: Action, as_json: bool) -> anyhow::Result<ExitCode> {
    let client = Client::for_folder(folder)?;
    match action {
        Action::Create { name, scopes, days, mcp, persona } => {
            let mut body = json!({ "name": name, "scopes": scopes });
            if let Some(days) = days {
                body["expires_at"] = in_days(days)?.into();
            }
            let made = client.post("/v1/tokens", body).await?;
            match (mcp, as_json) {
                (true, _) => {
                    let token = text(&made, "token");
                    println!("{:#}", super::mcp::configuration(folder, token, persona)?);
                }
                (false, true) => println!("{made:#}"),
                (false, false) => println!("{}", text(&made, "token")),
            }
        }
        Action::List => {
            let all = client.get("/v1/tokens").await?;
            if as_json {
                println!("{all:#}");
                return Ok(ExitCode::SUCCESS);
            }
            let tokens = all["tokens"].as_array().cloned().unwrap_or_default();
            if tokens.is_empty() {
                println!("no program has a token");
            }
            for token in &tokens {
                let scopes: Vec<&str> = token["scopes"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                let until = match token["expires_at"].as_str() {
                    Some(at) => format!("until {at}"),
                    None => "until revoked".to_owned(),
                };
                println!(
                    "{}  {:<20} {:<16} {until}",
                    text(token, "id"),
                    text(token, "name"),
                    scopes.join(",")
                );
            }
        }
        Action::Revoke { token } => {
            let all = client.get("/v1/tokens").await?;
            let mut found = all["tokens"].as_array().into_iter().flatten();
            let meant = found.find(|one| one["id"] == token[..] || one["name"] == token[..]);
            let Some(meant) = meant else { bail!("no token is called {token:?}") };
            client.delete(&format!("/v1/tokens/{}", text(meant, "id"))).await?;
            println!("revoked {:?}", text(meant, "name"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// That many days from now, in milliseconds since the Unix epoch.
fn in_days(days: u32) -> anyhow::Result<u64> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.context("the clock is before 1970")?.as_millis();
    Ok(u64::try_from(now)? + u64::from(days) * 24 * 60 * 60 * 1000)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}
