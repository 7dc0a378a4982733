//! What a call cost.

use std::collections::HashMap;
use std::time::SystemTime;

use genai_prices::{PriceRequest, UsageKey};

use crate::format::{CostEstimate, Usage};
use crate::json::Json;

use crate::api::view::ReportedCost;

// Its documentation stands where the library re-exports it.
#[derive(Debug, Clone, PartialEq)]
pub struct Price {
    input: f64,
    output: f64,
    cached: Option<f64>,
    currency: String,
}

impl Price {
    /// A price per 1,000 input and output tokens; `currency` is an ISO 4217 code such as `"CNY"`.
    #[must_use]
    pub fn per_thousand(input: f64, output: f64, currency: impl Into<String>) -> Self {
        Price::per_million(input * 1e3, output * 1e3, currency)
    }

    /// A price per 1,000,000 input and output tokens; `currency` is an ISO 4217 code.
    #[must_use]
    pub fn per_million(input: f64, output: f64, currency: impl Into<String>) -> Self {
        Price { input: tidy(input), output: tidy(output), cached: None, currency: currency.into() }
    }

    /// What 1,000,000 input tokens cost that were read from a cache; without this they cost what
    /// other input tokens cost.
    #[must_use]
    pub fn cached_per_million(mut self, cached: f64) -> Self {
        self.cached = Some(tidy(cached));
        self
    }
}

/// The user's own prices, then the price table.
#[derive(Debug, Clone, Default)]
pub struct Prices {
    own: HashMap<String, Price>,
}

/// What a price depends on besides the tokens.
pub struct Priced<'a> {
    pub provider: &'a str,
    pub base_url: &'a str,
    /// The model that answered, then the one that was asked for.
    pub models: [&'a str; 2],
    pub service_tier: &'a str,
    pub at: SystemTime,
    /// The response, whose usage tells kinds of tokens apart that have prices of their own.
    pub body: &'a Json<'a>,
}

impl Prices {
    pub fn set(&mut self, model: String, price: Price) {
        self.own.insert(model, price);
    }

    /// The cost of a call: as the provider reports it, else by the user's prices, else by the
    /// table; nothing where none of them knows.
    pub fn cost(&self, call: &Priced<'_>, usage: &Usage, reported: Option<ReportedCost>) -> CostEstimate {
        if let Some(cost) = reported {
            return estimate(cost.input, cost.output, cost.total, "USD", "provider");
        }
        if let Some(price) = call.models.iter().find_map(|model| self.own.get(*model)) {
            let cached = usage.cached_tokens.min(usage.prompt_tokens);
            let input = (usage.prompt_tokens - cached) as f64 * price.input
                + cached as f64 * price.cached.unwrap_or(price.input);
            let output = usage.completion_tokens as f64 * price.output;
            let (input, output) = (input / 1e6, output / 1e6);
            return estimate(input, output, input + output, &price.currency, "user");
        }
        table_cost(call, usage).unwrap_or_default()
    }
}

/// By the price table, in US dollars.
fn table_cost(call: &Priced<'_>, usage: &Usage) -> Option<CostEstimate> {
    if usage.prompt_tokens == 0 && usage.completion_tokens == 0 {
        return None;
    }
    let mut counts = vec![
        (UsageKey::INPUT_TOKENS, usage.prompt_tokens as f64),
        (UsageKey::OUTPUT_TOKENS, usage.completion_tokens as f64),
        (UsageKey::CACHE_READ_TOKENS, usage.cached_tokens as f64),
        (UsageKey::CACHE_WRITE_TOKENS, usage.cache_creation_tokens as f64),
    ];
    let plain = counts.len();
    counts.extend(kinds(call.body));
    // Kinds that contradict the sums are not believed.
    [counts.len(), plain].into_iter().find_map(|known| table_price(call, &counts[..known]))
}

fn table_price(call: &Priced<'_>, counts: &[(UsageKey, f64)]) -> Option<CostEstimate> {
    let counts = counts.iter().cloned().collect();
    let priced = call.models.iter().filter(|model| !model.is_empty()).find_map(|model| {
        let request = PriceRequest::new(model, &counts).with_timestamp(call.at);
        let request = match table_provider(call.provider) {
            Some(id) => request.with_provider_id(id),
            None => request.with_provider_api_url(call.base_url),
        };
        let request = match call.service_tier {
            "" => request,
            tier => request.with_price_context("service_tier", tier),
        };
        genai_prices::calculate(&request).ok()
    })?;
    // Nothing for tokens is a price by the hour or by the page, which is not known here.
    (priced.total_price > 0.0)
        .then(|| estimate(priced.input_price, priced.output_price, priced.total_price, "USD", "table"))
}

