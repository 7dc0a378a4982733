//! APIs that are not decoded: bodies stay as they are, and only what nearly every API has in the
//! same place is read.

use crate::json::Json;
use crate::record::Endpoint;

use super::dialect::Dialect;
use super::view::{RequestView, ResponseView, present, text};
use super::{cohere, openai_chat};

pub(super) struct Raw;

impl Dialect for Raw {
    fn request<'j>(&self, _endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j> {
        RequestView {
            model: body.get("model").as_str(),
            stream: body.get("stream").as_bool().unwrap_or(false),
            temperature: present(body, "temperature"),
            max_tokens: present(body, "max_tokens"),
            tool_choice: present(body, "tool_choice"),
            messages_count: body.get("messages").items().len(),
            ..RequestView::default()
        }
    }

    fn response<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
        ResponseView {
            id: text(body.get("id")),
            object: text(body.get("object")),
            created: body.get("created").as_u64(),
            model: text(body.get("model")),
            usage: openai_chat::usage(endpoint, body.get("usage"))
                .or_else(|| present(body, "meta").and_then(cohere::usage)),
            cost: openai_chat::reported_cost(body.get("usage")),
            error: present(body, "error").map(|_| body),
            ..ResponseView::default()
        }
    }
}
