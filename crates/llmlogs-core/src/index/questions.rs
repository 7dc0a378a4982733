//! Lists and counts, by the same filters and counters as those over files.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::format::call_id::CallId;
use crate::query::FacetsGatherer;
use crate::query::FailuresGatherer;
use crate::query::SeriesGatherer;
use crate::query::Stretches;
use crate::query::TotalsGatherer;
use crate::query::Visitor;
use crate::query::share;
use crate::query::{Facets, FailureReport, Filter, Series, Totals};
use crate::read::call::{Call, State};
use crate::read::entry::Entry;
use crate::read::error::{Error, Result};
use crate::read::line::IndexLine;

use super::newest_first::{At, Listed, NewestFirst};
use super::session_rows::{SessionRows, Texts};
use super::snapshot::Snapshot;

/// How many places a thread takes at a time.
const PIECE: usize = 1 << 15;

/// A part of the calls that pass a filter, newest first.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct List {
    /// How many calls pass.
    pub total: usize,
    /// Those that were asked for.
    pub calls: Vec<Entry>,
    /// What could not be read, and is neither counted nor listed.
    pub unreadable: Vec<Error>,
}

/// What stands before and after a call in a list, as folders.
#[derive(Debug, Default)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is named after the place that it has")]
pub struct Neighbours {
    pub newer: Option<PathBuf>,
    pub older: Option<PathBuf>,
    pub newer_error: Option<PathBuf>,
    pub older_error: Option<PathBuf>,
    /// The call before it in its session, whether it passes or not.
    pub previous_in_session: Option<PathBuf>,
    /// The call's own place in the list, from 1; `None` if it does not pass.
    pub position: Option<usize>,
    /// How many calls pass.
    pub total: usize,
}

/// A filter, and its part that the columns decide.
struct Question<'f> {
    filter: &'f Filter,
    without_texts: Filter,
    asks_for_texts: bool,
}

impl<'f> Question<'f> {
    fn new(filter: &'f Filter) -> Self {
        let asks_for_texts = filter.asks_for_texts();
        Question { filter, without_texts: filter.without_texts(), asks_for_texts }
    }

    fn row_passes(
        &self,
        rows: &SessionRows,
        place: u32,
        line: &IndexLine<'_>,
        texts: &mut Texts,
    ) -> Result<bool> {
        if !self.without_texts.matches_line(rows.dir(), line)? {
            return Ok(false);
        }
        if !self.asks_for_texts {
            return Ok(true);
        }
        self.filter.matches_entry(&rows.entry(place, texts)?)
    }
}

impl Snapshot {
    /// Counts the calls that pass; see [`Root::totals`](crate::read::Root::totals).
    #[must_use]
    pub fn totals(&self, filter: &Filter) -> Totals {
        let every = Filter::new();
        let mut all = TotalsGatherer::new(&every, None);
        self.visit(filter, || TotalsGatherer::new(&every, None)).into_iter().for_each(|part| all.merge(part));
        all.into_totals()
    }

    /// Counts what failed among the calls that pass; see [`Root::failures`](crate::read::Root::failures).
    #[must_use]
    pub fn failures(&self, filter: &Filter) -> FailureReport {
        let every = Filter::new();
        let mut all = FailuresGatherer::new(&every);
        self.visit(filter, || FailuresGatherer::new(&every)).into_iter().for_each(|part| all.merge(part));
        all.into_report()
    }

    /// Counts the values of the calls that pass; see [`Root::facets`](crate::read::Root::facets).
    #[must_use]
    pub fn facets(&self, filter: &Filter) -> Facets {
        let every = Filter::new();
        let mut all = FacetsGatherer::new(&every);
        self.visit(filter, || FacetsGatherer::new(&every)).into_iter().for_each(|part| all.merge(part));
        all.into_facets()
    }

    /// Counts by stretches of time; see [`Root::series`](crate::read::Root::series).
    #[must_use]
    pub fn series(&self, filter: &Filter, buckets: usize) -> Series {
        let (first, last) = match filter.range() {
            (Some(_), _) => (None, None),
            (None, _) => {
                let totals = self.totals(filter);
                (totals.first, totals.last)
            }
        };
        let Some(stretches) = Stretches::new(filter, first, last, buckets) else { return Series::default() };
        let every = Filter::new();
        let mut all = SeriesGatherer::new(&every, stretches);
        let parts = self.visit(filter, || SeriesGatherer::new(&every, stretches));
        parts.into_iter().for_each(|part| all.merge(part));
        all.into_series()
    }

