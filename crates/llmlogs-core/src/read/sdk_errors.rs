//! The names that Python's libraries give to failures, and the format's.

/// Names of exceptions of OpenAI's and Anthropic's libraries, the versions before their first included, of `httpx` below
/// them and of Python itself, that differ from the format's; then the format's `error_type`.
const NAMES: [(&str, &str); 15] = [
    ("APITimeoutError", "TimeoutError"),
    ("Timeout", "TimeoutError"),
    ("ReadTimeout", "TimeoutError"),
    ("ConnectTimeout", "TimeoutError"),
    ("WriteTimeout", "TimeoutError"),
    ("PoolTimeout", "TimeoutError"),
    ("APIConnectionError", "ConnectionError"),
    ("ConnectError", "ConnectionError"),
    ("InvalidRequestError", "BadRequestError"),
    ("ServiceUnavailableError", "InternalServerError"),
    ("ConflictError", "APIError"),
    ("APIStatusError", "APIError"),
    ("OpenAIError", "APIError"),
    ("APIResponseValidationError", "InvalidResponseError"),
    ("JSONDecodeError", "InvalidResponseError"),
];

/// Names that both have, and that an HTTP status may make more exact.
const OF_STATUS: [&str; 8] = [
    "APIError",
    "BadRequestError",
    "AuthenticationError",
    "PermissionDeniedError",
    "NotFoundError",
    "UnprocessableEntityError",
    "RateLimitError",
    "InternalServerError",
];

/// Returns the format's name for the failure that an exception called `name` is, upper and lower case being the same;
/// `name` itself if it has none.
pub(crate) fn format_name(name: &str) -> &str {
    NAMES.iter().find(|(theirs, _)| theirs.eq_ignore_ascii_case(name)).map_or(name, |(_, ours)| ours)
}

/// Returns whether an exception called `name` says that the API has reported an error.
pub(super) fn is_reported(name: &str) -> bool {
    OF_STATUS.contains(&format_name(name))
}
