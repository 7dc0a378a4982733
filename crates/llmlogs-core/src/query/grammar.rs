//! Filters as one string: `model:gpt* status:error latency:>10s text:"rate limit"`.

use super::error::QueryError;
use super::filter::{Filter, StatusFilter};
use super::time_range::{TimeRange, TimeSpan};

/// The fields, as an error lists them.
const FIELDS: &str = "date, since, until, session, model, provider, status, error_type, tool, finish_reason, latency, context, text, body";

impl Filter {
    /// Parses a filter: terms `field:value` with spaces between them, all of which a call has to pass. A value with
    /// spaces stands in double quotes, in which `\"` is a quote and `\\` a backslash.
    ///
    /// | field | value |
    /// | --- | --- |
    /// | `date` | `20251027`, `2025-10-27`, `today`, `yesterday`, or a range `2025-10-01..2025-10-27` |
    /// | `since`, `until` | `2h`, `3d`, a date, or a time such as `"2025-10-27 04:02"` |
    /// | `session` | an id, or the end of one |
    /// | `model`, `provider`, `error_type`, `tool`, `finish_reason` | a name; `*` stands for anything |
    /// | `status` | `ok`, `error`, `cancelled`, `in-flight`, `interrupted`, `not-recorded`, or several with commas between them |
    /// | `latency` | `>10s` or `10s`: at least; `<500ms`: at most |
    /// | `context` | `tenant=acme`, or `tenant` for calls whose context has the field |
    /// | `text` | what the user message or the error message contains, as far as the index has them |
    /// | `body` | what any message of the bodies, the user message or the error message contains; files of calls are read |
    ///
    /// A term without a field is one of `text`.
    ///
    /// # Errors
    ///
    /// If a field is not known, a value is not of the field's kind, or a quote is not closed.
    ///
    /// ```
    /// use tracing_llmlogs::read::Filter;
    ///
    /// let filter = Filter::parse(r#"model:gpt* status:error,cancelled latency:>10s text:"rate limit""#)?;
    /// assert!(!filter.is_empty());
    /// assert!(Filter::parse("colour:red").is_err());
    /// # Ok::<(), tracing_llmlogs::read::QueryError>(())
    /// ```
    pub fn parse(query: &str) -> Result<Filter, QueryError> {
        let mut filter = Filter::new();
        let mut rest = query.trim_start();
        while !rest.is_empty() {
            let (field, value);
            (field, value, rest) = next_term(rest)?;
            filter = with_term(filter, field, &value)?;
            rest = rest.trim_start();
        }
        Ok(filter)
    }
}

/// Splits the first term off: its field, its value, and what follows.
fn next_term(text: &str) -> Result<(Option<&str>, String, &str), QueryError> {
    let word =
        text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))).unwrap_or(text.len());
    let (field, rest) = match text[word..].strip_prefix(':') {
        Some(rest) if word > 0 => (Some(&text[..word]), rest),
        _ => (None, text),
    };
    let Some(quoted) = rest.strip_prefix('"') else {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        return Ok((field, rest[..end].to_owned(), &rest[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Ok((field, value, &quoted[at + 1..])),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            c => value.push(c),
        }
    }
    Err(QueryError::new(format!("the quote of {rest} is not closed")))
}

fn with_term(filter: Filter, field: Option<&str>, value: &str) -> Result<Filter, QueryError> {
    let Some(field) = field else { return Ok(filter.text(value)) };
    let explain = |error: QueryError| QueryError::new(format!("{field}:{value}: {error}"));
    if value.is_empty() {
        return Err(QueryError::new(format!("{field}: has no value")));
    }
    Ok(match field {
        "date" => filter.dates(value.parse().map_err(explain)?),
        "since" => filter.since_range(value.parse::<TimeRange>().map_err(explain)?),
        "until" => filter.until_range(value.parse::<TimeRange>().map_err(explain)?),
        "session" => filter.session(value),
        "model" => filter.model(value),
        "provider" => filter.provider(value),
        "status" => {
            let mut filter = filter;
            for status in value.split(',') {
                filter = filter.status(status.parse().map_err(explain)?);
            }
            filter
        }
        "error_type" | "error-type" | "error" => filter.error_type(value),
        "tool" => filter.tool(value),
        "finish_reason" | "finish-reason" => filter.finish_reason(value),
        "latency" => {
            let (most, span) = match value.strip_prefix('<') {
                Some(span) => (true, span),
                None => (false, value.strip_prefix('>').unwrap_or(value)),
            };
            let span: TimeSpan = span.strip_prefix('=').unwrap_or(span).parse().map_err(explain)?;
            if most { filter.max_latency(span.0) } else { filter.min_latency(span.0) }
        }
        "context" => filter.context_term(value.parse().map_err(explain)?),
        "text" => filter.text(value),
        "body" => filter.body(value.parse().map_err(explain)?),
        _ => return Err(QueryError::new(format!("there is no field {field}; fields are {FIELDS}"))),
    })
}

impl std::str::FromStr for StatusFilter {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        match text.replace('_', "-").as_str() {
            "ok" => Ok(StatusFilter::Ok),
            "error" => Ok(StatusFilter::Error),
            "cancelled" => Ok(StatusFilter::Cancelled),
            "in-flight" => Ok(StatusFilter::InFlight),
            "interrupted" => Ok(StatusFilter::Interrupted),
            "not-recorded" => Ok(StatusFilter::NotRecorded),
            _ => Err(QueryError::new("write ok, error, cancelled, in-flight, interrupted or not-recorded")),
        }
    }
}

impl std::str::FromStr for Filter {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        Filter::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_string_is_the_filter_that_code_builds() {
        let parsed = Filter::parse(
            r#" model:gpt* status:error,in-flight error_type:Rate* tool:read_file finish_reason:tool_calls provider:openai
                session:040210 latency:>10s latency:<2m context:tenant=acme
                context:round context:"task=a b" text:"say \"please\"" timeout body:"in any message" date:2025-10-27 "#,
        );
        let built = Filter::new()
            .model("gpt*")
            .status(StatusFilter::Error)
            .status(StatusFilter::InFlight)
            .error_type("Rate*")
            .tool("read_file")
            .finish_reason("tool_calls")
            .provider("openai")
            .session("040210")
            .min_latency(Duration::from_secs(10))
            .max_latency(Duration::from_secs(120))
            .context("tenant", "acme")
            .has_context("round")
            .context("task", "a b")
            .text("say \"please\"")
            .text("timeout")
            .body("in any message".parse().unwrap())
            .dates("20251027".parse().unwrap());
        assert_eq!(parsed, Ok(built));
        assert!(Filter::parse("  ").unwrap().is_empty());
        assert_eq!(Filter::parse(r#"since:"2025-10-27 04:02""#), Filter::parse("since:2025-10-27T04:02"));
    }

    #[test]
    fn what_cannot_be_understood_is_named() {
        for (wrong, named) in [
            ("colour:red", "colour"),
            ("status:fine", "status:fine"),
            ("latency:>soon", "latency:>soon"),
            ("text:\"open", "not closed"),
            ("model:", "model"),
            ("date:2025-13-01", "date"),
            ("context:=acme", "write name=value"),
        ] {
            let error = Filter::parse(wrong).unwrap_err().to_string();
            assert!(error.contains(named), "{wrong}: {error}");
        }
    }
}
