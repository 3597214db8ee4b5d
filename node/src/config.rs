//! Settings of a node, and where each came from.
//!
//! A setting is taken from the first of: a flag, a `CONCLAVE_*` variable, the configuration file,
//! the default. `conclave config` prints every effective value with its origin.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde::Deserialize;
use store::LedgerEngine;

use crate::{
    file_limits::{FileSettings, FilesLayer},
    serve::{MailboxLayer, Serve},
};

/// The name of the configuration file inside the data folder.
pub const FILE_NAME: &str = "conclave.toml";

/// What a busy node writes in a second, several times over.
const FREE_MIB_MIN: u64 = 64;

/// Settings as one source gives them; what it does not say stays open.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Folder that holds everything this node must remember
    #[arg(long, value_name = "DIR", env = "CONCLAVE_DATA_DIR")]
    #[serde(skip)]
    pub data_dir: Option<PathBuf>,
    /// Address of the local API and page; port 0 takes a free one [default: 127.0.0.1:7070]
    #[arg(long, value_name = "ADDR")]
    pub api: Option<SocketAddr>,
    /// Address to listen on for other nodes (repeatable) [default: any address, any port]
    #[arg(long, value_name = "MULTIADDR")]
    pub listen: Option<Vec<String>>,
    /// Node through which the network is found, with its /p2p/ part (repeatable)
    #[arg(long, value_name = "MULTIADDR")]
    pub bootstrap: Option<Vec<String>>,
    /// Find other nodes on the local network
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub mdns: Option<bool>,
    /// Address others reach this node at although it does not listen on it (repeatable)
    #[arg(long, value_name = "MULTIADDR")]
    pub external: Option<Vec<String>>,
    /// Let others reach each other through this node, where it can be dialled itself
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub relay: Option<bool>,
    /// Ask the router for a forwarded port by UPnP [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub upnp: Option<bool>,
    /// Mailbox that holds messages for this node while it sleeps, with its /p2p/ part (repeatable)
    /// [default: the bootstrap nodes]
    #[arg(long = "mailbox", value_name = "MULTIADDR")]
    pub mailboxes: Option<Vec<String>>,
    /// Being a mailbox for others.
    #[command(flatten)]
    #[serde(default)]
    pub mailbox: MailboxLayer,
    /// How much files may take.
    #[command(flatten)]
    #[serde(default)]
    pub files: FilesLayer,
    /// Engine that keeps what must not be lost: sqlite or sled [default: sqlite]
    #[arg(long, value_name = "ENGINE")]
    pub ledger: Option<String>,
    /// Free space on the disk below which the node only reads, in MiB [default: 64]
    #[arg(long, value_name = "MIB")]
    pub free_mib_min: Option<u64>,
    /// What is logged, such as info or debug,libp2p=warn [default: info]
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
}

/// Effective settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder that holds everything the node must remember.
    pub data_dir: PathBuf,
    /// Address of the local API.
    pub api: SocketAddr,
    /// Addresses to listen on for other nodes.
    pub listen: Vec<String>,
    /// Nodes through which the network is found.
    pub bootstrap: Vec<String>,
    /// Whether to find other nodes on the local network.
    pub mdns: bool,
    /// Addresses that lead here although the node does not listen on them.
    pub external: Vec<String>,
    /// Whether to relay for others.
    pub relay: bool,
    /// Whether to ask the router for a port.
    pub upnp: bool,
    /// Mailboxes that hold messages for this node's personas.
    pub mailboxes: Vec<String>,
    /// Whether to hold mail for others.
    pub serve: Serve,
    /// How much files may take.
    pub files: FileSettings,
    /// What keeps the ledger.
    pub ledger: LedgerEngine,
    /// Free space on the disk, in MiB, below which the node only reads.
    pub free_mib_min: u64,
    /// What is logged.
    pub log: String,
    /// Name, value and origin of each setting.
    pub provenance: Vec<(&'static str, String, Origin)>,
}

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// This file.
    File(PathBuf),
    /// A `CONCLAVE_*` variable.
    Environment,
    /// The command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment => f.write_str("environment"),
            Self::Flag => f.write_str("command line"),
        }
    }
}

