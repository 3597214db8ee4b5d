//! Whether a node holds mail for others, and which mailboxes it uses itself: the settings.

use std::{fmt, str::FromStr};

use anyhow::{Context, ensure};
use mailbox::{Limits, ROOM_BYTES_MIN};
use protocol::{card::HomeNode, identity::NodeId};
use serde::Deserialize;

/// The settings of the table `mailbox`, as one source gives them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct MailboxLayer {
    /// Hold sealed messages for friends who sleep: true, false, or the room in bytes [default: false]
    #[arg(
        long = "mailbox-serve",
        value_name = "BYTES",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub serve: Option<Serve>,
}

/// Whether to be a mailbox, and how large a one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "Spelling")]
pub enum Serve {
    /// No.
    #[default]
    No,
    /// With the usual room.
    Yes,
    /// With this room, in bytes.
    Room(u64),
}

/// As a file spells it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Spelling {
    Is(bool),
    Bytes(u64),
}

impl TryFrom<Spelling> for Serve {
    type Error = anyhow::Error;

    fn try_from(spelling: Spelling) -> anyhow::Result<Self> {
        match spelling {
            Spelling::Is(true) => Ok(Self::Yes),
            Spelling::Is(false) => Ok(Self::No),
            Spelling::Bytes(bytes) => {
                ensure!(bytes >= ROOM_BYTES_MIN, "a mailbox needs at least {ROOM_BYTES_MIN} bytes");
                Ok(Self::Room(bytes))
            }
        }
    }
}

impl FromStr for Serve {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let spelling = match text {
            "true" => Spelling::Is(true),
            "false" => Spelling::Is(false),
            bytes => {
                let bytes = bytes.parse();
                Spelling::Bytes(bytes.context("neither true nor false nor a number of bytes")?)
            }
        };
        spelling.try_into()
    }
}

impl fmt::Display for Serve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No => f.write_str("false"),
            Self::Yes => f.write_str("true"),
            Self::Room(bytes) => write!(f, "{bytes}"),
        }
    }
}

impl Serve {
    /// The limits of the mailbox, if there is to be one.
    pub(crate) fn limits(self) -> Option<Limits> {
        match self {
            Self::No => None,
            Self::Yes => Some(Limits::default()),
            Self::Room(room_bytes) => Some(Limits { room_bytes, ..Limits::default() }),
        }
    }
}

/// Addresses of one node that are used, as many as a card holds.
const ADDRESSES_MAX: usize = 8;

/// The mailboxes behind multiaddresses, each once with all of its addresses, without `own`, which
/// needs no mailbox at itself.
pub(crate) fn mailboxes(addresses: &[String], own: NodeId) -> anyhow::Result<Vec<HomeNode>> {
    let mut homes: Vec<HomeNode> = Vec::new();
    for text in addresses.iter().filter(|text| !text.is_empty()) {
        let named = network::node_at(text).with_context(|| format!("mailboxes: \"{text}\""))?;
        let (node, address) = named;
        if node == own {
            continue;
        }
        match homes.iter_mut().find(|home| home.node == node) {
            Some(home) if home.addresses.len() >= ADDRESSES_MAX => {}
            Some(home) => home.addresses.push(address),
            None => homes.push(HomeNode { node, addresses: vec![address] }),
        }
    }
    Ok(homes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_off_on_or_has_a_size() {
        for (text, serve) in
            [("true", Serve::Yes), ("false", Serve::No), ("20000000", Serve::Room(20_000_000))]
        {
            assert_eq!(text.parse::<Serve>().unwrap(), serve);
            assert_eq!(serve.to_string(), text);
            let layer: MailboxLayer = toml::from_str(&format!("serve = {text}")).unwrap();
            assert_eq!(layer.serve, Some(serve));
        }
        for text in ["5", "-1", "much", ""] {
            assert!(text.parse::<Serve>().is_err(), "{text}");
        }
        assert!(toml::from_str::<MailboxLayer>("serve = 5").is_err());
    }

    #[test]
    fn a_mailbox_named_twice_has_two_addresses_and_a_node_is_none_for_itself() {
        let peer = "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5";
        let own = "12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq";
        let at = |port: u16, peer: &str| format!("/ip4/192.0.2.1/tcp/{port}/p2p/{peer}");
        let (own_node, _) = network::node_at(&at(1, own)).unwrap();
        let found = mailboxes(&[at(1, peer), at(2, own), at(3, peer)], own_node).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].addresses, ["/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.1/tcp/3"]);
        let error = mailboxes(&["/ip4/192.0.2.1/tcp/1".into()], own_node).unwrap_err();
        assert!(format!("{error:#}").contains("mailboxes"), "{error:#}");
    }
}
