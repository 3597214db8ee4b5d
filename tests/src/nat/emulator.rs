//! The task between all hosts: routers, delay and loss.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_tun::Tun;

use super::{
    packet,
    translate::{Kind, Router},
};

/// Larger than any packet of these devices.
const PACKET_BYTES_MAX: usize = 2048;
/// Packets on their way to one host; what does not fit is lost, as in any router.
const ON_THE_WAY_MAX: usize = 16_384;

/// What the internet between the hosts is like.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    /// How long each packet takes, one way.
    pub delay: Duration,
    /// Of a thousand packets, how many are lost.
    pub loss_per_mille: u32,
    /// What decides which.
    pub seed: u64,
}

impl Weather {
    /// No delay, no loss.
    pub const FINE: Self = Self { delay: Duration::ZERO, loss_per_mille: 0, seed: 1 };
}

/// One host as the emulator sees it.
struct Port {
    router: Router,
    towards: mpsc::Sender<(Instant, Vec<u8>)>,
}

/// All hosts by their public addresses.
#[derive(Clone)]
pub(super) struct Emulator {
    weather: Weather,
    ports: Arc<Mutex<BTreeMap<Ipv4Addr, Port>>>,
}

impl Emulator {
    pub(super) fn new(weather: Weather) -> Self {
        Self { weather, ports: Arc::default() }
    }

    /// Connects a host. Its tasks end when the device does, with the runtime.
    pub(super) fn connect(&self, kind: Kind, outside: Ipv4Addr, tun: Tun) {
        let (towards, mut arriving) = mpsc::channel::<(Instant, Vec<u8>)>(ON_THE_WAY_MAX);
        let port = Port { router: Router::new(kind, outside), towards };
        self.ports.lock().unwrap_or_else(PoisonError::into_inner).insert(outside, port);
        let tun = Arc::new(tun);
        let device = Arc::clone(&tun);
        tokio::spawn(async move {
            while let Some((at, packet)) = arriving.recv().await {
                if at > Instant::now() {
                    sleep_until(at).await;
                }
                // A host whose namespace is gone receives nothing.
                let _ = device.send_all(&packet).await;
            }
        });
        let emulator = self.clone();
        tokio::spawn(async move {
            let mut rng =
                StdRng::seed_from_u64(emulator.weather.seed ^ u64::from(u32::from(outside)));
            let mut buffer = vec![0; PACKET_BYTES_MAX];
            while let Ok(bytes) = tun.recv(&mut buffer).await {
                let lost = rng.gen_range(0..1000) < emulator.weather.loss_per_mille;
                if !lost {
                    emulator.forward(outside, buffer[..bytes].to_vec());
                }
            }
        });
    }

    fn forward(&self, from: Ipv4Addr, mut packet: Vec<u8>) {
        let Some(ends) = packet::ends(&packet) else { return };
        let mut ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(port) = ports.get_mut(&from) else { return };
        let seen = port.router.outbound(ends);
        let Some(port) = ports.get(seen.to.ip()) else { return };
        let Some(seen) = port.router.inbound(seen) else { return };
        packet::rewrite(&mut packet, &seen);
        // A full way loses the packet.
        let _ = port.towards.try_send((Instant::now() + self.weather.delay, packet));
    }
}
