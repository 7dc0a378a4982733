//! Prices from the table of `genai-prices`.

use std::time::SystemTime;

use genai_prices::{PriceCalculation, PriceRequest, Usage as Counts, UsageKey};

use crate::api::HostKind;
use crate::format::{CostEstimate, Usage};
use crate::json::Json;

use super::by_model::named_model;
use super::estimate::estimate;

/// The properties of a call that its price depends on, besides its tokens.
pub struct PricedCall<'a> {
    /// The provider, as `metadata.json` names it.
    pub provider: &'a str,
    /// Scheme, host and port.
    pub base_url: &'a str,
    /// The model that answered, then the requested one.
    pub models: [&'a str; 2],
    /// The tier that was billed; empty where it is unknown.
    pub service_tier: &'a str,
    /// When the call was made: prices change.
    pub at: SystemTime,
    /// The response, whose usage has separate counts of tokens with prices of their own.
    pub body: &'a Json<'a>,
}

/// Returns the cost of a call in US dollars; `None` where the table has no price for it.
pub(super) fn table_cost(call: &PricedCall<'_>, usage: &Usage) -> Option<CostEstimate> {
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
    counts.extend(special_token_counts(call.body));
    // The special counts are left out if they contradict the sums.
    [counts.len(), plain].into_iter().find_map(|known| table_price(call, &counts[..known]))
}

/// Returns the price by the provider, or by its URL; where neither is known, that of the model's own maker.
fn table_price(call: &PricedCall<'_>, counts: &[(UsageKey, f64)]) -> Option<CostEstimate> {
    let counts: Counts = counts.iter().cloned().collect();
    let models = || call.models.into_iter().filter(|model| !model.is_empty());
    let by_provider = models().find_map(|model| {
        let request = PriceRequest::new(model, &counts);
        let request = match table_provider(call.provider) {
            Some(id) => request.with_provider_id(id),
            None => request.with_provider_api_url(call.base_url),
        };
        priced(request, call)
    });
    if let Some(priced) = by_provider {
        return in_dollars(&priced, "table");
    }
    let by_model = |model| {
        let named = named_model(model)?;
        let request = PriceRequest::new(named.model, &counts).with_provider_id(named.table_id);
        Some((priced(request, call)?, format!("table:{}", named.provider)))
    };
    let (priced, source) = match HostKind::of(call.base_url) {
        // Its own price is not known, and that of the maker is another one.
        HostKind::Known => return None,
        _ if is_model_server(call) => return None,
        // A model server may answer to any name; a proxy answers with the name of the model that it asked.
        HostKind::Local => by_model(models().next()?)?,
        HostKind::Other => models().find_map(by_model)?,
    };
    in_dollars(&priced, &source)
}

/// Returns whether Ollama or llama.cpp answered: on one's own machine, or on one that is paid for otherwise, under whatever
/// name was asked for.
fn is_model_server(call: &PricedCall<'_>) -> bool {
    let fingerprint = call.body.get("system_fingerprint").as_text();
    call.provider == "ollama"
        || fingerprint.is_some_and(|fingerprint| *fingerprint == *"fp_ollama")
        || call.body.at(&["timings", "predicted_ms"]).as_f64().is_some()
}

fn priced(request: PriceRequest<'_>, call: &PricedCall<'_>) -> Option<PriceCalculation> {
    let request = request.with_timestamp(call.at);
    let tier = call.service_tier;
    let request = if tier.is_empty() { request } else { request.with_price_context("service_tier", tier) };
    genai_prices::calculate(&request).ok()
}

/// Returns the estimate; `None` for a model whose tokens cost nothing: it is priced by the hour or by the page, and neither
/// count is available here.
fn in_dollars(priced: &PriceCalculation, source: &str) -> Option<CostEstimate> {
    (priced.total_price > 0.0)
        .then(|| estimate(priced.input_price, priced.output_price, priced.total_price, "USD", source))
}

/// Returns the tokens in a response's usage that have prices of their own: cache writes with a lifetime of an hour, audio
/// and images.
fn special_token_counts(body: &Json<'_>) -> Vec<(UsageKey, f64)> {
    let mut counts = Vec::new();
    let mut found = |key, tokens: Option<u64>| {
        counts.extend(tokens.filter(|tokens| *tokens > 0).map(|tokens| (key, tokens as f64)));
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
    counts
}

/// Returns the price table's name of a provider.
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
