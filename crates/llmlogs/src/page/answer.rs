//! How a question is answered, or why it is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    /// Nobody waits for the answer any more.
    Gone,
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
            // Nobody reads it.
            ApiError::Gone => (StatusCode::SERVICE_UNAVAILABLE, "given up".to_owned()),
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

/// As [`answer`], for a question that may take long: it ends when the [`Asker`] has gone.
pub(crate) async fn answer_asker<T, F>(question: F) -> Result<Response, ApiError>
where
    T: Serialize,
    F: FnOnce(&Asker) -> Result<T, ApiError> + Send + 'static,
{
    let (asker, _waiting) = Asker::new();
    answer(move || {
        let answer = question(&asker)?;
        // It may be incomplete.
        asker.check()?;
        Ok(answer)
    })
    .await
}

/// As [`blocking`], for work that may take long: it ends when the [`Asker`] has gone.
pub(crate) async fn blocking_asker<T, F>(work: F) -> Result<T, ApiError>
where
    T: Send + 'static,
    F: FnOnce(&Asker) -> Result<T, ApiError> + Send + 'static,
{
    let (asker, _waiting) = Asker::new();
    blocking(move || work(&asker)).await
}

/// Whoever waits for an answer. A browser that goes to another page, or asks something else, closes its connection.
#[derive(Debug)]
pub(crate) struct Asker(Arc<AtomicBool>);

/// Drops together with the request.
struct Waiting(Arc<AtomicBool>);

impl Asker {
    fn new() -> (Self, Waiting) {
        let gone = Arc::new(AtomicBool::new(false));
        (Asker(gone.clone()), Waiting(gone))
    }

    /// Returns what is set when nobody waits any more.
    pub(crate) fn gone(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }

    /// Fails if nobody waits any more.
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        if self.0.load(Ordering::Relaxed) { Err(ApiError::Gone) } else { Ok(()) }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_ends_when_nobody_waits_for_its_answer() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (begun, has_begun) = std::sync::mpsc::channel();
        let (ended, has_ended) = std::sync::mpsc::channel();
        let question = move |asker: &Asker| -> Result<(), ApiError> {
            begun.send(()).unwrap();
            loop {
                if asker.check().is_err() {
                    ended.send(()).unwrap();
                    return Err(ApiError::Gone);
                }
                std::thread::yield_now();
            }
        };
        runtime.block_on(async {
            let request = tokio::spawn(answer_asker(question));
            tokio::task::yield_now().await;
            has_begun.recv().unwrap();
            request.abort();
            assert!(request.await.unwrap_err().is_cancelled());
            has_ended.recv().unwrap();
        });
    }
}
