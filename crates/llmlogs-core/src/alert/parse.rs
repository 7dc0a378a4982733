//! Rules as text: `failure_rate>20%/5m at_least=20 model=gpt-4o*`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::health::Percentile;

use super::condition::Condition;
use super::rule::Rule;
use super::scope::Each;
use super::settings::Settings;

/// Why a text is no rule. It says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError {
    message: String,
}

impl RuleError {
    fn new(message: impl Into<String>) -> Self {
        RuleError { message: message.into() }
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RuleError {}

const METRICS: &str = "in_a_row>=5, failure_rate>20%/5m, p95_latency>10s/5m, p95_first_token>3s/5m, cost>5USD/1h, \
                       tokens>1M/1h, silence>10m";

const SETTINGS: &str = "provider, model, context.NAME, each (provider, model or context.NAME), at_least, hold, successes, \
                        quiet, repeat";

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let words = words(text)?;
        let settings = words.iter().position(|word| setting(word).is_some()).unwrap_or(words.len());
        let (condition, settings) = words.split_at(settings);
        let mut rule = condition_of(&condition.concat())?;
        for word in settings {
            let (name, value) = setting(word).ok_or_else(|| {
                RuleError::new(format!("{word}: settings follow the rule as NAME=VALUE: {SETTINGS}"))
            })?;
            rule = with_setting(rule, name, value)?;
        }
        Ok(rule)
    }
}

/// Splits at white space outside of double quotes, which are taken off.
fn words(text: &str) -> Result<Vec<String>, RuleError> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' if quoted => word.extend(characters.next()),
            c if c.is_whitespace() && !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if quoted {
        return Err(RuleError::new(format!("the quote in {text} is not closed")));
    }
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

/// Splits `NAME=VALUE`; `None` if it is none.
fn setting(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let is_name = !name.is_empty() && !name.contains(['>', '<', '%', '/']);
    is_name.then_some((name, value))
}

fn condition_of(text: &str) -> Result<Rule, RuleError> {
    if text.is_empty() {
        return Err(RuleError::new(format!("a rule is one of {METRICS}")));
    }
    let Some((metric, rest)) = text.split_once('>') else {
        return Err(RuleError::new(format!("{text}: a rule compares with >: {METRICS}")));
    };
    let (or_equal, rest) = match rest.strip_prefix('=') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let (limit, window) = match rest.split_once('/') {
        Some((limit, window)) => (limit, Some(window)),
        None => (rest, None),
    };
    let wrong = |example: &str| RuleError::new(format!("{text}: write it as {example}"));
    let windowed = |example: &str| -> Result<Duration, RuleError> {
        let window = window.ok_or_else(|| RuleError::new(format!("{text}: it needs a window: {example}")))?;
        let window = duration(window).ok_or_else(|| {
            RuleError::new(format!("{text}: {window} is no window; write 30s, 5m, 1h or 1d: {example}"))
        })?;
        if window < Duration::from_secs(1) {
            return Err(RuleError::new(format!("{text}: a window has at least 1s")));
        }
        Ok(window)
    };
    let mut rule = match metric {
        "in_a_row" => {
            if window.is_some() {
                return Err(RuleError::new(format!("{text}: it takes no window: in_a_row>=5")));
            }
            let failures: u64 = limit.parse().map_err(|_| wrong("in_a_row>=5"))?;
            let failures = if or_equal { failures } else { failures.saturating_add(1) };
            if failures == 0 {
                return Err(RuleError::new(format!(
                    "{text}: no failure at all is in a row of 0; write in_a_row>=1"
                )));
            }
            return Ok(Rule::failures_in_a_row(failures));
        }
        "failure_rate" => {
            let example = "failure_rate>20%/5m";
            let rate = match limit.strip_suffix('%') {
                // To nine digits: 74.4% is 0.744, not the number next to it.
                Some(percent) => number(percent).map(|percent| (percent * 1e7).round() / 1e9),
                None => number(limit),
            };
            let rate = rate.ok_or_else(|| wrong(example))?;
            if rate > 1.0 || (rate == 1.0 && !or_equal) {
                return Err(RuleError::new(format!("{text}: a rate is never above 100%; write {example}")));
            }
            Rule::failure_rate(rate, windowed(example)?)
        }
        "cost" => {
            let example = "cost>5USD/1h";
            let digits = limit.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(limit.len());
            let (amount, currency) = limit.split_at(digits);
            let amount = number(amount).ok_or_else(|| wrong(example))?;
            let currency = if currency.is_empty() { "USD" } else { currency };
            Rule::cost(amount, currency, windowed(example)?)
        }
        "tokens" => {
            let example = "tokens>1M/1h";
            let (digits, factor) = match limit.as_bytes().last() {
                Some(b'k' | b'K') => (&limit[..limit.len() - 1], 1e3),
                Some(b'M') => (&limit[..limit.len() - 1], 1e6),
                _ => (limit, 1.0),
            };
            let tokens = number(digits).ok_or_else(|| wrong(example))? * factor;
            Rule::tokens(tokens.round() as u64, windowed(example)?)
        }
        "silence" => {
            if window.is_some() {
                return Err(RuleError::new(format!("{text}: it takes no window: silence>10m")));
            }
            let span = duration(limit).ok_or_else(|| wrong("silence>10m"))?;
            if span < Duration::from_secs(1) {
                return Err(RuleError::new(format!("{text}: a silence has at least 1s")));
            }
            Rule::silence(span)
        }
        metric => {
            let (percent, of) = percentile(metric).ok_or_else(|| {
                RuleError::new(format!("{text}: there is no {metric}; a rule is one of {METRICS}"))
            })?;
            let example = match of {
                Percentile::Latency => "p95_latency>10s/5m",
                Percentile::FirstToken => "p95_first_token>3s/5m",
            };
            let limit = duration(limit).ok_or_else(|| wrong(example))?;
            match of {
                Percentile::Latency => Rule::latency(percent, limit, windowed(example)?),
                Percentile::FirstToken => Rule::first_token(percent, limit, windowed(example)?),
            }
        }
    };
    rule.settings.or_equal = or_equal;
    Ok(rule)
}

