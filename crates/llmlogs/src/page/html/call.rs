//! `/call/DAY/SESSION/CALL`: one call, whole, as `llmlogs show` has it.

use std::sync::Arc;

use axum::extract::{Path as Names, Query, RawQuery, State};
use axum::response::{Html, IntoResponse, Response};
use llmlogs_core::read::{Call, Conversation, Entry, Metadata, State as CallState};
use maud::{Markup, html};

use crate::output::format::{Clock, duration, grouped, money};
use crate::output::row;
use crate::page::answer::{ApiError, blocking};
use crate::page::call_dir::{BodySizes, call_dir};
use crate::page::params::Params;
use crate::page::shared::Shared;

use super::frame;
use super::parts;
use super::text::visible;

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Names((day, session, call)): Names<(String, String, String)>,
    RawQuery(query): RawQuery,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let params = Params::new(pairs, &[])?;
    let page = blocking(move || {
        let root = shared.roots.open(params.root()?)?.ok_or(ApiError::NotFound)?;
        let call = Call::open(call_dir(root.path(), &day, &session, &call)?)?;
        let query = query.filter(|query| !query.is_empty()).map(|query| format!("?{query}"));
        let query = query.unwrap_or_default();
        let data = format!("/api/call/{day}/{session}/{}{query}", call.id());
        Ok(frame::page(call.id(), &query, None, &content(&call, &data, shared.clock)).into_string())
    })
    .await?;
    Ok(Html(page).into_response())
}

fn content(call: &Call, data: &str, clock: Clock) -> Markup {
    // Damaged metadata is no reason to hide the bodies.
    let entry = Entry::open(call.clone()).unwrap_or_else(|_| Entry::from_name(call.clone()));
    let metadata = match call.state() {
        CallState::Finished => call.metadata().ok(),
        _ => None,
    };
    let sizes = BodySizes::of(call);
    let conversation = if sizes.too_large() { None } else { Some(call.conversation().unwrap_or_default()) };
    let (status, _) = row::status(&entry);
    let mut facts = vec![
        ("Status", status),
        ("Time", clock.full(entry.line().timestamp)),
        ("Latency", row::latency(&entry)),
    ];
    if let Some(metadata) = &metadata {
        facts.extend(of_metadata(metadata));
    }
    facts.extend([("Session", call.session_id().to_owned()), ("Folder", row::path(call.dir()))]);
    facts.retain(|(_, value)| !value.is_empty());
    html! {
        h1 { (visible(call.id())) }
        dl.facts { @for (name, value) in &facts { dt { (name) } dd { (visible(value)) } } }
        p { a href=(data) { "As JSON" } }
        @if let Some(conversation) = &conversation {
            (bodies(conversation))
        } @else {
            p { "A body is too large to be shown: request " (grouped(sizes.input.unwrap_or(0))) " bytes, response "
                (grouped(sizes.output.unwrap_or(0))) " bytes. The files are in the folder." }
        }
    }
}

fn of_metadata(metadata: &Metadata) -> Vec<(&'static str, String)> {
    let (api, response, usage) = (&metadata.api_info, &metadata.response_info, &metadata.usage);
    let cost = &metadata.cost_estimate;
    let answering = if response.model == api.model { String::new() } else { response.model.clone() };
    let tokens = format!(
        "{} in ({} cached), {} out ({} reasoning)",
        grouped(usage.prompt_tokens),
        grouped(usage.cached_tokens),
        grouped(usage.completion_tokens),
        grouped(usage.reasoning_tokens)
    );
    vec![
        ("First token", metadata.performance.time_to_first_token_ms.map(duration).unwrap_or_default()),
        ("Provider", api.provider.clone()),
        ("Model", api.model.clone()),
        ("Answering model", answering),
        ("Endpoint", format!("{} {}{}", api.method, api.base_url, api.endpoint)),
        ("HTTP status", response.http_status.map(|status| status.to_string()).unwrap_or_default()),
        ("Request id", response.request_id.clone()),
        ("Finish reason", response.finish_reason.clone()),
        ("Tokens", if usage.total_tokens == 0 { String::new() } else { tokens }),
        (
            "Cost",
            if cost.currency.is_empty() { String::new() } else { money(cost.total_cost, &cost.currency) },
        ),
    ]
}

fn bodies(conversation: &Conversation) -> Markup {
    html! {
        @if let Some(failure) = &conversation.failure {
            h2 { "Failure" }
            p.bad { (visible(&failure.error_type)) }
            pre { (visible(&failure.message)) }
            @if let Some(body) = &failure.body { pre { (visible(body)) } }
        }
        h2 { "Request" }
        (parts::messages(conversation))
        @if !conversation.tools.is_empty() {
            details {
                summary { (conversation.tools.len()) " tools offered" }
                @for tool in &conversation.tools {
                    h3 { (visible(&tool.name)) }
                    pre { (visible(&tool.description)) }
                    pre { (visible(&tool.definition)) }
                }
            }
        }
        @if conversation.has_response() {
            h2 { @if conversation.failure.is_some() { "What had arrived" } @else { "Response" } }
            (parts::choices(conversation))
        }
    }
}
