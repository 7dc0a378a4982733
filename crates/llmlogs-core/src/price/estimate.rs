//! Amounts as `metadata.json` has them.

use crate::format::CostEstimate;

/// Returns an estimate of the rounded amounts.
pub(super) fn estimate(input: f64, output: f64, total: f64, currency: &str, source: &str) -> CostEstimate {
    CostEstimate {
        input_cost: tidy(input),
        output_cost: tidy(output),
        total_cost: tidy(total),
        currency: currency.to_owned(),
        source: source.to_owned(),
    }
}

/// Rounds to twelve decimals: what binary fractions add beyond them is noise.
pub(super) fn tidy(amount: f64) -> f64 {
    (amount * 1e12).round() / 1e12
}