/// The tokens in a response's usage that have prices of their own beside the sums: cache writes that last an hour,
/// sound and images.
fn kinds(body: &Json<'_>) -> Vec<(UsageKey, f64)> {
    let mut kinds = Vec::new();
    let mut found = |key, tokens: Option<u64>| {
        kinds.extend(tokens.filter(|tokens| *tokens > 0).map(|tokens| (key, tokens as f64)));
    };
    // The common shape and Anthropic's.
    let usage = body.get("usage");
    let input = ["prompt_tokens_details", "input_tokens_details", "input_token_details"];
    let output = ["completion_tokens_details", "output_tokens_details", "output_token_details"];
    let of = |places: [&str; 3], kind| places.iter().find_map(|place| usage.at(&[place, kind]).as_u64());
    found(UsageKey::INPUT_AUDIO_TOKENS, of(input, "audio_tokens"));
    found(UsageKey::OUTPUT_AUDIO_TOKENS, of(output, "audio_tokens"));
    found(UsageKey::INPUT_IMAGE_TOKENS, of(input, "image_tokens"));
    found(UsageKey::OUTPUT_IMAGE_TOKENS, of(output, "image_tokens"));
    let hourly = usage.at(&["cache_creation", "ephemeral_1h_input_tokens"]).as_u64();
    // Bedrock's.
    let details = usage.get("cacheDetails").items().iter();
    let hourly_details =
        details.filter(|detail| detail.get("ttl").as_text().is_some_and(|ttl| *ttl == *"1h"));
    let hourly = hourly
        .or_else(|| hourly_details.filter_map(|d| d.get("inputTokens").as_u64()).reduce(u64::saturating_add));
    found(UsageKey::CACHE_WRITE_1H_TOKENS, hourly);
    // Gemini's, by modality.
    let usage = body.get("usageMetadata");
    let of = |list: &str, modality: &str| {
        let of_it = |one: &&Json<'_>| one.get("modality").as_text().is_some_and(|name| *name == *modality);
        usage.get(list).items().iter().find(of_it)?.get("tokenCount").as_u64()
    };
    found(UsageKey::INPUT_AUDIO_TOKENS, of("promptTokensDetails", "AUDIO"));
    found(UsageKey::CACHE_AUDIO_READ_TOKENS, of("cacheTokensDetails", "AUDIO"));
    found(UsageKey::OUTPUT_AUDIO_TOKENS, of("candidatesTokensDetails", "AUDIO"));
    found(UsageKey::OUTPUT_IMAGE_TOKENS, of("candidatesTokensDetails", "IMAGE"));
    kinds
}

/// The price table's name of a provider.
fn table_provider(provider: &str) -> Option<&'static str> {
    Some(match provider {
        "openai" => "openai",
        "anthropic" => "anthropic",
        "deepseek" => "deepseek",
        "gcp.gemini" | "gcp.vertex_ai" | "gcp.gen_ai" => "google",
        "aws.bedrock" => "aws",
        "azure.ai.openai" | "azure.ai.inference" => "azure",
        "cohere" => "cohere",
        "groq" => "groq",
        "mistral_ai" => "mistral",
        "perplexity" => "perplexity",
        "x_ai" => "x-ai",
        "openrouter" => "openrouter",
        "together" => "together",
        "fireworks" => "fireworks",
        "cerebras" => "cerebras",
        _ => return None,
    })
}

fn estimate(input: f64, output: f64, total: f64, currency: &str, source: &str) -> CostEstimate {
    CostEstimate {
        input_cost: tidy(input),
        output_cost: tidy(output),
        total_cost: tidy(total),
        currency: currency.to_owned(),
        source: source.to_owned(),
    }
}

