//! Which calls are meant, as far as their lines of the index tell.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::format::Status;
use crate::format::call_id::CallId;
use crate::format::session_name;
use crate::read::call::State;
use crate::read::entry::Entry;
use crate::read::error::Result;
use crate::read::files;
use crate::read::line::{IndexLine, RawStr};
use crate::read::newest::Newest;
use crate::read::older;
use crate::read::root::{Day, Root};
use crate::read::sdk_errors;
use crate::read::session::Session;

use super::call_text::BodyTerm;
use super::context::{ContextOf, ContextTerm};
use super::name_pattern::NamePattern;
use super::time_range::{Dates, TimeRange, midnight_of};

/// How a call ended, or that it has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusFilter {
    /// The whole response arrived.
    Ok,
    /// The call failed.
    Error,
    /// The caller gave it up.
    Cancelled,
    /// It is going on.
    InFlight,
    /// Its program ended before the call did.
    Interrupted,
    /// The older logger could not write it.
    NotRecorded,
}

/// Which calls are meant. A call passes if it passes every condition that was set; a new filter passes every call.
///
/// Built in code, or parsed from one string with [`Filter::parse`].
///
/// Names of models, providers, tools, error types and finish reasons are compared whole, upper and lower case being the same; `*`
/// in them stands for anything.
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use]
pub struct Filter {
    dates: Option<Dates>,
    /// Unix seconds.
    since: Option<f64>,
    until: Option<f64>,
    session: Option<String>,
    model: Option<NamePattern>,
    provider: Option<NamePattern>,
    statuses: Vec<StatusFilter>,
    /// If there are any, one of them has to match.
    error_types: Vec<NamePattern>,
    tool: Option<NamePattern>,
    finish_reason: Option<NamePattern>,
    min_latency_ms: u64,
    max_latency_ms: Option<u64>,
    /// In lower case; each has to occur.
    texts: Vec<String>,
    context: Vec<ContextTerm>,
    bodies: Vec<BodyTerm>,
}

impl Filter {
    /// Returns a filter that passes every call.
    pub fn new() -> Self {
        Filter::default()
    }

    /// Passes calls that started on these days, by their sessions' local dates.
    pub fn dates(mut self, dates: Dates) -> Self {
        self.dates = Some(dates);
        self
    }

    /// Passes calls that started at `time` or later.
    pub fn since(mut self, time: SystemTime) -> Self {
        self.since = Some(unix_seconds(time));
        self
    }

    /// Passes calls that started at `time` or earlier.
    pub fn until(mut self, time: SystemTime) -> Self {
        self.until = Some(unix_seconds(time));
        self
    }

    /// As [`since`](Self::since), with the range's first instant.
    pub fn since_range(mut self, range: TimeRange) -> Self {
        self.since = Some(range.start());
        self
    }

    /// As [`until`](Self::until), with the range's last instant.
    pub fn until_range(mut self, range: TimeRange) -> Self {
        self.until = Some(range.end());
        self
    }

    /// Passes calls of the session with this id, or with an id that ends with `_` and this.
    pub fn session(mut self, id: &str) -> Self {
        self.session = Some(session_name::id(id).to_owned());
        self
    }

    /// Passes calls of this model.
    pub fn model(mut self, pattern: &str) -> Self {
        self.model = Some(NamePattern::new(pattern));
        self
    }

    /// Passes calls of this provider.
    pub fn provider(mut self, pattern: &str) -> Self {
        self.provider = Some(NamePattern::new(pattern));
        self
    }

    /// Passes calls that ended so; called several times, calls that ended in one of these ways.
    pub fn status(mut self, status: StatusFilter) -> Self {
        self.statuses.push(status);
        self
    }

    /// Passes calls that failed with this type of error, such as `RateLimitError`. The names that Python's libraries
    /// give to the format's types mean these types as well: `APITimeoutError` is `TimeoutError`.
    pub fn error_type(mut self, pattern: &str) -> Self {
        let ours = sdk_errors::format_name(pattern);
        self.error_types = vec![NamePattern::new(pattern)];
        if ours != pattern {
            self.error_types.push(NamePattern::new(ours));
        }
        self
    }

    /// Passes calls in which the model called this tool.
    pub fn tool(mut self, pattern: &str) -> Self {
        self.tool = Some(NamePattern::new(pattern));
        self
    }

    /// Passes calls that ended for this reason, such as `stop` or `length`.
    pub fn finish_reason(mut self, pattern: &str) -> Self {
        self.finish_reason = Some(NamePattern::new(pattern));
        self
    }

