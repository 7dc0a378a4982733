//! How a question is answered, or why it is not.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use llmlogs_core::read::{Error, ErrorKind};

use crate::outcome::{CliError, describe};

/// A question without an answer.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// 400: it was asked in the wrong way.
    Usage(String),
    /// 404: there is no such call.
    NotFound,
    /// 500: the root, or something in it, cannot be read.
    Unreadable(String),
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => ApiError::NotFound,
            _ => ApiError::Unreadable(format!("cannot read {}", describe(&error))),
        }
    }
}

impl From<CliError> for ApiError {
    fn from(error: CliError) -> Self {
        match error {
            CliError::Usage(message) => ApiError::Usage(message),
            CliError::Root(message) | CliError::Failed(message) => ApiError::Unreadable(message),
            CliError::ClosedPipe | CliError::Interrupted => ApiError::Unreadable("interrupted".to_owned()),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            ApiError::Usage(message) => (StatusCode::BAD_REQUEST, message),
            ApiError::NotFound => (StatusCode::NOT_FOUND, "there is no such call".to_owned()),
            ApiError::Unreadable(message) => (StatusCode::INTERNAL_SERVER_ERROR, message),
        };
        (status, [(CONTENT_TYPE, "application/json")], serde_json::json!({"error": message}).to_string())
            .into_response()
    }
}

/// Runs `question`, which reads files, on a thread that may block, and returns its answer as JSON.
pub(crate) async fn answer<T, F>(question: F) -> Result<Response, ApiError>
where
    T: Serialize,
    F: FnOnce() -> Result<T, ApiError> + Send + 'static,
{
    let text = blocking(move || {
        let answer = question()?;
        serde_json::to_vec(&answer).map_err(|error| ApiError::Unreadable(error.to_string()))
    })
    .await?;
    Ok(([(CONTENT_TYPE, "application/json")], text).into_response())
}

/// Runs `work`, which reads files, on a thread that may block.
pub(crate) async fn blocking<T, F>(work: F) -> Result<T, ApiError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, ApiError> + Send + 'static,
{
    let worked = tokio::task::spawn_blocking(work).await;
    worked.map_err(|_| ApiError::Unreadable("the answer could not be made".to_owned()))?
}
