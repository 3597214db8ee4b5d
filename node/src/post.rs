//! How a node speaks with mailboxes.
//!
//! A mailbox sees who connects. So that it never learns which node leaves or reads what, and
//! cannot tell today's visitor from yesterday's, mailboxes are spoken with over a network of their
//! own: a key made for the purpose and thrown away within a day, no listening address, no part in
//! the DHT. What stays visible is the IP address, and when.
//!
//! The network is started when there is first something to say.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use engine::Input;
use network::{Event, Events, Handle};
use protocol::{
    identity::{NodeId, NodeKey},
    mailbox::Request,
    wire::Frame,
};
use rand::RngCore;

/// How long a key is used at most: as long as a tag.
const KEY_AGE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The way to mailboxes.
#[derive(Default)]
pub(crate) struct Post {
    open: Option<Open>,
}

struct Open {
    network: Handle,
    events: Events,
    since: Instant,
    /// Mailboxes dialled under this key.
    spoken_with: BTreeSet<NodeId>,
}

impl Post {
    /// Connects with a mailbox. `false` when that cannot even be tried.
    pub(crate) fn dial(&mut self, node: NodeId, addresses: Vec<String>) -> bool {
        if self.open.is_none() {
            match start() {
                Ok(open) => self.open = Some(open),
                Err(error) => {
                    tracing::warn!(%error, "no way to mailboxes");
                    return false;
                }
            }
        }
        let Some(open) = &mut self.open else { return false };
        open.spoken_with.insert(node);
        open.network.dial(node, addresses);
        true
    }

    /// Says something to a mailbox. `false` when it was lost at once.
    pub(crate) fn say(&self, node: NodeId, request: Request) -> bool {
        let Some(open) = &self.open else { return false };
        let sent = open.network.send(node, Frame::ToMailbox(request));
        sent.inspect_err(|error| tracing::debug!(%node, %error, "not said to the mailbox")).is_ok()
    }

    /// What is heard next, for the engine. Never completes while there is nothing; may be dropped
    /// and called again.
    pub(crate) async fn next(&mut self) -> Input {
        loop {
            let Some(open) = &mut self.open else { return std::future::pending().await };
            match open.events.next().await {
                Some(event) => {
                    if let Some(input) = input(event) {
                        return input;
                    }
                }
                None => self.open = None,
            }
        }
    }

    /// What has been heard already, if there is something.
    pub(crate) fn try_next(&mut self) -> Option<Input> {
        let open = self.open.as_mut()?;
        loop {
            if let Some(input) = input(open.events.try_next()?) {
                return Some(input);
            }
        }
    }

    /// Throws an old key away, with all connections under it: the mailboxes that are lost so.
    pub(crate) fn renew_key(&mut self) -> BTreeSet<NodeId> {
        match &self.open {
            Some(open) if open.since.elapsed() > KEY_AGE_MAX => {
                self.open.take().map(|open| open.spoken_with).unwrap_or_default()
            }
            _ => BTreeSet::new(),
        }
    }

    /// Says goodbye to all mailboxes.
    pub(crate) async fn close(self) {
        if let Some(open) = self.open {
            open.network.shutdown().await;
        }
    }
}

fn start() -> Result<Open, network::StartError> {
    let mut seed = [0; 32];
    rand::rngs::OsRng.fill_bytes(&mut seed);
    let key = NodeKey::from_seed(&seed);
    let (network, events) = network::start(&key, network::Config::secluded())?;
    Ok(Open { network, events, since: Instant::now(), spoken_with: BTreeSet::new() })
}

fn input(event: Event) -> Option<Input> {
    match event {
        Event::Frame { node, frame: Frame::FromMailbox(reply) } => {
            Some(Input::FromMailbox { node, reply })
        }
        Event::Disconnected { node } | Event::SendFailed { node, .. } => {
            Some(Input::MailboxLost(node))
        }
        _ => None,
    }
}