impl Config {
    /// Merges the command line, the environment, and the configuration file.
    ///
    /// # Errors
    /// When the file cannot be read or a value is not legal; the message names it.
    pub fn load(
        flags: Layer,
        file: Option<&Path>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let data_dir = flags.data_dir.clone().unwrap_or_else(|| default_data_dir(&environment));
        let path = file.map_or_else(|| data_dir.join(FILE_NAME), Path::to_path_buf);
        let from_file = read_file(&path, file.is_some())?;
        let from_env = Layer::from_environment(&environment)?;
        let mut provenance = Vec::new();
        let given = flags.data_dir.is_some();
        let origin = if given { Origin::Flag } else { Origin::Default };
        provenance.push(("data_dir", data_dir.display().to_string(), origin));
        let mut sources = Sources { path, provenance };
        let ledger = sources.pick(
            "ledger",
            (flags.ledger, from_env.ledger, from_file.ledger),
            "sqlite".to_owned(),
        );
        let bootstrap = sources.pick_list(
            "bootstrap",
            (flags.bootstrap, from_env.bootstrap, from_file.bootstrap),
            Vec::new(),
        );
        let files = sources.files(flags.files, from_env.files, from_file.files);
        Ok(Self {
            data_dir,
            files,
            api: sources.pick(
                "api",
                (flags.api, from_env.api, from_file.api),
                SocketAddr::from(([127, 0, 0, 1], 7070)),
            ),
            listen: sources.pick_list(
                "listen",
                (flags.listen, from_env.listen, from_file.listen),
                network::Config::default().listen,
            ),
            mailboxes: sources.pick_list(
                "mailboxes",
                (flags.mailboxes, from_env.mailboxes, from_file.mailboxes),
                bootstrap.clone(),
            ),
            bootstrap,
            serve: sources.pick(
                "mailbox.serve",
                (flags.mailbox.serve, from_env.mailbox.serve, from_file.mailbox.serve),
                Serve::No,
            ),
            mdns: sources.pick("mdns", (flags.mdns, from_env.mdns, from_file.mdns), true),
            external: sources.pick_list(
                "external",
                (flags.external, from_env.external, from_file.external),
                Vec::new(),
            ),
            relay: sources.pick("relay", (flags.relay, from_env.relay, from_file.relay), false),
            upnp: sources.pick("upnp", (flags.upnp, from_env.upnp, from_file.upnp), true),
            ledger: ledger.parse().map_err(|_| {
                anyhow::anyhow!("ledger: \"{ledger}\" is neither \"sqlite\" nor \"sled\"")
            })?,
            free_mib_min: sources.pick(
                "free_mib_min",
                (flags.free_mib_min, from_env.free_mib_min, from_file.free_mib_min),
                FREE_MIB_MIN,
            ),
            log: sources.pick("log", (flags.log, from_env.log, from_file.log), "info".to_owned()),
            provenance: sources.provenance,
        })
    }

    /// The file that holds the local API's address while the node runs.
    pub fn api_address_file(&self) -> PathBuf {
        self.data_dir.join("api-address")
    }
}

impl Layer {
    fn from_environment(get: &impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let list = |name: &str| {
            get(name).map(|text| text.split(',').map(|part| part.trim().to_owned()).collect())
        };
        let api = get("CONCLAVE_API")
            .map(|text| text.parse().with_context(|| format!("CONCLAVE_API: \"{text}\"")))
            .transpose()?;
        let truth = |name: &str| {
            get(name)
                .map(|text| text.parse().with_context(|| format!("{name}: \"{text}\"")))
                .transpose()
        };
        let mib = |name: &str| {
            get(name)
                .map(|text| text.parse().with_context(|| format!("{name}: \"{text}\"")))
                .transpose()
        };
        Ok(Self {
            data_dir: None,
            api,
            listen: list("CONCLAVE_LISTEN"),
            bootstrap: list("CONCLAVE_BOOTSTRAP"),
            mdns: truth("CONCLAVE_MDNS")?,
            external: list("CONCLAVE_EXTERNAL"),
            relay: truth("CONCLAVE_RELAY")?,
            upnp: truth("CONCLAVE_UPNP")?,
            mailboxes: list("CONCLAVE_MAILBOXES"),
            mailbox: MailboxLayer {
                serve: get("CONCLAVE_MAILBOX_SERVE")
                    .map(|text| {
                        text.parse().with_context(|| format!("CONCLAVE_MAILBOX_SERVE: \"{text}\""))
                    })
                    .transpose()?,
            },
            files: FilesLayer {
                file_mib_max: mib("CONCLAVE_FILES_FILE_MIB_MAX")?,
                automatic_mib_max: mib("CONCLAVE_FILES_AUTOMATIC_MIB_MAX")?,
                conversation_mib_max: mib("CONCLAVE_FILES_CONVERSATION_MIB_MAX")?,
                disk_mib_max: mib("CONCLAVE_FILES_DISK_MIB_MAX")?,
            },
            ledger: get("CONCLAVE_LEDGER"),
            free_mib_min: mib("CONCLAVE_FREE_MIB_MIN")?,
            log: get("CONCLAVE_LOG"),
        })
    }
}

/// What the command line, the environment and the file say of one setting, in this order.
type Given<T> = (Option<T>, Option<T>, Option<T>);