    /// Passes calls that took at least this long.
    pub fn min_latency(mut self, latency: Duration) -> Self {
        self.min_latency_ms = latency.as_millis() as u64;
        self
    }

    /// Passes calls that took at most this long.
    pub fn max_latency(mut self, latency: Duration) -> Self {
        self.max_latency_ms = Some(latency.as_millis() as u64);
        self
    }

    /// Passes calls whose user message or error message contains `text`, upper and lower case being the same; called
    /// several times, calls that contain every text. Of each message the index has the first 200 characters.
    pub fn text(mut self, text: &str) -> Self {
        self.texts.push(text.to_lowercase());
        self
    }

    /// Passes calls whose context has the field `name` with this value; called several times, calls that have every
    /// field.
    ///
    /// Numbers and booleans are compared by their text, strings as names are. Of a list, one item has to be the value. A
    /// field of an object stands behind the object's name and a dot: `user.plan`. `spans` are the enclosing spans.
    ///
    /// Lines of the index have the context as far as it is small; where a line leaves the question open,
    /// `metadata.json` is read.
    pub fn context(self, name: &str, value: &str) -> Self {
        self.context_term(ContextTerm::new(name, Some(value)))
    }

    /// Passes calls whose context has the field `name`, whatever its value.
    pub fn has_context(self, name: &str) -> Self {
        self.context_term(ContextTerm::new(name, None))
    }

    /// As [`context`](Self::context) or [`has_context`](Self::has_context), with a term that was parsed.
    pub fn context_term(mut self, term: ContextTerm) -> Self {
        self.context.push(term);
        self
    }

    /// Passes calls that have this text in any message of their bodies, or in their user or error message, as
    /// [`Root::search`] finds it in all parts; called several times, calls that have every text.
    ///
    /// Files of calls are read, which takes as long as a search of them: those that the other conditions leave.
    ///
    /// ```
    /// use tracing_llmlogs::read::Filter;
    ///
    /// let filter = Filter::new().model("gpt*").body("config parser".parse()?);
    /// # assert!(!filter.is_empty());
    /// # Ok::<(), tracing_llmlogs::read::QueryError>(())
    /// ```
    pub fn body(mut self, term: BodyTerm) -> Self {
        self.bodies.push(term);
        self
    }

    /// Returns whether a field of the context is asked for.
    #[must_use]
    pub fn asks_for_context(&self) -> bool {
        !self.context.is_empty()
    }

