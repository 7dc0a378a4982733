//! The body of a request: whole, so that it can be recorded, or as it comes.

use axum::body::{Body, Bytes};
use futures_util::{Stream, StreamExt};

/// Bodies up to this size are read whole before they are passed on; larger ones are passed on as they come, and recorded
/// as streaming ones.
const WHOLE: usize = 64 << 20;

/// Reads a body.
///
/// # Errors
///
/// If the client went away before its end.
pub(crate) async fn read(body: Body) -> Result<reqwest::Body, axum::Error> {
    let mut frames = body.into_data_stream();
    let Some(first) = frames.next().await.transpose()? else { return Ok(reqwest::Body::from(Bytes::new())) };
    // Most bodies are one frame, which is not copied.
    let Some(second) = frames.next().await.transpose()? else { return Ok(reqwest::Body::from(first)) };
    let mut whole = Vec::with_capacity(2 * (first.len() + second.len()));
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    while whole.len() <= WHOLE {
        match frames.next().await.transpose()? {
            Some(frame) => whole.extend_from_slice(&frame),
            None => return Ok(reqwest::Body::from(whole)),
        }
    }
    Ok(reqwest::Body::wrap_stream(rest(Bytes::from(whole), frames)))
}

fn rest(
    start: Bytes,
    frames: impl Stream<Item = Result<Bytes, axum::Error>> + Send + 'static,
) -> impl Stream<Item = Result<Bytes, axum::Error>> + Send + 'static {
    futures_util::stream::once(async move { Ok(start) }).chain(frames)
}
