//! [`LlmCall`]: a call without HTTP, or through a client that has no middleware.

use std::any::Any;
use std::borrow::Cow;
use std::fmt::{self, Display};
use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use serde::Serialize;
use tracing::Span;

use llmlogs_core::api;
use llmlogs_core::capture::{
    Body, CapturedRequest, CapturedResponse, Completion, Endpoint, ErrorType, Failure, ResponseHead,
};
use llmlogs_core::json;
use llmlogs_core::redact;

use super::call_span::CallSpan;
#[cfg(feature = "middleware")]
use super::reqwest_error;
use super::response_buffer::ResponseBuffer;
use super::{capture, group, unseen};

/// A call that is made without HTTP, or through a client that has no middleware.
///
/// Dropped without [`finish`](LlmCall::finish), [`finish_stream`](LlmCall::finish_stream) or [`fail`](LlmCall::fail), the
/// call is recorded as cancelled, with the chunks that had arrived, unless these have come to the end of the stream.
///
/// ```
/// # async fn ask(body: &serde_json::Value) -> Result<serde_json::Value, std::io::Error> { Ok(body.clone()) }
/// # async fn example() {
/// use tracing::Instrument;
/// use tracing_llmlogs::LlmCall;
///
/// let body = serde_json::json!({"model": "deepseek-chat", "messages": [{"role": "user", "content": "Hi"}]});
/// let call = LlmCall::builder("deepseek", "deepseek-chat").operation("chat").request(&body).start();
/// let reply = ask(&body).instrument(call.span().clone()).await;
/// match &reply {
///     Ok(reply) => call.finish(reply),
///     Err(error) => call.fail(error),
/// }
/// # }
/// ```
///
/// A stream, chunk by chunk:
///
/// ```
/// # fn chunks() -> Vec<serde_json::Value> { Vec::new() }
/// use tracing_llmlogs::LlmCall;
///
/// let body = serde_json::json!({"model": "deepseek-chat", "stream": true, "messages": []});
/// let mut call = LlmCall::builder("deepseek", "deepseek-chat").request(&body).start();
/// for chunk in chunks() {
///     call.chunk(&chunk);
/// }
/// call.finish_stream();
/// ```
#[must_use = "a call that is dropped is recorded as cancelled"]
pub struct LlmCall {
    span: CallSpan,
    endpoint: Arc<Endpoint>,
    http_status: Option<u16>,
    buffer: ResponseBuffer,
    ended: bool,
}

/// The settings of a call that has not started; made by [`LlmCall::builder`].
#[must_use = "the call starts with `start`"]
pub struct LlmCallBuilder {
    provider: Cow<'static, str>,
    model: String,
    operation: Cow<'static, str>,
    url: String,
    request: Option<Bytes>,
}

impl LlmCall {
    /// Returns a builder of a call to `model` at `provider` (OpenTelemetry's [`gen_ai.provider.name`] where it has one).
    ///
    /// [`gen_ai.provider.name`]: https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/
    pub fn builder(provider: impl Into<Cow<'static, str>>, model: impl Into<String>) -> LlmCallBuilder {
        LlmCallBuilder {
            provider: provider.into(),
            model: model.into(),
            operation: Cow::Borrowed("chat"),
            url: String::new(),
            request: None,
        }
    }

    /// Returns the call's span: enter it, or instrument a future with it, so that events and spans inside belong to the
    /// call.
    #[must_use]
    pub fn span(&self) -> &Span {
        self.span.span()
    }

    /// Sets the HTTP status of the response. A status of 400 or more makes the call a failure of the status's type. Default:
    /// none.
    pub fn http_status(&mut self, status: u16) {
        self.http_status = Some(status);
    }

    /// Notes that the first token has arrived now, for `time_to_first_token_ms`; later calls change nothing. With
    /// [`chunk`](LlmCall::chunk) it is not needed: the first content among the chunks is found.
    pub fn first_token(&mut self) {
        self.buffer.first_token();
    }

    /// Adds a chunk of a streamed response, which has just arrived: the provider's own type of an event is best. The chunks
    /// are recorded as the one object that the API would have returned without streaming, if its events are known, as text
    /// otherwise, and are kept within the limits of response bodies.
    pub fn chunk<C: Serialize + ?Sized>(&mut self, chunk: &C) {
        let mut event = b"data: ".to_vec();
        event.extend_from_slice(&to_bytes(chunk));
        event.extend_from_slice(b"\n\n");
        self.buffer.push(&event);
    }

    /// Ends the call as successful, with `reply` as its response body, in the place of chunks if there were any. The
    /// provider's own response type is best: usage, tool calls and finish reason are read from it.
    pub fn finish<R: Serialize + ?Sized>(mut self, reply: &R) {
        let body = Body::limited(to_bytes(reply), self.buffer.limit());
        self.end(body, Completion::Complete);
    }

    /// Ends the call as successful, with the chunks as its response body. With an [HTTP status](LlmCall::http_status) of
    /// success, a stream that has neither its API's end mark nor a finish reason is recorded as a failure.
    pub fn finish_stream(mut self) {
        self.end_with_chunks(Completion::Complete);
    }

