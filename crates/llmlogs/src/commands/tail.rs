//! `llmlogs tail`: the last calls, and new ones as they happen.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use llmlogs_core::read::{Call, Entry, Session, State};

use crate::args::Tail;
use crate::commands::ls::Broken;
use crate::env::Env;
use crate::filter::Filter;
use crate::outcome::{CliError, Outcome};
use crate::output::out::{DIM, LIVE};
use crate::output::table::Table;
use crate::output::text::{cut, one_line};
use crate::output::{format, row};

/// How often the root is looked at.
const PAUSE: Duration = Duration::from_millis(250);

/// How many calls in flight are named on the last line.
const NAMED: usize = 3;

pub(crate) fn run(env: &mut Env, args: &Tail) -> Result<Outcome, CliError> {
    let filter = Filter::new(&args.filters, None);
    // What happens from here on is found by what was there before.
    let mut watch = Watch::default();
    if args.follow {
        watch.look(env, &filter)?;
    }
    let mut broken = Broken::default();
    let mut last: Vec<Entry> =
        filter.newest(env)?.filter_map(|entry| broken.keep(entry)).take(args.limit).collect();
    last.reverse();
    let mut table = Table::new(&row::COLUMNS);
    for entry in &last {
        show(env, &mut table, entry)?;
    }
    if !env.json && (args.follow || !last.is_empty()) {
        table.end(&mut env.out)?;
    }
    std::io::Write::flush(&mut env.out)?;
    if !args.follow {
        return broken.outcome(last.len(), || filter.nothing(env));
    }
    drop(broken);
    for entry in &last {
        watch.shown.insert(entry.call().dir().to_owned(), entry.call().state());
    }
    loop {
        thread::sleep(PAUSE);
        let news = watch.look(env, &filter)?;
        let status = env.out.is_terminal() && !env.json;
        if status {
            erase(env)?;
        }
        for entry in news {
            // On a terminal the last line tells of those in flight.
            if !(status && entry.call().state() == State::InFlight) {
                show(env, &mut table, &entry)?;
            }
        }
        if !env.json {
            table.end(&mut env.out)?;
        }
        if status {
            in_flight(env, &watch)?;
        }
        std::io::Write::flush(&mut env.out)?;
    }
}

fn show(env: &mut Env, table: &mut Table<'_>, entry: &Entry) -> Result<(), CliError> {
    if env.json {
        env.out.json_line(&row::json(entry))?;
    } else {
        let row = row::row(env, entry);
        table.row(&mut env.out, row)?;
    }
    Ok(())
}

/// Clears the line that tells of calls in flight.
fn erase(env: &mut Env) -> Result<(), CliError> {
    Ok(std::io::Write::write_all(&mut env.out, b"\r\x1b[2K")?)
}

/// Tells of the calls in flight on a line that the next news takes away.
fn in_flight(env: &mut Env, watch: &Watch) -> Result<(), CliError> {
    let mut live: Vec<_> = watch.open.values().flatten().collect();
    if live.is_empty() {
        return Ok(());
    }
    live.sort_by(|a, b| a.line().timestamp.total_cmp(&b.line().timestamp));
    let named = live
        .iter()
        .take(NAMED)
        .map(|entry| format!("{} {}", one_line(row::short_id(entry.call().id())), row::latency(entry)));
    let mut text =
        format!("{} in flight: {}", format::grouped(live.len() as u64), named.collect::<Vec<_>>().join(", "));
    if live.len() > NAMED {
        text.push_str(", …");
    }
    let text = cut(&text, env.out.text_width() - 1).into_owned();
    let text = env.out.paint(LIVE, &text);
    let text = env.out.paint(DIM, &text);
    Ok(std::io::Write::write_all(&mut env.out, text.as_bytes())?)
}

/// What is known of the sessions that change.
#[derive(Default)]
struct Watch {
    /// Of each session: when its folder and its index were last seen to change, and the latest call.
    sessions: HashMap<PathBuf, CallSet>,
    /// Calls in flight by session.
    open: HashMap<PathBuf, Vec<Entry>>,
    shown: HashMap<PathBuf, State>,
    begun: bool,
}

#[derive(Default)]
struct CallSet {
    folder: Option<SystemTime>,
    index: Option<(u64, SystemTime)>,
    /// The calls whose folders are known, so that new ones stand out.
    calls: std::collections::HashSet<String>,
}

impl Watch {
    /// What is new since the last look, in the order of time; nothing the first time.
    fn look(&mut self, env: &Env, filter: &Filter) -> Result<Vec<Entry>, CliError> {
        let mut news = Vec::new();
        let unreadable = |error: std::io::Error| CliError::Root(format!("cannot read {error}"));
        // A session goes on in a folder of the new day, so older days do not change.
        for day in env.root.days().map_err(unreadable)?.rev().take(2) {
            for session in day.sessions().map_err(unreadable)?.filter(|s| filter.wants_session(s.id())) {
                self.look_at(&session, &mut news);
            }
        }
        let first = !std::mem::replace(&mut self.begun, true);
        if first {
            return Ok(Vec::new());
        }
        news.sort_by(|a, b| a.line().end().total_cmp(&b.line().end()));
        news.retain(|entry| {
            let state = entry.call().state();
            filter.passes_entry(entry)
                && self.shown.insert(entry.call().dir().to_owned(), state) != Some(state)
        });
        if self.shown.len() > 100_000 {
            self.shown.clear();
        }
        Ok(news)
    }

    fn look_at(&mut self, session: &Session, news: &mut Vec<Entry>) {
        let dir = session.dir();
        let modified = |path: &Path| std::fs::symlink_metadata(path).and_then(|found| found.modified()).ok();
        let folder = modified(dir);
        let index = std::fs::symlink_metadata(dir.join("index.jsonl")).ok();
        let index = index.and_then(|found| Some((found.len(), found.modified().ok()?)));
        let seen = self.sessions.entry(dir.to_owned()).or_default();
        let live = self.open.get(dir).is_some_and(|open| !open.is_empty());
        // Within one tick of the file system's clock it may change again and not show it.
        let recent = folder.is_some_and(|time| time.elapsed().is_ok_and(|age| age < Duration::from_secs(2)));
        let folder_changed = seen.folder != folder || recent;
        if !folder_changed && seen.index == index && !live {
            return;
        }
        (seen.folder, seen.index) = (folder, index);
        let mut open = Vec::new();
        // Those that were in flight may be over.
        for entry in self.open.remove(dir).unwrap_or_default() {
            let Ok(call) = Call::open(entry.call().dir()) else { continue };
            match call.state() {
                State::InFlight => open.push(entry),
                _ => news.extend(Entry::open(call).ok()),
            }
        }
        if folder_changed {
            let Ok(names) = session.call_names() else { return };
            // Before the first look nothing is news, but calls in flight are to be followed.
            let running = session.is_running();
            for name in names {
                if !seen.calls.insert(name.clone()) || (!self.begun && !running) {
                    continue;
                }
                let Ok(call) = Call::open(dir.join(&name)) else { continue };
                let state = call.state();
                if self.begun || state == State::InFlight {
                    let Ok(entry) = Entry::open(call) else { continue };
                    if state == State::InFlight {
                        open.push(entry.clone());
                    }
                    news.push(entry);
                }
            }
        }
        if !open.is_empty() {
            self.open.insert(dir.to_owned(), open);
        }
    }
}
