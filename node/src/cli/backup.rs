//! Backups: making one, and a node out of one.

use std::{
    fs::File,
    io::{self, BufRead, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, ensure};

use crate::{
    backup::{self, PASSPHRASE_BYTES_MAX, PASSPHRASE_CHARS_MIN},
    config::Config,
};

/// Where the passphrase comes from.
#[derive(Debug, clap::Args)]
pub(super) struct Passphrase {
    /// Read the passphrase from the first line of this file instead of asking for it
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

pub(super) fn create(
    config: &Config,
    to: &Path,
    passphrase: &Passphrase,
    retire: bool,
) -> anyhow::Result<ExitCode> {
    let passphrase = passphrase.get(true)?;
    let report = backup::create(config, to, &passphrase, retire)?;
    println!(
        "{}: {} personas, {} messages. Without the passphrase nobody can read it, not even you.",
        to.display(),
        report.personas,
        report.messages
    );
    if retire {
        println!("{} is retired: no node starts there again.", config.data_dir.display());
    } else {
        println!(
            "Never run this node and a restored one at the same time; --retire makes sure of it."
        );
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn restore(
    config: &Config,
    from: &Path,
    passphrase: &Passphrase,
) -> anyhow::Result<ExitCode> {
    let passphrase = passphrase.get(false)?;
    let report = backup::restore(config, from, &passphrase)?;
    println!(
        "{}: {} personas, {} messages. Start it with `conclave up`.",
        config.data_dir.display(),
        report.personas,
        report.messages
    );
    println!(
        "It is a new device: old conversations can be read at once, and it asks their members to be \
         let back in as soon as one of them is awake. From then on the old copy is locked out of \
         them; see to it that it never runs until then."
    );
    Ok(ExitCode::SUCCESS)
}

impl Passphrase {
    fn get(&self, twice: bool) -> anyhow::Result<String> {
        let line = match &self.passphrase_file {
            Some(path) => {
                let file = File::open(path).with_context(|| format!("{}", path.display()))?;
                first_line(file)?
            }
            None if io::stdin().is_terminal() => {
                let first = rpassword::prompt_password("Passphrase: ")?;
                if twice {
                    let second = rpassword::prompt_password("The same again: ")?;
                    ensure!(first == second, "the two differ");
                }
                first
            }
            None => first_line(io::stdin())?,
        };
        ensure!(line.len() <= PASSPHRASE_BYTES_MAX, "at most {PASSPHRASE_BYTES_MAX} bytes");
        ensure!(
            line.chars().count() >= PASSPHRASE_CHARS_MIN,
            "a passphrase needs at least {PASSPHRASE_CHARS_MIN} characters: whoever has the file \
             can guess as often as they like"
        );
        io::stdout().flush()?;
        Ok(line)
    }
}

fn first_line(from: impl Read) -> anyhow::Result<String> {
    let most = u64::try_from(PASSPHRASE_BYTES_MAX + 2)?;
    let mut line = String::new();
    io::BufReader::new(from.take(most)).read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
