//! What providers report that a call cost.

use crate::json::Json;

use crate::api::view::ReportedCost;

/// Returns the cost that a body reports: in its usage, or beside it as Venice does.
pub(crate) fn body_cost(body: &Json<'_>) -> Option<ReportedCost> {
    let venice = || body.at(&["cost", "usd"]).as_f64();
    usage_cost(body.get("usage"))
        .or_else(|| Some(ReportedCost { total: venice()?, ..ReportedCost::default() }))
}

/// Returns the cost that a `usage` object reports: OpenRouter's `cost`, Perplexity's `cost.total_cost`, gateways'
/// `cost.usd` and the like, xAI's ticks of 10⁻¹⁰ dollars, DeepInfra's and a gateway's estimates.
pub(crate) fn usage_cost(usage: &Json<'_>) -> Option<ReportedCost> {
    // Decimal numbers may come as texts.
    let number = |path: &[&str]| match usage.at(path) {
        Json::String(text) => {
            text.plain().trim().trim_start_matches('$').parse().ok().filter(|n: &f64| n.is_finite())
        }
        other => other.as_f64(),
    };
    let upstream =
        |keys: [&str; 2]| keys.into_iter().find_map(|key| number(&["cost_details", key])).unwrap_or(0.0);
    if let Some(total) = number(&["cost"]) {
        return Some(ReportedCost {
            input: upstream(["upstream_inference_prompt_cost", "upstream_inference_input_cost"]),
            output: upstream(["upstream_inference_completions_cost", "upstream_inference_output_cost"]),
            total,
        });
    }
    let in_cost = |keys: &[&str]| keys.iter().find_map(|key| number(&["cost", key]));
    let in_dollars =
        usage.at(&["cost", "currency"]).as_str().is_none_or(|code| code.eq_ignore_ascii_case("usd"));
    if in_dollars && let Some(total) = in_cost(&["total_cost", "usd", "total", "total_usd", "amount"]) {
        return Some(ReportedCost {
            input: in_cost(&["input_tokens_cost", "input_cost", "prompt_cost", "input", "prompt"])
                .unwrap_or(0.0),
            output: in_cost(&[
                "output_tokens_cost",
                "output_cost",
                "completion_cost",
                "output",
                "completion",
            ])
            .unwrap_or(0.0),
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
            (r#"{"usage":{"cost":{"usd":0.25}}}"#, 0.0, 0.0, 0.25),
            (r#"{"usage":{"cost":{"input":0.1,"output":0.15,"total":0.25}}}"#, 0.1, 0.15, 0.25),
            (r#"{"usage":{"cost":{"amount":"0.25","currency":"USD"}}}"#, 0.0, 0.0, 0.25),
            (r#"{"usage":{"cost":"$0.25"}}"#, 0.0, 0.0, 0.25),
            (r#"{"usage":{"cost_in_usd_ticks":25000000}}"#, 0.0, 0.0, 0.0025),
            (r#"{"usage":{"estimated_cost":0.25}}"#, 0.0, 0.0, 0.25),
            (r#"{"usage":{"prompt_tokens":1},"cost":{"usd":0.25,"diem":1}}"#, 0.0, 0.0, 0.25),
        ] {
            let cost = body_cost(&json::parse(body).unwrap()).unwrap();
            assert_eq!((cost.input, cost.output, cost.total), (input, output, total), "{body}");
        }
        for none in [
            r#"{"usage":{"prompt_tokens":1}}"#,
            r#"{"usage":{"cost":{"diem":1}}}"#,
            r#"{"usage":{"cost":{"amount":1,"currency":"EUR"}}}"#,
            r#"{"usage":{"cost":"nan"}}"#,
            r#"{"usage":{"cost":null}}"#,
        ] {
            assert_eq!(body_cost(&json::parse(none).unwrap()), None, "{none}");
        }
    }
}
