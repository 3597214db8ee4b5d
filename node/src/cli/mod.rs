//! The command line of `conclave`.
//!
//! Exit codes: 0 it worked; 1 it failed, or a certificate is invalid; 2 the command line was not
//! understood, or a certificate is sound but nobody vouches for its voters.

mod backup;
mod calendar;
mod clients;
mod doctor;
mod inquiry;
mod mandate;
mod mcp;
mod outbox;
mod search;
mod send;
mod token;
mod up;
mod verify;
mod vote;

use std::{path::PathBuf, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};

use crate::{
    bench,
    config::{Config, Layer},
    demo,
};

/// A node for personal assistants that find each other, talk in private while either sleeps, and
/// hand their owners decisions anyone can verify.
#[derive(Debug, Parser)]
#[command(name = "conclave", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

const EXAMPLES: &str = "\
Start here:
  conclave demo              watch five assistants find each other, talk and decide
  conclave up                run your own node
  conclave verify FILE       check a decision certificate, offline

Exit codes: 0 success; 1 failure or an invalid certificate; 2 a misused command line or a sound
certificate whose voters nobody vouches for.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a node until it is told to stop
    Up {
        #[command(flatten)]
        settings: Layer,
        /// Configuration file [default: conclave.toml in the data folder]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Stop when standard input closes, for programs that start a node
        #[arg(long, hide = true)]
        with_parent: bool,
    },
    /// Watch it happen: several nodes on this machine discover, talk and decide
    Demo(demo::Options),
    /// Check a decision certificate without network or clock
    Verify {
        /// The certificate file
        file: PathBuf,
        /// A persona whose key you know (repeatable); all voters must be known for "valid"
        #[arg(long, value_name = "DID")]
        trust: Vec<String>,
        /// Print JSON for programs
        #[arg(long)]
        json: bool,
    },
    /// Print a fresh one-time login link of the running node
    Login(clients::Target),
    /// Show what the running node knows and who it is connected to
    Status {
        #[command(flatten)]
        target: clients::Target,
        /// Print JSON for programs
        #[arg(long)]
        json: bool,
    },
    /// Say something in a conversation, with files or pictures
    Send {
        #[command(flatten)]
        target: clients::Target,
        #[command(flatten)]
        say: send::Say,
        /// Print JSON for programs
        #[arg(long)]
        json: bool,
    },
    /// Find messages by their words, newest first
    Search {
        #[command(flatten)]
        target: clients::Target,
        #[command(flatten)]
        question: search::Question,
        /// Print JSON for programs
        #[arg(long)]
        json: bool,
    },
    /// Save a file that somebody sent
    Save {
        #[command(flatten)]
        target: clients::Target,
        /// The file (its id)
        id: String,
        /// Where to; nothing is overwritten
        to: PathBuf,
    },
    /// Show what waits for somebody's node to wake, and who holds it meanwhile
    Outbox {
        #[command(flatten)]
        target: clients::Target,
        /// Try again now to reach this persona (its did:key)
        #[arg(long, value_name = "DID")]
        retry: Option<String>,
        /// Take back this message, if no copy of it has left yet
        #[arg(long, value_name = "MESSAGE", conflicts_with = "retry")]
        cancel: Option<String>,
        /// Print JSON for programs
        #[arg(long)]
        json: bool,
    },
    /// Put a question to a conversation; its members vote, and the result comes with a certificate
    Propose {
        #[command(flatten)]
        target: clients::Target,
        #[command(flatten)]
        ask: vote::Ask,
        /// Print JSON for programs
        #[arg(long)]
        json: bool,
    },
    /// Cast your ballot, once and for good
    Vote {
        #[command(flatten)]
        target: clients::Target,
        #[command(flatten)]
        ballot: vote::Ballot,
        /// Print JSON for programs
        #[arg(long)]
        json: bool,
    },
    /// Show what is being decided and what was, or one of it in full
    Decisions {
        #[command(flatten)]
        target: clients::Target,
        /// One proposal (its id)
        proposal: Option<String>,
        /// Write the certificate of a decided proposal to this file
        #[arg(long, value_name = "FILE", requires = "proposal")]
        certificate: Option<PathBuf>,
        /// Print JSON for programs
        #[arg(long)]
        json: bool,
    },
    /// Ask a conversation something that binds nobody: all at once, or one after another
    Ask {
        #[command(flatten)]
        target: clients::Target,
        #[command(flatten)]
        ask: inquiry::NewInquiry,
        /// Print JSON for programs
        #[arg(long)]
        json: bool,
    },
    /// Answer what was asked, once
    Answer {
        #[command(flatten)]
        target: clients::Target,
        #[command(flatten)]
        answer: inquiry::NewAnswer,
        /// Print JSON for programs
        #[arg(long)]
        json: bool,
    },
    /// Show what was asked and answered lately, or one of it in full
    Inquiries {
        #[command(flatten)]
        target: clients::Target,
        /// One inquiry (its id)
        inquiry: Option<String>,
        /// Print JSON for programs
        #[arg(long)]
        json: bool,
    },
    /// Read and write a persona's calendars on a CalDAV server
    #[command(subcommand)]
    Calendar(calendar::Command),
    /// Let a persona vote by itself, within limits and until a day; show and take back such mandates
    Mandate {
        #[command(subcommand)]
        action: mandate::Action,
        #[command(flatten)]
        target: clients::Target,
        /// Which of your personas, where there are several
        #[arg(long, value_name = "DID", global = true)]
        persona: Option<String>,
        /// Print JSON for programs
        #[arg(long, global = true)]
        json: bool,
    },
    /// Let an assistant you already run use your persona: a server of the Model Context Protocol
    ///
    /// It speaks on standard input and output and asks the running node for everything, within the
    /// scopes of its token. The node itself speaks the same protocol over HTTP at /mcp of its API.
    #[command(after_long_help = mcp::CONFIGURATION)]
    Mcp {
        #[command(flatten)]
        target: clients::Target,
        #[command(flatten)]
        options: mcp::Options,
    },
    /// Make, show and revoke tokens with which programs use this node
    Token {
        #[command(subcommand)]
        action: token::Action,
        #[command(flatten)]
        target: clients::Target,
        /// Print JSON for programs
        #[arg(long, global = true)]
        json: bool,
    },
    /// Say in words what keeps this node from being reached, and what to do about it
    ///
    /// Exit code 1 when something does not work.
    Doctor {
        #[command(flatten)]
        settings: Layer,
        /// Configuration file [default: conclave.toml in the data folder]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Print JSON for programs
        #[arg(long)]
        json: bool,
    },
    /// Write who your personas are and what was said to one file, under a passphrase
    ///
    /// The node must not run. What must never exist twice (keys of running groups, votes under
    /// way, mail on its way) is not in the file.
    Backup {
        /// The file to write
        file: PathBuf,
        #[command(flatten)]
        target: clients::Target,
        #[command(flatten)]
        passphrase: backup::Passphrase,
        /// Mark this folder so that no node starts there again
        #[arg(long)]
        retire: bool,
    },
    /// Make a node out of a backup, in a folder that holds none
    ///
    /// It comes back into its conversations by itself once others are awake; its old copy is
    /// locked out of them then.
    Restore {
        /// The file to read
        file: PathBuf,
        #[command(flatten)]
        target: clients::Target,
        #[command(flatten)]
        passphrase: backup::Passphrase,
    },
    /// Print every effective setting and where it comes from
    Config {
        #[command(flatten)]
        settings: Layer,
        /// Configuration file [default: conclave.toml in the data folder]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Measure direct messages or decisions between nodes on this machine, beside its raw limits
    Bench(bench::Options),
}