/// Parses `p95_latency`, `p99.9_first_token`, `p95`.
fn percentile(metric: &str) -> Option<(f64, Percentile)> {
    let rest = metric.strip_prefix('p')?;
    let (percent, of) = match rest.split_once('_') {
        Some((percent, "latency")) => (percent, Percentile::Latency),
        Some((percent, "first_token")) => (percent, Percentile::FirstToken),
        Some(_) => return None,
        None => (rest, Percentile::Latency),
    };
    let percent = number(percent)?;
    (percent <= 100.0).then_some((percent, of))
}

fn number(text: &str) -> Option<f64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse::<f64>().ok().filter(|number| plain && number.is_finite())
}

/// Parses `500ms`, `10s`, `5m`, `1.5h`, `3d`, `1w`.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (amount, unit) = text.split_at(digits);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        "w" => 7.0 * 86_400.0,
        _ => return None,
    };
    // To the millisecond: what is smaller comes from the fraction's binary form.
    let ms = (number(amount)? * seconds * 1000.0).round();
    (ms < 1e15).then(|| Duration::from_millis(ms as u64))
}

fn with_setting(rule: Rule, name: &str, value: &str) -> Result<Rule, RuleError> {
    let wrong = |what: &str| RuleError::new(format!("{name}={value}: {what}"));
    if value.is_empty() {
        return Err(RuleError::new(format!("{name}= has no value")));
    }
    let count = || value.parse::<u64>().map_err(|_| wrong("write a whole number"));
    let span = || duration(value).ok_or_else(|| wrong("write a time such as 30s, 5m, 4h or 1d"));
    let Settings { successes, quiet, .. } = rule.settings;
    Ok(match name {
        "provider" => rule.provider(value),
        "model" => rule.model(value),
        "at_least" => rule.at_least(count()?),
        "hold" => rule.hold(span()?),
        "successes" => {
            let successes = count()?;
            rule.resolve_after(successes, quiet)
        }
        "quiet" => {
            let quiet = span()?;
            rule.resolve_after(successes, quiet)
        }
        "repeat" if value == "never" => rule.repeat(None),
        "repeat" => rule.repeat(span()?),
        "each" => match value {
            "provider" => rule.each_provider(),
            "model" => rule.each_model(),
            _ => match value.strip_prefix("context.").filter(|field| !field.is_empty()) {
                Some(field) => rule.each_context(field),
                None => return Err(wrong("write provider, model or context.NAME")),
            },
        },
        _ => match name.strip_prefix("context.").filter(|field| !field.is_empty()) {
            Some(field) => rule.context(field, value),
            None => {
                return Err(RuleError::new(format!("there is no setting {name}; settings are {SETTINGS}")));
            }
        },
    })
}

