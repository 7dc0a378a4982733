//! `input.json` and `input.txt`.

use std::borrow::Cow;

use crate::api::{self, RequestView, dialect};
use crate::capture::{Body, Endpoint};
use crate::json::{self, Json};
use crate::redact::Redactor;
use crate::render::{self, Asked};

use super::body::{Content, is_cut, stored_body, with_newline};
use super::media::{self, Media};
use super::options::ComposeOptions;

/// The request's two files.
pub struct Input {
    /// `input.json`
    pub json: Vec<u8>,
    /// `input.txt`
    pub text: String,
    /// The media that were elided from the body.
    pub media: Vec<Media>,
    /// Whether the body was truncated.
    pub(super) cut: bool,
}

/// A request body, decoded and redacted.
pub struct DecodedRequest<'b> {
    json: Option<Json<'b>>,
    /// The fields of a body that is a form; the body itself is stored unchanged.
    form: Option<Json<'static>>,
    /// Whether redaction changed anything.
    redacted: bool,
    /// The body itself; `None` if `json` was composed.
    body: Option<&'b Body>,
}

impl<'b> DecodedRequest<'b> {
    /// Decodes a body.
    pub fn of(body: &'b Body, options: &ComposeOptions) -> Self {
        let json = match body_text(body) {
            Some(Cow::Borrowed(text)) => json::parse(text).ok(),
            Some(Cow::Owned(text)) => json::parse(&text).ok().map(Json::into_owned),
            None => None,
        };
        let form = if json.is_none() { api::form(body.bytes()) } else { None };
        DecodedRequest { form, body: Some(body), ..Self::redacted(json, options) }
    }

    /// Redacts a body that was composed from span fields.
    pub fn of_json(json: Json<'b>, options: &ComposeOptions) -> Self {
        Self::redacted(Some(json), options)
    }

    fn redacted(mut json: Option<Json<'b>>, options: &ComposeOptions) -> Self {
        let redacted = json.as_mut().is_some_and(|json| media::redact(json, options));
        DecodedRequest { json, form: None, redacted, body: None }
    }

    /// Returns the view of the body.
    pub fn view(&self, endpoint: &Endpoint) -> RequestView<'_> {
        let body = self.json.as_ref().or(self.form.as_ref());
        body.map(|body| dialect(endpoint.api).request(endpoint, body)).unwrap_or_default()
    }

    /// Returns whether the body is truncated in its file; `input` is that file if it has been composed.
    pub fn is_cut(&self, options: &ComposeOptions, input: Option<&Input>) -> bool {
        match (self.body, input) {
            (None, _) => false,
            (Some(body), _) if is_cut(body) => true,
            (Some(body), _) if body.len() <= options.max_body_bytes => false,
            (Some(_), Some(input)) => input.cut,
            (Some(_), None) => self.content().stored_bytes(options) > options.max_body_bytes,
        }
    }

    /// Returns the request's two files.
    pub fn input(
        &self,
        options: &ComposeOptions,
        model: &str,
        operation: &str,
        view: &RequestView<'_>,
    ) -> Input {
        let mut media = Vec::new();
        let json = self.content().store(options, &mut media);
        if let Some(Body::Whole(bytes)) = self.body
            && bytes.len() > options.max_body_bytes
            && json.len() > options.max_body_bytes
        {
            let cut = Body::limited(bytes.clone(), options.max_body_bytes);
            let json = stored_body(&cut, &options.redact);
            let view = RequestView { messages: Vec::new(), tools: Vec::new(), model: None, ..*view };
            let text = self.text(model, operation, &view, std::str::from_utf8(&json).ok());
            return Input { json: with_newline(json), text, media, cut: true };
        }
        let raw = if view.messages.is_empty() { std::str::from_utf8(&json).ok() } else { None };
        let text = self.text(model, operation, view, raw);
        Input { json: with_newline(json), text, media, cut: self.body.is_some_and(is_cut) }
    }

    fn text(&self, model: &str, operation: &str, view: &RequestView<'_>, raw: Option<&str>) -> String {
        let parameters: Vec<_> =
            self.json.as_ref().map(api::other_parameters).into_iter().flatten().collect();
        render::input(&Asked { model, operation, view, parameters: &parameters, raw })
    }

    fn content(&self) -> Content<'_> {
        Content { json: self.json.as_ref(), redacted: self.redacted, body: self.body, content_type: "" }
    }
}

/// Returns a body's text if the whole body was captured.
fn body_text(body: &Body) -> Option<Cow<'_, str>> {
    match body {
        Body::Whole(bytes) => Some(json::lossy(bytes)),
        _ => None,
    }
}

/// What stands for the model of a request that names none.
pub const UNKNOWN_MODEL: &str = "unknown";

/// Returns whether requests to `endpoint` need not name a model: a run has that of its assistant, a moderation the
/// newest one, a stored prompt its own. Which one it was shows in the response.
pub fn chooses_model(endpoint: &Endpoint) -> bool {
    matches!(&*endpoint.operation, "invoke_agent" | "moderation") || endpoint.path.contains("/prompts/")
}

/// Returns the request's model: from the body, the path or the span's fields, or `unknown`.
///
/// A name in a path or a form is no part of a body that was redacted.
pub fn model_of(view: &RequestView<'_>, endpoint: &Endpoint, in_fields: &str, redact: &Redactor) -> String {
    let named = named_model(view, endpoint).or(Some(in_fields)).filter(|model| !model.is_empty());
    redact.text(named.unwrap_or(UNKNOWN_MODEL)).into_owned()
}

/// Returns the model that a request names in its body or its path, as it was sent.
pub fn named_model<'v>(view: &'v RequestView<'_>, endpoint: &'v Endpoint) -> Option<&'v str> {
    view.model.as_deref().filter(|model| !model.is_empty()).or(endpoint.path_model.as_deref())
}
