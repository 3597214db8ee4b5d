//! What the command line, the environment and the file add up to.
//!
//! The command line goes before the environment, that before the file, and that before the
//! [`defaults`]. A list given in one place replaces the whole list of the next.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use mailbox::ROOM_BYTES_MIN;
use network::{Limits, RelayLimits};
use serde::Deserialize;
use thiserror::Error;

use crate::{cli::Cli, defaults};

/// The largest configuration file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Everything a rendezvous can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Multiaddresses to listen on. Default: [`defaults::LISTEN`].
    pub listen: Vec<String>,
    /// Addresses to announce besides. Default: none.
    pub external: Vec<String>,
    /// Other rendezvous nodes. Default: none.
    pub bootstrap: Vec<String>,
    /// Folder of the node key. Default: [`defaults::DATA_DIR`].
    pub data_dir: PathBuf,
    /// A log filter. Default: [`defaults::LOG`].
    pub log: String,
    /// How much of everything is allowed. Default: [`Limits::rendezvous`].
    pub limits: Limits,
    /// Where `/health` and `/metrics` are served, if anywhere. Default: nowhere.
    pub metrics: Option<SocketAddr>,
    /// What the mailbox holds, if there is one. Default: as [`mailbox::Limits`] says.
    pub mailbox: Option<mailbox::Limits>,
}

/// Why there is no configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file is longer than any sensible one.
    #[error("{} is larger than {FILE_BYTES_MAX} bytes", .0.display())]
    TooLarge(PathBuf),
    /// The file is not TOML, or has keys that mean nothing here.
    #[error("{}: {error}", path.display())]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Where and what.
        error: toml::de::Error,
    },
    /// The mailbox is too small for the largest envelope.
    #[error("mailbox_bytes: {0} is too little, a mailbox needs {ROOM_BYTES_MIN}")]
    MailboxTooSmall(u64),
}

/// The file's keys.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: Option<Vec<String>>,
    external: Option<Vec<String>>,
    bootstrap: Option<Vec<String>>,
    data_dir: Option<PathBuf>,
    log: Option<String>,
    connections_max: Option<u32>,
    records_max: Option<usize>,
    relay_reservations_max: Option<usize>,
    relay_circuits_max: Option<usize>,
    relay_circuit_bytes_max: Option<u64>,
    metrics: Option<SocketAddr>,
    mailbox_bytes: Option<Room>,
}

/// Room in bytes, or whether there is a mailbox at all.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Room {
    Is(bool),
    Bytes(u64),
}

impl Default for Config {
    fn default() -> Self {
        merge(Cli::default(), File::default())
    }
}

impl Config {
    /// Reads the file the command line names, if it names one, and puts everything together.
    ///
    /// # Errors
    /// [`ConfigError`] when the file cannot be read or understood.
    pub fn load(cli: Cli) -> Result<Self, ConfigError> {
        let file = cli.config.as_deref().map(read).transpose()?;
        let config = merge(cli, file.unwrap_or_default());
        match config.mailbox {
            Some(limits) if limits.room_bytes < ROOM_BYTES_MIN => {
                Err(ConfigError::MailboxTooSmall(limits.room_bytes))
            }
            _ => Ok(config),
        }
    }

    /// The part the network is started with.
    pub fn network(&self) -> network::Config {
        network::Config {
            listen: self.listen.clone(),
            external: self.external.clone(),
            bootstrap: self.bootstrap.clone(),
            limits: self.limits,
            ..network::Config::rendezvous()
        }
    }
}

fn read(path: &Path) -> Result<File, ConfigError> {
    let failed = |error| ConfigError::Read { path: path.to_owned(), error };
    if fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
        return Err(ConfigError::TooLarge(path.to_owned()));
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    toml::from_str(&text).map_err(|error| ConfigError::Parse { path: path.to_owned(), error })
}

