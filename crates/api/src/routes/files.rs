//! Files and pictures: adding them, sharing them, reading them.

use std::{io, ops::Range};

use axum::{
    Json,
    body::Body as Raw,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::{
    Reply, Request,
    view::{FileState, FileView},
};
use futures::{StreamExt, TryStreamExt};
use protocol::{
    file::{FileContent, clean_name, is_media_type},
    identity::{ConversationId, FileId},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    error::ApiError,
    extract::{Body, PathId, Query},
    files::{Files, NewFile},
    node::{Node, expect_reply},
    router::App,
    routes::messages::idempotency_key,
    types::{
        Refusals,
        file::{File, FileQuery, NewShare},
        id::{Id, bare_option},
        message::Accepted,
    },
};

const OCTETS: &str = "application/octet-stream";

/// Calls that answer and are done.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(share)).routes(routes!(get, remove)).routes(routes!(fetch))
}

/// Calls that take as long as a file takes.
pub(super) fn transfers() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(add)).routes(routes!(read))
}

fn shelf(node: &Node) -> Result<&dyn Files, ApiError> {
    node.files().ok_or_else(|| ApiError::Unavailable("this node keeps no files".to_owned()))
}

/// Adds a file, to be shared within a day. The body is the file itself. It is encrypted and on
/// disk before the answer comes.
#[utoipa::path(post, path = "/v1/files", operation_id = "add_file", tag = "files",
    params(FileQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, description = "On disk", body = File), Refusals))]
async fn add(
    State(node): State<Node>,
    Query(query): Query<FileQuery>,
    headers: HeaderMap,
    body: Raw,
) -> Result<(StatusCode, Json<File>), ApiError> {
    let media_type = query.r#type.unwrap_or_else(|| OCTETS.to_owned());
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !is_media_type(&media_type) {
        return Err(ApiError::invalid("type", "a media type such as image/png"));
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let new = NewFile {
        name: clean_name(&query.name),
        media_type,
        size: length.and_then(|length| length.parse().ok()),
    };
    let chunks = body.into_data_stream().map_err(io::Error::other).boxed();
    let view = shelf(&node)?.add(new, chunks).await?;
    Ok((StatusCode::CREATED, Json(view.into())))
}

/// Shares a file in a conversation. It is on disk before the answer comes, and will be delivered.
#[utoipa::path(post, path = "/v1/conversations/{id}/files",
    operation_id = "share_file", tag = "files", request_body = NewShare,
    params(("id" = String, Path, description = "The conversation"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "Makes sharing again safe; at most 128 visible characters")),
    responses((status = 202, description = "On disk, on its way", body = Accepted), Refusals))]
async fn share(
    State(node): State<Node>,
    PathId(conversation): PathId<ConversationId>,
    headers: HeaderMap,
    Body(new): Body<NewShare>,
) -> Result<(StatusCode, Json<Accepted>), ApiError> {
    let Id(file) = new.file;
    let idempotency_key = idempotency_key(&headers)?;
    let (view, content) = find(&node, file).await?;
    let parts = match view.state {
        FileState::Here => shelf(&node)?.parts(content).await?,
        _ => Vec::new(),
    };
    let request = Request::SendFile {
        conversation,
        persona: bare_option(new.persona),
        file,
        caption: new.caption.unwrap_or_default(),
        parts,
        idempotency_key,
    };
    expect_reply!(node.ask(request).await?,
        Reply::Accepted { message } => (StatusCode::ACCEPTED, Json(message.into())))
}

/// A file, as it is here now.
#[utoipa::path(get, path = "/v1/files/{id}", operation_id = "get_file", tag = "files",
    params(("id" = String, Path, description = "The file")),
    responses((status = 200, description = "As it is now", body = File), Refusals))]
async fn get(
    State(node): State<Node>,
    PathId(file): PathId<FileId>,
) -> Result<Json<File>, ApiError> {
    find(&node, file).await.map(|(view, _)| Json(view.into()))
}

/// Has a file fetched that is not fetched by itself, or tries again at once.
#[utoipa::path(post, path = "/v1/files/{id}/fetch", operation_id = "fetch_file", tag = "files",
    params(("id" = String, Path, description = "The file")),
    responses((status = 202, description = "It will be fetched", body = File), Refusals))]
async fn fetch(
    State(node): State<Node>,
    PathId(file): PathId<FileId>,
) -> Result<(StatusCode, Json<File>), ApiError> {
    expect_reply!(node.ask(Request::FetchFile(file)).await?,
        Reply::File { view, .. } => (StatusCode::ACCEPTED, Json((*view).into())))
}

/// Stops fetching a file and removes what is here of it; drops an upload that was not shared.
#[utoipa::path(delete, path = "/v1/files/{id}", operation_id = "remove_file", tag = "files",
    params(("id" = String, Path, description = "The file")),
    responses((status = 200, description = "As it is now", body = File), Refusals))]
