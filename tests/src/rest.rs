//! The local API as a program uses it, through a library or through `curl`.

use std::{process::Stdio, time::Duration};

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command};

/// The API itself answers or gives up within 30 seconds.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(40);

/// The API of one run of one node.
#[derive(Debug, Clone)]
pub struct Api {
    base: String,
    token: String,
    /// `None` goes through `curl`.
    http: Option<reqwest::Client>,
}

/// What the API answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; null when there is none, text when it is no JSON.
    pub body: Value,
    /// The body exactly as it came.
    pub text: String,
}

impl Answer {
    /// The body, if the call succeeded.
    ///
    /// # Errors
    /// The API said no; the message has all of it.
    pub fn ok(self) -> anyhow::Result<Value> {
        ensure!((200..300).contains(&self.status), "{}: {}", self.status, self.text);
        Ok(self.body)
    }
}

impl Api {
    /// The API at an address such as `http://127.0.0.1:7070`.
    ///
    /// # Errors
    /// The HTTP library cannot be set up.
    pub fn new(base: &str, token: &str, curl: bool) -> anyhow::Result<Self> {
        let http = || reqwest::Client::builder().no_proxy().timeout(ANSWER_TIME_MAX).build();
        let http = if curl { None } else { Some(http()?) };
        Ok(Self { base: base.to_owned(), token: token.to_owned(), http })
    }

    /// The API of a node that does not run.
    pub(crate) fn nowhere() -> Self {
        Self { base: "http://127.0.0.1:1".into(), token: String::new(), http: None }
    }

    /// Where it is, such as `http://127.0.0.1:7070`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The bearer token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// `GET`.
    ///
    /// # Errors
    /// The node cannot be reached.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.call(Method::GET, path, None, None).await
    }

    /// `POST` of JSON.
    ///
    /// # Errors
    /// The node cannot be reached.
    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Answer> {
        self.call(Method::POST, path, Some(body), None).await
    }

    /// `PATCH` of JSON.
    ///
    /// # Errors
    /// The node cannot be reached.
    pub async fn patch(&self, path: &str, body: Value) -> anyhow::Result<Answer> {
        self.call(Method::PATCH, path, Some(body), None).await
    }

    /// `DELETE`.
    ///
    /// # Errors
    /// The node cannot be reached.
    pub async fn delete(&self, path: &str) -> anyhow::Result<Answer> {
        self.call(Method::DELETE, path, None, None).await
    }

    /// `POST` of JSON with an `Idempotency-Key`.
    ///
    /// # Errors
    /// The node cannot be reached.
    pub async fn post_once(&self, path: &str, body: Value, key: &str) -> anyhow::Result<Answer> {
        self.call(Method::POST, path, Some(body), Some(key)).await
    }

    /// Any call.
    ///
    /// # Errors
    /// The node cannot be reached.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        key: Option<&str>,
    ) -> anyhow::Result<Answer> {
        let url = format!("{}{path}", self.base);
        let body = body.map(|body| body.to_string());
        let (status, text) = match &self.http {
            Some(http) => {
                let mut request = http.request(method, url).bearer_auth(&self.token);
                if let Some(body) = body {
                    request = request.header("Content-Type", "application/json").body(body);
                }
                if let Some(key) = key {
                    request = request.header("Idempotency-Key", key);
                }
                let response = request.send().await?;
                (response.status().as_u16(), response.text().await?)
            }
            None => self.curl(&method, &url, body, key).await?,
        };
        let body = match text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        };
        Ok(Answer { status, body, text })
    }

    /// The same through the program people have in their shells.
    async fn curl(
        &self,
        method: &Method,
        url: &str,
        body: Option<String>,
        key: Option<&str>,
    ) -> anyhow::Result<(u16, String)> {
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--noproxy", "*", "--max-time"])
            .arg(ANSWER_TIME_MAX.as_secs().to_string())
            .args(["--request", method.as_str(), "--write-out", "\n%{http_code}"])
            .args(["--header", &format!("Authorization: Bearer {}", self.token)]);
        if let Some(key) = key {
            command.args(["--header", &format!("Idempotency-Key: {key}")]);
        }
        if body.is_some() {
            command.args(["--header", "Content-Type: application/json", "--data-binary", "@-"]);
        }
        let mut child = command
            .arg(url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("curl")?;
        let mut stdin = child.stdin.take().context("its input is piped")?;
        stdin.write_all(body.unwrap_or_default().as_bytes()).await?;
        drop(stdin);
        let output = child.wait_with_output().await?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "curl {url}: {error}");
        let output = String::from_utf8(output.stdout)?;
        let (text, status) = output.rsplit_once('\n').context("curl wrote no status")?;
        Ok((status.parse()?, text.to_owned()))
    }
}

/// A field of an answer that must be text.
///
/// # Errors
/// It is missing; the message has the whole answer.
pub fn text(value: &Value, field: &str) -> anyhow::Result<String> {
    let found = value.get(field).and_then(Value::as_str);
    Ok(found.with_context(|| format!("no {field} in {value}"))?.to_owned())
}

/// The elements of a list in an answer; none when there is no list.
pub fn items<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}
