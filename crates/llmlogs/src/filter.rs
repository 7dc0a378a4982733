//! Which calls are meant: the filters of the command line against lines of an index.

use llmlogs_core::read::line::{IndexLine, Raw};
use llmlogs_core::read::{Entry, Session, State, Status};

use crate::args::{Filters, StatusFilter};
use crate::env::Env;
use crate::outcome::CliError;
use crate::when::{Dates, midnight};

/// A name, or a pattern with `*`; upper and lower case are the same.
#[derive(Debug, Clone)]
struct Name {
    parts: Vec<String>,
}

impl Name {
    fn new(pattern: &str) -> Self {
        Name { parts: pattern.to_lowercase().split('*').map(str::to_owned).collect() }
    }

    fn is(&self, name: Raw<'_>) -> bool {
        let name = name.text().to_lowercase();
        let [first, middle @ .., last] = &self.parts[..] else {
            return self.parts.first().is_some_and(|only| *only == name);
        };
        let Some(mut rest) = name.strip_prefix(first.as_str()) else { return false };
        for part in middle {
            match rest.find(part.as_str()) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last.as_str())
    }
}

/// The filters, made ready.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    dates: Option<Dates>,
    since: f64,
    until: f64,
    session: Option<String>,
    model: Option<Name>,
    provider: Option<Name>,
    status: Vec<StatusFilter>,
    error_type: Option<Name>,
    tool: Option<Name>,
    min_latency_ms: u64,
}

impl Filter {
    pub(crate) fn new(filters: &Filters, dates: Option<&Dates>) -> Self {
        let name = |pattern: &Option<String>| pattern.as_deref().map(Name::new);
        Filter {
            dates: dates.cloned(),
            since: filters.since.map_or(f64::NEG_INFINITY, |since| since.start()),
            until: filters.until.map_or(f64::INFINITY, |until| until.end()),
            session: filters
                .session
                .as_deref()
                .map(|id| id.strip_prefix("session_").unwrap_or(id).to_owned()),
            model: name(&filters.model),
            provider: name(&filters.provider),
            status: filters.status.clone(),
            error_type: name(&filters.error_type),
            tool: name(&filters.tool),
            min_latency_ms: filters.min_latency.map_or(0, |span| span.0.as_millis() as u64),
        }
    }

    /// Whether calls of the day's folder can pass. The folder has the recorder's date, which may be
    /// another than this machine's by a day.
    pub(crate) fn wants_day(&self, folder: &str) -> bool {
        const DAY: f64 = 86_400.0;
        let in_dates = self.dates.as_ref().is_none_or(|dates| dates.contains(folder));
        let start = chrono::NaiveDate::parse_from_str(folder, "%Y%m%d").map_or(0.0, midnight);
        in_dates && start + 2.0 * DAY > self.since && start - DAY <= self.until
    }

    pub(crate) fn wants_session(&self, session: &str) -> bool {
        self.session.as_deref().is_none_or(|wanted| {
            session.strip_suffix(wanted).is_some_and(|before| before.is_empty() || before.ends_with('_'))
        })
    }

    /// Whether calls that have not ended can pass.
    pub(crate) fn wants_unfinished(&self) -> bool {
        self.model.is_none()
            && self.provider.is_none()
            && self.error_type.is_none()
            && self.tool.is_none()
            && self.min_latency_ms == 0
            && (self.status.is_empty()
                || self
                    .status
                    .iter()
                    .any(|s| matches!(s, StatusFilter::InFlight | StatusFilter::Interrupted)))
    }

    /// Whether a finished call passes.
    pub(crate) fn passes(&self, line: &IndexLine<'_>) -> bool {
        let status = match line.status {
            Status::Ok => StatusFilter::Ok,
            Status::Error => StatusFilter::Error,
            Status::Cancelled => StatusFilter::Cancelled,
        };
        let is = |name: &Option<Name>, value: Raw<'_>| name.as_ref().is_none_or(|name| name.is(value));
        self.is_in_time(line.timestamp)
            && (self.status.is_empty() || self.status.contains(&status))
            && line.latency_ms >= self.min_latency_ms
            && is(&self.model, line.model)
            && is(&self.provider, line.provider)
            && is(&self.error_type, line.error_type)
            && self.tool.as_ref().is_none_or(|tool| line.tool_names().any(|name| tool.is(name)))
    }

    fn is_in_time(&self, timestamp: f64) -> bool {
        self.since <= timestamp && timestamp <= self.until
    }

    /// Whether a call passes, however far it has come.
    pub(crate) fn passes_entry(&self, entry: &Entry) -> bool {
        let wanted = match entry.call().state() {
            State::InFlight => StatusFilter::InFlight,
            State::Interrupted => StatusFilter::Interrupted,
            State::Finished => return self.passes(&entry.line()),
        };
        self.wants_unfinished()
            && self.is_in_time(entry.timestamp())
            && (self.status.is_empty() || self.status.contains(&wanted))
    }

    /// The sessions in which calls can pass, oldest first.
    pub(crate) fn sessions(&self, env: &Env) -> Result<Vec<Session>, CliError> {
        let unreadable = |error: std::io::Error| CliError::Root(format!("cannot read {error}"));
        let mut sessions = Vec::new();
        for day in env.root.days().map_err(unreadable)?.filter(|day| self.wants_day(day.name())) {
            let found = day.sessions().map_err(unreadable)?;
            sessions.extend(found.filter(|session| self.wants_session(session.id())));
        }
        Ok(sessions)
    }

    /// The calls that pass, newest first.
    pub(crate) fn newest<'f>(
        &'f self,
        env: &Env,
    ) -> Result<impl Iterator<Item = std::io::Result<Entry>> + use<'f>, CliError> {
        let days = env.root.days().map_err(|error| CliError::Root(format!("cannot read {error}")))?;
        let days = days.rev().filter(|day| self.wants_day(day.name()));
        Ok(days.flat_map(|day| day.newest()).filter(|entry| match entry {
            Ok(entry) => self.wants_session(entry.call().session_id()) && self.passes_entry(entry),
            Err(_) => true,
        }))
    }

    /// Whether anything is filtered at all.
    pub(crate) fn is_any(&self) -> bool {
        self.dates.is_none()
            && self.since == f64::NEG_INFINITY
            && self.until == f64::INFINITY
            && self.session.is_none()
            && self.status.is_empty()
            && self.wants_unfinished()
    }

    /// What to say when nothing passes.
    pub(crate) fn nothing(&self, env: &Env) -> String {
        let root = env.root.path().display();
        if self.is_any() {
            return format!("no calls in {root}");
        }
        let days: Vec<_> =
            env.root.days().map(|days| days.map(|day| day.name().to_owned()).collect()).unwrap_or_default();
        match (days.first(), days.last()) {
            (Some(first), Some(last)) if !days.iter().any(|day| self.wants_day(day)) => {
                format!("no such calls in {root}: it has days from {first} to {last}")
            }
            (None, _) => format!("no calls in {root}"),
            _ => format!(
                "no such calls in {root}\nllmlogs stats lists the models, tools and sessions there are."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_whole_or_by_stars() {
        let is = |pattern: &str, name: &str| Name::new(pattern).is(Raw(name.as_bytes()));
        assert!(is("gpt-4o", "GPT-4o") && !is("gpt-4o", "gpt-4o-mini"));
        assert!(is("gpt-4o*", "gpt-4o-mini") && is("*4o*", "gpt-4o") && is("*", ""));
        assert!(is("a*b*c", "aXbYc") && !is("a*b*c", "acb") && !is("ab*b", "ab"));
    }
}
