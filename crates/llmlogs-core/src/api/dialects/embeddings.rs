//! Embeddings, in whichever shape they are asked for: OpenAI's (Mistral, OpenRouter, llama.cpp and
//! most others), Cohere's, Gemini's and Vertex AI's, Ollama's.
//!
//! Vectors are nothing to read, so the bodies stay as they are.

use crate::capture::Endpoint;
use crate::json::Json;

use super::raw::Raw;
use crate::api::dialect::Dialect;
use crate::api::view::{RequestView, ResponseView};

pub(crate) struct Embeddings;

impl Dialect for Embeddings {
    fn request<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j> {
        // What is embedded is no conversation, whatever the body calls it.
        RequestView { model: Raw.request(endpoint, body).model, ..RequestView::default() }
    }

    fn response<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j> {
        let mut view = Raw.response(endpoint, body);
        if let Some(usage) = &mut view.usage {
            // Some count the input under another name or in the total alone; there is no output.
            usage.prompt_tokens =
                usage.prompt_tokens.max(usage.total_tokens.saturating_sub(usage.completion_tokens));
        }
        view
    }
}
