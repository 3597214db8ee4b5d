//! A client of a running node's local API, for the command line and the demo.

use std::{path::Path, time::Duration};

use anyhow::{Context, bail};
use reqwest::Method;
use serde_json::Value;

/// How long a file may take on its way to or from the node, which is on this machine.
const TRANSFER_TIME_MAX: Duration = Duration::from_secs(3600);

/// Speaks to one node with its bearer token.
#[derive(Clone)]
pub struct Client {
    base: String,
    token: String,
    http: reqwest::Client,
}

impl Client {
    /// Finds the node that runs on a data folder.
    ///
    /// # Errors
    /// No node runs there, or its files cannot be read.
    pub fn for_folder(folder: &Path) -> anyhow::Result<Self> {
        let read = |name: &str| {
            let path = folder.join(name);
            let text = std::fs::read_to_string(&path);
            text.map(|text| text.trim().to_owned()).with_context(|| {
                format!("no node runs on {} (start one with `conclave up`)", folder.display())
            })
        };
        Ok(Self { base: read("api-address")?, token: read("api-token")?, http: http()? })
    }

    /// The address of the API, such as `http://127.0.0.1:7070`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Reads something.
    ///
    /// # Errors
    /// The node cannot be reached or refuses; the message is its own.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, None).await
    }

    /// Asks for something to be done.
    ///
    /// # Errors
    /// The node cannot be reached or refuses; the message is its own.
    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Changes something.
    ///
    /// # Errors
    /// The node cannot be reached or refuses; the message is its own.
    pub async fn patch(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.call(Method::PATCH, path, Some(body)).await
    }

    /// Has something removed.
    ///
    /// # Errors
    /// The node cannot be reached or refuses; the message is its own.
    pub async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::DELETE, path, None).await
    }

    /// Reads something as it stands, such as a certificate file.
    ///
    /// # Errors
    /// The node cannot be reached or refuses; the message is its own.
    pub async fn get_text(&self, path: &str) -> anyhow::Result<String> {
        let url = format!("{}{path}", self.base);
        let response = self.http.get(url).bearer_auth(&self.token).send().await?;
        let status = response.status();
        let text = response.text().await?;
        if !status.is_success() {
            bail!("{path}: {}", problem(&text));
        }
        Ok(text)
    }

    /// Adds a file.
    ///
    /// # Errors
    /// The node cannot be reached or refuses; the message is its own.
    pub async fn add_file(
        &self,
        name: &str,
        media_type: &str,
        bytes: Vec<u8>,
    ) -> anyhow::Result<Value> {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let query = query.append_pair("name", name).append_pair("type", media_type).finish();
        let request = self.http.post(format!("{}/v1/files?{query}", self.base));
        let request = request
            .bearer_auth(&self.token)
            .header("content-type", "application/octet-stream")
            .timeout(TRANSFER_TIME_MAX)
            .body(bytes);
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        if !status.is_success() {
            bail!("{name}: {}", problem(&text));
        }
        serde_json::from_str(&text).context("not JSON")
    }

    /// Reads a file piece by piece: `take` gets each, how many bytes have come with it, and how
    /// many there are. Returns how many came.
    ///
    /// # Errors
    /// The node cannot be reached or refuses, the file broke off, or `take` failed.
    pub async fn read_file(
        &self,
        file: &str,
        mut take: impl FnMut(&[u8], u64, u64) -> anyhow::Result<()>,
    ) -> anyhow::Result<u64> {
        let request = self.http.get(format!("{}/v1/files/{file}/content", self.base));
        let request = request.bearer_auth(&self.token).timeout(TRANSFER_TIME_MAX);
        let mut response = request.send().await?;
        if !response.status().is_success() {
            bail!("{file}: {}", problem(&response.text().await?));
        }
        let size = response.content_length().unwrap_or_default();
        let mut have = 0;
        while let Some(piece) = response.chunk().await? {
            have += piece.len() as u64;
            take(&piece, have, size)?;
        }
        Ok(have)
    }

    /// Whether the node says it is ready.
    pub async fn is_ready(&self) -> bool {
        let response = self.http.get(format!("{}/health/ready", self.base)).send().await;
        response.is_ok_and(|response| response.status().is_success())
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.base);
        let mut request = self.http.request(method, url).bearer_auth(&self.token);
        if let Some(body) = &body {
            request = request.json(body);
        }
        let response = request
            .send()
            .await
            .with_context(|| format!("the node at {} does not answer", self.base))?;
        let status = response.status();
        let text = response.text().await?;
        if !status.is_success() {
            bail!("{path}: {}", problem(&text));
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| format!("{path}: not JSON"))
    }
}

/// What speaks to a node on this machine.
///
/// # Errors
/// It cannot be set up.
pub(crate) fn http() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()
}

/// The words of a problem+json answer, and the field at fault.
fn problem(text: &str) -> String {
    let Ok(problem) = serde_json::from_str::<Value>(text) else { return text.to_owned() };
    let field = |name: &str| problem.get(name).and_then(Value::as_str).map(str::to_owned);
    let words = field("detail").or_else(|| field("title")).unwrap_or_else(|| text.to_owned());
    match field("field") {
        Some(name) if !words.starts_with(&name) => format!("{name}: {words}"),
        _ => words,
    }
}