async fn remove(
    State(node): State<Node>,
    PathId(file): PathId<FileId>,
) -> Result<Json<File>, ApiError> {
    expect_reply!(node.ask(Request::StopFile(file)).await?,
        Reply::File { view, .. } => Json((*view).into()))
}

/// The bytes of a file, to be saved. Those that are a raster image say so; everything else is
/// octets, whatever its sender called it.
#[utoipa::path(get, path = "/v1/files/{id}/content", operation_id = "read_file", tag = "files",
    params(("id" = String, Path, description = "The file"),
        ("Range" = Option<String>, Header, description = "One range of bytes")),
    responses(
        (status = 200, description = "All of it", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The range asked for", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 416, description = "There is no such range"), Refusals))]
async fn read(
    State(node): State<Node>,
    PathId(file): PathId<FileId>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (view, content) = find(&node, file).await?;
    if view.state != FileState::Here {
        return Err(ApiError::Conflict("the file is not here yet".to_owned()));
    }
    let shelf = shelf(&node)?;
    let size = content.size;
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let range = match asked.map(|text| range(text, size)) {
        None | Some(Asked::Everything) => None,
        Some(Asked::Part(range)) => Some(range),
        Some(Asked::Nothing) => {
            let all = format!("bytes */{size}");
            return Ok(
                (StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, all)]).into_response()
            );
        }
    };
    let kind = image_type(shelf, &content).await?.unwrap_or(OCTETS);
    let part = range.clone().unwrap_or(0..size);
    let body = Raw::from_stream(shelf.read(content, part.clone()));
    let mut response = body.into_response();
    let out = response.headers_mut();
    let mut put = |name: HeaderName, value: String| {
        out.insert(name, HeaderValue::from_str(&value).expect("made of visible ASCII"));
    };
    put(header::CONTENT_TYPE, kind.to_owned());
    put(header::CONTENT_LENGTH, (part.end - part.start).to_string());
    put(header::CONTENT_DISPOSITION, disposition(&view.name));
    put(header::ACCEPT_RANGES, "bytes".to_owned());
    if range.is_some() {
        put(header::CONTENT_RANGE, format!("bytes {}-{}/{size}", part.start, part.end - 1));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

async fn find(node: &Node, file: FileId) -> Result<(FileView, FileContent), ApiError> {
    expect_reply!(node.ask(Request::GetFile(file)).await?,
        Reply::File { view, content } => (*view, *content))
}

/// The type of a raster image, by its first bytes.
async fn image_type(
    shelf: &dyn Files,
    content: &FileContent,
) -> Result<Option<&'static str>, ApiError> {
    const MAGIC_BYTES: u64 = 16;
    let mut start = shelf.read(content.clone(), 0..content.size.min(MAGIC_BYTES));
    let gone = |_| ApiError::NotFound("the file".to_owned());
    let mut magic = Vec::new();
    while let Some(bytes) = start.try_next().await.map_err(gone)? {
        magic.extend_from_slice(&bytes);
    }
    Ok(match &magic[..] {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    })
}

/// What a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// It is none we understand, so it counts as absent.
    Everything,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes behind the end.
    Nothing,
}

fn range(text: &str, size: u64) -> Asked {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|spec| spec.split_once('-'))
    else {
        return Asked::Everything;
    };
    let part = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.is_empty() => first..size,
        (Err(_), Ok(count)) if first.is_empty() => size.saturating_sub(count)..size,
        _ => return Asked::Everything,
    };
    if part.is_empty() { Asked::Nothing } else { Asked::Part(part) }
}

/// Says that the file is to be saved, under a name in which every odd character is escaped.
fn disposition(name: &str) -> String {
    use std::fmt::Write;
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._- ()".contains(c) { c } else { '_' })
        .collect();
    let mut escaped = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{escaped}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_has_them() {
        for (text, asked) in [
            ("bytes=0-4", Asked::Part(0..5)),
            ("bytes=5-", Asked::Part(5..10)),
            ("bytes=-3", Asked::Part(7..10)),
            ("bytes=-30", Asked::Part(0..10)),
            ("bytes=8-99", Asked::Part(8..10)),
            ("bytes=10-", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=4-2", Asked::Everything),
            ("bytes=0-1,3-4", Asked::Everything),
            ("lines=0-1", Asked::Everything),
            ("bytes=18446744073709551615-18446744073709551615", Asked::Nothing),
        ] {
            assert_eq!(range(text, 10), asked, "{text}");
        }
        assert_eq!(range("bytes=0-0", 0), Asked::Nothing);
    }

    #[test]
    fn no_name_leaves_its_place_in_the_header() {
        let hostile = disposition("a\"; filename=\"b.html\r\nx: y/ü.png");
        assert_eq!(
            hostile,
            "attachment; filename=\"a__ filename__b.html__x_ y__.png\"; \
             filename*=UTF-8''a%22%3B%20filename%3D%22b.html%0D%0Ax%3A%20y%2F%C3%BC.png"
        );
        assert!(HeaderValue::from_str(&hostile).is_ok());
    }
}
