//! Errors that a retry cannot mend, known by their bodies: whatever status they come with, and whatever the headers say.

use llmlogs_core::api::error::{api_error, codes};
use llmlogs_core::json::Json;

use super::failure::FailureKind;

/// Codes of accounts that have no money or no quota left.
const QUOTA: [&str; 14] = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "credit_balance_too_low",
    "insufficient_balance",
    "insufficient_credits",
    "insufficient_funds",
    "billing_error",
    "billing_not_active",
    "billing_hard_limit_reached",
    "spend_limit_exceeded",
    "spend_limit_reached",
    "exceeded_current_quota_error",
    "account_deactivated",
    "arrearage",
];

/// The same in messages, where the code says less.
const QUOTA_MESSAGES: [&str; 9] = [
    "credit balance is too low",
    "credit balance exhausted",
    "insufficient balance",
    "insufficient credits",
    "hard limit has been reached",
    "spend limit",
    "spending limit",
    "spending cap",
    "specified api usage limits",
];

const CONTEXT_LENGTH: [&str; 4] = [
    "context_length_exceeded",
    "context_window_exceeded",
    "model_context_window_exceeded",
    "string_above_max_length",
];

const CONTEXT_LENGTH_MESSAGES: [&str; 7] = [
    "maximum context length",
    "context length exceeded",
    "exceeds the context window",
    "exceed context limit",
    "prompt is too long",
    "input is too long",
    "exceeds the maximum number of tokens",
];

const CONTENT_POLICY: [&str; 7] = [
    "content_filter",
    "content_policy_violation",
    "content_policy",
    "responsibleaipolicyviolation",
    "moderation_blocked",
    "data_inspection_failed",
    "prohibited_content",
];

const CONTENT_POLICY_MESSAGES: [&str; 3] =
    ["content management policy", "our safety system", "content policy violation"];

/// Returns what a body reports that stays as it is however often it is asked again; `None` where the status decides.
pub(super) fn permanent(body: &Json<'_>) -> Option<FailureKind> {
    let codes: Vec<String> = codes(body).into_iter().map(|code| plain(&code)).collect();
    let (_, message) = api_error(body);
    let message = message.to_ascii_lowercase();
    let is = |known: &[&str], messages: &[&str]| {
        codes.iter().any(|code| known.contains(&&**code))
            || messages.iter().any(|text| message.contains(text))
    };
    if is(&QUOTA, &QUOTA_MESSAGES) {
        Some(FailureKind::Quota)
    } else if is_used_up_for_today(body) {
        Some(FailureKind::ModelQuota)
    } else if is(&CONTEXT_LENGTH, &CONTEXT_LENGTH_MESSAGES) {
        Some(FailureKind::ContextLength)
    } else if is(&CONTENT_POLICY, &CONTENT_POLICY_MESSAGES) {
        Some(FailureKind::ContentPolicy)
    } else {
        None
    }
}

fn plain(code: &str) -> String {
    code.to_ascii_lowercase().replace(['-', ' ', '.'], "_")
}

/// Returns whether a Google error reports that a quota per day is used up, which is one of the model.
fn is_used_up_for_today(body: &Json<'_>) -> bool {
    let body = body.items().first().unwrap_or(body);
    let details = body.at(&["error", "details"]).items().iter();
    let mut violations = details.flat_map(|detail| detail.get("violations").items());
    violations.any(|violation| {
        ["quotaId", "quotaMetric"].iter().any(|key| {
            let name = violation.get(key).scalar().to_ascii_lowercase();
            name.contains("perday") || name.contains("per_day")
        })
    })
}

#[cfg(test)]
mod tests {
    use llmlogs_core::json;

    use super::*;

    fn kind(body: &str) -> Option<FailureKind> {
        permanent(&json::parse(body).unwrap())
    }

    fn google(quota: &str) -> String {
        format!(
            r#"{{"error":{{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.",
            "status":"RESOURCE_EXHAUSTED","details":[{{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":
            [{{"quotaMetric":"generate_content_free_tier_requests","quotaId":"{quota}"}}]}}]}}}}"#
        )
    }

    #[test]
    fn what_a_retry_cannot_mend_is_known_by_its_body() {
        use FailureKind::{ContentPolicy, ContextLength, ModelQuota, Quota};
        let message = |message: &str| {
            format!(r#"{{"error":{{"type":"invalid_request_error","message":"{message}"}}}}"#)
        };
        for (body, expected) in [
            (r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#.into(), Some(Quota)),
            (r#"{"error":{"type":"insufficient_quota","code":null,"message":"m"}}"#.into(), Some(Quota)),
            (r#"{"error":{"code":"credit_balance_exhausted","message":"m"}}"#.into(), Some(Quota)),
            (r#"{"code":"credit-balance-exhausted","error":"m"}"#.into(), Some(Quota)),
            (message("Your credit balance is too low to access the Anthropic API."), Some(Quota)),
            (message("You have reached your specified API usage limits. You will regain access on 2025-12-01."), Some(Quota)),
            (message("This key has reached its monthly spend limit"), Some(Quota)),
            (r#"{"error":{"message":"Insufficient Balance","type":"unknown_error","code":"invalid_request_error"}}"#.into(), Some(Quota)),
            (google("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), Some(ModelQuota)),
            (google("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"), None),
            (r#"{"error":{"code":"context_length_exceeded","message":"m"}}"#.into(), Some(ContextLength)),
            (r#"{"error":{"type":"server_error","code":500,"message":"This endpoint's maximum context length is 200000 tokens"}}"#.into(), Some(ContextLength)),
            (message("prompt is too long: 210000 tokens > 200000 maximum"), Some(ContextLength)),
            (r#"{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}"#.into(), Some(ContextLength)),
            (r#"{"error":{"code":"content_filter","message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy."}}"#.into(), Some(ContentPolicy)),
            (r#"{"error":{"code":"content_policy_violation","message":"m"}}"#.into(), Some(ContentPolicy)),
            // What passes by itself.
            (r#"{"error":{"code":"rate_limit_exceeded","message":"Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 29000"}}"#.into(), None),
            (r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#.into(), None),
            (r#"{"message":"Too many tokens, please wait before trying again."}"#.into(), None),
            (r#"{"error":{"message":"The server had an error while processing your request","type":"server_error"}}"#.into(), None),
            ("[]".into(), None),
            ("\"text\"".into(), None),
        ] {
            let body: String = body;
            assert_eq!(kind(&body), expected, "{body}");
        }
    }
}
