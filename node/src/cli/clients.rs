//! Commands that speak to the running node.

use std::{path::PathBuf, process::ExitCode};

use serde_json::{Value, json};

use crate::{
    client::Client,
    config::{Config, Layer},
};

/// Which running node is meant.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// The node's data folder
    #[arg(long, value_name = "DIR", env = "CONCLAVE_DATA_DIR", global = true)]
    data_dir: Option<PathBuf>,
}

impl Target {
    pub(super) fn folder(
        &self,
        environment: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<PathBuf> {
        Ok(self.config(environment)?.data_dir)
    }

    /// The node's settings.
    pub(super) fn config(
        &self,
        environment: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Config> {
        let flags = Layer { data_dir: self.data_dir.clone(), ..Layer::default() };
        Config::load(flags, None, environment)
    }
}

pub(super) async fn login(folder: &std::path::Path) -> anyhow::Result<ExitCode> {
    let client = Client::for_folder(folder)?;
    let answer = client.post("/v1/login-codes", json!({})).await?;
    let code = answer.get("code").and_then(Value::as_str).unwrap_or_default();
    println!("{}/#login={code}", client.base());
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn status(folder: &std::path::Path, as_json: bool) -> anyhow::Result<ExitCode> {
    let client = Client::for_folder(folder)?;
    let network = client.get("/v1/network").await?;
    let personas = client.get("/v1/personas").await?;
    let conversations = client.get("/v1/conversations").await?;
    if as_json {
        let all = json!({
            "network": network,
            "personas": personas["personas"],
            "conversations": conversations["conversations"],
        });
        println!("{all:#}");
        return Ok(ExitCode::SUCCESS);
    }
    println!("node           {}", network["node"].as_str().unwrap_or_default());
    for address in network["addresses"].as_array().into_iter().flatten() {
        println!("listening      {}", address.as_str().unwrap_or_default());
    }
    let peers = network["peers"].as_array().cloned().unwrap_or_default();
    println!("connected      {} nodes", peers.len());
    for peer in &peers {
        let names: Vec<&str> =
            peer["contacts"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let who =
            if names.is_empty() { "no contact of yours".to_owned() } else { names.join(", ") };
        println!("  {}  {who}", peer["address"].as_str().unwrap_or_default());
    }
    for persona in personas["personas"].as_array().into_iter().flatten() {
        println!(
            "persona        {}  {}",
            persona["handle"].as_str().unwrap_or_default(),
            persona["id"].as_str().unwrap_or_default()
        );
    }
    let open = conversations["conversations"].as_array().map_or(0, Vec::len);
    println!("conversations  {open}");
    Ok(ExitCode::SUCCESS)
}