    /// Ends the call as failed, with the chunks that had arrived. The error's text is recorded as `{error:#}` writes it,
    /// which is the whole chain for `anyhow::Error`; credentials in URLs are left out. Its type is found by its Rust type,
    /// as far as that is one of `std`, or of `reqwest`, `reqwest-middleware` and tokio with the feature `middleware`; else
    /// by the [status](LlmCall::http_status); else it is `APIError`.
    pub fn fail<E: Display + 'static>(self, error: &E) {
        self.fail_of(error_type(error), error);
    }

    /// Does the same as [`fail`](LlmCall::fail) for an error of the type `error_type`: one of the types in
    /// `docs/format.md`, such as `RateLimitError`, or a word of the program's own. A number from 400 to 599 stands for the
    /// type of that HTTP status.
    pub fn fail_as<E: Display + ?Sized>(self, error_type: &str, error: &E) {
        self.fail_of(ErrorType::from_attribute(error_type), error);
    }

    fn fail_of<E: Display + ?Sized>(mut self, kind: ErrorType, error: &E) {
        let failure = Failure::new(kind, redact::scrub_urls(&format!("{error:#}")));
        self.end_with_chunks(Completion::Failed(failure));
    }

    fn end_with_chunks(&mut self, completion: Completion) {
        let body = if self.buffer.is_empty() { Body::Empty } else { self.buffer.take_body() };
        self.end(body, completion);
    }

    fn end(&mut self, body: Body, completion: Completion) {
        self.ended = true;
        let response = Arc::new(CapturedResponse {
            head: ResponseHead { status: self.http_status, ..ResponseHead::default() },
            body,
            chunk_timings: self.buffer.take_timings(),
            completion,
            ended: Instant::now(),
        });
        capture::attach_response(self.span.span(), Arc::clone(&response));
        CallSpan::end(std::iter::once(&self.span), &self.endpoint, &response);
    }
}

impl Drop for LlmCall {
    fn drop(&mut self) {
        if !self.ended {
            self.end_with_chunks(Completion::Dropped);
        }
    }
}

impl LlmCallBuilder {
    /// Sets the operation, one of OpenTelemetry's [`gen_ai.operation.name`]. Default: `chat`.
    ///
    /// [`gen_ai.operation.name`]: https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/
    pub fn operation(mut self, operation: impl Into<Cow<'static, str>>) -> Self {
        self.operation = operation.into();
        self
    }

    /// Sets the URL that the call goes to. Credentials in it are not recorded. Default: none.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// Sets the request body, which is written as JSON at once. Default: none.
    pub fn request<R: Serialize + ?Sized>(mut self, body: &R) -> Self {
        self.request = Some(to_bytes(body));
        self
    }

    /// Starts the call: opens its span and attaches the request to it.
    pub fn start(self) -> LlmCall {
        let body = self.request.unwrap_or_default();
        let parsed = std::str::from_utf8(&body).ok().and_then(|text| json::parse_shallow(text).ok());
        let parts = api::Request { method: "POST", url: &self.url };
        let detected = api::detect_endpoint(parts);
        let api = detected.as_ref().map(|endpoint| endpoint.api);
        let (base_url, path, query) = match detected.or_else(|| api::unrecognised(parts)) {
            Some(endpoint) => (endpoint.base_url, endpoint.path, endpoint.query),
            None => Default::default(),
        };
        let endpoint = Arc::new(Endpoint {
            api: api.unwrap_or_else(|| api::api_of(&self.provider, parsed.as_ref())),
            provider: self.provider,
            operation: self.operation,
            path_model: Some(self.model),
            base_url,
            path,
            query,
            method: String::new(),
        });
        let span = CallSpan::open(&endpoint, Some(&body), parsed.as_ref());
        let policy = capture::policy(span.span());
        if policy.is_none() {
            unseen::warn_unseen();
        }
        let buffer = ResponseBuffer::new(policy);
        if policy.is_some_and(|policy| policy.bodies) {
            if let Some(group) = group::current_group() {
                capture::attach_group(span.span(), group);
            }
            let request = CapturedRequest {
                endpoint: Arc::clone(&endpoint),
                content_encoding: String::new(),
                body: Body::limited(body, buffer.limit()),
            };
            capture::attach_request(span.span(), Arc::new(request));
        }
        LlmCall { span, endpoint, http_status: None, buffer, ended: false }
    }
}

fn to_bytes<T: Serialize + ?Sized>(value: &T) -> Bytes {
    match serde_json::to_vec(value) {
        // Without what it grew by and did not need: it may be held for minutes.
        Ok(bytes) => bytes.into_boxed_slice().into(),
        Err(error) => format!("could not be written as JSON: {error}").into(),
    }
}

/// Returns the error type that the Rust type of `error` stands for.
pub(super) fn error_type(error: &dyn Any) -> ErrorType {
    #[cfg(feature = "middleware")]
    if let Some(kind) = reqwest_error::error_type(error) {
        return kind;
    }
    match error.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::TimedOut) => ErrorType::Timeout,
        Some(io::ErrorKind::ConnectionRefused | io::ErrorKind::NotConnected) => ErrorType::Connection,
        _ => ErrorType::Api,
    }
}

impl fmt::Debug for LlmCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LlmCall").field("provider", &self.endpoint.provider).finish_non_exhaustive()
    }
}

impl fmt::Debug for LlmCallBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LlmCallBuilder").field("provider", &self.provider).finish_non_exhaustive()
    }
}
