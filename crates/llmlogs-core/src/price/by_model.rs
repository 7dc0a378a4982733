//! The provider that a model's name alone stands for: behind a gateway, where the host does not show whose model answers.
//!
//! Only names that no one else serves count. Models with open weights are served by many, at different prices or for
//! nothing on one's own machine, so they have no price here.

use std::collections::HashSet;
use std::sync::LazyLock;

use genai_prices::Calculator;

/// A provider that a model's name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NamedModel<'m> {
    /// The price table's name of the provider.
    pub(super) table_id: &'static str,
    /// The provider, as `metadata.json` names it.
    pub(super) provider: &'static str,
    /// The model under the provider's own name.
    pub(super) model: &'m str,
}

/// How a family of models is sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// By its maker alone, and by clouds at the same price.
    Closed,
    /// With open weights: the maker's API has a version in the name.
    Versioned,
}

/// The beginnings of model names, and who makes these models: the price table's name and the one in `metadata.json`.
const FAMILIES: &[(&str, &str, &str, Family)] = &[
    ("gpt-", "openai", "openai", Family::Closed),
    ("chatgpt-", "openai", "openai", Family::Closed),
    ("o1", "openai", "openai", Family::Closed),
    ("o3", "openai", "openai", Family::Closed),
    ("o4-", "openai", "openai", Family::Closed),
    ("codex-mini", "openai", "openai", Family::Closed),
    ("ft:gpt-", "openai", "openai", Family::Closed),
    ("text-embedding-3-", "openai", "openai", Family::Closed),
    ("text-embedding-ada-", "openai", "openai", Family::Closed),
    ("claude-", "anthropic", "anthropic", Family::Closed),
    ("gemini-", "google", "gcp.gemini", Family::Closed),
    ("grok-", "x-ai", "x_ai", Family::Closed),
    ("sonar", "perplexity", "perplexity", Family::Closed),
    ("mistral-", "mistral", "mistral_ai", Family::Versioned),
    ("ministral-", "mistral", "mistral_ai", Family::Versioned),
    ("codestral-", "mistral", "mistral_ai", Family::Versioned),
    ("magistral-", "mistral", "mistral_ai", Family::Versioned),
    ("devstral-", "mistral", "mistral_ai", Family::Versioned),
    ("pixtral-", "mistral", "mistral_ai", Family::Versioned),
    ("command-", "cohere", "cohere", Family::Versioned),
    ("voyage-", "voyageai", "voyageai", Family::Closed),
    ("deepseek-chat", "deepseek", "deepseek", Family::Closed),
    ("deepseek-reasoner", "deepseek", "deepseek", Family::Closed),
];

/// What LiteLLM, OpenRouter and others put before a model's name, and the price table's name of the maker.
const PREFIXES: &[(&str, &str)] = &[
    ("openai", "openai"),
    ("anthropic", "anthropic"),
    ("google", "google"),
    ("gemini", "google"),
    ("vertex_ai", "google"),
    ("mistral", "mistral"),
    ("mistralai", "mistral"),
    ("cohere", "cohere"),
    ("deepseek", "deepseek"),
    ("xai", "x-ai"),
    ("x-ai", "x-ai"),
    ("perplexity", "perplexity"),
];

/// Returns the provider that `model` stands for; `None` where the name does not show it.
pub(super) fn named_model(model: &str) -> Option<NamedModel<'_>> {
    let (prefix, model) = match model.split_once('/') {
        Some((prefix, model)) => {
            let maker = PREFIXES.iter().find(|(known, _)| prefix.eq_ignore_ascii_case(known));
            (Some(maker?.1), model)
        }
        None => (None, model),
    };
    let (_, table_id, provider, family) = FAMILIES.iter().find(|(start, ..)| starts_with(model, start))?;
    let is_of_maker = prefix.is_none_or(|maker| maker == *table_id);
    let is_sold_by_maker = *family == Family::Closed || has_version(model);
    if !is_of_maker || !is_sold_by_maker || is_tagged(model) || has_size(model) || is_served_by_others(model)
    {
        return None;
    }
    Some(NamedModel { table_id, provider, model })
}

fn starts_with(model: &str, start: &str) -> bool {
    model.get(..start.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(start))
}

/// Returns whether a name ends as those of a maker's API do: `-latest`, or with a year and a month.
fn has_version(model: &str) -> bool {
    let has_date =
        model.split('-').any(|word| word.len() >= 4 && word.bytes().all(|byte| byte.is_ascii_digit()));
    model.ends_with("-latest") || has_date
}