struct Sources {
    path: PathBuf,
    provenance: Vec<(&'static str, String, Origin)>,
}

impl Sources {
    fn pick<T: ToString>(&mut self, name: &'static str, from: Given<T>, default: T) -> T {
        let (value, origin) = self.first(from, default);
        self.provenance.push((name, value.to_string(), origin));
        value
    }

    fn pick_list(
        &mut self,
        name: &'static str,
        from: Given<Vec<String>>,
        default: Vec<String>,
    ) -> Vec<String> {
        let (value, origin) = self.first(from, default);
        self.provenance.push((name, value.join(", "), origin));
        value
    }

    fn files(&mut self, flag: FilesLayer, env: FilesLayer, file: FilesLayer) -> FileSettings {
        let usual = FileSettings::default();
        FileSettings {
            file_mib_max: self.pick(
                "files.file_mib_max",
                (flag.file_mib_max, env.file_mib_max, file.file_mib_max),
                usual.file_mib_max,
            ),
            automatic_mib_max: self.pick(
                "files.automatic_mib_max",
                (flag.automatic_mib_max, env.automatic_mib_max, file.automatic_mib_max),
                usual.automatic_mib_max,
            ),
            conversation_mib_max: self.pick(
                "files.conversation_mib_max",
                (flag.conversation_mib_max, env.conversation_mib_max, file.conversation_mib_max),
                usual.conversation_mib_max,
            ),
            disk_mib_max: self.pick(
                "files.disk_mib_max",
                (flag.disk_mib_max, env.disk_mib_max, file.disk_mib_max),
                usual.disk_mib_max,
            ),
        }
    }

    fn first<T>(&self, from: Given<T>, default: T) -> (T, Origin) {
        match from {
            (Some(value), _, _) => (value, Origin::Flag),
            (None, Some(value), _) => (value, Origin::Environment),
            (None, None, Some(value)) => (value, Origin::File(self.path.clone())),
            (None, None, None) => (default, Origin::Default),
        }
    }
}

fn read_file(path: &Path, required: bool) -> anyhow::Result<Layer> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            toml::from_str(&text).with_context(|| format!("configuration in {}", path.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => {
            Ok(Layer::default())
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn default_data_dir(environment: &impl Fn(&str) -> Option<String>) -> PathBuf {
    let base = environment("XDG_DATA_HOME").map(PathBuf::from).or_else(|| {
        environment("HOME").map(|home| PathBuf::from(home).join(".local").join("share"))
    });
    base.unwrap_or_else(|| PathBuf::from(".")).join("conclave")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE_NAME);
        std::fs::write(&file, "mdns = true\nledger = \"sled\"\nlog = \"warn\"\n").unwrap();
        let flags = Layer {
            data_dir: Some(folder.path().to_owned()),
            mdns: Some(false),
            ..Layer::default()
        };
        let environment = |name: &str| match name {
            "CONCLAVE_MDNS" => Some("true".to_owned()),
            "CONCLAVE_LOG" => Some("debug".to_owned()),
            _ => None,
        };
        let config = Config::load(flags, None, environment).unwrap();
        assert!(!config.mdns);
        assert_eq!(config.log, "debug");
        assert_eq!(config.ledger, LedgerEngine::Sled);
        let origin = |name| {
            let found = config.provenance.iter().find(|(setting, _, _)| *setting == name);
            found.map(|(_, _, origin)| origin.clone())
        };
        assert_eq!(origin("mdns"), Some(Origin::Flag));
        assert_eq!(origin("log"), Some(Origin::Environment));
        assert_eq!(origin("ledger"), Some(Origin::File(file)));
        assert_eq!(origin("api"), Some(Origin::Default));
    }

    #[test]
    fn the_mailboxes_are_the_bootstrap_nodes_unless_others_or_none_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let load = |file: &str| {
            std::fs::write(folder.path().join(FILE_NAME), file).unwrap();
            let flags = Layer { data_dir: Some(folder.path().to_owned()), ..Layer::default() };
            Config::load(flags, None, |_| None).unwrap()
        };
        assert_eq!(load("bootstrap = [\"/a\"]").mailboxes, ["/a"]);
        assert_eq!(load("bootstrap = [\"/a\"]\nmailboxes = [\"/b\"]").mailboxes, ["/b"]);
        assert!(load("bootstrap = [\"/a\"]\nmailboxes = []").mailboxes.is_empty());
        let served = load("bootstrap = []\n[mailbox]\nserve = 20000000").serve;
        assert_eq!(served, Serve::Room(20_000_000));
        assert_eq!(load("").serve, Serve::No);
    }

    #[test]
    fn a_misspelt_setting_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE_NAME), "legder = \"sled\"\n").unwrap();
        let flags = Layer { data_dir: Some(folder.path().to_owned()), ..Layer::default() };
        let error = Config::load(flags, None, |_| None).unwrap_err();
        assert!(format!("{error:#}").contains("legder"), "{error:#}");
    }
}
