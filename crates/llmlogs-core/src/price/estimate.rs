//! The cost estimate of `metadata.json`, with rounded amounts.

use crate::format::CostEstimate;

/// Returns an estimate of the rounded amounts.
pub(super) fn estimate(input: f64, output: f64, total: f64, currency: &str, source: &str) -> CostEstimate {
    CostEstimate {
        input_cost: rounded(input),
        output_cost: rounded(output),
        total_cost: rounded(total),
        currency: currency.to_owned(),
        source: source.to_owned(),
    }
}

/// Rounds to twelve decimals: digits beyond them are errors of binary fractions.
pub(super) fn rounded(amount: f64) -> f64 {
    (amount * 1e12).round() / 1e12
}
