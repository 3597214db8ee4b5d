//! Which calendars on servers a persona has.
//!
//! The registry lies in the data folder, readable by its owner alone, because it holds the
//! passwords. It is read anew whenever a calendar is needed, so that the running node follows.

use std::{
    io::{BufRead, IsTerminal},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail, ensure};
use connectors::caldav::{Account, Entry, Password, Registry, SCHEME};
use serde_json::{Value, json};

use super::clients::Target;
use crate::{client::Client, running::CALENDARS_FILE};

/// Longest password that is read.
const PASSWORD_BYTES_MAX: usize = 512;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Find the calendars of an account and give them to a persona
    ///
    /// The password is read from a file or from standard input, never from the command line.
    Add {
        #[command(flatten)]
        target: Target,
        /// The server, or the calendar itself: https, or http on this machine
        #[arg(long, value_name = "ADDRESS")]
        url: String,
        /// The user name at the server
        #[arg(long, value_name = "NAME")]
        user: String,
        /// A file whose first line is the password [default: standard input]
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// The persona, by handle, name or did:key [default: the only one]
        #[arg(long, value_name = "PERSONA")]
        persona: Option<String>,
        /// Only the calendar of this name (repeatable)
        #[arg(long, value_name = "NAME")]
        only: Vec<String>,
        /// Never write into these calendars
        #[arg(long)]
        read_only: bool,
    },
    /// Show which calendars the personas have
    List {
        #[command(flatten)]
        target: Target,
        /// Print JSON for programs
        #[arg(long)]
        json: bool,
    },
    /// Forget a calendar and, with its last one, the password
    Remove {
        #[command(flatten)]
        target: Target,
        /// The calendar, by its name or address
        calendar: String,
    },
}

pub(super) async fn run(
    command: Command,
    environment: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<ExitCode> {
    match command {
        Command::Add { target, url, user, password_file, persona, only, read_only } => {
            let folder = target.folder(environment)?;
            let client = Client::for_folder(&folder)?;
            let persona = find(&client, persona.as_deref()).await?;
            let account = Account::new(&url, &user, password(password_file.as_deref())?)?;
            add(&folder, &client, &persona, &account, &only, read_only).await
        }
        Command::List { target, json } => {
            let registry = Registry::load(&target.folder(environment)?.join(CALENDARS_FILE))?;
            list(&registry, json);
            Ok(ExitCode::SUCCESS)
        }
        Command::Remove { target, calendar } => {
            let file = target.folder(environment)?.join(CALENDARS_FILE);
            let mut registry = Registry::load(&file)?;
            let before = registry.calendars.len();
            registry
                .calendars
                .retain(|entry| entry.name != calendar && entry.url.as_str() != calendar);
            let removed = before - registry.calendars.len();
            ensure!(removed > 0, "no calendar is called {calendar}");
            registry.save(&file)?;
            println!("forgot {removed} calendars");
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn add(
    folder: &Path,
    client: &Client,
    persona: &str,
    account: &Account,
    only: &[String],
    read_only: bool,
) -> anyhow::Result<ExitCode> {
    let mut found = account.discover().await?;
    found.retain(|calendar| only.is_empty() || only.contains(&calendar.name));
    ensure!(!found.is_empty(), "no calendar of the account has that name");
    let file = folder.join(CALENDARS_FILE);
    let mut registry = Registry::load(&file)?;
    for calendar in &mut found {
        calendar.writable &= !read_only;
        // The same calendar once more is a new password or another permission.
        registry.calendars.retain(|entry| entry.persona != persona || entry.url != calendar.url);
        registry.calendars.push(Entry::new(persona, account, calendar));
        let may = if calendar.writable { "read and write" } else { "read only" };
        println!("{:<24} {may:<16} {}", calendar.name, calendar.url);
    }
    registry.save(&file)?;
    let path = format!("/v1/personas/{persona}");
    client.patch(&path, json!({ "calendar": format!("{SCHEME}{persona}") })).await?;
    Ok(ExitCode::SUCCESS)
}

fn list(registry: &Registry, as_json: bool) {
    if as_json {
        let entry = |entry: &Entry| {
            json!({
                "persona": entry.persona, "name": entry.name, "url": entry.url.as_str(),
                "user": entry.user, "writable": entry.writable,
            })
        };
        let calendars: Vec<Value> = registry.calendars.iter().map(entry).collect();
        println!("{:#}", json!({ "calendars": calendars }));
        return;
    }
    if registry.calendars.is_empty() {
        println!("no calendars on servers (conclave calendar add --help)");
    }
    for entry in &registry.calendars {
        let may = if entry.writable { "read and write" } else { "read only" };
        println!("{:<24} {may:<16} {}  {}", entry.name, entry.url, entry.persona);
    }
}

/// The did:key of the persona that is meant.
async fn find(client: &Client, wanted: Option<&str>) -> anyhow::Result<String> {
    let answer = client.get("/v1/personas").await?;
    let personas = answer["personas"].as_array().cloned().unwrap_or_default();
    let is = |persona: &Value, wanted: &str| {
        ["id", "handle", "name"].iter().any(|field| persona[*field] == *wanted)
    };
    let meant: Vec<&Value> = match wanted {
        Some(wanted) => personas.iter().filter(|persona| is(persona, wanted)).collect(),
        None => personas.iter().collect(),
    };
    match meant[..] {
        [one] => Ok(one["id"].as_str().context("the persona has no id")?.to_owned()),
        [] => bail!("there is no such persona"),
        _ => bail!("several personas are meant; say which with --persona"),
    }
}

fn password(file: Option<&Path>) -> anyhow::Result<Password> {
    let mut line = String::new();
    match file {
        Some(file) => {
            let opened = std::fs::File::open(file);
            let opened = opened.with_context(|| format!("cannot read {}", file.display()))?;
            read_line(std::io::BufReader::new(opened), &mut line)?;
        }
        None => {
            if std::io::stdin().is_terminal() {
                eprint!("password (it will be seen as you type; --password-file hides it): ");
            }
            read_line(std::io::stdin().lock(), &mut line)?;
        }
    }
    Ok(Password::new(line))
}

fn read_line(from: impl BufRead, line: &mut String) -> anyhow::Result<()> {
    let most = u64::try_from(PASSWORD_BYTES_MAX + 3).unwrap_or(u64::MAX);
    from.take(most).read_line(line).context("the password cannot be read")?;
    let length = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(length);
    ensure!(!line.is_empty(), "the password is empty");
    Ok(())
}
