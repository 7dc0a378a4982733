//! Files of a call as they are: bodies as plain text, media of kinds that are known to be harmless, and the request as a command.
//! They are streamed from the disk, however large they are.

use std::io::{self, Read};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path as Names, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use llmlogs_core::format::layout::{
    INPUT_FILE, INPUT_TEXT_FILE, MEDIA_DIR, METADATA_FILE, OUTPUT_FILE, OUTPUT_TEXT_FILE,
};

use crate::page::answer::{ApiError, blocking};
use crate::page::call_dir::{CallDir, MAX_BODY, StoredFile};
use crate::page::params::Params;
use crate::page::shared::Shared;
use crate::replay::curl::{NoCurl, command, command_for_file};

use super::media::{Kind, file_name, is_hash};

const TEXT: &str = "text/plain; charset=utf-8";

/// So many bytes are read at a time.
const CHUNK: usize = 64 << 10;

type CallNames = Names<(String, String, String)>;

/// `…/file/NAME`
pub(crate) async fn file(
    State(shared): State<Arc<Shared>>,
    Names((day, session, call, name)): Names<(String, String, String, String)>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &[])?;
    let names = [INPUT_FILE, INPUT_TEXT_FILE, OUTPUT_FILE, OUTPUT_TEXT_FILE, METADATA_FILE];
    let name = names.into_iter().find(|known| *known == name).ok_or(ApiError::NotFound)?;
    let file = blocking(move || {
        let dir = open(&shared, &params, &day, &session, &call)?;
        dir.file(name).map_err(|_| ApiError::NotFound)
    })
    .await?;
    streamed(file, TEXT, None)
}

/// `…/media/HASH`
pub(crate) async fn medium(
    State(shared): State<Arc<Shared>>,
    Names((day, session, call, hash)): Names<(String, String, String, String)>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &[])?;
    if !is_hash(&hash) {
        return Err(ApiError::NotFound);
    }
    let (file, first, name) = blocking(move || {
        let dir = open(&shared, &params, &day, &session, &call)?;
        let name = file_name(&dir, &hash).ok_or(ApiError::NotFound)?;
        let not_there = |_: io::Error| ApiError::NotFound;
        let mut first = Vec::new();
        dir.session_file(MEDIA_DIR, &name)
            .and_then(|file| file.take(32).read_to_end(&mut first))
            .map_err(not_there)?;
        let file = dir.session_file(MEDIA_DIR, &name).map(StoredFile::File).map_err(not_there)?;
        Ok((file, first, name))
    })
    .await?;
    match Kind::of(&first) {
        Some(kind) => streamed(file, kind.media_type(), None),
        // It is saved, not shown, whatever it says that it is.
        None => streamed(file, "application/octet-stream", Some(&name)),
    }
}

/// `…/curl`
pub(crate) async fn curl(
    State(shared): State<Arc<Shared>>,
    Names((day, session, call)): CallNames,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &[])?;
    let text = blocking(move || {
        let dir = open(&shared, &params, &day, &session, &call)?;
        let size = dir.size(INPUT_FILE).ok_or(ApiError::NotFound)?;
        let metadata = dir.metadata().map(|(_, metadata)| metadata).unwrap_or_default();
        let command = if size > MAX_BODY {
            let path = dir.path().canonicalize().unwrap_or_else(|_| dir.path().to_owned());
            command_for_file(&metadata, &path.join(INPUT_FILE))
        } else {
            command(&metadata, &dir.read(INPUT_FILE).ok_or(ApiError::NotFound)?)
        };
        command.map_err(|why| {
            ApiError::Usage(match why {
                NoCurl::Address => "the address of the call is not known".to_owned(),
                NoCurl::Body => "the request is no text, or only a part of it was recorded".to_owned(),
            })
        })
    })
    .await?;
    Ok(([(CONTENT_TYPE, TEXT)], text).into_response())
}

fn open(shared: &Shared, params: &Params, day: &str, session: &str, call: &str) -> Result<CallDir, ApiError> {
    let root = shared.roots.open(params.root()?)?.ok_or(ApiError::NotFound)?;
    CallDir::open(root.path(), day, session, call)
}

/// Returns the file, as long as it is now. Each piece is read when the client has taken the one before, by a thread that may
/// block, and no thread waits for a client.
fn streamed(file: StoredFile, kind: &'static str, saved_as: Option<&str>) -> Result<Response, ApiError> {
    let length = file.length().map_err(|error| ApiError::Unreadable(error.to_string()))?;
    let pieces = stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
            let length = file.read(&mut piece)?;
            piece.truncate(length);
            Ok((piece, file))
        });
        let (piece, file) = read.await.map_err(io::Error::other).and_then(|read: io::Result<_>| read)?;
        if piece.is_empty() {
            // It has become shorter than its announced length.
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        let left = left - piece.len() as u64;
        Ok(Some((Bytes::from(piece), (file, left))))
    });
    let mut response = Body::from_stream(pieces).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, axum::http::HeaderValue::from_static(kind));
    headers.insert(CONTENT_LENGTH, length.into());
    if let Some(name) = saved_as {
        let value = format!("attachment; filename=\"{name}\"");
        let value = axum::http::HeaderValue::from_str(&value)
            .map_err(|error| ApiError::Unreadable(error.to_string()))?;
        headers.insert(CONTENT_DISPOSITION, value);
    }
    Ok(response)
}
