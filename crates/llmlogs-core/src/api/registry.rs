//! The dialect of each API.

use crate::capture::Api;

use super::dialect::Dialect;
use super::dialects::{
    anthropic, bedrock, bedrock_agent, bedrock_invoke, cohere, deepgram, embeddings, gemini,
    gemini_interactions, ollama, openai_chat, openai_responses, openai_runs, raw, replicate, text_completion,
};

/// Returns the dialect of `api`.
pub fn dialect(api: Api) -> &'static dyn Dialect {
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
        Api::OpenAiRuns => &openai_runs::OpenAiRuns,
        Api::TextCompletion => &text_completion::TextCompletion,
        Api::Replicate => &replicate::Replicate,
        Api::BedrockAgent => &bedrock_agent::BedrockAgent,
        Api::Deepgram => &deepgram::Deepgram,
        Api::Raw => &raw::Raw,
    }
}
