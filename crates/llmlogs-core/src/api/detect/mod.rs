//! Which requests are calls to a model, and whose.
//!
//! The shape of the path decides, so a local server or a proxy needs no setting; the host names the
//! provider where it is known.

mod evidence;
mod hosts;
mod query;
mod route;
mod special;
mod url;

use std::borrow::Cow;

use crate::capture::{Api, Endpoint};
use crate::json::Json;

use evidence::Evidence;
use hosts::{is_local, known_host};
use query::harmless;
use route::route;
use url::{CleanUrl, clean_url, percent_decoded};

/// Returns whether the body of a request confirms that it is a call to a model, where the path alone leaves that open:
/// every API has one of a few members. A body that is not JSON confirms nothing.
pub fn body_confirms_llm(endpoint: &Endpoint, body: Option<&Json<'_>>) -> bool {
    let (path, query) = (&*endpoint.path, &*endpoint.query);
    let url = clean_url(&endpoint.base_url).map(|base| CleanUrl { path, query, ..base });
    // Part of the query is not kept: what it showed was seen when the endpoint was detected.
    let Some((url, route)) = url.and_then(|url| route(&url).map(|route| (url.host.clone(), route))) else {
        return true;
    };
    let has = |key: &str| body.is_some_and(|body| !body.get(key).is_null());
    match route.evidence {
        Evidence::Path => true,
        Evidence::Body => is_local(&url) || known_host(&url).is_some() || is_of_a_model(body),
        Evidence::Members(lists) => {
            known_host(&url).is_some()
                || lists.is_empty()
                || lists.iter().any(|members| members.iter().all(|key| has(key)))
        }
    }
}

/// Returns whether a request body has a member that every API of a model has.
fn is_of_a_model(body: Option<&Json<'_>>) -> bool {
    const MEMBERS: [&str; 7] = ["model", "messages", "prompt", "input", "query", "inputText", "texts"];
    body.and_then(Json::as_object).is_some_and(|body| {
        // `messages` may be anybody's; a model's are objects with roles.
        let of_a_model = |key: &&str| match body.get(key) {
            None | Some(Json::Null) => false,
            Some(Json::Array(items)) if **key == *"messages" => {
                items.iter().any(|item| !item.get("role").is_null())
            }
            Some(_) => **key != *"messages",
        };
        MEMBERS.iter().any(of_a_model)
    })
}

/// What is known of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKind {
    /// It belongs to one of the providers that are known by their hosts.
    Known,
    /// It is this machine or a bare address.
    Local,
    /// Anything else, a gateway for example; no host at all.
    Other,
}

impl HostKind {
    /// Returns the kind of the host of a URL.
    pub fn of(url: &str) -> Self {
        match clean_url(url) {
            Some(url) if known_host(&url.host).is_some() => HostKind::Known,
            Some(url) if is_local(&url.host) => HostKind::Local,
            _ => HostKind::Other,
        }
    }
}

/// The part of a request that tells where it goes.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// In any case.
    pub method: &'a str,
    /// Absolute; it may carry credentials, none of which are kept.
    pub url: &'a str,
}

/// Returns the endpoint that a request goes to, if it is a call to a model.
pub fn detect_endpoint(request: Request<'_>) -> Option<Endpoint> {
    detect_endpoint_of(request, "")
}

/// Returns what [`detect_endpoint`] does, where the host is known to serve the API of `provider`: paths that count on
/// that provider's own hosts alone count on it, too. The endpoint's provider is not changed.
pub fn detect_endpoint_of(request: Request<'_>, provider: &str) -> Option<Endpoint> {
    if !request.method.eq_ignore_ascii_case("POST") {
        return None;
    }
    let url = CleanUrl { named: provider, ..clean_url(request.url)? };
    let route = route(&url)?;
    Some(Endpoint {
        api: route.api,
        provider: hosts::provider(&url, route.implied),
        operation: Cow::Borrowed(route.operation),
        path_model: route.model.map(percent_decoded),
        method: request.method.to_ascii_uppercase(),
        base_url: url.base.into_owned(),
        path: url.path.to_owned(),
        query: harmless(url.query),
    })
}

/// Returns the endpoint of a request that [`detect_endpoint`] does not know and that the user treats as a call.
pub fn unrecognised(request: Request<'_>) -> Option<Endpoint> {
    let url = clean_url(request.url)?;
    Some(Endpoint {
        api: Api::Raw,
        provider: hosts::provider(&url, None),
        operation: Cow::Borrowed("chat"),
        path_model: None,
        method: request.method.to_ascii_uppercase(),
        base_url: url.base.into_owned(),
        path: url.path.to_owned(),
        query: harmless(url.query),
    })
}

/// Returns the API that a request body belongs to whose address is unknown.
pub fn api_of(provider: &str, body: Option<&Json<'_>>) -> Api {
    match body {
        Some(body) if provider == "anthropic" && !body.get("messages").is_null() => Api::Anthropic,
        // Bedrock's formats are told apart by the body later on.
        Some(_) if provider == "aws.bedrock" => Api::BedrockInvoke,
        Some(body) if provider == "cohere" && !body.get("messages").is_null() => Api::CohereChat,
        Some(body) if !body.get("messages").is_null() => Api::OpenAiChat,
        Some(body) if !body.get("contents").is_null() => Api::Gemini,
        // An embedding's input is texts or numbers.
        Some(body) if body.get("input").items().iter().any(|item| item.as_object().is_some()) => {
            Api::OpenAiResponses
        }
        _ => Api::Raw,
    }
}

/// Returns the API that a response body belongs to: the endpoint's, or where its address is unknown the one whose
/// shape the body has.
pub fn api_of_answer(endpoint: &Endpoint, answer: &Json<'_>) -> Api {
    if !endpoint.path.is_empty() {
        return endpoint.api;
    }
    let has = |key: &str| !answer.get(key).is_null();
    let is = |key: &str, word: &str| answer.get(key).as_text().is_some_and(|text| *text == *word);
    if has("choices") {
        Api::OpenAiChat
    } else if is("type", "message") && has("content") {
        Api::Anthropic
    } else if has("candidates") || has("usageMetadata") {
        Api::Gemini
    } else if is("object", "response") {
        Api::OpenAiResponses
    } else if is("object", "interaction") {
        Api::GeminiInteractions
    } else if has("done") || has("eval_count") {
        Api::Ollama
    } else if !answer.at(&["output", "message"]).is_null() {
        Api::BedrockConverse
    } else if has("message") && (has("finish_reason") || !answer.at(&["usage", "billed_units"]).is_null()) {
        Api::CohereChat
    } else {
        endpoint.api
    }
}

#[cfg(test)]
mod tests;
