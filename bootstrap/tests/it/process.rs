//! A running `conclave-bootstrap`.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conclave-bootstrap"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CONCLAVE_BOOTSTRAP_")) {
        command.env_remove(name);
    }
    command
}

pub(crate) struct Bootstrap {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Bootstrap {
    pub(crate) fn start(data_dir: &Path, args: &[&str]) -> Self {
        let mut child = command()
            .args(args)
            .arg("--data-dir")
            .arg(data_dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary is built");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines }
    }

    pub(crate) fn addresses(&self, number: usize) -> Vec<String> {
        let line = || self.lines.recv_timeout(PATIENCE).expect("an address on its own line");
        (0..number).map(|_| line()).collect()
    }

    /// Asks it to stop, as a service manager does.
    pub(crate) fn terminate(mut self, signal: &str) -> ExitStatus {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().expect("kill is there");
        assert!(sent.success());
        self.child.wait().expect("it ends")
    }
}

impl Drop for Bootstrap {
    fn drop(&mut self) {
        // Only where a test failed before it stopped the process.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn output(args: &[&str]) -> Output {
    command().args(args).output().expect("the binary is built")
}
