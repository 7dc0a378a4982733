//! A window for each provider and model.

use std::collections::HashMap;
use std::time::Duration;

use crate::format::IndexEntry;

use super::clock::UnixTime;
use super::snapshot::{HealthSnapshot, SeriesHealth};
use super::window::{Window, WindowStats};

/// How many pairs of a provider and a model have a window of their own; the calls of others are counted together.
pub const MAX_SERIES: usize = 64;

/// The name of provider and model under which the calls beyond [`MAX_SERIES`] are counted.
pub const OTHER: &str = "other";

/// How far back the windows go.
pub const SERIES_SPAN: Duration = Duration::from_secs(3600);

/// Each window moves in so many steps, of 15 seconds.
const SLICES: u32 = 240;

/// Longer names, in bytes, are counted under [`OTHER`]: no caller's text takes the recorder's memory.
const MAX_NAME: usize = 256;

/// Windows by provider and model.
#[derive(Debug, Default)]
pub struct SeriesSet {
    series: Vec<Series>,
    /// Places in `series`, by provider and by model.
    places: HashMap<String, HashMap<String, usize>>,
}

#[derive(Debug)]
struct Series {
    provider: String,
    model: String,
    window: Window,
    last_call: UnixTime,
}

impl SeriesSet {
    /// Counts a call that ended at `at`.
    pub fn add(&mut self, call: &IndexEntry, at: UnixTime, now: UnixTime) {
        let place = self.place(&call.provider, &call.model, now);
        let series = &mut self.series[place];
        series.window.add(call, at, now);
        series.last_call = series.last_call.max(at.min(now));
    }

    fn find(&self, provider: &str, model: &str) -> Option<usize> {
        self.places.get(provider)?.get(model).copied()
    }

    fn place(&mut self, provider: &str, model: &str, now: UnixTime) -> usize {
        if let Some(place) = self.find(provider, model) {
            return place;
        }
        let is_short = provider.len() <= MAX_NAME && model.len() <= MAX_NAME;
        if is_short && self.series.len() < MAX_SERIES {
            return self.insert(provider, model);
        }
        if is_short && let Some(place) = self.unused(now) {
            let series = &mut self.series[place];
            if let Some(models) = self.places.get_mut(&series.provider) {
                models.remove(&series.model);
                if models.is_empty() {
                    self.places.remove(&series.provider);
                }
            }
            *series = Series::new(provider, model);
            self.note(provider, model, place);
            return place;
        }
        match self.find(OTHER, OTHER) {
            Some(place) => place,
            None => self.insert(OTHER, OTHER),
        }
    }

    fn insert(&mut self, provider: &str, model: &str) -> usize {
        self.series.push(Series::new(provider, model));
        let place = self.series.len() - 1;
        self.note(provider, model, place);
        place
    }

    fn note(&mut self, provider: &str, model: &str, place: usize) {
        self.places.entry(provider.to_owned()).or_default().insert(model.to_owned(), place);
    }

    /// Returns a series without a call in its window, whose place another may take.
    fn unused(&self, now: UnixTime) -> Option<usize> {
        let is_old = |series: &Series| series.last_call + SERIES_SPAN + series.window.slice() < now;
        self.series.iter().position(|series| is_old(series) && series.model != OTHER)
    }

    /// Returns what was counted of a provider's model within the last `span` before `now`, an hour at most; `None` if it
    /// is not known.
    #[must_use]
    pub fn stats(&self, provider: &str, model: &str, span: Duration, now: UnixTime) -> Option<WindowStats> {
        Some(self.series[self.find(provider, model)?].window.stats(span, now))
    }

    /// Returns the numbers of every series that has calls within the last `span` before `now`, sorted by provider and
    /// model.
    #[must_use]
    pub fn snapshot(&self, span: Duration, now: UnixTime) -> HealthSnapshot {
        let span = span.min(SERIES_SPAN);
        let of = |series: &Series| {
            let stats = series.window.stats(span, now);
            (stats.calls() > 0).then(|| SeriesHealth::new(&series.provider, &series.model, &stats))
        };
        let mut series: Vec<SeriesHealth> = self.series.iter().filter_map(of).collect();
        series.sort_by(|a, b| (&a.provider, &a.model).cmp(&(&b.provider, &b.model)));
        HealthSnapshot { window_ms: u64::try_from(span.as_millis()).unwrap_or(u64::MAX), series }
    }
}

impl Series {
    fn new(provider: &str, model: &str) -> Self {
        Series {
            provider: provider.to_owned(),
            model: model.to_owned(),
            window: Window::new(SERIES_SPAN, SLICES),
            last_call: UnixTime::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Status;

    fn call(model: &str, status: Status) -> IndexEntry {
        IndexEntry { provider: "openai".into(), model: model.into(), status, ..IndexEntry::default() }
    }

    const NOW: UnixTime = Duration::from_secs(1_700_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn each_model_is_counted_by_itself() {
        let mut set = SeriesSet::default();
        set.add(&call("a", Status::Ok), NOW, NOW);
        set.add(&call("b", Status::Error), NOW, NOW);
        set.add(&call("b", Status::Cancelled), NOW, NOW);
        let rate = |model| set.stats("openai", model, MINUTE, NOW).and_then(|stats| stats.success_rate());
        assert_eq!((rate("a"), rate("b"), rate("c")), (Some(1.0), Some(0.0), None));
        let snapshot = set.snapshot(MINUTE, NOW);
        assert_eq!(snapshot.series.iter().map(|series| series.calls).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(set.snapshot(MINUTE, NOW + 2 * MINUTE).series, []);
    }

    #[test]
    fn a_thousand_models_take_the_memory_of_a_few() {
        let mut set = SeriesSet::default();
        for model in 0..1000 {
            set.add(&call(&format!("m{model}"), Status::Ok), NOW, NOW);
        }
        set.add(&call(&"x".repeat(10_000), Status::Ok), NOW, NOW);
        assert_eq!(set.series.len(), MAX_SERIES + 1);
        let others = set.stats(OTHER, OTHER, MINUTE, NOW).unwrap();
        assert_eq!(others.ok, 1001 - MAX_SERIES as u64);
        assert_eq!(set.snapshot(MINUTE, NOW).series.iter().map(|series| series.calls).sum::<u64>(), 1001);
    }

    #[test]
    fn the_place_of_a_model_that_is_no_longer_called_is_given_to_another() {
        let mut set = SeriesSet::default();
        for model in 0..MAX_SERIES {
            set.add(&call(&format!("m{model}"), Status::Ok), NOW, NOW);
        }
        let later = NOW + 2 * SERIES_SPAN;
        set.add(&call("new", Status::Ok), later, later);
        assert_eq!(set.series.len(), MAX_SERIES);
        assert_eq!(set.stats("openai", "new", MINUTE, later).unwrap().ok, 1);
        assert!(set.stats("openai", "m0", MINUTE, later).is_none());
    }
}
