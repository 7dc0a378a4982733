//! How long a server asks its caller to wait: what its headers and the body of its error say.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;

use llmlogs_core::json::Json;

/// A longer delay than a year is no delay that anybody means.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// Returns the least delay that the server asks for; `None` if it asks for none, or for one that makes no sense: zero,
/// negative, in the past, infinite or beyond a year.
///
/// `retry-after-ms` comes first, then `x-ms-retry-after-ms`, `retry-after` and the `RetryInfo` of Google's error bodies;
/// the first that makes sense counts. With status 429 the delay also lasts until every limit that is used up is reset.
pub(in crate::middleware) fn requested_delay(
    status: u16,
    headers: &HeaderMap,
    body: Option<&Json<'_>>,
    now: SystemTime,
) -> Option<Duration> {
    let explicit = retry_after(headers, now).or_else(|| body.and_then(retry_info));
    let reset = if status == 429 { reset(headers, now) } else { None };
    explicit.max(reset)
}

/// Returns the delay that the headers ask for by name.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let milliseconds = |name| number(text(headers, name)?).and_then(|number| seconds(number / 1000.0));
    milliseconds("retry-after-ms").or_else(|| milliseconds("x-ms-retry-after-ms")).or_else(|| {
        let value = text(headers, "retry-after")?;
        match number(value) {
            Some(number) => seconds(number),
            None => until(httpdate::parse_http_date(value).ok()?, now),
        }
    })
}

/// Returns the delay in the [`RetryInfo`] of a Google error.
///
/// [`RetryInfo`]: https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto
fn retry_info(body: &Json<'_>) -> Option<Duration> {
    // Streams wrap it in an array.
    let body = body.items().first().unwrap_or(body);
    let details = body.at(&["error", "details"]).items();
    let delay = details.iter().find_map(|detail| detail.get("retryDelay").as_str())?;
    seconds(number(delay.strip_suffix('s')?)?)
}

/// Returns the delay until the last of the limits that are used up is reset.
fn reset(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let delay = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        if value.to_str().ok()?.trim() != "0" {
            return None;
        }
        let name = name.as_str();
        let reset = if let Some(limit) = name.strip_prefix("x-ratelimit-remaining") {
            format!("x-ratelimit-reset{limit}")
        } else {
            let limit = name.strip_prefix("anthropic-ratelimit-")?.strip_suffix("-remaining")?;
            format!("anthropic-ratelimit-{limit}-reset")
        };
        reset_delay(text(headers, &reset)?, now)
    };
    headers.iter().filter_map(delay).max()
}

/// Returns the delay of a reset: seconds, seconds or milliseconds of the Unix time, a duration such as `6m0s`, or an
/// RFC 3339 time.
fn reset_delay(value: &str, now: SystemTime) -> Option<Duration> {
    if let Some(number) = number(value) {
        return match number {
            1e12.. => until(UNIX_EPOCH.checked_add(seconds_of_epoch(number / 1000.0)?)?, now),
            1e9.. => until(UNIX_EPOCH.checked_add(seconds_of_epoch(number)?)?, now),
            _ => seconds(number),
        };
    }
    match chrono::DateTime::parse_from_rfc3339(value) {
        Ok(time) => until(time.into(), now),
        Err(_not_a_time) => seconds(duration(value)?),
    }
}

