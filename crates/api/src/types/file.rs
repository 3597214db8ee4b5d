//! Files and pictures.

use engine::view::FileView;
use protocol::identity::{FileId, PersonaId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::id::Id;

/// A file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct File {
    /// Which.
    pub(crate) id: String,
    /// For people; never a path.
    name: String,
    /// In bytes.
    size: u64,
    /// As its sender says, such as `image/png`. Nobody has checked it.
    media_type: String,
    /// What its sender says about it; may be empty.
    caption: String,
    /// `here`; `fetching`; `waiting` until somebody who has it can be asked; `offered`: too large
    /// to be fetched unless asked for; `refused` by a limit; `stopped` by the owner; or `lost`.
    #[schema(example = "here")]
    state: &'static str,
    /// Bytes of it that are here.
    have: u64,
    /// Why it is not here, where there is a reason.
    reason: Option<String>,
}

impl From<FileView> for File {
    fn from(view: FileView) -> Self {
        Self {
            id: view.id.to_string(),
            name: view.name,
            size: view.size,
            media_type: view.media_type,
            caption: view.caption,
            state: view.state.name(),
            have: view.have,
            reason: view.reason,
        }
    }
}

/// What a file is called and is.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FileQuery {
    /// What it is called. A path is cut down to its last part, and what cannot be shown is left
    /// out.
    pub(crate) name: String,
    /// Its media type, such as `image/png`; `application/octet-stream` where absent.
    pub(crate) r#type: Option<String>,
}

/// A file to share.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewShare {
    /// Which: the id of an upload.
    #[schema(value_type = String)]
    pub(crate) file: Id<FileId>,
    /// What to say about it, at most 8 KiB.
    pub(crate) caption: Option<String>,
    /// Which of the node's personas speaks, where several are members.
    #[schema(value_type = Option<String>)]
    pub(crate) persona: Option<Id<PersonaId>>,
}