    /// Returns `limit` of the calls that pass, newest first, after the first `offset` ones.
    #[must_use]
    pub fn list(&self, filter: &Filter, offset: usize, limit: usize) -> List {
        let (days, mut unreadable) = self.listed(filter);
        let total = days.iter().flatten().map(|listed| listed.places.len()).sum();
        let mut calls = Vec::new();
        let mut texts = Texts::default();
        for at in NewestFirst::new(days.iter().map(Vec::as_slice).collect(), offset).take(limit) {
            match at.rows.entry(at.place, &mut texts) {
                Ok(entry) => calls.push(entry),
                Err(error) => unreadable.push(error),
            }
        }
        List { total, calls, unreadable }
    }

    /// Returns the neighbours of the call in the folder `dir`, by its place in time if it does not pass; `None` if there
    /// is no such call.
    #[must_use]
    pub fn neighbours(&self, filter: &Filter, dir: &Path) -> Option<Neighbours> {
        let (days, _) = self.listed(filter);
        let (session, id) = (dir.parent()?, CallId::of(dir.file_name()?.as_encoded_bytes()));
        let of_call = self.sessions().find(|rows| rows.dir() == session)?;
        let own = of_call.newest(|_| true);
        let place = own.iter().position(|place| of_call.id(*place) == id)?;
        let mut found = Neighbours {
            previous_in_session: own.get(place + 1).map(|previous| of_call.call_dir(*previous)),
            total: days.iter().flatten().map(|listed| listed.places.len()).sum(),
            ..Neighbours::default()
        };
        // The call takes its place even where it does not pass.
        let mut with_call = days;
        let is_listed = with_call
            .iter()
            .flatten()
            .any(|listed| listed.rows.dir() == session && listed.places.contains(&own[place]));
        if !is_listed {
            let listed = with_call.iter_mut().flatten().find(|listed| listed.rows.dir() == session);
            match listed {
                Some(listed) => {
                    let wanted: std::collections::HashSet<u32> =
                        listed.places.iter().copied().chain([own[place]]).collect();
                    listed.places = of_call.newest(|place| wanted.contains(&place));
                }
                None => {
                    let day = Listed { rows: of_call, places: vec![own[place]] };
                    let at = with_call
                        .iter()
                        .take_while(|day| {
                            day.first().is_none_or(|listed| listed.rows.dir().parent() < session.parent())
                        })
                        .count();
                    match with_call.get_mut(at).filter(|day| {
                        day.first().is_some_and(|listed| listed.rows.dir().parent() == session.parent())
                    }) {
                        Some(of_day) => of_day.push(day),
                        None => with_call.insert(at, vec![day]),
                    }
                }
            }
        }
        let (mut newer, mut older, mut newer_error, mut older_error) = (None, None, None, None);
        let mut is_behind = false;
        for (position, at) in NewestFirst::new(with_call.iter().map(Vec::as_slice).collect(), 0).enumerate() {
            if at.rows.dir() == session && at.place == own[place] {
                is_behind = true;
                found.position = is_listed.then_some(position + 1);
                continue;
            }
            let failed =
                at.rows.unfinished_at(at.place).is_none() && at.rows.columns.is_error(at.place as usize);
            if !is_behind {
                newer = Some(at);
                newer_error = if failed { Some(at) } else { newer_error };
            } else {
                older.get_or_insert(at);
                if failed {
                    older_error = Some(at);
                    break;
                }
            }
        }
        let dir = |at: Option<At<'_>>| at.map(|at| at.rows.call_dir(at.place));
        found.newer = dir(newer);
        found.older = dir(older);
        found.newer_error = dir(newer_error);
        found.older_error = dir(older_error);
        Some(found)
    }

    fn sessions(&self) -> impl Iterator<Item = &SessionRows> {
        self.days.iter().flat_map(|(_, sessions)| sessions).map(|session| &**session)
    }

    /// Returns the sessions in which calls can pass; see [`Filter::sessions`].
    fn sessions_of(&self, filter: &Filter) -> Vec<&SessionRows> {
        let mut found = Vec::new();
        for (day, sessions) in &self.days {
            let all = filter.matches_day(day);
            if !all && !filter.matches_day_before(day) {
                continue;
            }
            let of_day = sessions.iter().filter(|session| filter.matches_session(session.session.id()));
            found.extend(of_day.map(|session| &**session).filter(|session| all || session.is_older));
        }
        found
    }

