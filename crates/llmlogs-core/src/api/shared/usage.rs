//! Token counts in the shape of OpenAI's `usage`, which most providers took over.

use crate::capture::{Api, Endpoint};
use crate::format::Usage;
use crate::json::Json;

use super::members::count;

/// Returns the token counts of a `usage` object, under the names of chat completions or of responses.
pub(crate) fn usage(endpoint: &Endpoint, usage: &Json<'_>) -> Option<Usage> {
    usage.as_object()?;
    let prompt = count(usage, &[&["prompt_tokens"], &["input_tokens"]]).unwrap_or(0);
    let completion = count(usage, &[&["completion_tokens"], &["output_tokens"]]).unwrap_or(0);
    // A zero in one place does not override a count in another.
    let first_count = |paths: &[&[&str]]| {
        let mut counts = paths.iter().filter_map(|path| usage.at(path).as_u64());
        counts.find(|count| *count > 0).unwrap_or(0)
    };
    let reasoning = first_count(&[
        &["completion_tokens_details", "reasoning_tokens"],
        &["output_tokens_details", "reasoning_tokens"],
        &["reasoning_tokens"],
    ]);
    let total = count(usage, &[&["total_tokens"]]);
    let uncounted = total.unwrap_or(0).saturating_sub(prompt + completion);
    let (completion, reasoning) = match &*endpoint.provider {
        // xAI's chat completions count reasoning beside the completion, and its total includes it.
        "x_ai" if endpoint.api == Api::OpenAiChat && (total.is_none() || uncounted >= reasoning) => {
            (completion + reasoning, reasoning)
        }
        // So does a Grok behind another host.
        _ if reasoning > 0 && uncounted == reasoning => (completion + reasoning, reasoning),
        // Gemini's thoughts are in the total alone on its endpoint compatible with OpenAI.
        "gcp.gemini" | "gcp.vertex_ai" if endpoint.api == Api::OpenAiChat && reasoning <= uncounted => {
            (completion + uncounted, uncounted)
        }
        _ => (completion, reasoning),
    };
    Some(Usage {
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: total.unwrap_or(prompt + completion),
        cached_tokens: first_count(&[
            &["prompt_tokens_details", "cached_tokens"],
            &["input_tokens_details", "cached_tokens"],
            // DeepSeek, Mistral, Moonshot, then those that pass Anthropic's names on.
            &["prompt_cache_hit_tokens"],
            &["num_cached_tokens"],
            &["cached_tokens"],
            &["cache_read_input_tokens"],
        ]),
        cache_creation_tokens: first_count(&[
            &["prompt_tokens_details", "cache_write_tokens"],
            &["input_tokens_details", "cache_write_tokens"],
            &["prompt_tokens_details", "cache_creation_tokens"],
            &["cache_creation_input_tokens"],
        ]),
        reasoning_tokens: reasoning,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Request, detect_endpoint};
    use crate::json;

    fn endpoint(host: &str) -> Endpoint {
        let url = format!("https://{host}/v1/chat/completions");
        detect_endpoint(Request { method: "POST", url: &url }).unwrap()
    }

    fn tokens(host: &str, usage_json: &str) -> [u64; 6] {
        let usage = usage(&endpoint(host), &json::parse(usage_json).unwrap()).unwrap();
        [
            usage.prompt_tokens,
            usage.completion_tokens,
            usage.total_tokens,
            usage.cached_tokens,
            usage.cache_creation_tokens,
            usage.reasoning_tokens,
        ]
    }

    #[test]
    fn tokens_are_counted_as_each_provider_means_them() {
        for (host, usage, expected) in [
            (
                "api.openai.com",
                r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":3}}"#,
                [10, 5, 15, 4, 0, 3],
            ),
            (
                "api.deepseek.com",
                r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":6}"#,
                [10, 5, 15, 4, 0, 0],
            ),
            (
                "api.mistral.ai",
                r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"num_cached_tokens":4,"prompt_tokens_details":{"cached_tokens":0}}"#,
                [10, 5, 15, 4, 0, 0],
            ),
            (
                "openrouter.ai",
                r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":2}}"#,
                [10, 5, 15, 4, 2, 0],
            ),
            // Reasoning beside the completion.
            (
                "api.x.ai",
                r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":45,"completion_tokens_details":{"reasoning_tokens":30}}"#,
                [10, 35, 45, 0, 0, 30],
            ),
            // Thoughts in the total alone.
            (
                "generativelanguage.googleapis.com",
                r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":45}"#,
                [10, 35, 45, 0, 0, 30],
            ),
            ("api.perplexity.ai", r#"{"prompt_tokens":10,"completion_tokens":5}"#, [10, 5, 15, 0, 0, 0]),
        ] {
            assert_eq!(tokens(host, usage), expected, "{host}");
        }
    }
}
