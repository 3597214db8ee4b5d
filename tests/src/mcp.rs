//! The official client of the Model Context Protocol, as the judge of our server.

use std::{path::Path, process::Stdio};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::until::PATIENCE;

/// The version the tests were written against.
pub const PACKAGE: &str = "mcp==2.3.0";

const PROGRAM: &str = include_str!("mcp_client.py");

/// A client that is connected; it is killed when this value is dropped.
pub struct Mcp {
    /// The revision of the protocol that is spoken.
    pub revision: String,
    /// The names of the tools there are.
    pub tools: Vec<String>,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

/// What a tool answered.
#[derive(Debug, Clone)]
pub struct Told {
    /// Whether it says that it failed.
    pub error: bool,
    /// For programs.
    pub value: Value,
    /// For models.
    pub text: String,
}

impl Told {
    /// The value, if the call succeeded.
    ///
    /// # Errors
    /// It did not; the message has its words.
    pub fn ok(self) -> anyhow::Result<Value> {
        ensure!(!self.error, "{}", self.text);
        Ok(self.value)
    }
}

impl Mcp {
    /// Connects to a server: to the address and with the token, or by starting the program that
    /// `place` says. `mode` is `auto` for the newest revision or `legacy` for the one before it.
    ///
    /// # Errors
    /// The client does not start or does not get through.
    pub async fn connect(python: &Path, mode: &str, mut place: Value) -> anyhow::Result<Self> {
        let mut child = Command::new(python)
            .args(["-c", PROGRAM])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot run python")?;
        let mut input = child.stdin.take().context("its input is piped")?;
        let output = child.stdout.take().context("its output is piped")?;
        place["mode"] = mode.into();
        input.write_all(format!("{place}\n").as_bytes()).await?;
        let output = BufReader::new(output).lines();
        let (revision, tools) = (String::new(), Vec::new());
        let mut client = Self { revision, tools, input, output, _child: child };
        let first = client.line().await?;
        client.revision = first["revision"].as_str().unwrap_or_default().to_owned();
        client.tools = serde_json::from_value(first["tools"].clone())?;
        Ok(client)
    }

    /// Calls a tool.
    ///
    /// # Errors
    /// The client has ended or says nothing.
    pub async fn call(&mut self, tool: &str, arguments: Value) -> anyhow::Result<Told> {
        let call = json!({ "tool": tool, "arguments": arguments });
        self.input.write_all(format!("{call}\n").as_bytes()).await?;
        let line = self.line().await?;
        Ok(Told {
            error: line["error"].as_bool().unwrap_or(true),
            value: line["value"].clone(),
            text: line["text"].as_str().unwrap_or_default().to_owned(),
        })
    }

    async fn line(&mut self) -> anyhow::Result<Value> {
        let line = timeout(PATIENCE, self.output.next_line()).await;
        let line = line.context("the client says nothing")??;
        let line = line.context("the client ended; its last words are above")?;
        serde_json::from_str(&line).with_context(|| line)
    }
}