/// Shows a span of time as rules have it: `90s`, `5m`, `4h`.
pub(super) struct Span(pub(super) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")];
        let (size, unit) =
            units.into_iter().find(|(size, _)| ms >= *size && ms.is_multiple_of(*size)).unwrap_or((1, "ms"));
        write!(f, "{}{unit}", ms / size)
    }
}

/// Shows a rate as rules have it: `20%`.
pub(super) struct Percent(pub(super) f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the digits that come from the binary form.
        write!(f, "{}%", (self.0 * 100.0 * 1e6).round() / 1e6)
    }
}

/// Shows a value of a setting, in quotes where it needs them.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\\')) {
            return f.write_str(self.0);
        }
        let escaped = self.0.replace('\\', "\\\\").replace('"', "\\\"");
        write!(f, "\"{escaped}\"")
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let above = if self.settings.or_equal { ">=" } else { ">" };
        match &self.condition {
            Condition::InARow { failures } => write!(f, "in_a_row>={failures}")?,
            Condition::FailureRate { rate, window } => {
                write!(f, "failure_rate{above}{}/{}", Percent(*rate), Span(*window))?;
            }
            Condition::Duration { of, percent, limit, window } => {
                let of = match of {
                    Percentile::Latency => "latency",
                    Percentile::FirstToken => "first_token",
                };
                write!(f, "p{percent}_{of}{above}{}/{}", Span(*limit), Span(*window))?;
            }
            Condition::Cost { limit, currency, window } => {
                write!(f, "cost{above}{limit}{}/{}", Quoted(currency), Span(*window))?;
            }
            Condition::Tokens { limit, window } => write!(f, "tokens{above}{limit}/{}", Span(*window))?,
            Condition::Silence { span } => write!(f, "silence{above}{}", Span(*span))?,
            Condition::Custom(custom) => write!(f, "{}", Quoted(&custom.name))?,
        }
        let (scope, settings) = (&self.scope, &self.settings);
        if let Some(provider) = &scope.provider {
            write!(f, " provider={}", Quoted(provider))?;
        }
        if let Some(model) = &scope.model {
            write!(f, " model={}", Quoted(model))?;
        }
        for (name, value) in &scope.context {
            write!(f, " {}={}", Quoted(&format!("context.{name}")), Quoted(value))?;
        }
        match &scope.each {
            None => {}
            Some(Each::Provider) => f.write_str(" each=provider")?,
            Some(Each::Model) => f.write_str(" each=model")?,
            Some(Each::Context(name)) => write!(f, " each={}", Quoted(&format!("context.{name}")))?,
        }
        let defaults = self.condition.default_settings();
        if settings.at_least != defaults.at_least {
            write!(f, " at_least={}", settings.at_least)?;
        }
        if settings.hold != defaults.hold {
            write!(f, " hold={}", Span(settings.hold))?;
        }
        if settings.successes != defaults.successes {
            write!(f, " successes={}", settings.successes)?;
        }
        if settings.quiet != defaults.quiet {
            write!(f, " quiet={}", Span(settings.quiet))?;
        }
        match settings.repeat {
            repeat if repeat == defaults.repeat => Ok(()),
            None => f.write_str(" repeat=never"),
            Some(repeat) => write!(f, " repeat={}", Span(repeat)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_text_is_the_rule_that_code_builds() {
        let table = [
            ("in_a_row>=5", Rule::failures_in_a_row(5)),
            ("in_a_row > 4", Rule::failures_in_a_row(5)),
            ("failure_rate>20%/5m", Rule::failure_rate(0.2, s(300))),
            ("failure_rate > 0.2 / 300s", Rule::failure_rate(0.2, s(300))),
            ("p95_latency>10s/5m", Rule::latency(95.0, s(10), s(300))),
            ("p99.9>1.5s/1h", Rule::latency(99.9, Duration::from_millis(1500), s(3600))),
            ("p50_first_token>500ms/1m", Rule::first_token(50.0, Duration::from_millis(500), s(60))),
            ("cost>5/1d", Rule::cost(5.0, "USD", s(86_400))),
            ("cost>0.5CNY/1h", Rule::cost(0.5, "CNY", s(3600))),
            ("tokens>1.5M/1h", Rule::tokens(1_500_000, s(3600))),
            ("silence>10m", Rule::silence(s(600))),
            (
                "failure_rate>20%/5m provider=openai model=\"gpt 4o*\" context.tenant=acme each=model at_least=20 \
                 hold=1m successes=5 quiet=2m repeat=never",
                Rule::failure_rate(0.2, s(300))
                    .provider("openai")
                    .model("gpt 4o*")
                    .context("tenant", "acme")
                    .each_model()
                    .at_least(20)
                    .hold(s(60))
                    .resolve_after(5, s(120))
                    .repeat(None),
            ),
            (
                "silence>1h each=context.tenant repeat=1d",
                Rule::silence(s(3600)).each_context("tenant").repeat(s(86_400)),
            ),
        ];
        for (text, rule) in table {
            assert_eq!(text.parse().as_ref(), Ok(&rule), "{text}");
            assert_eq!(rule.to_string().parse().as_ref(), Ok(&rule), "{rule}");
        }
        assert_ne!("failure_rate>=20%/5m".parse(), Ok(Rule::failure_rate(0.2, s(300))));
        assert_eq!("failure_rate>=100%/5m".parse::<Rule>().unwrap().to_string(), "failure_rate>=100%/5m");
    }

    #[test]
    fn what_is_no_rule_is_answered_with_one() {
        for (wrong, named) in [
            ("", "in_a_row>=5"),
            ("failure_rate", "failure_rate>20%/5m"),
            ("failure_rate>20%", "needs a window"),
            ("failure_rate>20%/soon", "soon is no window"),
            ("failure_rate>20%/10ms", "at least 1s"),
            ("failure_rate>120%/5m", "never above 100%"),
            ("failure_rate>many/5m", "write it as failure_rate>20%/5m"),
            ("in_a_row>=5/1m", "no window"),
            ("in_a_row>=0", "in_a_row>=1"),
            ("in_a_row>=-1", "write it as in_a_row>=5"),
            ("in_a_row=5", "in_a_row>=5"),
            ("p95_delay>1s/1m", "there is no p95_delay"),
            ("p120_latency>1s/1m", "there is no p120_latency"),
            ("mood>5", "there is no mood"),
            ("in_a_row<5", "compares with >"),
            ("in_a_row>=5 colour=red", "no setting colour"),
            ("in_a_row>=5 hold=long", "hold=long"),
            ("in_a_row>=5 each=day", "each=day"),
            ("in_a_row>=5 model=", "no value"),
            ("in_a_row>=5 model=a b", "b: settings follow"),
            ("in_a_row>=5 model=\"a", "not closed"),
            ("silence>1ms", "at least 1s"),
        ] {
            let error = wrong.parse::<Rule>().unwrap_err().to_string();
            assert!(error.contains(named), "{wrong}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _parsed = text.parse::<Rule>();
        }

        #[test]
        fn a_rule_is_read_as_it_is_shown(
            metric in 0..6,
            limit in 1_u64..100_000,
            window in 1_u64..1_000_000,
            model in prop::option::of("[a-z\\* \"\\\\/>=-]{1,12}"),
            hold in 0_u64..10_000,
            or_equal in any::<bool>(),
        ) {
            let mut rule = match metric {
                0 => Rule::failures_in_a_row(limit),
                1 => Rule::failure_rate((limit % 1000) as f64 / 1000.0, s(window)),
                2 => Rule::latency(95.0, Duration::from_millis(limit), s(window)),
                3 => Rule::cost(limit as f64 / 8.0, "EUR", s(window)),
                4 => Rule::tokens(limit, s(window)),
                _ => Rule::silence(s(window)),
            };
            if metric > 0 {
                rule.settings.or_equal = or_equal;
            }
            if let Some(model) = model {
                rule = rule.model(model);
            }
            rule = rule.hold(Duration::from_millis(hold));
            prop_assert_eq!(rule.to_string().parse(), Ok(rule));
        }
    }
}
