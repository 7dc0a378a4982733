//! One request, on a runtime of its own for as long as it takes.

use std::error::Error;
use std::time::Duration;

use reqwest::redirect;

use super::payload::Payload;

/// How much of an answer is read, in bytes.
const MAX_ANSWER: usize = 64 << 10;

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    /// In seconds.
    pub(super) retry_after: Option<u64>,
    pub(super) body: Vec<u8>,
}

/// Sends a request and reads its answer, within `timeout`; the error says what went wrong, without the address.
pub(super) fn send(payload: Payload, timeout: Duration) -> Result<Answer, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    let answer = runtime.block_on(async { tokio::time::timeout(timeout, exchange(payload)).await });
    // Without waiting for a name that is still being looked up.
    runtime.shutdown_background();
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(describe(error)),
        Err(_elapsed) => Err(format!("no answer within {} s", timeout.as_secs_f32())),
    }
}

async fn exchange(payload: Payload) -> reqwest::Result<Answer> {
    let Payload { url, headers, body } = payload;
    let client = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .user_agent(concat!("llmlogs/", env!("CARGO_PKG_VERSION")))
        .build()?;
    let mut request = client.post(url).header("content-type", "application/json").body(body);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut response = request.send().await?;
    let retry_after =
        response.headers().get("retry-after").and_then(|wait| wait.to_str().ok()?.trim().parse().ok());
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while body.len() < MAX_ANSWER
        && let Some(chunk) = response.chunk().await?
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(MAX_ANSWER);
    Ok(Answer { status, retry_after, body })
}

/// Returns the whole chain of an error, without the address.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        told.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    told
}
