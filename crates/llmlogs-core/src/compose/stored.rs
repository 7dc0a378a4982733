//! `input.txt` and `output.txt` made anew from the stored `metadata.json`, `input.json` and `output.json`.
//!
//! What the recorder knew and did not store (the rest of a body that was cut, the fields of a form) is missing here, so
//! that a text may differ from the one that was written.

use std::borrow::Cow;

use crate::api::{self, Request, api_of, detect_endpoint_of, dialect};
use crate::capture::{Api, Endpoint};
use crate::format::{ApiInfo, Metadata};
use crate::json::{self, Json};
use crate::render::{self, Asked, Failed, Language, Reply};

/// Returns the endpoint that a call went to, according to `metadata.json` and the shape of the request.
pub fn stored_endpoint(info: &ApiInfo, request: &Json<'_>) -> Endpoint {
    let method = if info.method.is_empty() { "POST" } else { &info.method };
    let url = format!("{}{}?{}", info.base_url, info.endpoint, info.query);
    let known = detect_endpoint_of(Request { method, url: &url }, &info.provider)
        .filter(|endpoint| endpoint.api != Api::Raw);
    known.unwrap_or_else(|| Endpoint {
        api: api_of(&info.provider, Some(request)),
        provider: Cow::Owned(info.provider.clone()),
        operation: Cow::Owned(info.operation.clone()),
        path_model: Some(info.model.clone()).filter(|model| !model.is_empty()),
        base_url: info.base_url.clone(),
        path: info.endpoint.clone(),
        query: info.query.clone(),
        method: method.to_owned(),
    })
}

/// A call's stored files, parsed.
pub struct StoredBodies<'b> {
    metadata: &'b Metadata,
    endpoint: Endpoint,
    request: Option<(&'b str, Json<'b>)>,
    response: Option<(&'b str, Json<'b>)>,
}

impl<'b> StoredBodies<'b> {
    /// Parses the contents of `input.json` and `output.json`. A body that is missing or is no JSON has no text.
    pub fn new(metadata: &'b Metadata, input: Option<&'b str>, output: Option<&'b str>) -> Self {
        let parsed = |text: Option<&'b str>| text.and_then(|text| Some((text, json::parse(text).ok()?)));
        let request = parsed(input);
        let null = Json::Null;
        let shape = request.as_ref().map_or(&null, |(_, json)| json);
        let endpoint = stored_endpoint(&metadata.api_info, shape);
        StoredBodies { metadata, endpoint, request, response: parsed(output) }
    }

    /// Returns whether there is a request that is JSON.
    pub fn has_request(&self) -> bool {
        self.request.is_some()
    }

    /// Returns whether there is a response or failure that is JSON.
    pub fn has_response(&self) -> bool {
        self.response.is_some()
    }

    /// Returns `input.txt`; `None` without a request.
    pub fn input_text(&self) -> Option<String> {
        let (stored, json) = self.request.as_ref()?;
        let view = dialect(self.endpoint.api).request(&self.endpoint, json);
        let parameters: Vec<_> = api::other_parameters(json).collect();
        let info = &self.metadata.api_info;
        let raw = view.messages.is_empty().then(|| without_newline(stored));
        let asked = Asked {
            model: &info.model,
            operation: &info.operation,
            view: &view,
            parameters: &parameters,
            raw,
        };
        Some(render::input(&asked))
    }

    /// Returns `output.txt`; `None` without a response or failure. A failure is in `language`.
    pub fn output_text(&self, language: Language) -> Option<String> {
        let (stored, json) = self.response.as_ref()?;
        let info = &self.metadata.response_info;
        let answer = if info.error { json.get("partial") } else { json };
        let view = match answer {
            Json::Null => api::ResponseView::default(),
            answer => dialect(self.endpoint.api).response(&self.endpoint, answer),
        };
        let reply = Reply {
            id: &info.id,
            model: if info.model.is_empty() { &self.metadata.api_info.model } else { &info.model },
            finish_reason: &info.finish_reason,
            usage: self.metadata.usage,
            choices: &view.choices,
            raw: None,
        };
        if !info.error {
            let raw = view.choices.is_empty().then(|| without_newline(stored));
            return Some(render::output(&Reply { raw, ..reply }, None));
        }
        let failed = Failed {
            error_type: &info.error_type,
            message: &info.error_message,
            http_status: info.http_status,
            code: &info.error_code,
            request_id: &info.request_id,
            attempts: &self.metadata.attempts,
            language,
        };
        let raw = answer.as_str();
        Some(render::output(&Reply { raw: raw.as_deref(), ..reply }, Some(&failed)))
    }
}

fn without_newline(stored: &str) -> &str {
    stored.strip_suffix('\n').unwrap_or(stored)
}
