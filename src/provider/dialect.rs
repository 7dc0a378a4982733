//! The shape of one API's file.

use crate::json::Json;
use crate::record::{Api, Endpoint};

use super::view::{RequestView, ResponseView};
use super::{
    anthropic, bedrock, bedrock_invoke, cohere, embeddings, gemini, gemini_interactions, ollama, openai_chat,
    openai_responses, raw,
};

/// How one API speaks.
pub(crate) trait Dialect: Sync {
    /// What a request body says.
    fn request<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> RequestView<'j>;

    /// What a response body, or a folded stream, says.
    fn response<'j>(&self, endpoint: &Endpoint, body: &'j Json<'j>) -> ResponseView<'j>;

    /// Folds a stream into the object that the API would have returned without streaming; `None`
    /// where streams are kept as they are.
    fn fold<'a>(&self, _endpoint: &Endpoint) -> Option<Box<dyn Fold<'a> + 'a>> {
        None
    }
}

/// A stream on its way to one object.
pub(crate) trait Fold<'a> {
    /// Takes one event; `name` is its `event:` line, or what stands for it in other framings.
    fn event(&mut self, name: &str, data: Json<'a>) -> Seen;

    /// The object so far.
    fn finish(self: Box<Self>) -> Folded<'a>;
}

/// What an event was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Something that the model said: the first of these is the first token.
    Content,
    /// Anything else that was understood.
    Other,
    /// The API's own end mark: nothing comes after it.
    End,
    /// Both: the last thing that the model said.
    LastContent,
    /// Not understood.
    Unknown,
}

/// A folded stream.
#[derive(Debug, Default)]
pub(crate) struct Folded<'a> {
    pub(crate) object: Json<'a>,
    /// The error that the stream reported.
    pub(crate) error: Option<Json<'a>>,
}

/// The dialect of `api`.
pub(crate) fn dialect(api: Api) -> &'static dyn Dialect {
    match api {
        Api::OpenAiChat => &openai_chat::OpenAiChat,
        Api::OpenAiResponses => &openai_responses::OpenAiResponses,
        Api::Anthropic => &anthropic::Anthropic,
        Api::BedrockConverse => &bedrock::BedrockConverse,
        Api::BedrockInvoke => &bedrock_invoke::BedrockInvoke,
        Api::Gemini => &gemini::Gemini,
        Api::GeminiInteractions => &gemini_interactions::GeminiInteractions,
        Api::CohereChat => &cohere::Cohere,
        Api::Ollama => &ollama::Ollama,
        Api::Embeddings => &embeddings::Embeddings,
        Api::Raw => &raw::Raw,
    }
}
