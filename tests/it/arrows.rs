//! Arrows between the packages point down only, and the pure ones reach nothing impure.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use anyhow::{Context, ensure};
use serde_json::Value;
use tests::rest::{items, text};

/// Which package of the house may depend on which others.
const ALLOWED: [(&str, &[&str]); 12] = [
    ("protocol", &[]),
    ("personas", &["protocol"]),
    ("network", &["protocol"]),
    ("store", &[]),
    ("mailbox", &["protocol", "network", "store"]),
    ("connectors", &["personas"]),
    ("engine", &["personas", "protocol"]),
    ("api", &["engine", "protocol"]),
    ("node", &["engine", "network", "store", "mailbox", "connectors", "api", "protocol"]),
    ("bootstrap", &["protocol", "network", "store", "mailbox"]),
    ("simulations", &["engine", "protocol"]),
    ("tests", &["node", "bootstrap", "network", "protocol"]),
];

/// Packages that take time and randomness as values and leave deeds to others.
const PURE: [&str; 3] = ["protocol", "personas", "engine"];

/// Runtimes, sockets, disks and clocks by the names of the libraries that bring them.
const IMPURE: [&str; 24] = [
    "async-io",
    "async-std",
    "axum",
    "curl",
    "hyper",
    "interprocess",
    "libp2p",
    "memmap2",
    "mio",
    "native-tls",
    "polling",
    "quinn",
    "reqwest",
    "rusqlite",
    "rustls",
    "sled",
    "smol",
    "socket2",
    "surf",
    "tempfile",
    "tokio",
    "tonic",
    "tungstenite",
    "ureq",
];

/// The normal dependencies of every package, those of tests and build scripts left out.
struct Graph {
    names: BTreeMap<String, String>,
    arrows: BTreeMap<String, Vec<String>>,
    house: BTreeSet<String>,
}

impl Graph {
    fn load() -> anyhow::Result<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .args(["metadata", "--format-version", "1", "--locked"])
            .output()
            .context("cargo metadata")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let all: Value = serde_json::from_slice(&output.stdout)?;
        let mut names = BTreeMap::new();
        for package in items(&all, "packages") {
            names.insert(text(package, "id")?, text(package, "name")?);
        }
        let mut arrows = BTreeMap::new();
        for node in items(&all["resolve"], "nodes") {
            let mut targets = Vec::new();
            for target in items(node, "deps") {
                // A kind of null is a normal dependency, on whatever platform.
                if items(target, "dep_kinds").any(|kind| kind["kind"].is_null()) {
                    targets.push(text(target, "pkg")?);
                }
            }
            arrows.insert(text(node, "id")?, targets);
        }
        let house = items(&all, "workspace_members").filter_map(Value::as_str);
        let house = house.map(str::to_owned).collect();
        Ok(Self { names, arrows, house })
    }

    fn name(&self, id: &str) -> &str {
        &self.names[id]
    }

    /// Everything a package reaches over normal dependencies, with one way to it.
    fn reach(&self, name: &str) -> BTreeMap<&str, String> {
        let start = self.house.iter().find(|id| self.name(id) == name);
        let mut ways: BTreeMap<&str, String> = BTreeMap::new();
        let mut open: Vec<(&str, String)> =
            start.map(|id| (id.as_str(), name.to_owned())).into_iter().collect();
        while let Some((id, way)) = open.pop() {
            if ways.contains_key(id) {
                continue;
            }
            for target in &self.arrows[id] {
                open.push((target, format!("{way} -> {}", self.name(target))));
            }
            ways.insert(id, way);
        }
        ways.into_iter().map(|(id, way)| (self.name(id), way)).collect()
    }
}

#[test]
fn arrows_between_packages_are_the_ones_that_were_drawn() -> anyhow::Result<()> {
    let graph = Graph::load()?;
    let drawn: BTreeSet<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    let there: BTreeSet<&str> = graph.house.iter().map(|id| graph.name(id)).collect();
    ensure!(drawn == there, "the house has other rooms than were drawn: {there:?}");
    for id in &graph.house {
        let name = graph.name(id);
        let allowed = ALLOWED.iter().find(|(package, _)| *package == name).map(|(_, to)| *to);
        let allowed = allowed.unwrap_or_default();
        for target in graph.arrows[id].iter().filter(|target| graph.house.contains(*target)) {
            let target = graph.name(target);
            ensure!(allowed.contains(&target), "{name} -> {target} was never drawn");
        }
    }
    Ok(())
}

#[test]
fn pure_packages_reach_no_runtime_no_socket_and_no_disk() -> anyhow::Result<()> {
    let graph = Graph::load()?;
    for name in PURE {
        let reach = graph.reach(name);
        ensure!(reach.len() > 5, "{name} reaches next to nothing; is this the right graph?");
        for impure in IMPURE {
            // Families count as a whole: libp2p-swarm is libp2p.
            let family = format!("{impure}-");
            let found =
                reach.iter().find(|(found, _)| **found == impure || found.starts_with(&family));
            ensure!(found.is_none(), "{}", found.map(|(_, way)| way.as_str()).unwrap_or_default());
        }
    }
    // The same search finds what is there.
    let node = graph.reach("node");
    for impure in ["tokio", "libp2p", "sled", "rusqlite", "axum", "socket2"] {
        ensure!(node.contains_key(impure), "the search does not see {impure} in the node");
    }
    Ok(())
}