/// Returns whether a name has a tag, as models on one's own machine do: `mistral-small:24b`. Those of fine-tuned models at
/// OpenAI have colons too.
fn is_tagged(model: &str) -> bool {
    model.contains(':') && !starts_with(model, "ft:")
}

/// Returns whether a name has a number of parameters (`7b`, `8x22b`), as models with open weights do.
fn has_size(model: &str) -> bool {
    model.split(['-', '_', ':']).any(|word| {
        let number = word.strip_suffix(['b', 'B']).unwrap_or_default();
        let is_number = |byte: u8| byte.is_ascii_digit() || byte == b'.' || byte == b'x';
        number.bytes().next().is_some_and(|first| first.is_ascii_digit()) && number.bytes().all(is_number)
    })
}

/// Returns whether one of the providers that run other makers' models has one of this name.
fn is_served_by_others(model: &str) -> bool {
    static SERVED: LazyLock<HashSet<String>> = LazyLock::new(|| {
        const OTHERS: [&str; 9] = [
            "baseten",
            "cerebras",
            "cloudflare",
            "doubleword",
            "fireworks",
            "groq",
            "novita",
            "ovhcloud",
            "together",
        ];
        let is_other = |id: &str| OTHERS.contains(&id) || id.starts_with("huggingface_");
        let providers = Calculator::bundled().providers().filter(|provider| is_other(provider.id()));
        let models = providers.flat_map(|provider| provider.models().map(|model| model.id()));
        models.filter_map(|id| id.rsplit('/').next()).map(str::to_ascii_lowercase).collect()
    });
    SERVED.contains(&model.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maker(model: &str) -> Option<(&'static str, &str)> {
        named_model(model).map(|named| (named.provider, named.model))
    }

    #[test]
    fn a_name_that_one_provider_alone_has_stands_for_it() {
        for (model, provider, own) in [
            ("gpt-4o", "openai", "gpt-4o"),
            ("gpt-4o-mini-2024-07-18", "openai", "gpt-4o-mini-2024-07-18"),
            ("openai/gpt-4o", "openai", "gpt-4o"),
            ("o3-mini", "openai", "o3-mini"),
            ("text-embedding-3-small", "openai", "text-embedding-3-small"),
            ("claude-sonnet-4-20250514", "anthropic", "claude-sonnet-4-20250514"),
            ("anthropic/claude-sonnet-4.5", "anthropic", "claude-sonnet-4.5"),
            ("gemini-2.5-pro", "gcp.gemini", "gemini-2.5-pro"),
            ("google/gemini-2.5-pro", "gcp.gemini", "gemini-2.5-pro"),
            ("vertex_ai/gemini-2.5-flash", "gcp.gemini", "gemini-2.5-flash"),
            ("grok-4", "x_ai", "grok-4"),
            ("xai/grok-4", "x_ai", "grok-4"),
            ("sonar-pro", "perplexity", "sonar-pro"),
            ("mistral-large-latest", "mistral_ai", "mistral-large-latest"),
            ("mistral-large-2411", "mistral_ai", "mistral-large-2411"),
            ("command-r-plus-08-2024", "cohere", "command-r-plus-08-2024"),
            ("deepseek-chat", "deepseek", "deepseek-chat"),
            ("voyage-3.5", "voyageai", "voyage-3.5"),
        ] {
            assert_eq!(maker(model), Some((provider, own)), "{model}");
        }
    }

    #[test]
    fn a_name_that_others_have_as_well_is_not_guessed() {
        for model in [
            "",
            "m",
            "llama-3.3-70b-versatile",
            "meta-llama/Llama-3.3-70B-Instruct",
            "llama3.1",
            "gpt-oss-120b",
            "openai/gpt-oss-20b",
            "gpt-oss:20b",
            "gemma3",
            "google/gemma-3-27b-it",
            "qwen2.5",
            "mistral",
            "mistral-small",
            "mistral-nemo",
            "mistralai/Mistral-7B-Instruct-v0.3",
            "mistral-small3.1:24b",
            "mixtral-8x7b",
            "command-r",
            "deepseek-r1",
            "deepseek-ai/DeepSeek-V3",
            "kimi-k2",
            "acme/gpt-4o",
            "anthropic/gpt-4o",
            "gpt4o",
        ] {
            assert_eq!(maker(model), None, "{model}");
        }
    }
}