/// Runs the command line and reports how it went.
pub fn main() -> ExitCode {
    let Some(command) = Cli::parse().command else {
        // Printing help fails only when nobody reads it.
        let _ = Cli::command().print_help();
        return ExitCode::SUCCESS;
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(command)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    let environment = |name: &str| std::env::var(name).ok();
    match command {
        Command::Up { settings, config, with_parent } => {
            up::run(Config::load(settings, config.as_deref(), environment)?, with_parent).await
        }
        Command::Demo(options) => demo::run(options).await,
        Command::Verify { file, trust, json } => verify::run(&file, &trust, json),
        Command::Login(target) => clients::login(&target.folder(environment)?).await,
        Command::Status { target, json } => {
            clients::status(&target.folder(environment)?, json).await
        }
        Command::Send { target, say, json } => {
            send::send(&target.folder(environment)?, say, json).await
        }
        Command::Search { target, question, json } => {
            search::run(&target.folder(environment)?, question, json).await
        }
        Command::Save { target, id, to } => {
            send::save(&target.folder(environment)?, &id, &to).await
        }
        Command::Outbox { target, retry, cancel, json } => {
            let folder = target.folder(environment)?;
            outbox::run(&folder, retry.as_deref(), cancel.as_deref(), json).await
        }
        Command::Propose { target, ask, json } => {
            vote::propose(&target.folder(environment)?, ask, json).await
        }
        Command::Vote { target, ballot, json } => {
            vote::vote(&target.folder(environment)?, ballot, json).await
        }
        Command::Decisions { target, proposal, certificate, json } => {
            let folder = target.folder(environment)?;
            vote::decisions(&folder, proposal.as_deref(), certificate, json).await
        }
        Command::Ask { target, ask, json } => {
            inquiry::ask(&target.folder(environment)?, ask, json).await
        }
        Command::Answer { target, answer, json } => {
            inquiry::answer(&target.folder(environment)?, answer, json).await
        }
        Command::Inquiries { target, inquiry, json } => {
            inquiry::inquiries(&target.folder(environment)?, inquiry.as_deref(), json).await
        }
        Command::Calendar(command) => calendar::run(command, environment).await,
        Command::Mandate { action, target, persona, json } => {
            mandate::run(&target.folder(environment)?, action, persona, json).await
        }
        Command::Mcp { target, options } => {
            mcp::run(target.folder(environment)?, options, environment).await
        }
        Command::Token { action, target, json } => {
            token::run(&target.folder(environment)?, action, json).await
        }
        Command::Doctor { settings, config, json } => {
            doctor::run(&Config::load(settings, config.as_deref(), environment)?, json).await
        }
        Command::Backup { file, target, passphrase, retire } => {
            backup::create(&target.config(environment)?, &file, &passphrase, retire)
        }
        Command::Restore { file, target, passphrase } => {
            backup::restore(&target.config(environment)?, &file, &passphrase)
        }
        Command::Config { settings, config } => {
            let config = Config::load(settings, config.as_deref(), environment)?;
            for (name, value, origin) in config.provenance {
                println!("{name} = {value:?}  # {origin}");
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Bench(options) => bench::run(options).await,
    }
}