fn merge(cli: Cli, file: File) -> Config {
    let list = |first: Vec<String>, second: Option<Vec<String>>, last: &[&str]| {
        let given = Some(first).filter(|first| !first.is_empty()).or(second);
        given.unwrap_or_else(|| last.iter().map(|&text| text.to_owned()).collect())
    };
    let limits = Limits::rendezvous();
    let relay = RelayLimits {
        reservations_max: cli
            .relay_reservations_max
            .or(file.relay_reservations_max)
            .unwrap_or(limits.relay.reservations_max),
        circuits_max: cli
            .relay_circuits_max
            .or(file.relay_circuits_max)
            .unwrap_or(limits.relay.circuits_max),
        circuit_bytes_max: cli
            .relay_circuit_bytes_max
            .or(file.relay_circuit_bytes_max)
            .unwrap_or(limits.relay.circuit_bytes_max),
        ..limits.relay
    };
    let room = match (cli.no_mailbox, cli.mailbox_bytes) {
        (true, _) => Room::Is(false),
        (false, Some(bytes)) => Room::Bytes(bytes),
        (false, None) => file.mailbox_bytes.unwrap_or(Room::Is(true)),
    };
    let mailbox = match room {
        Room::Is(there) => there.then(mailbox::Limits::default),
        Room::Bytes(room_bytes) => {
            Some(mailbox::Limits { room_bytes, ..mailbox::Limits::default() })
        }
    };
    Config {
        listen: list(cli.listen, file.listen, &defaults::LISTEN),
        external: list(cli.external, file.external, &[]),
        bootstrap: list(cli.bootstrap, file.bootstrap, &[]),
        data_dir: cli.data_dir.or(file.data_dir).unwrap_or_else(|| defaults::DATA_DIR.into()),
        log: cli.log.or(file.log).unwrap_or_else(|| defaults::LOG.to_owned()),
        limits: Limits {
            incoming_max: cli
                .connections_max
                .or(file.connections_max)
                .unwrap_or(limits.incoming_max),
            records_max: cli.records_max.or(file.records_max).unwrap_or(limits.records_max),
            relay,
            ..limits
        },
        metrics: cli.metrics.or(file.metrics),
        mailbox,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, cli: Cli) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bootstrap.toml");
        fs::write(&path, file).unwrap();
        Config::load(Cli { config: Some(path), ..cli })
    }

    #[test]
    fn the_command_line_goes_before_the_file_and_that_before_the_defaults() {
        let file = "listen = ['/ip4/127.0.0.1/tcp/1']\nlog = 'warn'\nrecords_max = 7\n\
                    relay_circuits_max = 9\nmetrics = '127.0.0.1:9401'";
        let cli = Cli { log: Some("debug".into()), ..Cli::default() };
        let config = load(file, cli).unwrap();
        assert_eq!(config.listen, ["/ip4/127.0.0.1/tcp/1"]);
        assert_eq!((config.log.as_str(), config.limits.records_max), ("debug", 7));
        assert_eq!(config.limits.incoming_max, 5000);
        assert_eq!(
            (config.limits.relay.circuits_max, config.metrics.map(|at| at.port())),
            (9, Some(9401))
        );
        assert_eq!(config.data_dir, PathBuf::from(defaults::DATA_DIR));
    }

    #[test]
    fn a_key_that_means_nothing_is_named() {
        let error = load("lissten = []", Cli::default()).unwrap_err();
        assert!(error.to_string().contains("lissten"), "{error}");
    }

    #[test]
    fn the_mailbox_has_a_size_or_is_not_there() {
        let room = |file: &str, cli: Cli| {
            load(file, cli).map(|config| config.mailbox.map(|limits| limits.room_bytes))
        };
        let small = Cli { mailbox_bytes: Some(20_000_000), ..Cli::default() };
        let none = Cli { no_mailbox: true, ..Cli::default() };
        assert_eq!(room("", Cli::default()).unwrap(), Some(1024 * 1024 * 1024));
        assert_eq!(room("mailbox_bytes = 30000000", Cli::default()).unwrap(), Some(30_000_000));
        assert_eq!(room("mailbox_bytes = false", Cli::default()).unwrap(), None);
        assert_eq!(room("mailbox_bytes = false", small).unwrap(), Some(20_000_000));
        assert_eq!(room("mailbox_bytes = 30000000", none).unwrap(), None);
        let error = room("mailbox_bytes = 5", Cli::default()).unwrap_err();
        assert!(error.to_string().contains("mailbox_bytes"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let cli = Cli { config: Some("/nowhere/at/all.toml".into()), ..Cli::default() };
        let error = Config::load(cli).unwrap_err();
        assert!(error.to_string().contains("/nowhere/at/all.toml"), "{error}");
    }
}