    /// Returns the calls that pass, by session, by day, oldest day first; and what could not be read.
    fn listed(&self, filter: &Filter) -> (Vec<Vec<Listed<'_>>>, Vec<Error>) {
        let question = Question::new(filter);
        let sessions = self.sessions_of(filter);
        let found = Mutex::new(Vec::new());
        let mut threads = vec![Vec::new(); std::thread::available_parallelism().map_or(1, usize::from)];
        let is_every = filter.is_empty() && self.later.is_empty();
        share(&mut threads, sessions.len(), |unreadable: &mut Vec<Error>, _, next| {
            let rows = sessions[next];
            let places = if is_every {
                rows.newest(|_| true)
            } else {
                let mut passes = vec![false; rows.count()];
                self.each(&question, rows, 0..rows.count(), &mut |place, passed| match passed {
                    Ok(_) => passes[place as usize] = true,
                    Err(error) => unreadable.push(error),
                });
                rows.newest(|place| passes[place as usize])
            };
            if !places.is_empty() {
                found.lock().unwrap_or_else(PoisonError::into_inner).push((next, Listed { rows, places }));
            }
            unreadable.extend(rows.broken.iter().cloned());
        });
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.sort_by_key(|(place, _)| *place);
        let mut days: Vec<Vec<Listed<'_>>> = Vec::new();
        for (_, listed) in found {
            let day = |listed: &Listed<'_>| listed.rows.dir().parent().map(Path::to_owned);
            match days.last_mut() {
                Some(of_day) if of_day.first().and_then(day) == day(&listed) => of_day.push(listed),
                _ => days.push(vec![listed]),
            }
        }
        (days, threads.into_iter().flatten().chain(self.unlisted.iter().cloned()).collect())
    }

    /// Passes every call that passes to one of the visitors, which let every call pass.
    fn visit<V: Visitor>(&self, filter: &Filter, make: impl Fn() -> V) -> Vec<V> {
        let question = Question::new(filter);
        let sessions = self.sessions_of(filter);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut visitors: Vec<V> = (0..threads).map(|_| make()).collect();
        let mut pieces = Vec::new();
        for rows in &sessions {
            let starts = (0..rows.count().max(1)).step_by(PIECE);
            pieces.extend(starts.map(|from| (*rows, from..rows.count().min(from + PIECE))));
        }
        share(&mut visitors, pieces.len(), |visitor, _, next| {
            let (rows, range) = pieces[next].clone();
            if range.start == 0 {
                rows.broken.iter().for_each(|error| visitor.failed(error.clone()));
            }
            self.each(&question, rows, range, &mut |_, passed| match passed {
                Ok(Passed::Row(line)) => visitor.finished(&rows.session, line),
                Ok(Passed::Unfinished(entry)) => visitor.unfinished(entry),
                Err(error) => visitor.failed(error),
            });
        });
        if let Some(visitor) = visitors.first_mut() {
            self.unlisted.iter().for_each(|error| visitor.failed(error.clone()));
        }
        visitors
    }

    /// Calls `visit` with the calls of a session that pass.
    fn each(
        &self,
        question: &Question<'_>,
        rows: &SessionRows,
        range: std::ops::Range<usize>,
        visit: &mut dyn FnMut(u32, Result<Passed<'_>>),
    ) {
        let later = self.later.get(rows.dir());
        let mut texts = Texts::default();
        let mut id = Vec::new();
        for place in range {
            if self.is_given_up() {
                return;
            }
            let place = place as u32;
            let happened = later.and_then(|later| later.get(&rows.id(place)));
            match (happened, rows.unfinished_at(place)) {
                (Some(false), _) => {}
                (Some(true), _) => {
                    let entry = Entry::from_name(Call::new(rows.call_dir(place), State::InFlight));
                    match question.filter.matches_entry(&entry) {
                        Ok(true) => visit(place, Ok(Passed::Unfinished(&entry))),
                        Ok(false) => {}
                        Err(error) => visit(place, Err(error)),
                    }
                }
                (None, Some(entry)) => match question.filter.matches_entry(entry) {
                    Ok(true) => visit(place, Ok(Passed::Unfinished(entry))),
                    Ok(false) => {}
                    Err(error) => visit(place, Err(error)),
                },
                (None, None) => {
                    let line = rows.columns.line(place as usize, &mut id);
                    match question.row_passes(rows, place, &line, &mut texts) {
                        Ok(true) => visit(place, Ok(Passed::Row(&line))),
                        Ok(false) => {}
                        Err(error) => visit(place, Err(error)),
                    }
                }
            }
        }
    }
}

/// A call that passes.
enum Passed<'a> {
    Row(&'a IndexLine<'a>),
    Unfinished(&'a Entry),
}
