//! How a node starts and stops.

use std::{
    collections::BTreeMap, net::SocketAddr, os::unix::fs::PermissionsExt, path::Path, sync::Arc,
};

use anyhow::Context;
use api::{Call, Credentials, EventLog, Node, Readiness};
use connectors::caldav::Calendars;
use engine::{Engine, Input, Reply, Request, RequestError};
use mailbox::{Mailbox, Role, WhenBusy};
use protocol::identity::{NodeId, NodeKey};
use rand::RngCore;
use store::{Batch, RootKey, Store, Table};
use tokio::{
    net::TcpListener,
    sync::{broadcast, mpsc, oneshot, watch},
    task::JoinHandle,
};

use crate::{
    clock::Clock,
    config::Config,
    driver::{Completion, Driver},
    files::{self, Keeper},
    ledger::{self, Reader},
    perform::Outside,
    ports::Ports,
    post::Post,
    serve,
    space::Space,
};

/// Requests of the local API that may wait for the driver.
const CALLS_MAX: usize = 256;
/// Answers of the outside world that may wait for the driver.
const COMPLETIONS_MAX: usize = 1_024;

const MIB: u64 = 1024 * 1024;

/// Events kept for a listener in this process that falls behind.
const TOLD_MAX: usize = 16_384;

/// Asks a running node for things.
#[derive(Clone)]
pub struct Caller(mpsc::Sender<Call>);

impl Caller {
    /// Asks the node for something without HTTP.
    ///
    /// # Errors
    /// As the node refuses, or `Unavailable` when it is stopping.
    pub async fn call(&self, request: Request) -> Result<Reply, RequestError> {
        let stopping = || RequestError::Unavailable { reason: "the node is stopping".into() };
        let (reply, answer) = oneshot::channel();
        self.0.send(Call { request, by: None, reply }).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }
}

/// A node that runs in this process.
pub struct Running {
    /// Which node.
    pub node: NodeId,
    /// Where the local API and the page are.
    pub api: SocketAddr,
    calls: mpsc::Sender<Call>,
    told: broadcast::Sender<engine::Event>,
    events: EventLog,
    credentials: Arc<Credentials>,
    stop: Vec<oneshot::Sender<()>>,
    driver: JoinHandle<anyhow::Result<()>>,
    server: JoinHandle<std::io::Result<()>>,
    network: network::Handle,
}

/// The calendars on servers and the passwords for them, in the data folder.
pub(crate) const CALENDARS_FILE: &str = "calendars.toml";

/// Starts a node: opens its ledger, joins the network, serves its API.
///
/// # Errors
/// The data folder is in use or unreadable, an address is taken, or a setting is not legal; the
/// message says what to do.
pub async fn start(config: &Config) -> anyhow::Result<Running> {
    let folder = &config.data_dir;
    crate::backup::refuse_retired(folder)?;
    create_private(folder)?;
    let root = RootKey::load_or_create(&folder.join("root.key"))?;
    let store = store::open_ledger(&folder.join("ledger"), config.ledger, &root)?;
    let key = node_key(store.as_ref())?;
    let cache = Arc::new(store::Cache::open(&folder.join("cache"), &root)?);

    let ports = Ports::load(store.as_ref())?;
    let network_config = |listen: Vec<String>| network::Config {
        listen,
        bootstrap: config.bootstrap.clone(),
        mdns: config.mdns,
        relay: config.relay,
        upnp: config.upnp,
        external: config.external.clone(),
        ..network::Config::default()
    };
    let (network, network_events) =
        network::start(&key, network_config(ports.apply(&config.listen))).or_else(|error| {
            tracing::warn!(%error, "the ports of the last run are taken; choosing others");
            network::start(&key, network_config(config.listen.clone()))
        })?;

    let rows = ledger::load(store.as_ref())?;
    let mut seed = [0; 32];
    rand::rngs::OsRng.fill_bytes(&mut seed);
    let clock = Clock::start();
    let mut engine = Engine::load(key.id(), seed, rows, clock.now_ms())?;
    let mailboxes = serve::mailboxes(&config.mailboxes, key.id())?;
    engine.handle(Input::Mailboxes(mailboxes), clock.now_ms());
    let mailbox = match config.serve.limits() {
        Some(limits) => {
            let key = NodeKey::from_seed(&key.seed());
            Some(Mailbox::start(key, limits, Arc::clone(&store), network.clone()).await?)
        }
        None => None,
    };
    // The engine should not wait for a mailbox that many others ask things of.
    let role = Role::new(mailbox, network.clone(), WhenBusy::Drop);

    let (calls_in, calls) = mpsc::channel(CALLS_MAX);
    let (completions_in, completions) = mpsc::channel::<Completion>(COMPLETIONS_MAX);
    let (ready_in, ready) = watch::channel(Readiness::Starting);
    let events = EventLog::new(clock.now_ms());
    let (told, _) = broadcast::channel(TOLD_MAX);
    let parts = files::Parts {
        folder: folder.join(files::FOLDER),
        free_bytes_min: config.free_mib_min.saturating_mul(MIB),
        limits: config.files.limits(),
        network: network.clone(),
        calls: calls_in.clone(),
        completions: completions_in.clone(),
    };
    let files = Keeper::open(parts, &engine.files_kept())?;
    engine.handle(files.on_disk(), clock.now_ms());
    let driver = Driver {
        engine,
        outside: Outside {
            reader: Reader(Arc::clone(&store)),
            store,
            cache,
            network: network.clone(),
            completions: completions_in,
            clock: clock.clone(),
            calendars: Calendars::new(folder.join(CALENDARS_FILE)),
            files: files.clone(),
        },
        events: events.clone(),
        told: told.clone(),
        calls,
        network_events,
        post: Post::default(),
        role,
        completions,
        ready: ready_in,
        clock,
        space: Space::new(folder, config.free_mib_min.saturating_mul(MIB)),
        ports,
        pending: BTreeMap::new(),
        next_request: 0,
    };
    let (stop_driver, driver_stops) = oneshot::channel::<()>();
    let driver = tokio::spawn(driver.run(async move {
        let _ = driver_stops.await;
    }));

    let listener = TcpListener::bind(config.api)
        .await
        .with_context(|| format!("the local API cannot listen on {}", config.api))?;
    let address = listener.local_addr()?;
    let credentials = Arc::new(Credentials::create(folder)?);
    let handle = Node::new(calls_in.clone(), events.clone()).with_files(Arc::new(files));
    let router = api::app(handle, Arc::clone(&credentials), authorities(address), ready);
    let (stop_server, server_stops) = oneshot::channel::<()>();
    let server = tokio::spawn(api::serve(listener, router, async move {
        let _ = server_stops.await;
    }));
    write_private(&config.api_address_file(), &format!("http://{address}\n"))?;
    Ok(Running {
        node: key.id(),
        api: address,
        calls: calls_in,
        told,
        events,
        credentials,
        stop: vec![stop_server, stop_driver],
        driver,
        server,
        network,
    })
}

