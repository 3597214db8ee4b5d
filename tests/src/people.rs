//! What owners do: make a persona, meet, talk, vote.

use std::path::Path;

use anyhow::ensure;
use serde_json::{Value, json};

use crate::{
    Node, Setup, World,
    rest::{Api, items, text},
    until::until,
};

/// A persona and the node it lives on.
pub struct Person {
    /// What people call it.
    pub name: String,
    /// Its key.
    pub did: String,
    /// Name and tag.
    pub handle: String,
    /// Where it lives.
    pub node: Node,
}

/// What a persona's owner allows: everything a task may need.
pub fn trusting() -> Value {
    json!({ "auto_schedule": true, "auto_vote": true, "auto_book": true })
}

impl Person {
    /// Starts a node for a persona that asks its owner before it does anything.
    ///
    /// # Errors
    /// The node's.
    pub async fn new(world: &World, name: &str, setup: Setup) -> anyhow::Result<Self> {
        Self::with(world, name, setup, json!({ "name": name })).await
    }

    /// Starts a node for a persona with a calendar file and settings.
    ///
    /// # Errors
    /// The node's.
    pub async fn with_calendar(
        world: &World,
        name: &str,
        setup: Setup,
        calendar: &Path,
        settings: Value,
    ) -> anyhow::Result<Self> {
        let body = json!({ "name": name, "calendar": calendar, "settings": settings });
        Self::with(world, name, setup, body).await
    }

    async fn with(world: &World, name: &str, setup: Setup, body: Value) -> anyhow::Result<Self> {
        let node = Node::start(world, &name.to_lowercase(), setup).await?;
        let persona = node.api().post("/v1/personas", body).await?.ok()?;
        let (did, handle) = (text(&persona, "id")?, text(&persona, "handle")?);
        Ok(Self { name: name.to_owned(), did, handle, node })
    }

    /// Its node's API.
    pub fn api(&self) -> &Api {
        self.node.api()
    }

    /// Reads something that must be there.
    ///
    /// # Errors
    /// It is not, or the node cannot be reached.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.api().get(path).await?.ok()
    }

    /// Does something that must succeed.
    ///
    /// # Errors
    /// It does not, or the node cannot be reached.
    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.api().post(path, body).await?.ok()
    }

    /// Accepts an invite of somebody; returns when both sides call each other a contact.
    ///
    /// # Errors
    /// It never comes to that.
    pub async fn meet(&self, host: &Person) -> anyhow::Result<()> {
        let invite = host.post("/v1/invites", json!({ "persona": host.did })).await?;
        let body = json!({ "persona": self.did, "invite": text(&invite, "invite")? });
        self.post("/v1/contacts", body).await?;
        for (one, other) in [(self, host), (host, self)] {
            until("two personas becoming contacts", async || {
                let contacts = one.get("/v1/contacts").await?;
                let met = items(&contacts, "contacts").any(|contact| {
                    contact["owner"] == *one.did
                        && contact["persona"] == *other.did
                        && contact["state"] == "established"
                });
                Ok(met.then_some(()))
            })
            .await?;
        }
        Ok(())
    }

    /// Opens a conversation; returns its id when every member is in it.
    ///
    /// # Errors
    /// It never comes to that.
    pub async fn open(&self, others: &[&Person], title: Option<&str>) -> anyhow::Result<String> {
        let members: Vec<&str> = others.iter().map(|person| person.did.as_str()).collect();
        let kind = if title.is_some() { "group" } else { "direct" };
        let mut body = json!({ "persona": self.did, "kind": kind, "members": members });
        if let Some(title) = title {
            body["title"] = title.into();
        }
        let id = text(&self.post("/v1/conversations", body).await?, "id")?;
        for person in others {
            until("everyone joining a conversation", async || {
                let answer = person.api().get(&format!("/v1/conversations/{id}")).await?;
                Ok((answer.status == 200).then_some(()))
            })
            .await?;
        }
        Ok(id)
    }

    /// Says something; returns the message's id.
    ///
    /// # Errors
    /// The node does not accept it.
    pub async fn say(&self, conversation: &str, line: &str) -> anyhow::Result<String> {
        let path = format!("/v1/conversations/{conversation}/messages");
        let answer = self.api().post(&path, json!({ "text": line })).await?;
        ensure!(answer.status == 202, "{}: {}", answer.status, answer.text);
        ensure!(answer.body["state"] == "accepted", "{}", answer.text);
        text(&answer.body, "id")
    }

    /// Every message of a conversation, oldest first, read page by page.
    ///
    /// # Errors
    /// The node cannot be reached or has no such conversation.
    pub async fn messages(&self, conversation: &str) -> anyhow::Result<Vec<Value>> {
        let mut all: Vec<Value> = Vec::new();
        let mut next = None;
        loop {
            let mut path = format!("/v1/conversations/{conversation}/messages?limit=200");
            if let Some(next) = &next {
                path.push_str(&format!("&before={next}"));
            }
            let page = self.get(&path).await?;
            all.extend(items(&page, "messages").cloned());
            next = page["next"].as_str().map(str::to_owned);
            if next.is_none() {
                all.reverse();
                return Ok(all);
            }
        }
    }

    /// Waits until a message said elsewhere is here, and returns it.
    ///
    /// # Errors
    /// It never comes.
    pub async fn hears(&self, message: &str) -> anyhow::Result<Value> {
        until("a message arriving", async || {
            let answer = self.api().get(&format!("/v1/messages/{message}")).await?;
            Ok((answer.status == 200).then_some(answer.body))
        })
        .await
    }

    /// Waits until a message of ours is on the disk of all its recipients, and returns it.
    ///
    /// # Errors
    /// It never is.
    pub async fn delivered(&self, message: &str) -> anyhow::Result<Value> {
        until("a message being delivered", async || {
            let message = self.get(&format!("/v1/messages/{message}")).await?;
            Ok((message["state"] == "delivered").then_some(message))
        })
        .await
    }

    /// Waits until this node holds the certificate of a proposal, and returns the proposal.
    ///
    /// # Errors
    /// It never does.
    pub async fn certified(&self, proposal: &str) -> anyhow::Result<Value> {
        until("a decision being certified", async || {
            let answer = self.api().get(&format!("/v1/proposals/{proposal}")).await?;
            Ok((answer.body["certified"] == true).then_some(answer.body))
        })
        .await
    }

    /// The certificate of a proposal, byte for byte.
    ///
    /// # Errors
    /// There is none.
    pub async fn certificate(&self, proposal: &str) -> anyhow::Result<String> {
        let answer = self.api().get(&format!("/v1/proposals/{proposal}/certificate")).await?;
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.text);
        Ok(answer.text)
    }
}