fn seconds_of_epoch(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

/// Returns the seconds of a duration as Go writes it: `6m0s`, `1h2m3.5s`, `20ms`.
fn duration(value: &str) -> Option<f64> {
    let mut rest = value;
    let mut total = 0.0;
    while !rest.is_empty() {
        let unit = rest.find(|c: char| c != '.' && !c.is_ascii_digit())?;
        let amount: f64 = rest[..unit].parse().ok()?;
        rest = &rest[unit..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        total += amount
            * match &rest[..end] {
                "d" => 86_400.0,
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &rest[end..];
    }
    Some(total)
}

/// Returns the time from `now` to `time`, if `time` is later.
fn until(time: SystemTime, now: SystemTime) -> Option<Duration> {
    sensible(time.duration_since(now).ok()?)
}

fn seconds(seconds: f64) -> Option<Duration> {
    sensible(Duration::try_from_secs_f64(seconds).ok()?)
}

fn sensible(delay: Duration) -> Option<Duration> {
    (!delay.is_zero() && delay <= LONGEST).then_some(delay)
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use llmlogs_core::json;

    use super::*;

    /// Wed, 21 Oct 2015 07:28:00 GMT.
    const NOW: u64 = 1_445_412_480;

    fn delay(status: u16, headers: &[(&'static str, &str)], body: &str) -> Option<u128> {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap())
        });
        let headers: HeaderMap = headers.collect();
        let body = json::parse(body).ok();
        let now = UNIX_EPOCH + Duration::from_secs(NOW);
        requested_delay(status, &headers, body.as_ref(), now).map(|delay| delay.as_millis())
    }

    #[test]
    fn retry_after_is_read_in_every_form() {
        for (name, value, expected) in [
            ("retry-after", "2", Some(2000)),
            ("retry-after", " 2 ", Some(2000)),
            ("retry-after", "0.5", Some(500)),
            ("retry-after", "3600", Some(3_600_000)),
            ("retry-after-ms", "1250", Some(1250)),
            ("retry-after-ms", "0.5", Some(0)),
            ("x-ms-retry-after-ms", "70", Some(70)),
            // IMF-fixdate, RFC 850, asctime.
            ("retry-after", "Wed, 21 Oct 2015 07:28:10 GMT", Some(10_000)),
            ("retry-after", "Wednesday, 21-Oct-15 07:28:10 GMT", Some(10_000)),
            ("retry-after", "Wed Oct 21 07:28:10 2015", Some(10_000)),
            // No delay that makes sense.
            ("retry-after", "Wed, 21 Oct 2015 07:27:00 GMT", None),
            ("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT", None),
            ("retry-after", "0", None),
            ("retry-after", "-1", None),
            ("retry-after", "inf", None),
            ("retry-after", "NaN", None),
            ("retry-after", "1e300", None),
            ("retry-after", "99999999999999999999999", None),
            ("retry-after", "soon", None),
            ("retry-after", "", None),
            ("x-other", "2", None),
        ] {
            assert_eq!(delay(503, &[(name, value)], ""), expected, "{name}: {value}");
        }
    }

    #[test]
    fn the_first_delay_that_makes_sense_counts() {
        let all = [("retry-after", "5"), ("x-ms-retry-after-ms", "3000"), ("retry-after-ms", "1000")];
        assert_eq!(delay(503, &all, ""), Some(1000));
        assert_eq!(delay(503, &all[..2], ""), Some(3000));
        assert_eq!(delay(503, &[("retry-after", "5"), ("retry-after-ms", "-1")], ""), Some(5000));
    }

    #[test]
    fn a_google_error_has_its_delay_in_the_body() {
        let body = |delay: &str| {
            format!(
                r#"{{"error":{{"code":429,"details":[{{"@type":"type.googleapis.com/google.rpc.QuotaFailure"}},
                {{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"{delay}"}}]}}}}"#
            )
        };
        assert_eq!(delay(429, &[], &body("34.5s")), Some(34_500));
        assert_eq!(delay(429, &[], &format!("[{}]", body("34s"))), Some(34_000));
        assert_eq!(delay(429, &[], &body("0s")), None);
        assert_eq!(delay(429, &[], &body("-3s")), None);
        assert_eq!(delay(429, &[], &body("soon")), None);
        assert_eq!(delay(429, &[("retry-after", "2")], &body("34s")), Some(2000));
    }

    #[test]
    fn a_limit_that_is_used_up_is_waited_for() {
        let openai = |reset| [("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", reset)];
        for (reset, expected) in [
            ("6m0s", Some(360_000)),
            ("1h2m3.5s", Some(3_723_500)),
            ("20ms", Some(20)),
            ("8.64s", Some(8640)),
            ("12", Some(12_000)),
            ("1445412490", Some(10_000)),
            ("1445412490500", Some(10_500)),
            ("6x", None),
            ("", None),
        ] {
            assert_eq!(delay(429, &openai(reset), ""), expected, "{reset}");
        }
        assert_eq!(delay(503, &openai("6m0s"), ""), None, "not with another status");
        let left = [("x-ratelimit-remaining-tokens", "10"), ("x-ratelimit-reset-tokens", "6m0s")];
        assert_eq!(delay(429, &left, ""), None, "not while there is something left");
        let anthropic = [
            ("anthropic-ratelimit-input-tokens-remaining", "0"),
            ("anthropic-ratelimit-input-tokens-reset", "2015-10-21T09:28:30+02:00"),
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", "2015-10-21T07:28:07Z"),
            ("anthropic-ratelimit-output-tokens-remaining", "9"),
            ("anthropic-ratelimit-output-tokens-reset", "2015-10-21T08:28:07Z"),
        ];
        assert_eq!(delay(429, &anthropic, ""), Some(30_000));
        let with_retry_after = [("retry-after", "2"), openai("6s")[0], openai("6s")[1]];
        assert_eq!(delay(429, &with_retry_after, ""), Some(6000), "each of them is a minimum");
    }
}
