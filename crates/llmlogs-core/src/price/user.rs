//! Prices that the user sets.

use crate::format::Usage;

use super::estimate::rounded;

// Documented where the library re-exports it.
#[derive(Debug, Clone, PartialEq)]
pub struct Price {
    /// Per million tokens, like `output` and `cached`.
    input: f64,
    output: f64,
    cached: Option<f64>,
    currency: String,
}

impl Price {
    /// Returns a price per 1,000 input and output tokens; `currency` is an ISO 4217 code such as `"CNY"`.
    #[must_use]
    pub fn per_thousand(input: f64, output: f64, currency: impl Into<String>) -> Self {
        Price::per_million(input * 1e3, output * 1e3, currency)
    }

    /// Returns a price per 1,000,000 input and output tokens; `currency` is an ISO 4217 code.
    #[must_use]
    pub fn per_million(input: f64, output: f64, currency: impl Into<String>) -> Self {
        Price { input: rounded(input), output: rounded(output), cached: None, currency: currency.into() }
    }

    /// Sets what 1,000,000 input tokens cost that were read from a cache; by default they cost as much
    /// as other input tokens.
    #[must_use]
    pub fn cached_per_million(mut self, cached: f64) -> Self {
        self.cached = Some(rounded(cached));
        self
    }

    /// Returns the currency.
    pub(super) fn currency(&self) -> &str {
        &self.currency
    }

    /// Returns what the input and the output of a call cost.
    pub(super) fn of(&self, usage: &Usage) -> (f64, f64) {
        let cached = usage.cached_tokens.min(usage.prompt_tokens);
        let input = (usage.prompt_tokens - cached) as f64 * self.input
            + cached as f64 * self.cached.unwrap_or(self.input);
        let output = usage.completion_tokens as f64 * self.output;
        (input / 1e6, output / 1e6)
    }
}
