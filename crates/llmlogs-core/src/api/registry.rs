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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capture::Endpoint;
    use crate::json;

    const APIS: [Api; 5] =
        [Api::OpenAiRuns, Api::TextCompletion, Api::Replicate, Api::BedrockAgent, Api::Deepgram];

    fn endpoint(api: Api) -> Endpoint {
        Endpoint {
            api,
            provider: "p".into(),
            operation: "chat".into(),
            path_model: None,
            base_url: "https://api.example".into(),
            path: "/v1".into(),
            query: String::new(),
            method: "POST".into(),
        }
    }

    /// Words that these APIs give a meaning.
    const KEYS: &str = "id|object|status|delta|content|text|value|index|results|generations|completions|token|\
        generated_text|details|choices|bytes|output|citation|trace|traces|messages|is_finished|response|type|event_type|\
        stop_reason|completion|input|prompt|inputs|error|usage|meta|metrics|metadata|model_info|channels|alternatives|\
        required_action|returnControl|invocationInputs|tool_outputs|sessionState|input_token_count|prefill";
    const WORDS: &str = "thread.run|thread.message|thread.message.delta|thread.run.step.delta|completed|failed|\
        not_finished|stream_chunk|completion_summary|aGk=|https://x|completion|ping||h";

    fn one_of(words: &str) -> impl Strategy<Value = String> + Clone {
        prop::sample::select(words.split('|').map(str::to_owned).collect::<Vec<_>>())
    }

    fn value() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            one_of(WORDS).prop_map(|word| format!("\"{word}\"")),
            any::<u64>().prop_map(|number| number.to_string()),
            (0_u64..3).prop_map(|number| number.to_string()),
            Just("null".to_owned()),
            Just("true".to_owned()),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let member = (one_of(KEYS), inner.clone()).prop_map(|(key, value)| format!("\"{key}\":{value}"));
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(","))),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_body_and_no_event_makes_a_dialect_panic(
            events in prop::collection::vec(("chunk|trace|returnControl|output|citation|error|", value()), 1..6),
        ) {
            for api in APIS {
                let (endpoint, dialect) = (endpoint(api), dialect(api));
                let mut fold = dialect.fold(&endpoint);
                for (name, data) in &events {
                    let body = json::parse(data).unwrap();
                    drop(dialect.request(&endpoint, &body));
                    drop(dialect.response(&endpoint, &body));
                    if let Some(fold) = &mut fold {
                        fold.event(name, body);
                    }
                }
                if let Some(fold) = fold {
                    let object = fold.finish().object;
                    drop(dialect.response(&endpoint, &object));
                }
            }
        }
    }
}
