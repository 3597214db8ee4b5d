//! From a key and a configuration to a running network.

use std::{collections::HashSet, sync::Arc, time::Instant};

use libp2p::{Multiaddr, PeerId, TransportError, identity::Keypair};
use protocol::identity::NodeKey;
use rand::{SeedableRng, rngs::StdRng};
use thiserror::Error;
use tokio::sync::{mpsc, watch};

pub use crate::address::AddressError;
use crate::{
    address,
    config::Config,
    counters::Counters,
    driver::{Bootstraps, Driver, Parts, Reach},
    event::{self, Events},
    handle::{Handle, Inner},
    link::{Askers, Links},
    requests::Requests,
    swarm,
};

/// Lookups and questions about the status that may wait for the driver.
const COMMANDS_MAX: usize = 256;

/// Why a network could not be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// An address in the configuration cannot be used.
    #[error("address {address}: {reason}")]
    Address {
        /// As configured.
        address: String,
        /// What is wrong with it.
        reason: AddressError,
    },
    /// This machine does not let us listen there; the port may be taken.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// As configured.
        address: String,
        /// What the system says.
        reason: String,
    },
    /// A transport or protocol could not be set up.
    #[error("cannot set up the network: {0}")]
    Setup(String),
    /// Not called from within a tokio runtime.
    #[error("no tokio runtime to run on")]
    NoRuntime,
}

/// Starts a network of its own for one node key. Spawns the driver on the current tokio runtime
/// and waits for nothing: addresses come as [`crate::Event::Listening`].
///
/// # Errors
/// [`StartError`] when an address is wrong or taken.
pub fn start(key: &NodeKey, config: Config) -> Result<(Handle, Events), StartError> {
    let runtime = tokio::runtime::Handle::try_current().map_err(|_| StartError::NoRuntime)?;
    let keypair = Keypair::ed25519_from_bytes(*key.seed())
        .map_err(|error| StartError::Setup(error.to_string()))?;
    let bootstraps = Bootstraps::new(bootstrap_addresses(&config)?, Instant::now());
    let mut swarm = swarm::build(keypair, &config)?;
    let mut reach = Reach::new(&config);
    for address in &config.external {
        let address = parse(address)?;
        reach.confirmed(address.clone());
        swarm.add_external_address(address);
    }
    let mut listeners = HashSet::new();
    for address in &config.listen {
        let listener = swarm.listen_on(parse(address)?).map_err(|error| StartError::Listen {
            address: address.clone(),
            reason: match error {
                TransportError::MultiaddrNotSupported(_) => "no such transport".to_owned(),
                TransportError::Other(error) => innermost(&error),
            },
        })?;
        listeners.insert(listener);
    }

    let limits = config.limits;
    let (board, inbox, events) = event::channel(limits.inbox_events_max, limits.inbox_bytes_max);
    let (counters, requests) = (Arc::new(Counters::default()), Arc::new(Requests::default()));
    let (links, asked) =
        Links::new(key.id(), limits, runtime.clone(), board.clone(), counters.clone());
    let (commands, commands_receiver) = mpsc::channel(COMMANDS_MAX);
    let askers = Arc::new(Askers::default());
    let (stop, stop_receiver) = watch::channel(false);
    let (done, done_receiver) = watch::channel(());
    let driver = Driver::new(Parts {
        swarm,
        listeners,
        bootstraps,
        secluded: config.secluded,
        reach,
        board,
        inbox,
        links: links.clone(),
        counters: counters.clone(),
        requests: requests.clone(),
        commands: commands_receiver,
        asked,
        askers: askers.clone(),
        stop: stop_receiver,
        rng: StdRng::from_entropy(),
    });
    runtime.spawn(driver.run(done));
    let node = key.id();
    let done = done_receiver;
    let inner = Inner { node, links, requests, counters, commands, askers, stop, done };
    Ok((Handle::new(inner), events))
}

/// What the system said, without the wrappings of the transports.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn bootstrap_addresses(config: &Config) -> Result<Vec<(PeerId, Multiaddr)>, StartError> {
    let split = |text: &String| {
        let (address, peer) = address::split_peer(parse(text)?);
        let reason = AddressError::NoPeer;
        let peer = peer.ok_or_else(|| StartError::Address { address: text.clone(), reason })?;
        Ok((peer, address))
    };
    config.bootstrap.iter().map(split).collect()
}

fn parse(text: &str) -> Result<Multiaddr, StartError> {
    address::parse(text).map_err(|reason| StartError::Address { address: text.to_owned(), reason })
}
