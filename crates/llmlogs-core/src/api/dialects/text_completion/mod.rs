//! Texts that continue a prompt, in the shapes of the APIs that came before chat or serve models of any kind: Anthropic's
//! `complete`, Cohere's `generate`, watsonx's `generation`, Hugging Face's models and pipelines, SageMaker's endpoints,
//! Aleph Alpha's `complete`.
//!
//! The shape is recognised by the body. What a model on Hugging Face or SageMaker answers that is no text stays as it is.
//!
//! <https://docs.claude.com/en/api/complete>, <https://docs.cohere.com/v1/reference/generate>,
//! <https://cloud.ibm.com/apidocs/watsonx-ai#text-generation>,
//! <https://huggingface.github.io/text-generation-inference/>, <https://docs.aleph-alpha.com/api/complete/>

mod fold;

use std::borrow::Cow;

use crate::capture::Endpoint;
use crate::format::Usage;
use crate::json::Json;

use super::anthropic::Anthropic;
use super::cohere;
use super::openai_chat::OpenAiChat;
use crate::api::dialect::{Dialect, Fold};
use crate::api::error::reported;
use crate::api::shared::cost::body_cost;
use crate::api::shared::members::{count, present, text, text_or_json, unix_seconds};
use crate::api::shared::usage::usage as openai_usage;
use crate::api::view::{Choice, Message, Part, RequestView, ResponseView};

use fold::CompletionFold;

pub(crate) struct TextCompletion;

impl Dialect for TextCompletion {
    fn request<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j> {
        let mut view = if body.get("messages").items().is_empty() {
            prompt_request(body)
        } else if body.get("anthropic_version").is_null() {
            OpenAiChat.request(endpoint, body)
        } else {
            Anthropic.request(endpoint, body)
        };
        view.stream |= ["_stream", "-stream"].iter().any(|end| endpoint.path.ends_with(end));
        view
    }

    fn response<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
        if !body.get("choices").items().is_empty() {
            return OpenAiChat.response(endpoint, body);
        }
        if body.get("type").as_text().is_some_and(|kind| *kind == *"message") {
            return Anthropic.response(endpoint, body);
        }
        let model = ["model", "model_id", "model_version"].into_iter().find_map(|key| body.get(key).as_str());
        ResponseView {
            id: text(present(body, "id").unwrap_or_else(|| body.get("log_id"))),
            created: unix_seconds(body.get("created_at")),
            model: model.unwrap_or_default(),
            choices: answers(body).into_iter().filter_map(choice).collect(),
            usage: usage(endpoint, body),
            cost: body_cost(body),
            error: reported(body),
            ..ResponseView::default()
        }
    }

    fn fold<'a>(&self, _endpoint: &Endpoint) -> Option<Box<dyn Fold<'a> + 'a>> {
        Some(Box::new(CompletionFold::default()))
    }
}

/// Returns a request that is a prompt, under whichever name.
fn prompt_request<'j>(body: &'j Json<'j>) -> RequestView<'j> {
    let first = |keys: &[&str]| {
        let settings = [body, body.get("parameters")];
        settings.into_iter().flat_map(|json| keys.iter().filter_map(|key| present(json, key))).next()
    };
    let message = |prompt: &'j Json<'j>| Message { role: Cow::Borrowed("user"), parts: prompt_parts(prompt) };
    let prompt = ["prompt", "inputs", "input", "text_inputs"].iter().find_map(|key| present(body, key));
    let messages: Vec<_> = prompt.map(message).into_iter().collect();
    RequestView {
        model: present(body, "model").or(present(body, "model_id")).map(text),
        stream: body.get("stream").as_bool().unwrap_or(false),
        temperature: first(&["temperature"]),
        max_tokens: first(&[
            "max_tokens",
            "max_tokens_to_sample",
            "max_new_tokens",
            "maximum_tokens",
            "max_length",
        ]),
        messages_count: messages.len(),
        messages,
        ..RequestView::default()
    }
}

/// Returns the parts of a prompt, which Aleph Alpha takes as a list of texts, images and tokens.
fn prompt_parts<'j>(prompt: &'j Json<'j>) -> Vec<Part<'j>> {
    let item = |item: &'j Json<'j>| match (&*text(item.get("type")), item.get("data")) {
        ("text", Json::String(text)) => Part::Text(text.plain()),
        ("image", Json::String(_)) => {
            Part::Media { media_type: Cow::Borrowed("image"), bytes: None, source: Cow::Borrowed("") }
        }
        _ => Part::Other(item),
    };
    let items = prompt.items();
    if !items.is_empty() && items.iter().all(|item| item.get("type").as_text().is_some()) {
        return items.iter().map(item).collect();
    }
    vec![Part::Text(text_or_json(prompt))]
}

/// Returns the answers of a body: the items of its list, of a list that is the body, or the body itself.
fn answers<'j>(body: &'j Json<'j>) -> Vec<&'j Json<'j>> {
    const LISTS: [&str; 4] = ["results", "generations", "completions", "outputs"];
    match body {
        // Several inputs are answered by several lists.
        Json::Array(items) => items.iter().flat_map(answers).collect(),
        body => match LISTS.iter().map(|key| body.get(key)).find(|list| !list.items().is_empty()) {
            Some(list) => list.items().iter().collect(),
            None => vec![body],
        },
    }
}

fn choice<'j>(answer: &'j Json<'j>) -> Option<Choice<'j>> {
    const TEXTS: [&str; 6] =
        ["generated_text", "completion", "generation", "text", "summary_text", "translation_text"];
    let texts = TEXTS.into_iter().map(|key| answer.get(key)).chain([answer.at(&["generation", "content"])]);
    let answered = texts.into_iter().find_map(Json::as_str)?;
    let reasons =
        [answer.get("stop_reason"), answer.get("finish_reason"), answer.at(&["details", "finish_reason"])];
    let reason = reasons.into_iter().find_map(Json::as_str).unwrap_or_default();
    // What watsonx gives as the reason of every chunk but the last.
    let finish_reason = if reason == "not_finished" { Cow::Borrowed("") } else { reason };
    let parts = if answered.is_empty() { Vec::new() } else { vec![Part::Text(answered)] };
    Some(Choice { finish_reason, parts })
}

/// Returns the token counts, wherever one of the APIs has them.
fn usage(endpoint: &Endpoint, body: &Json<'_>) -> Option<Usage> {
    let sum = |paths: &[&[&str]]| {
        let counts = answers(body).into_iter().filter_map(|answer| count(answer, paths));
        counts.reduce(u64::saturating_add)
    };
    let prefilled = || match answers(body).first()?.at(&["details", "prefill"]).items().len() as u64 {
        0 => None,
        tokens => Some(tokens),
    };
    let own = || {
        let prompt = count(body, &[&["num_tokens_prompt_total"]])
            .or_else(|| sum(&[&["input_token_count"], &["details", "input_length"]]))
            .or_else(prefilled);
        let completion = count(body, &[&["num_tokens_generated"]])
            .or_else(|| sum(&[&["generated_token_count"], &["details", "generated_tokens"]]));
        prompt.or(completion)?;
        let (prompt_tokens, completion_tokens) = (prompt.unwrap_or(0), completion.unwrap_or(0));
        let total_tokens = prompt_tokens + completion_tokens;
        Some(Usage { prompt_tokens, completion_tokens, total_tokens, ..Usage::default() })
    };
    openai_usage(endpoint, body.get("usage")).or_else(|| cohere::usage(body.get("meta"))).or_else(own)
}

#[cfg(test)]
mod tests;
