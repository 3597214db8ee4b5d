//! Namespaces that come and go with the test.

use std::{
    net::Ipv4Addr,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context, ensure};
use tokio_tun::Tun;

use super::{
    emulator::{Emulator, Weather},
    translate::Kind,
};

/// Small enough that a packet fits whatever it is put into; QUIC needs 1200 and its headers.
const MTU: &str = "1400";

static LABS: AtomicU32 = AtomicU32::new(0);

/// Whether this machine lets tests make namespaces and devices.
pub fn may_run() -> bool {
    // Making a namespace needs root, and an `ip` that knows how.
    let number = LABS.fetch_add(1, Ordering::Relaxed);
    let name = format!("cv{}-{number}", std::process::id());
    let made = ip(&["netns", "add", &name]).is_ok();
    if made {
        // Gone with the machine's next start if not now.
        let _ = ip(&["netns", "del", &name]);
    }
    made && std::path::Path::new("/dev/net/tun").exists()
}

/// Hosts with routers, and the internet between them.
pub struct Lab {
    number: u32,
    emulator: Emulator,
    hosts: u8,
    namespaces: Vec<String>,
}

/// A machine of its own, as far as its programs can tell.
#[derive(Debug, Clone)]
pub struct Host {
    /// Its namespace.
    pub namespace: String,
    /// Behind which router.
    pub kind: Kind,
    /// The address its programs see.
    pub inside: Ipv4Addr,
}

impl Lab {
    /// An internet without hosts.
    pub fn new(weather: Weather) -> Self {
        let number = LABS.fetch_add(1, Ordering::Relaxed);
        Self { number, emulator: Emulator::new(weather), hosts: 0, namespaces: Vec::new() }
    }

    /// Adds a host behind a router of its own.
    ///
    /// # Errors
    /// The machine does not let us.
    pub fn host(&mut self, kind: Kind) -> anyhow::Result<Host> {
        self.hosts = self.hosts.checked_add(1).context("too many hosts")?;
        let host = self.hosts;
        let outside = Ipv4Addr::new(5, 100, 0, host);
        let inside = match kind {
            Kind::Open => outside,
            _ => Ipv4Addr::new(10, 64, host, 2),
        };
        let namespace = format!("cv{}-{}-{host}", std::process::id(), self.number);
        ip(&["netns", "add", &namespace])?;
        self.namespaces.push(namespace.clone());
        let device = format!("cv{:x}-{}-{host}", std::process::id(), self.number);
        let mut made = Tun::builder().name(&device).build().context("cannot make a TUN device")?;
        let tun = made.pop().context("no TUN device was made")?;
        ip(&["link", "set", &device, "netns", &namespace])?;
        let within = |args: &[&str]| ip(&[&["-n", &namespace], args].concat());
        within(&["link", "set", "lo", "up"])?;
        within(&["address", "add", &format!("{inside}/24"), "dev", &device])?;
        within(&["link", "set", &device, "mtu", MTU, "up"])?;
        within(&["route", "add", "default", "dev", &device])?;
        self.emulator.connect(kind, outside, tun);
        Ok(Host { namespace, kind, inside })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for namespace in &self.namespaces {
            if let Err(error) = ip(&["netns", "del", namespace]) {
                eprintln!("{namespace} stays: {error:#}");
            }
        }
    }
}

fn ip(args: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("ip").args(args).output().context("cannot run ip")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {}: {said}", args.join(" "));
    Ok(())
}
