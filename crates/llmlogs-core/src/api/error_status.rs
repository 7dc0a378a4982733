//! The HTTP status that a provider's own error code stands for: one error has one type, whether it comes with its
//! status, in a body under a status of success, or in a stream.
//!
//! <https://docs.claude.com/en/api/errors>, <https://platform.openai.com/docs/guides/error-codes>,
//! <https://cloud.google.com/apis/design/errors>,
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html>

use crate::json::Json;

use super::error;

/// Codes that mean one error alone, whatever status they come with.
const DISTINCT: [(&str, u16); 10] = [
    ("overloaded_error", 529),
    ("rate_limit_error", 429),
    ("server_error", 500),
    ("internal_server_error", 500),
    ("invalid_api_key", 401),
    ("authentication_error", 401),
    ("permission_error", 403),
    ("not_found_error", 404),
    ("request_too_large", 413),
    ("insufficient_quota", 429),
];

/// Codes that come with several statuses, or that mean what their status says.
const GENERAL: [(&str, u16); 81] = [
    // Anthropic, OpenAI and the APIs that are shaped like theirs.
    ("api_error", 500),
    ("timeout_error", 504),
    ("billing_error", 402),
    ("invalid_request_error", 400),
    ("invalid_request", 400),
    ("invalid_prompt", 400),
    ("invalid_argument", 400),
    ("bad_request", 400),
    ("context_length_exceeded", 400),
    ("string_above_max_length", 400),
    ("content_filter", 400),
    ("content_policy_violation", 400),
    ("json_validate_failed", 400),
    ("tool_use_failed", 400),
    ("unauthorized", 401),
    ("forbidden", 403),
    ("model_not_found", 404),
    ("not_found", 404),
    // Groq sends it with 413 where a request alone is beyond the limit.
    ("rate_limit_exceeded", 429),
    ("too_many_requests", 429),
    ("quota_exceeded", 429),
    ("rate_limited", 429),
    // Cerebras.
    ("too_many_requests_error", 429),
    ("too_many_tokens_error", 429),
    ("request_quota_exceeded", 429),
    ("token_quota_exceeded", 429),
    // watsonx.
    ("rate_limit_reached_requests", 429),
    // Mistral.
    ("service_tier_capacity_exceeded", 429),
    // Hugging Face's text generation inference.
    ("validation", 422),
    ("generation", 424),
    ("overloaded", 429),
    ("incomplete_generation", 500),
    // Gateways.
    ("insufficient_balance", 402),
    ("bad_gateway", 502),
    ("gateway_timeout", 504),
    ("model_overloaded", 503),
    ("engine_overloaded_error", 429),
    ("internal_error", 500),
    ("service_unavailable", 503),
    ("service_unavailable_error", 503),
    ("server_is_overloaded", 503),
    ("slow_down", 503),
    // The names of the SDKs' exceptions, which vLLM and others send.
    ("badrequesterror", 400),
    ("authenticationerror", 401),
    ("permissiondeniederror", 403),
    ("notfounderror", 404),
    ("unprocessableentityerror", 422),
    ("ratelimiterror", 429),
    ("internalservererror", 500),
    ("serviceunavailableerror", 503),
    // Google.
    ("failed_precondition", 400),
    ("out_of_range", 400),
    ("unauthenticated", 401),
    ("permission_denied", 403),
    ("already_exists", 409),
    ("aborted", 409),
    ("resource_exhausted", 429),
    ("cancelled", 499),
    ("unknown", 500),
    ("internal", 500),
    ("data_loss", 500),
    ("unimplemented", 501),
    ("unavailable", 503),
    ("deadline_exceeded", 504),
    // AWS.
    ("validationexception", 400),
    ("servicequotaexceededexception", 400),
    ("accessdeniedexception", 403),
    ("unrecognizedclientexception", 403),
    ("expiredtokenexception", 403),
    ("invalidsignatureexception", 403),
    ("missingauthenticationtokenexception", 403),
    ("resourcenotfoundexception", 404),
    ("modeltimeoutexception", 408),
    ("modelerrorexception", 424),
    ("modelstreamerrorexception", 424),
    ("throttlingexception", 429),
    ("modelnotreadyexception", 429),
    ("internalserverexception", 500),
    ("internalfailure", 500),
    ("serviceunavailableexception", 503),
    ("serviceunavailable", 503),
];

/// Returns the HTTP status that `body`, an error with a status of success, stands for by its own codes, if any of them
/// is known.
pub(super) fn of_reported(body: &Json<'_>) -> Option<u16> {
    let words = error::codes(body);
    let known = |table: &[(&str, u16)]| words.iter().find_map(|word| in_table(word, table));
    let numeric = || {
        let numbers = words.iter().filter_map(|word| word.parse().ok());
        numbers.into_iter().find(|status| (400..=599).contains(status))
    };
    known(&DISTINCT).or_else(|| known(&GENERAL)).or_else(numeric)
}

