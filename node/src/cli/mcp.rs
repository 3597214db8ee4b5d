//! A server of the Model Context Protocol on standard streams, in front of the running node.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf, absolute},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, bail, ensure};
use api::mcp::{Answer, Ask, Door, Refusal};
use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::client;

/// What `conclave mcp --help` ends with.
pub(super) const CONFIGURATION: &str = r#"Make a token that may do what your assistant is to do, and get what goes into its configuration:

  conclave token create desk --scope read --scope send --mcp

Which file that is, your assistant says; all take the same lines:

  {
    "mcpServers": {
      "conclave": {
        "command": "conclave",
        "args": ["mcp", "--data-dir", "/home/you/.local/share/conclave"],
        "env": { "CONCLAVE_TOKEN": "the token" }
      }
    }
  }

A client that speaks HTTP needs no program: its address is that of the node's API with /mcp behind
it (and ?persona=NAME where there are several), its header "Authorization: Bearer the token".

Scopes: read sees what you see, send speaks and opens conversations, vote proposes, votes and gives
tasks. A vote that no mandate of yours covers waits for your approval, which no token gives here."#;

/// The variable that holds the token: not a flag, since everybody here can read those.
const TOKEN: &str = "CONCLAVE_TOKEN";
/// No token is longer.
const TOKEN_BYTES_MAX: usize = 256;
/// The largest answer of the node that is read.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// As whom to speak.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The file that holds the token [default: the variable CONCLAVE_TOKEN holds it]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Which of your personas, by did:key, handle or name, where there are several
    #[arg(long, value_name = "PERSONA")]
    persona: Option<String>,
}

pub(super) async fn run(
    folder: PathBuf,
    options: Options,
    environment: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<ExitCode> {
    let token = match &options.token_file {
        Some(file) => {
            std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?
        }
        None => match environment(TOKEN) {
            Some(token) => token,
            None => bail!("a token is needed: `conclave mcp --help` says how to make one"),
        },
    };
    let token = token.trim().to_owned();
    let is_plain = token.bytes().all(|byte| byte.is_ascii_graphic());
    ensure!(is_plain && (1..=TOKEN_BYTES_MAX).contains(&token.len()), "this is not a token");
    let door = Arc::new(Running { folder, token, http: client::http()? });
    api::mcp::serve(door, options.persona, tokio::io::stdin(), tokio::io::stdout()).await?;
    Ok(ExitCode::SUCCESS)
}

/// What a client's configuration needs to start this for a token.
pub(super) fn configuration(
    folder: &Path,
    token: &str,
    persona: Option<String>,
) -> anyhow::Result<Value> {
    let program = std::env::current_exe().context("where this program is")?;
    // A client starts it from a folder of its own.
    let folder = absolute(folder)?;
    let mut arguments = vec!["mcp".to_owned(), "--data-dir".to_owned()];
    arguments.push(folder.to_str().context("the data folder is not text")?.to_owned());
    if let Some(persona) = persona {
        arguments.extend(["--persona".to_owned(), persona]);
    }
    Ok(json!({ "mcpServers": { "conclave": {
        "command": program.to_str().context("the path of this program is not text")?,
        "args": arguments,
        "env": { TOKEN: token },
    } } }))
}

/// The API of the node that runs on a folder. It is looked for at every call, so that the node may
/// be started after the client and again in between.
struct Running {
    folder: PathBuf,
    token: String,
    http: reqwest::Client,
}

impl Running {
    async fn call(&self, ask: Ask) -> Result<Answer, Refusal> {
        let base = match std::fs::read_to_string(self.folder.join("api-address")) {
            Ok(base) => base,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(self.gone()),
            Err(error) => return Err(Refusal::new(format!("api-address: {error}"))),
        };
        let mut request = self
            .http
            .request(ask.method, format!("{}{}", base.trim(), ask.path))
            .bearer_auth(&self.token)
            .header("x-conclave-client", ask.client);
        if let Some(key) = ask.key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = &ask.body {
            request = request.json(body);
        }
        let mut response = request.send().await.map_err(|error| match error.is_connect() {
            true => self.gone(),
            // The words of the error may have the address in them and nothing that is secret.
            false => Refusal::new(format!("the node did not answer: {error}")),
        })?;
        let status = response.status().as_u16();
        let broke = |_| Refusal::new("the node's answer broke off");
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(broke)? {
            if body.len() + piece.len() > ANSWER_BYTES_MAX {
                return Err(Refusal::new("the node's answer is too large"));
            }
            body.extend_from_slice(&piece);
        }
        Answer::read(status, &body)
    }

    fn gone(&self) -> Refusal {
        let folder = self.folder.display();
        Refusal::new(format!("no node runs on {folder} (start one with `conclave up`)"))
    }
}

impl Door for Running {
    fn ask(&self, ask: Ask) -> BoxFuture<'_, Result<Answer, Refusal>> {
        Box::pin(self.call(ask))
    }
}
