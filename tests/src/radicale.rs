//! Radicale, a CalDAV server that others wrote, as the judge of ours as a client.
//!
//! It comes from PyPI into a virtual environment in the target folder, once for all tests.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, ensure};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use crate::{until::until, venv::python_with};

/// The version the tests were written against.
const PACKAGE: &str = "radicale==3.9.0";

/// Whose account every server has.
pub const USER: &str = "alice";

/// A password that is found wherever it leaks.
pub const PASSWORD: &str = "correct-horse-battery-staple";

/// A running server; it is killed when this value is dropped.
pub struct Radicale {
    address: SocketAddr,
    folder: PathBuf,
    http: reqwest::Client,
    _child: Child,
}

impl Radicale {
    /// Starts a server with its files in a folder. `None` where this machine cannot: then the
    /// test says so by name.
    ///
    /// # Errors
    /// It is installed but does not start; or it cannot be installed, in CI.
    pub async fn start(folder: &Path, test: &str) -> anyhow::Result<Option<Self>> {
        let Some(python) = python_with(PACKAGE, test).await? else { return Ok(None) };
        fs::create_dir_all(folder)?;
        fs::write(folder.join("users"), format!("{USER}:{PASSWORD}\n"))?;
        fs::write(folder.join("rights"), RIGHTS)?;
        // The port is free when it is asked for; nobody else takes it on purpose.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let config = format!(
            "[server]\nhosts = {address}\n[auth]\ntype = htpasswd\nhtpasswd_filename = {users}\n\
             htpasswd_encryption = plain\ndelay = 0\n[rights]\ntype = from_file\nfile = {rights}\n\
             [storage]\nfilesystem_folder = {storage}\n[web]\ntype = none\n",
            users = folder.join("users").display(),
            rights = folder.join("rights").display(),
            storage = folder.join("storage").display(),
        );
        fs::write(folder.join("config"), config)?;
        let log = File::create(folder.join("radicale.log"))?;
        let child = Command::new(python)
            .args(["-m", "radicale", "--config"])
            .arg(folder.join("config"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("cannot run python")?;
        until("radicale listening", async || {
            Ok(TcpStream::connect(address).await.is_ok().then_some(()))
        })
        .await?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Some(Self { address, folder: folder.to_owned(), http, _child: child }))
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The files of one of the account's calendars, an event each.
    pub fn files(&self, calendar: &str) -> PathBuf {
        self.folder.join("storage/collection-root").join(USER).join(calendar)
    }

    /// What it logged.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn log(&self) -> anyhow::Result<String> {
        Ok(fs::read_to_string(self.folder.join("radicale.log"))?)
    }

    /// Makes a calendar.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn make_calendar(&self, name: &str) -> anyhow::Result<()> {
        self.call("MKCALENDAR", &format!("{USER}/{name}/"), None, &[201]).await?;
        Ok(())
    }

    /// Makes the calendar `public`, which its owner may only read, out of events.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn make_public(&self, events: &[&str]) -> anyhow::Result<()> {
        // The server lets nobody write there; its files are where it comes from.
        let folder = self.files("public");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(".Radicale.props"), r#"{"tag": "VCALENDAR"}"#)?;
        for (number, event) in events.iter().enumerate() {
            fs::write(folder.join(format!("{number}.ics")), event)?;
        }
        Ok(())
    }

    /// Writes an event, or a whole calendar where the path ends with a slash.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn put(&self, path: &str, ics: &str) -> anyhow::Result<()> {
        self.call("PUT", &format!("{USER}/{path}"), Some(ics.to_owned()), &[200, 201, 204]).await?;
        Ok(())
    }

    /// Deletes an event or a calendar.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn delete(&self, path: &str) -> anyhow::Result<()> {
        self.call("DELETE", &format!("{USER}/{path}"), None, &[200, 204]).await?;
        Ok(())
    }

    async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<String>,
        expected: &[u16],
    ) -> anyhow::Result<String> {
        let method = reqwest::Method::from_bytes(method.as_bytes())?;
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.url()))
            .basic_auth(USER, Some(PASSWORD));
        if let Some(body) = body {
            request = request.header("content-type", "text/calendar; charset=utf-8").body(body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        ensure!(expected.contains(&status), "{method} {path}: {status} {text}");
        Ok(text)
    }
}

/// Everything of one's own may be read and written, but what is called `public` only read.
const RIGHTS: &str = "\
[root]
user: .+
collection:
permissions: R
[principal]
user: .+
collection: {user}
permissions: RW
[public]
user: .+
collection: {user}/public
permissions: r
[calendars]
user: .+
collection: {user}/[^/]+
permissions: rw
";
