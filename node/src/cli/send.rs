//! Saying something, with files, and saving what others sent.

use std::{
    fs::{self, OpenOptions},
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::client::Client;

/// What to say, and where.
#[derive(Debug, clap::Args)]
pub(super) struct Say {
    /// The conversation (its id)
    conversation: String,
    /// What to say; with a file, what to say about it
    #[arg(required_unless_present = "files")]
    text: Option<String>,
    /// A file or picture to send (repeatable)
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Which of your personas speaks, where several are members
    #[arg(long, value_name = "DID")]
    persona: Option<String>,
}

pub(super) async fn send(folder: &Path, say: Say, as_json: bool) -> anyhow::Result<ExitCode> {
    let client = Client::for_folder(folder)?;
    let Say { conversation, mut text, files, persona } = say;
    let mut accepted = Vec::new();
    for path in &files {
        let file = upload(&client, path).await?;
        // The text goes with the first file.
        let body = json!({ "file": file["id"], "caption": text.take(), "persona": persona });
        let path = format!("/v1/conversations/{conversation}/files");
        let message = client.post(&path, body).await?;
        if !as_json {
            let (name, size) = (file["name"].as_str(), file["size"].as_u64());
            let (name, size) = (name.unwrap_or_default(), size.unwrap_or_default());
            println!(
                "sent {name} ({size} bytes), file {}",
                file["id"].as_str().unwrap_or_default()
            );
        }
        accepted.push(json!({ "message": message["id"], "file": file }));
    }
    if let Some(text) = text {
        let body = json!({ "text": text, "persona": persona });
        let path = format!("/v1/conversations/{conversation}/messages");
        let message = client.post(&path, body).await?;
        accepted.push(json!({ "message": message["id"] }));
        if !as_json {
            println!("sent");
        }
    }
    if as_json {
        println!("{:#}", json!({ "accepted": accepted }));
    }
    Ok(ExitCode::SUCCESS)
}

async fn upload(client: &Client, path: &Path) -> anyhow::Result<Value> {
    let shown = path.display();
    let metadata = fs::metadata(path).with_context(|| format!("{shown} cannot be read"))?;
    ensure!(metadata.is_file(), "{shown} is not a file");
    ensure!(
        metadata.len() <= protocol::file::FILE_BYTES_MAX,
        "{shown} has {} bytes; a file has at most {}",
        metadata.len(),
        protocol::file::FILE_BYTES_MAX
    );
    let bytes = fs::read(path).with_context(|| format!("{shown} cannot be read"))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    client.add_file(&name.unwrap_or_default(), media_type(path), bytes).await
}

/// By the end of the name, for the few kinds that are shown. It is a hint: readers look for
/// themselves.
fn media_type(path: &Path) -> &'static str {
    let end = path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase());
    match end.as_deref() {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        Some("pdf") => "application/pdf",
        Some("txt" | "md") => "text/plain",
        _ => "application/octet-stream",
    }
}

pub(super) async fn save(folder: &Path, file: &str, to: &Path) -> anyhow::Result<ExitCode> {
    let client = Client::for_folder(folder)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let shown = to.display();
    let mut out = options.open(to).with_context(|| format!("cannot write {shown}"))?;
    let progress = std::io::stderr().is_terminal();
    let mut told = 0;
    let saved = client
        .read_file(file, |chunk, have, size| {
            out.write_all(chunk)?;
            let percent = have.saturating_mul(100).checked_div(size).unwrap_or(100);
            if progress && percent != told {
                told = percent;
                eprint!("\r{percent:>3} %");
            }
            Ok(())
        })
        .await
        .and_then(|bytes| {
            out.sync_all()?;
            Ok(bytes)
        });
    if progress {
        eprint!("\r");
    }
    match saved {
        Ok(bytes) => {
            println!("saved {shown} ({bytes} bytes)");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            // Half a file looks like one; it was made by us a moment ago.
            let _ = fs::remove_file(to);
            Err(error)
        }
    }
}
