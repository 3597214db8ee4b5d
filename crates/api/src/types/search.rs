//! Messages that were looked for.

use engine::view::{ExcerptPart, HitView};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::time::iso;

/// What to look for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchQuery {
    /// 1 to 8 words that a message must all have, the last one by its beginning; at most 256 bytes.
    /// Upper and lower case are the same.
    pub(crate) q: String,
    /// Only in this conversation.
    pub(crate) conversation: Option<String>,
    /// Only in the conversations of this persona of the node.
    pub(crate) persona: Option<String>,
    /// Where to go on: the `next` of the answer before.
    pub(crate) before: Option<u64>,
    /// How many.
    #[param(minimum = 1, maximum = 50, default = 20)]
    pub(crate) limit: Option<usize>,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Found {
    /// Newest first.
    pub(crate) results: Vec<Hit>,
    /// Pass as `before` to look further; null when all messages were looked at. There may be
    /// further to look and nothing found yet.
    pub(crate) next: Option<u64>,
}

/// A message with the words in it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Hit {
    /// Which message.
    message: String,
    /// Where.
    conversation: String,
    /// Who wrote it.
    author: String,
    /// What the author calls itself.
    author_name: String,
    /// Whether one of our personas wrote it.
    ours: bool,
    /// The author's clock.
    #[schema(format = DateTime)]
    sent_at: String,
    /// The same in milliseconds since the Unix epoch.
    sent_at_ms: u64,
    /// The kind of content, as in a message: `text` or `file`.
    kind: &'static str,
    /// At most 200 characters of its text around the first word found, in pieces.
    excerpt: Vec<Piece>,
}

/// A piece of an excerpt.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Piece {
    /// As it stands in the text.
    text: String,
    /// Whether it is a word that was looked for.
    hit: bool,
}

impl From<HitView> for Hit {
    fn from(view: HitView) -> Self {
        let piece = |part: ExcerptPart| Piece { text: part.text, hit: part.hit };
        Self {
            message: view.id.to_string(),
            conversation: view.conversation.to_string(),
            author: view.author.to_string(),
            author_name: view.author_name,
            ours: view.ours,
            sent_at: iso(view.sent_at_ms),
            sent_at_ms: view.sent_at_ms,
            kind: view.kind,
            excerpt: view.excerpt.into_iter().map(piece).collect(),
        }
    }
}
