//! One file an API: how its requests, responses and streams are read.

pub(crate) mod anthropic;
pub(crate) mod bedrock;
pub(crate) mod bedrock_agent;
pub(crate) mod bedrock_invoke;
pub(crate) mod cohere;
pub(crate) mod deepgram;
pub(crate) mod embeddings;
pub(crate) mod gemini;
pub(crate) mod gemini_interactions;
pub(crate) mod ollama;
pub(crate) mod openai_chat;
pub(crate) mod openai_responses;
pub(crate) mod openai_runs;
pub(crate) mod raw;
pub(crate) mod replicate;
pub(crate) mod text_completion;