    /// Returns whether every call passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Filter::default()
    }

    /// Returns the first and the last instant at which a call can have started that passes, in Unix seconds, as far as the
    /// filter has them: days count from this machine's midnight.
    #[must_use]
    pub fn range(&self) -> (Option<f64>, Option<f64>) {
        let dates = self.dates.as_ref();
        let first = self.since.into_iter().chain(dates.map(Dates::start)).reduce(f64::max);
        let last = self.until.into_iter().chain(dates.map(Dates::end)).reduce(f64::min);
        (first, last)
    }

    /// Returns the filter for the range of the same length that ends where this one's begins; `None` if the range has no
    /// beginning. One without an end ends at `now`.
    #[must_use]
    pub fn previous(&self, now: SystemTime) -> Option<Filter> {
        let (first, last) = self.range();
        let first = first?;
        let length = last.unwrap_or_else(|| unix_seconds(now)) - first;
        (length > 0.0 && length.is_finite()).then(|| Filter {
            dates: None,
            since: Some(first - length),
            until: Some(first.next_down()),
            ..self.clone()
        })
    }

    /// Returns whether calls of the day with this folder, such as `20251027`, can pass. The folder has the recorder's
    /// local date, which may differ from this machine's by a day.
    #[must_use]
    pub fn matches_day(&self, folder: &str) -> bool {
        self.dates.as_ref().is_none_or(|dates| dates.contains(folder)) && self.may_be_in_time(folder)
    }

    /// Returns whether, of the calls of a day that does not pass, those that started on the day before can: calls of the
    /// older logger are in the folder of the day on which they ended.
    pub(crate) fn matches_day_before(&self, folder: &str) -> bool {
        self.dates.as_ref().is_some_and(|dates| dates.contains_day_before(folder))
            && self.may_be_in_time(folder)
    }

    /// Returns whether calls of a day can have started at the time that is asked for, with a day more on both sides.
    fn may_be_in_time(&self, folder: &str) -> bool {
        const DAY: f64 = 86_400.0;
        let start = midnight_of(folder);
        self.since.is_none_or(|since| start + 2.0 * DAY > since)
            && self.until.is_none_or(|until| start - DAY <= until)
    }

    /// Returns whether a call of the session in the folder `session` started on one of the days that are asked for.
    fn is_in_dates(&self, session: &Path, id: &[u8], start: f64, latency_ms: u64) -> bool {
        let Some(dates) = &self.dates else { return true };
        let name = CallId::of(id);
        if name.may_have_crossed_midnight(latency_ms) && older::is_session(session) {
            return dates.contains(&name.day_of_start(start, latency_ms));
        }
        session.parent().is_some_and(|day| dates.contains(files::name(day)))
    }

    /// Returns whether calls of the session with this id can pass.
    #[must_use]
    pub fn matches_session(&self, id: &str) -> bool {
        self.session.as_deref().is_none_or(|wanted| {
            id.strip_suffix(wanted).is_some_and(|before| before.is_empty() || before.ends_with('_'))
        })
    }

    /// Returns whether a call passes, however far it has come. One whose context is asked for and cannot be read does
    /// not pass.
    #[must_use]
    pub fn matches(&self, entry: &Entry) -> bool {
        self.try_matches(entry).unwrap_or_default()
    }

    /// Returns whether a call passes.
    ///
    /// # Errors
    ///
    /// If its context is asked for and cannot be read.
    pub(crate) fn try_matches(&self, entry: &Entry) -> Result<bool> {
        Ok(self.matches_session(entry.call().session_id()) && self.matches_entry(entry)?)
    }

    /// Returns whether a call of a session that passes does.
    ///
    /// # Errors
    ///
    /// As [`try_matches`](Self::try_matches).
    pub(crate) fn matches_entry(&self, entry: &Entry) -> Result<bool> {
        let session = entry.call().dir().parent().unwrap_or(Path::new(""));
        let status = match entry.call().state() {
            State::InFlight => StatusFilter::InFlight,
            State::Interrupted => StatusFilter::Interrupted,
            State::NotRecorded => StatusFilter::NotRecorded,
            State::Finished => {
                let line = entry.line();
                return Ok(self.matches_indexed(session, &line)
                    && self.matches_context(&line, &|| Some(entry.call().dir().to_owned()))?
                    && self.matches_bodies(entry.call().dir(), &line)?);
            }
        };
        Ok(self.matches_unfinished()
            && self.is_in_time(entry.timestamp())
            && self.is_in_dates(session, entry.call().id().as_bytes(), entry.timestamp(), 0)
            && (self.statuses.is_empty() || self.statuses.contains(&status))
            && self.matches_bodies(entry.call().dir(), &entry.line())?)
    }

    /// Returns whether a finished call of a session that passes does; `session` is the session's folder.
    ///
    /// # Errors
    ///
    /// As [`try_matches`](Self::try_matches).
    pub(crate) fn matches_line(&self, session: &Path, line: &IndexLine<'_>) -> Result<bool> {
        Ok(self.matches_indexed(session, line)
            && self.matches_context(line, &|| call_dir(session, line))?
            && (self.bodies.is_empty()
                || call_dir(session, line).map_or(Ok(false), |dir| self.matches_bodies(&dir, line))?))
    }

    fn matches_bodies(&self, dir: &Path, line: &IndexLine<'_>) -> Result<bool> {
        for term in &self.bodies {
            if !term.matches(dir, line)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn matches_context(&self, line: &IndexLine<'_>, dir: &dyn Fn() -> Option<PathBuf>) -> Result<bool> {
        if self.context.is_empty() {
            return Ok(true);
        }
        let context = ContextOf::new(line, dir);
        for term in &self.context {
            if !term.matches(&context)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns whether more than the numbers and names of a line decides: its texts, its context or its bodies.
    pub(crate) fn asks_for_texts(&self) -> bool {
        !self.texts.is_empty() || !self.context.is_empty() || !self.bodies.is_empty()
    }

    /// Returns the filter without the conditions on texts, context and bodies.
    pub(crate) fn without_texts(&self) -> Filter {
        Filter { texts: Vec::new(), context: Vec::new(), bodies: Vec::new(), ..self.clone() }
    }

    /// Returns whether a finished call passes all conditions but those on its context.
    fn matches_indexed(&self, session: &Path, line: &IndexLine<'_>) -> bool {
        let status = match line.status {
            Status::Ok => StatusFilter::Ok,
            Status::Error => StatusFilter::Error,
            Status::Cancelled => StatusFilter::Cancelled,
        };
        let is = |pattern: &Option<NamePattern>, name: RawStr<'_>| {
            pattern.as_ref().is_none_or(|pattern| pattern.matches(name))
        };
        self.is_in_time(line.timestamp)
            && self.is_in_dates(session, line.call_id.0, line.timestamp, line.latency_ms)
            && (self.statuses.is_empty() || self.statuses.contains(&status))
            && line.latency_ms >= self.min_latency_ms
            && self.max_latency_ms.is_none_or(|most| line.latency_ms <= most)
            && is(&self.model, line.model)
            && is(&self.provider, line.provider)
            && (self.error_types.is_empty()
                || self.error_types.iter().any(|pattern| pattern.matches(line.error_type)))
            && self.tool.as_ref().is_none_or(|tool| line.tool_names().any(|name| tool.matches(name)))
            && is(&self.finish_reason, line.finish_reason)
            && (self.texts.is_empty() || self.matches_text(line))
    }

    fn matches_text(&self, line: &IndexLine<'_>) -> bool {
        let user = line.user_message.text().to_lowercase();
        let error = line.error_message.text().to_lowercase();
        self.texts.iter().all(|text| user.contains(text) || error.contains(text))
    }

    /// Returns whether calls that have not ended can pass: nothing is known of them but their start.
    fn matches_unfinished(&self) -> bool {
        let unfinished = [StatusFilter::InFlight, StatusFilter::Interrupted, StatusFilter::NotRecorded];
        self.model.is_none()
            && self.provider.is_none()
            && self.error_types.is_empty()
            && self.tool.is_none()
            && self.finish_reason.is_none()
            && self.min_latency_ms == 0
            && self.max_latency_ms.is_none()
            && self.texts.is_empty()
            && self.context.is_empty()
            && (self.statuses.is_empty() || self.statuses.iter().any(|status| unfinished.contains(status)))
    }

    fn is_in_time(&self, timestamp: f64) -> bool {
        self.since.is_none_or(|since| since <= timestamp) && self.until.is_none_or(|until| timestamp <= until)
    }

    /// Returns the sessions in which calls can pass, oldest first.
    ///
    /// # Errors
    ///
    /// As [`Root::days`] and [`Day::sessions`](crate::read::Day::sessions).
    pub fn sessions(&self, root: &Root) -> Result<Vec<Session>> {
        let mut sessions = Vec::new();
        for day in root.days()? {
            let all = self.matches_day(day.name());
            if !all && !self.matches_day_before(day.name()) {
                continue;
            }
            let of_day = day.sessions()?.filter(|session| self.matches_session(session.id()));
            sessions.extend(of_day.filter(|session| all || older::is_session(session.dir())));
        }
        Ok(sessions)
    }
}

impl Root {
    /// Returns the calls that pass `filter`, newest start first.
    ///
    /// Days, sessions and indexes are opened as the calls are asked for. An error is returned in its place, and the
    /// calls that can be read come after it.
    ///
    /// ```no_run
    /// use tracing_llmlogs::read::{Filter, Root};
    ///
    /// let root = Root::open("llmlogs/apiCall")?;
    /// for entry in root.query(Filter::parse("model:gpt* status:error since:2h")?).take(20) {
    ///     let entry = entry?;
    ///     println!("{} {}", entry.call().id(), entry.line().error_message.text());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn query(&self, filter: Filter) -> impl Iterator<Item = Result<Entry>> + use<> {
        let newest = |day: Day| match day.name() {
            name if filter.matches_day(name) => Some(Ok(day.newest_of_all())),
            name if filter.matches_day_before(name) => Some(Ok(day.newest_of_older())),
            _ => None,
        };
        let days: Vec<Result<_>> = match self.days() {
            Ok(days) => days.rev().filter_map(newest).collect(),
            Err(error) => vec![Err(error)],
        };
        Newest::new(days).filter_map(move |entry| match entry {
            Ok(entry) => match filter.try_matches(&entry) {
                Ok(passes) => passes.then_some(Ok(entry)),
                Err(error) => Some(Err(error)),
            },
            Err(error) => Some(Err(error)),
        })
    }
}

/// Returns the folder of the call that a line of a session's index belongs to; `None` if its id is no name.
pub(crate) fn call_dir(session: &Path, line: &IndexLine<'_>) -> Option<PathBuf> {
    let id = line.call_id.text();
    files::is_plain_name(&id).then(|| session.join(&*id))
}

pub(super) fn unix_seconds(time: SystemTime) -> f64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}
