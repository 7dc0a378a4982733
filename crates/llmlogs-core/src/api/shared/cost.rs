//! What providers report that a call cost.

use crate::json::Json;

use crate::api::view::ReportedCost;

/// Returns the cost that a body reports: in its usage, or beside it as Venice does.
pub(crate) fn body_cost(body: &Json<'_>) -> Option<ReportedCost> {
    let venice = || body.at(&["cost", "usd"]).as_f64();
    usage_cost(body.get("usage"))
        .or_else(|| Some(ReportedCost { total: venice()?, ..ReportedCost::default() }))
}

/// Returns the cost that a `usage` object reports: OpenRouter's `cost`, Perplexity's `cost.total_cost`, xAI's
/// ticks of 10⁻¹⁰ dollars, DeepInfra's and a gateway's estimates.
pub(crate) fn usage_cost(usage: &Json<'_>) -> Option<ReportedCost> {
    let number = |path: &[&str]| usage.at(path).as_f64();
    let upstream =
        |keys: [&str; 2]| keys.into_iter().find_map(|key| number(&["cost_details", key])).unwrap_or(0.0);
    if let Some(total) = number(&["cost"]) {
        return Some(ReportedCost {
            input: upstream(["upstream_inference_prompt_cost", "upstream_inference_input_cost"]),
            output: upstream(["upstream_inference_completions_cost", "upstream_inference_output_cost"]),
            total,
        });
    }
    if let Some(total) = number(&["cost", "total_cost"]) {
        return Some(ReportedCost {
            input: number(&["cost", "input_tokens_cost"]).unwrap_or(0.0),
            output: number(&["cost", "output_tokens_cost"]).unwrap_or(0.0),
            total,
        });
    }
    let total = number(&["cost_in_usd_ticks"])
        .map(|ticks| ticks / 1e10)
        .or_else(|| number(&["estimated_cost"]))
        .or_else(|| number(&["pydantic_ai_gateway", "cost_estimate"]))?;
    Some(ReportedCost { total, ..ReportedCost::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn costs_are_read_wherever_a_provider_reports_them() {
        for (body, input, output, total) in [
            (
                r#"{"usage":{"cost":0.5,"cost_details":{"upstream_inference_prompt_cost":0.2,"upstream_inference_completions_cost":0.3}}}"#,
                0.2,
                0.3,
                0.5,
            ),
            (
                r#"{"usage":{"cost":{"input_tokens_cost":1,"output_tokens_cost":2,"total_cost":4}}}"#,
                1.0,
                2.0,
                4.0,
            ),
            (r#"{"usage":{"cost_in_usd_ticks":25000000}}"#, 0.0, 0.0, 0.0025),
            (r#"{"usage":{"estimated_cost":0.25}}"#, 0.0, 0.0, 0.25),
            (r#"{"usage":{"prompt_tokens":1},"cost":{"usd":0.25,"diem":1}}"#, 0.0, 0.0, 0.25),
        ] {
            let cost = body_cost(&json::parse(body).unwrap()).unwrap();
            assert_eq!((cost.input, cost.output, cost.total), (input, output, total), "{body}");
        }
        assert_eq!(body_cost(&json::parse(r#"{"usage":{"prompt_tokens":1}}"#).unwrap()), None);
    }
}
