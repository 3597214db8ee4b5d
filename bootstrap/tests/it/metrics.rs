//! What an operator's own programs see of it.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
};

use crate::process::{Bootstrap, output};

const LISTEN: [&str; 2] = ["--listen", "/ip4/127.0.0.1/tcp/0"];

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it is served");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn health_and_numbers_are_served_on_loopback_until_it_stops() {
    let dir = tempfile::tempdir().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let args = [&LISTEN[..], &["--metrics", &free]].concat();
    let bootstrap = Bootstrap::start(dir.path(), &args);
    bootstrap.addresses(1);
    let health = get(&free, "/health");
    assert!(health.starts_with("HTTP/1.1 200") && health.ends_with("ok\n"), "{health}");
    let metrics = get(&free, "/metrics");
    for line in ["conclave_bootstrap_peers 0", "conclave_bootstrap_relay_circuits_total 0"] {
        assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
    }
    assert!(!metrics.contains("12D3KooW"), "no node is named");
    assert!(bootstrap.terminate("-TERM").success());
    assert!(TcpStream::connect(&free).is_err(), "it has stopped");
}

#[test]
fn numbers_are_not_served_to_everybody() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().to_str().unwrap();
    let args = [&LISTEN[..], &["--metrics", "0.0.0.0:0", "--data-dir", folder]].concat();
    let refused = output(&args);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("0.0.0.0:0"), "{said}");
}