/// Twelve decimals: what binary fractions add beyond them is noise.
fn tidy(amount: f64) -> f64 {
    (amount * 1e12).round() / 1e12
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(prompt: u64, completion: u64) -> Usage {
        Usage {
            prompt_tokens: prompt,
            completion_tokens: completion,
            total_tokens: prompt + completion,
            ..Usage::default()
        }
    }

    fn call(model: &str) -> Priced<'_> {
        Priced {
            provider: "deepseek",
            base_url: "https://api.deepseek.com",
            models: ["", model],
            service_tier: "",
            body: &Json::Null,
            at: SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_761_537_730),
        }
    }

    #[test]
    fn the_users_price_is_exact_in_decimals() {
        let mut prices = Prices::default();
        prices.set("deepseek-chat".into(), Price::per_thousand(0.001, 0.002, "CNY"));
        let cost = prices.cost(&call("deepseek-chat"), &usage(1296, 167), None);
        assert_eq!((cost.input_cost, cost.output_cost), (0.001296, 0.000334));
        assert_eq!((cost.total_cost, &*cost.currency, &*cost.source), (0.00163, "CNY", "user"));
    }

    #[test]
    fn a_model_without_a_price_costs_nothing_that_is_known() {
        let cost = Prices::default().cost(&call("my-own-model"), &usage(10, 10), None);
        assert_eq!(cost, CostEstimate::default());
    }

    #[test]
    fn a_host_that_the_table_does_not_know_has_no_price_even_for_a_famous_model() {
        let call = Priced { provider: "localhost", base_url: "http://localhost:8080", ..call("gpt-4o") };
        assert_eq!(Prices::default().cost(&call, &usage(10, 10), None), CostEstimate::default());
    }

    #[test]
    fn the_table_prices_cache_hits_lower() {
        let prices = Prices::default();
        let full = prices.cost(&call("deepseek-chat"), &usage(1000, 0), None);
        let hit = Usage { cached_tokens: 1000, ..usage(1000, 0) };
        let hit = prices.cost(&call("deepseek-chat"), &hit, None);
        assert_eq!(full.source, "table");
        assert!(hit.total_cost > 0.0 && hit.total_cost < full.total_cost, "{hit:?} {full:?}");
    }

    #[test]
    fn kinds_of_tokens_that_the_table_prices_apart_are_told_apart() {
        let cost = |provider, model: &str, usage: Usage, body: &str| {
            let body = crate::json::parse(body).unwrap();
            let call = Priced { provider, models: [model, ""], body: &body, ..call("") };
            let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_780_000_000);
            Prices::default().cost(&Priced { at, ..call }, &usage, None)
        };
        // Ten fresh, thirty read, five written for five minutes and fifteen for an hour: 3, 0.3, 3.75 and 6 dollars a
        // million.
        let cached = Usage { cached_tokens: 30, cache_creation_tokens: 20, ..usage(60, 0) };
        let body =
            r#"{"usage":{"cache_creation":{"ephemeral_5m_input_tokens":5,"ephemeral_1h_input_tokens":15}}}"#;
        assert_eq!(cost("anthropic", "claude-sonnet-4-5", cached, body).input_cost, 0.00014775);
        let body =
            r#"{"usage":{"cacheDetails":[{"ttl":"1h","inputTokens":15},{"ttl":"5m","inputTokens":5}]}}"#;
        assert_eq!(cost("anthropic", "claude-sonnet-4-5", cached, body).input_cost, 0.00014775);
        // An image's tokens cost 30 dollars a million, text 2.50.
        let body =
            r#"{"usageMetadata":{"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":1290}]}}"#;
        assert_eq!(cost("gcp.gemini", "gemini-2.5-flash-image", usage(0, 1290), body).output_cost, 0.0387);
        // A model without a price for sound has one for tokens; sound beyond the sum is not believed.
        for audio in [5, 5000] {
            let body = format!(r#"{{"usage":{{"prompt_tokens_details":{{"audio_tokens":{audio}}}}}}}"#);
            assert_eq!(cost("openai", "gpt-4o", usage(1000, 0), &body).input_cost, 0.0025, "{audio}");
        }
    }

    #[test]
    fn what_the_provider_reports_comes_first() {
        let mut prices = Prices::default();
        prices.set("deepseek-chat".into(), Price::per_million(1.0, 1.0, "EUR"));
        let reported = ReportedCost { input: 0.0, output: 0.0, total: 0.25 };
        let cost = prices.cost(&call("deepseek-chat"), &usage(10, 10), Some(reported));
        assert_eq!((cost.total_cost, &*cost.currency, &*cost.source), (0.25, "USD", "provider"));
    }
}
