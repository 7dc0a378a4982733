//! `llmlogs search`: where something was said.

mod gather;
mod pattern;
mod strings;

use llmlogs_core::read::scan::scan;

use crate::args::{PartFilter, Search};
use crate::commands::ls::Broken;
use crate::env::Env;
use crate::filter::Filter;
use crate::outcome::{CliError, Outcome};
use crate::output::format::plural;
use crate::output::out::{BOLD, DIM, MATCH};
use crate::output::progress::Progress;
use crate::output::row;
use crate::output::text::{one_line, width};
use gather::{Hit, Hits, Match};
use pattern::Pattern;

/// How many matches of one call are shown.
const SHOWN: usize = 4;

/// The parts of a call that are searched.
#[derive(Debug, Clone, Copy)]
struct Parts {
    user: bool,
    input: bool,
    output: bool,
    error: bool,
}

impl Parts {
    fn new(wanted: &[PartFilter]) -> Self {
        let any = |part| wanted.contains(&part) || wanted.contains(&PartFilter::All);
        Parts {
            user: wanted.is_empty() || any(PartFilter::User),
            input: any(PartFilter::Input),
            output: any(PartFilter::Output),
            error: any(PartFilter::Error),
        }
    }
}

pub(crate) fn run(env: &mut Env, args: &Search) -> Result<Outcome, CliError> {
    let pattern = Pattern::new(&args.pattern, args.ignore_case, args.fixed_strings)?;
    let parts = Parts::new(&args.parts);
    let filter = Filter::new(&args.filters, args.date.as_ref());
    let limit = if args.limit == 0 { usize::MAX } else { args.limit };
    let sessions = filter.sessions(env)?;
    let progress = Progress::bar("searching", crate::index_bytes(&sessions));
    let found = scan(&sessions, || Hits::new(&filter, &pattern, parts, limit, &progress));
    progress.end();
    let mut broken = Broken::default();
    let (mut hits, mut total) = (Vec::new(), 0);
    for part in found {
        total += part.total;
        part.broken.iter().for_each(|error| broken.add(error));
        hits.extend(part.into_hits());
    }
    hits.sort_by(|a: &Hit, b: &Hit| b.order().cmp(&a.order()));
    hits.dedup_by(|a, b| a.order() == b.order());
    hits.truncate(limit);
    for (place, hit) in hits.iter().enumerate() {
        if env.json {
            env.out.json_line(&hit.json())?;
        } else {
            if place > 0 {
                env.out.blank()?;
            }
            print(env, hit)?;
        }
    }
    if !env.json && total > hits.len() {
        let text = format!("… {} of {} shown; --limit 0 shows all", hits.len(), plural(total as u64, "call"));
        let text = env.out.paint(DIM, &text);
        env.out.blank()?;
        env.out.line(&text)?;
    }
    env.out.finish()?;
    broken.outcome(hits.len(), || {
        let hint = match (parts.input, args.ignore_case) {
            (false, _) => "\n--in all searches bodies and errors, too.",
            (true, false) => "\n-i ignores upper and lower case.",
            (true, true) => "",
        };
        format!("no match for {} in {}{hint}", args.pattern, env.root.path().display())
    })
}

fn print(env: &mut Env, hit: &Hit) -> Result<(), CliError> {
    let entry = &hit.entry;
    let line = entry.line();
    let (status, style) = row::status(entry);
    let time = env.out.paint(DIM, &env.clock.short(line.timestamp));
    let id = env.out.link(entry.call().dir(), &one_line(row::short_id(entry.call().id())));
    let id = env.out.paint(BOLD, &id);
    let status = env.out.paint(style, &status);
    env.out.line(&format!("{time}  {id}  {status}  {}", one_line(&line.model.text())))?;
    for found in hit.matches.iter().take(SHOWN) {
        let label = match found.path.as_str() {
            "" => found.part.to_owned(),
            path => format!("{} {}", found.part, one_line(path)),
        };
        let room = env.out.width().map(|limit| limit.saturating_sub(width(&label) + 6).max(20));
        let text = highlighted(env, found, room);
        let label = env.out.paint(DIM, &format!("{label}:"));
        env.out.line(&format!("    {label} {text}"))?;
    }
    if hit.matches.len() > SHOWN {
        let more = env.out.paint(DIM, &format!("    … and {} more in this call", hit.matches.len() - SHOWN));
        env.out.line(&more)?;
    }
    Ok(())
}

/// The match with what stands around it, in one line of at most `room` columns.
fn highlighted(env: &Env, found: &Match, room: Option<usize>) -> String {
    let (before, rest) = found.text.split_at(found.start);
    let (matched, after) = rest.split_at(found.end - found.start);
    let ends_with_space = before.ends_with(char::is_whitespace);
    let begins_with_space = after.starts_with(char::is_whitespace);
    let (mut before, matched, mut after) = (one_line(before), one_line(matched), one_line(after));
    if let Some(room) = room {
        let left = room.saturating_sub(width(&matched));
        let lead = left / 3;
        if width(&before) > lead {
            let mut taken = 1;
            let tail: String = before
                .chars()
                .rev()
                .take_while(|c| {
                    taken += unicode_width::UnicodeWidthChar::width(*c).unwrap_or_default();
                    taken <= lead
                })
                .collect();
            before = format!("…{}", tail.chars().rev().collect::<String>().trim_start());
        }
        after = crate::output::text::cut(&after, left.saturating_sub(width(&before) + 2).max(1)).into_owned();
    }
    let space = |wanted: bool, text: &str| if wanted && !text.is_empty() { " " } else { "" };
    let (lead, tail) = (space(ends_with_space, &before), space(begins_with_space, &after));
    format!("{before}{lead}{}{tail}{after}", env.out.paint(MATCH, &matched))
}
