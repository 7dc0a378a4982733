//! The cost of a call: reported by the provider, or estimated from the user's prices or a price table.

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

    #[test]
    fn an_unknown_host_has_no_price_even_for_a_well_known_model() {
        let call = PricedCall { provider: "localhost", base_url: "http://localhost:8080", ..call("gpt-4o") };
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
