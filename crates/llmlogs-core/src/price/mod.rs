//! The cost of a call: reported by the provider, or estimated from the user's prices or a price table. Where the host does
//! not show the provider, the model's own name may.

mod by_model;
mod estimate;
mod table;
mod user;

use std::collections::HashMap;

use crate::api::view::ReportedCost;
use crate::format::{CostEstimate, Usage};

pub use table::PricedCall;
pub use user::Price;

use estimate::estimate;
use table::table_cost;

/// The user's own prices; the price table is used for other models.
#[derive(Debug, Clone, Default)]
pub struct Prices {
    own: HashMap<String, Price>,
}

impl Prices {
    /// Sets the price of `model`, which replaces an earlier one.
    pub fn set(&mut self, model: String, price: Price) {
        self.own.insert(model, price);
    }

    /// Returns the cost of a call: as the provider reports it, else by the user's prices, else by the
    /// table; an empty estimate where none of them has a price.
    pub fn cost(&self, call: &PricedCall<'_>, usage: &Usage, reported: Option<ReportedCost>) -> CostEstimate {
        if let Some(cost) = reported {
            return estimate(cost.input, cost.output, cost.total, "USD", "provider");
        }
        if let Some(price) = call.models.iter().find_map(|model| self.own.get(*model)) {
            let (input, output) = price.of(usage);
            return estimate(input, output, input + output, price.currency(), "user");
        }
        table_cost(call, usage).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::json::Json;

    fn usage(prompt: u64, completion: u64) -> Usage {
        Usage {
            prompt_tokens: prompt,
            completion_tokens: completion,
            total_tokens: prompt + completion,
            ..Usage::default()
        }
    }

    fn call(model: &str) -> PricedCall<'_> {
        PricedCall {
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
    fn a_model_without_a_price_has_an_empty_estimate() {
        let cost = Prices::default().cost(&call("my-own-model"), &usage(10, 10), None);
        assert_eq!(cost, CostEstimate::default());
    }

    /// Returns the whole cost and its source.
    fn cost_at(base_url: &str, provider: &str, models: [&str; 2]) -> (f64, String) {
        let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_780_000_000);
        let call = PricedCall { provider, base_url, models, at, ..call("") };
        let cost = Prices::default().cost(&call, &usage(1000, 1000), None);
        assert_eq!(cost.currency.is_empty(), cost.source.is_empty());
        (cost.total_cost, cost.source)
    }

    #[test]
    fn a_well_known_model_behind_a_gateway_had_no_price() {
        let gateway = "https://llm.internal.example";
        let known = |base_url, provider, model| cost_at(base_url, provider, ["", model]).0;
        for (model, maker, url, source) in [
            ("gpt-4o", "openai", "https://api.openai.com", "table:openai"),
            ("openai/gpt-4o", "openai", "https://api.openai.com", "table:openai"),
            ("claude-sonnet-4-20250514", "anthropic", "https://api.anthropic.com", "table:anthropic"),
            ("gemini-2.5-pro", "gcp.gemini", "https://generativelanguage.googleapis.com", "table:gcp.gemini"),
            ("grok-4", "x_ai", "https://api.x.ai", "table:x_ai"),
            ("mistral-large-latest", "mistral_ai", "https://api.mistral.ai", "table:mistral_ai"),
        ] {
            let own = model.rsplit('/').next().unwrap();
            let expected = (known(url, maker, own), source.to_owned());
            assert!(expected.0 > 0.0, "{model}");
            assert_eq!(cost_at(gateway, "llm.internal.example", ["", model]), expected, "{model}");
            assert_eq!(cost_at("http://127.0.0.1:4000", "127.0.0.1", ["", model]), expected, "{model}");
            assert_eq!(cost_at("", "my-gateway", ["", model]), expected, "{model}");
        }
        // The path's provider is not the model's.
        let messages = cost_at(gateway, "anthropic", ["", "gpt-4o"]);
        assert_eq!(messages, (known("https://api.openai.com", "openai", "gpt-4o"), "table:openai".into()));
        assert_eq!(cost_at("https://api.openai.com", "openai", ["", "gpt-4o"]).1, "table");
    }

    #[test]
    fn what_a_host_takes_for_others_models_is_not_guessed() {
        let none = (0.0, String::new());
        for (base_url, provider, models) in [
            ("https://llm.internal.example", "llm.internal.example", ["", "llama-3.3-70b-versatile"]),
            ("https://llm.internal.example", "llm.internal.example", ["", "openai/gpt-oss-120b"]),
            ("https://llm.internal.example", "llm.internal.example", ["", "my-own-model"]),
            // Known hosts without prices in the table, or without this model.
            ("https://router.huggingface.co", "huggingface", ["", "gpt-4o"]),
            ("https://o-a.snowflakecomputing.com", "snowflake", ["", "claude-sonnet-4-20250514"]),
            ("https://api.openai.com", "openai", ["", "claude-sonnet-4-20250514"]),
            // One's own machine.
            ("http://localhost:11434", "ollama", ["", "mistral"]),
            ("http://localhost:11434", "ollama", ["", "gpt-4o"]),
            ("http://localhost:8000", "localhost", ["", "meta-llama/Llama-3.1-8B-Instruct"]),
            ("http://localhost:1234", "localhost", ["qwen2.5-7b-instruct", "gpt-4o"]),
        ] {
            assert_eq!(cost_at(base_url, provider, models), none, "{base_url} {models:?}");
        }
        for body in [
            r#"{"model":"gpt-4o","system_fingerprint":"fp_ollama"}"#,
            r#"{"model":"gpt-4o","timings":{"predicted_n":3,"predicted_ms":20.5}}"#,
        ] {
            let body = crate::json::parse(body).unwrap();
            let server =
                PricedCall { provider: "localhost", base_url: "http://localhost:8080", ..call("gpt-4o") };
            let cost = Prices::default().cost(&PricedCall { body: &body, ..server }, &usage(10, 10), None);
            assert_eq!(cost, CostEstimate::default());
        }
        // A gateway may answer with a name of its own.
        let named = cost_at("https://llm.internal.example", "llm.internal.example", ["team-a", "gpt-4o"]);
        assert_eq!(named.1, "table:openai");
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
    fn tokens_with_prices_of_their_own_are_counted_separately() {
        let cost = |provider, model: &str, usage: Usage, body: &str| {
            let body = crate::json::parse(body).unwrap();
            let call = PricedCall { provider, models: [model, ""], body: &body, ..call("") };
            let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_780_000_000);
            Prices::default().cost(&PricedCall { at, ..call }, &usage, None)
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
        // A model without a price for audio has one for tokens; an audio count that exceeds the sum is ignored.
        for audio in [5, 5000] {
            let body = format!(r#"{{"usage":{{"prompt_tokens_details":{{"audio_tokens":{audio}}}}}}}"#);
            assert_eq!(cost("openai", "gpt-4o", usage(1000, 0), &body).input_cost, 0.0025, "{audio}");
        }
    }

    #[test]
    fn a_cost_reported_by_the_provider_takes_precedence() {
        let mut prices = Prices::default();
        prices.set("deepseek-chat".into(), Price::per_million(1.0, 1.0, "EUR"));
        let reported = ReportedCost { input: 0.0, output: 0.0, total: 0.25 };
        let cost = prices.cost(&call("deepseek-chat"), &usage(10, 10), Some(reported));
        assert_eq!((cost.total_cost, &*cost.currency, &*cost.source), (0.25, "USD", "provider"));
    }
}
