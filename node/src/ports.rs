//! A node keeps its ports across restarts.
//!
//! Friends who have only an old card find it again without any third party, and a forwarded port
//! stays forwarded. Where a setting says port 0, the port of the last run is tried first.

use store::{Batch, Store, Table};

const KEY: &[u8] = b"ports";

/// The ports of the last run: `(transport, port)`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ports(Vec<(String, u16)>);

impl Ports {
    /// The ports the ledger remembers.
    pub(crate) fn load(store: &dyn Store) -> anyhow::Result<Self> {
        let Some(value) = store.get(Table::Meta, KEY)? else { return Ok(Self::default()) };
        let text = String::from_utf8(value.to_vec()).unwrap_or_default();
        let pair = |line: &str| {
            let (transport, port) = line.split_once(' ')?;
            Some((transport.to_owned(), port.parse().ok()?))
        };
        Ok(Self(text.lines().filter_map(pair).collect()))
    }

    /// Addresses to listen on with every port 0 replaced by the remembered one.
    pub(crate) fn apply(&self, listen: &[String]) -> Vec<String> {
        let replace = |address: &String| {
            self.0.iter().fold(address.clone(), |address, (transport, port)| {
                address.replace(&format!("/{transport}/0"), &format!("/{transport}/{port}"))
            })
        };
        listen.iter().map(replace).collect()
    }

    /// Notes the port of an address we listen on; whether that is news.
    pub(crate) fn note(&mut self, address: &str) -> bool {
        let mut parts = address.split('/').skip_while(|part| *part != "tcp" && *part != "udp");
        let (Some(transport), Some(port)) = (parts.next(), parts.next()) else { return false };
        let Ok(port) = port.parse() else { return false };
        let found = (transport.to_owned(), port);
        if self.0.contains(&found) {
            return false;
        }
        self.0.retain(|(other, _)| other != transport);
        self.0.push(found);
        true
    }

    /// The batch that remembers them.
    pub(crate) fn batch(&self) -> Batch {
        let lines: Vec<String> = self.0.iter().map(|(t, port)| format!("{t} {port}")).collect();
        let mut batch = Batch::new();
        batch.put(Table::Meta, KEY, lines.join("\n"));
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_become_the_ports_of_the_last_run_and_fixed_ones_stay() {
        let mut ports = Ports::default();
        assert!(ports.note("/ip4/127.0.0.1/udp/4001/quic-v1"));
        assert!(ports.note("/ip4/127.0.0.1/tcp/4002"));
        assert!(!ports.note("/ip4/192.0.2.7/tcp/4002"), "another interface is no news");
        let listen = ["/ip4/0.0.0.0/udp/0/quic-v1", "/ip4/0.0.0.0/tcp/0", "/ip6/::/tcp/9"];
        assert_eq!(
            ports.apply(&listen.map(str::to_owned)),
            ["/ip4/0.0.0.0/udp/4001/quic-v1", "/ip4/0.0.0.0/tcp/4002", "/ip6/::/tcp/9"],
        );
    }
}
