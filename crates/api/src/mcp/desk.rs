//! Where tools work: a door to the API, and for which persona.

use std::sync::Arc;

use axum::http::Method;
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::door::{Answer, Ask, Door, Refusal};

/// What a call of a tool has at hand.
pub(super) struct Desk {
    pub(super) door: Arc<dyn Door>,
    /// Which persona: its `did:key`, handle or name; where none is said, the only one.
    pub(super) persona: Option<String>,
    /// What the client calls itself.
    pub(super) client: String,
}

/// A persona of this node.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct Persona {
    /// Its did:key.
    pub(super) id: String,
    /// What it is called.
    pub(super) name: String,
    /// Name and tag.
    pub(super) handle: String,
}

#[derive(Deserialize)]
struct Personas {
    personas: Vec<Persona>,
}

impl Desk {
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Refusal> {
        read(self.ask(Method::GET, path, None, None).await?.body)
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Result<Answer, Refusal> {
        self.ask(Method::POST, path, Some(body), None).await
    }

    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        key: Option<String>,
    ) -> Result<Answer, Refusal> {
        let (path, client) = (path.to_owned(), self.client.clone());
        self.door.ask(Ask { method, path, body, key, client }).await
    }

    /// Everyone who lives here.
    pub(super) async fn personas(&self) -> Result<Vec<Persona>, Refusal> {
        Ok(self.get::<Personas>("/v1/personas").await?.personas)
    }

    /// The persona this is the desk of.
    pub(super) async fn me(&self) -> Result<Persona, Refusal> {
        let mut all = self.personas().await?;
        let handles = || all.iter().map(|one| one.handle.as_str()).collect::<Vec<_>>().join(", ");
        let Some(wanted) = &self.persona else {
            return match all.len() {
                1 => Ok(all.remove(0)),
                0 => Err(Refusal::about("persona", "this node has none yet")),
                _ => {
                    let words = "several live here; name one in the client's configuration";
                    Err(Refusal::about("persona", format!("{words}: {}", handles())))
                }
            };
        };
        let is = |one: &&Persona| [&one.id, &one.handle, &one.name].contains(&wanted);
        let mut found = all.iter().filter(is);
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one.clone()),
            (None, _) => {
                let words = format!("nobody here is called so; there are: {}", handles());
                Err(Refusal::about("persona", words))
            }
            _ => Err(Refusal::about("persona", "several are called so; give the did:key")),
        }
    }

    /// What a write says of who acts: the persona, or null for the only one that can. A token that
    /// may not read can still write.
    pub(super) async fn actor(&self) -> Result<Value, Refusal> {
        match &self.persona {
            None => Ok(Value::Null),
            Some(did) if did.starts_with("did:key:") => Ok(did.as_str().into()),
            Some(_) => Ok(self.me().await?.id.into()),
        }
    }
}

/// Reads what the API says; it is the same build, so anything else is a fault of ours.
pub(super) fn read<T: DeserializeOwned>(body: Value) -> Result<T, Refusal> {
    serde_json::from_value(body)
        .map_err(|error| Refusal::new(format!("the node answered something else: {error}")))
}

/// An id in a path. What is none could lead elsewhere, so it never gets there.
pub(super) fn id<'a>(field: &str, text: &'a str) -> Result<&'a str, Refusal> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == ':';
    match (1..=128).contains(&text.len()) && text.chars().all(plain) {
        true => Ok(text),
        false => Err(Refusal::about(field, "not an id")),
    }
}

/// One page out of a list, and where the next begins.
pub(super) fn page<T>(
    all: Vec<T>,
    limit: Option<usize>,
    offset: Option<usize>,
) -> Result<(Vec<T>, Option<usize>), Refusal> {
    let (limit, offset) = (limit.unwrap_or(PAGE), offset.unwrap_or(0));
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(Refusal::about("limit", format!("1 to {PAGE_MAX}")));
    }
    let next = offset.saturating_add(limit);
    let next = (next < all.len()).then_some(next);
    Ok((all.into_iter().skip(offset).take(limit).collect(), next))
}

const PAGE: usize = 20;
const PAGE_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_bounded_and_meet_each_other() {
        assert_eq!(page((0..5).collect(), Some(2), Some(2)).unwrap(), (vec![2, 3], Some(4)));
        assert_eq!(page((0..5).collect(), Some(2), Some(4)).unwrap(), (vec![4], None));
        assert_eq!(page((0..5).collect(), None, Some(usize::MAX)).unwrap(), (vec![], None));
        for limit in [0, 101] {
            assert_eq!(page(vec![0], Some(limit), None).unwrap_err().field.unwrap(), "limit");
        }
    }

    #[test]
    fn what_is_no_id_never_becomes_part_of_a_path() {
        for bad in ["", "..", "a/b", "a?b", "a#b", "a b", "ä", &"a".repeat(129)] {
            assert_eq!(id("message", bad).unwrap_err().field.as_deref(), Some("message"));
        }
        assert!(id("conversation", "0102ab").is_ok() && id("persona", "did:key:z6Mk").is_ok());
    }
}