/// Returns the HTTP status that an error with `status` is one of: that which its own code stands for where the code
/// means one error alone, else `status` itself.
pub(super) fn of_failed(status: u16, body: Option<&Json<'_>>) -> u16 {
    let words = body.map(error::codes).unwrap_or_default();
    words.iter().find_map(|word| in_table(word, &DISTINCT)).unwrap_or(status)
}

fn in_table(word: &str, table: &[(&str, u16)]) -> Option<u16> {
    // AWS may put the name's own space before it.
    let word = word.rsplit('#').next().unwrap_or_default();
    let same = |known: &str| {
        let plain = |byte: u8| match byte {
            b'-' | b' ' => b'_',
            byte => byte.to_ascii_lowercase(),
        };
        word.len() == known.len() && word.bytes().map(plain).eq(known.bytes())
    };
    table.iter().find(|(known, _)| same(known)).map(|(_, status)| *status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::ErrorType;
    use crate::json;

    fn type_of(body: &str, status: Option<u16>) -> String {
        let body = json::parse(body).unwrap();
        let stands_for = match status {
            Some(status) => Some(of_failed(status, Some(&body))),
            None => of_reported(&body),
        };
        stands_for.map_or(ErrorType::Api, ErrorType::Http).word().into_owned()
    }

    #[test]
    fn one_provider_error_has_one_type_as_a_status_in_a_body_and_in_a_stream() {
        for (body, status, word) in [
            (r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#, 529, "OverloadedError"),
            (r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#, 503, "OverloadedError"),
            (r#"{"type":"error","error":{"type":"rate_limit_error","message":"m"}}"#, 429, "RateLimitError"),
            (r#"{"type":"error","error":{"type":"api_error","message":"m"}}"#, 500, "InternalServerError"),
            (r#"{"error":{"message":"m","type":"server_error","code":null}}"#, 500, "InternalServerError"),
            (
                r#"{"error":{"message":"m","type":"tokens","code":"rate_limit_exceeded"}}"#,
                429,
                "RateLimitError",
            ),
            (
                r#"{"error":{"message":"m","type":"invalid_request_error","code":"invalid_api_key"}}"#,
                401,
                "AuthenticationError",
            ),
            (
                r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"m"}}}"#,
                500,
                "InternalServerError",
            ),
            (r#"{"type":"error","code":"rate_limit_exceeded","message":"m"}"#, 429, "RateLimitError"),
            (
                r#"[{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}]"#,
                429,
                "RateLimitError",
            ),
            (r#"{"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}"#, 503, "InternalServerError"),
            (r#"{"message":"m","__type":"throttlingException"}"#, 429, "RateLimitError"),
            (r#"{"message":"m","__type":"com.amazon#ThrottlingException"}"#, 429, "RateLimitError"),
            (r#"{"choices":[{"error":{"code":429,"message":"m"}}]}"#, 429, "RateLimitError"),
            (
                r#"{"object":"error","message":"m","type":"BadRequestError","code":400}"#,
                400,
                "BadRequestError",
            ),
            (
                r#"{"object":"error","message":"m","type":"service_tier_capacity_exceeded","code":"3505"}"#,
                429,
                "RateLimitError",
            ),
            (r#"{"error":"m","error_type":"validation"}"#, 422, "UnprocessableEntityError"),
            (r#"{"error":{"code":"429","message":"m"}}"#, 429, "RateLimitError"),
            (
                r#"{"message":"m","type":"too_many_tokens_error","param":"quota","code":"token_quota_exceeded"}"#,
                429,
                "RateLimitError",
            ),
            (r#"{"errors":[{"code":"c","message":"m"}],"status_code":404}"#, 404, "NotFoundError"),
            (
                r#"{"event_type":"error","error":{"code":"resource_exhausted","message":"m"}}"#,
                429,
                "RateLimitError",
            ),
            (r#"{"object":"error","message":"m","type":"x","code":"3051"}"#, 451, "APIError"),
            (r#"{"error":"m"}"#, 418, "APIError"),
        ] {
            assert_eq!(type_of(body, None), word, "{body}");
            assert_eq!(type_of(body, Some(status)), word, "{body}");
        }
    }

    #[test]
    fn a_general_code_does_not_change_what_the_status_says() {
        let general = r#"{"error":{"message":"no key","type":"invalid_request_error","code":null}}"#;
        assert_eq!(type_of(general, Some(401)), "AuthenticationError");
        assert_eq!(type_of(general, None), "BadRequestError");
        let no_access =
            r#"{"error":{"message":"m","type":"invalid_request_error","code":"model_not_found"}}"#;
        assert_eq!(type_of(no_access, Some(403)), "PermissionDeniedError");
        let too_large = r#"{"error":{"message":"m","type":"tokens","code":"rate_limit_exceeded"}}"#;
        assert_eq!(type_of(too_large, Some(413)), "RequestTooLargeError");
        let wrapped = r#"{"error":{"message":"m","code":429}}"#;
        assert_eq!(type_of(wrapped, Some(500)), "InternalServerError");
    }
}