impl Running {
    /// Asks the node for something without HTTP.
    ///
    /// # Errors
    /// As the node refuses, or `Unavailable` when it is stopping.
    pub async fn call(&self, request: Request) -> Result<Reply, RequestError> {
        self.caller().call(request).await
    }

    /// A cheap handle for [`Running::call`] that tasks can own.
    pub fn caller(&self) -> Caller {
        Caller(self.calls.clone())
    }

    /// Frames written to other nodes since the start, and their bytes.
    pub async fn sent(&self) -> (u64, u64) {
        let counts = self.network.status().await.counts;
        (counts.frames_sent, counts.bytes_sent)
    }

    /// Everything that happens from now on. A listener that falls behind misses the oldest.
    pub fn told(&self) -> broadcast::Receiver<engine::Event> {
        self.told.subscribe()
    }

    /// A link that logs a browser in, once, within ten minutes.
    pub fn login_link(&self) -> String {
        format!("http://{}/#login={}", self.api, self.credentials.login_code())
    }

    /// Waits until `asked` completes or the node can no longer work, then stops it in order: no
    /// new requests, the last batch, the network.
    ///
    /// # Errors
    /// The node failed on its own, for instance because its disk did.
    pub async fn until(mut self, asked: impl Future<Output = ()>) -> anyhow::Result<()> {
        let failed = tokio::select! {
            () = asked => None,
            result = &mut self.driver => Some(result),
        };
        self.events.close();
        for stop in self.stop.drain(..) {
            // Already gone when the node failed on its own.
            let _ = stop.send(());
        }
        self.server.await??;
        let result = match failed {
            Some(result) => result,
            None => self.driver.await,
        };
        self.network.shutdown().await;
        result?
    }
}

/// The names the API may be called by: this very address, and the loopback names for it.
fn authorities(address: SocketAddr) -> Vec<String> {
    let port = address.port();
    let mut names = vec![address.to_string()];
    if address.ip().is_loopback() {
        names.extend([
            format!("localhost:{port}"),
            format!("127.0.0.1:{port}"),
            format!("[::1]:{port}"),
        ]);
        names.dedup();
    }
    names
}

/// The node's key, made at the first start.
fn node_key(store: &dyn Store) -> anyhow::Result<NodeKey> {
    const KEY: &[u8] = b"node-key";
    if let Some(seed) = store.get(Table::Meta, KEY)? {
        let seed: [u8; 32] =
            seed.as_ref().try_into().ok().context("the node key in the ledger is damaged")?;
        return Ok(NodeKey::from_seed(&seed));
    }
    let mut seed = [0; 32];
    rand::rngs::OsRng.fill_bytes(&mut seed);
    let mut batch = Batch::new();
    batch.put(Table::Meta, KEY, seed);
    store.commit(batch)?;
    Ok(NodeKey::from_seed(&seed))
}

pub(crate) fn create_private(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)))
        .with_context(|| format!("cannot use {} as data folder", folder.display()))
}

fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text)
        .and_then(|()| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)))
        .with_context(|| format!("cannot write {}", path.display()))
}
