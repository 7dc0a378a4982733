//! `llmlogs search`: where something was said.

use llmlogs_core::query::{self, Match, PatternOptions, SearchHit, SearchPart};
use llmlogs_core::read::short_id;
use serde_json::{Value, json};

use crate::args::Search;
use crate::env::Env;
use crate::outcome::{CliError, Outcome};
use crate::output::format::plural;
use crate::output::out::{BOLD, DIM, MATCH};
use crate::output::progress::Progress;
use crate::output::row;
use crate::output::text::{one_line, width};
use crate::read_failures::ReadFailures;

/// How many matches of one call are shown.
const SHOWN: usize = 4;

pub(crate) fn run(env: &mut Env, args: &Search) -> Result<Outcome, CliError> {
    let options = PatternOptions { ignore_case: args.ignore_case, fixed_string: args.fixed_strings };
    let mut search = query::Search::new(&args.pattern, options)
        .map_err(|error| CliError::Usage(format!("{error}\n-F takes the pattern for plain text.")))?;
    let parts: Vec<_> = args.parts.iter().flat_map(|part| part.parts()).copied().collect();
    if !parts.is_empty() {
        search = search.parts(parts.iter().copied());
    }
    if args.limit > 0 {
        search = search.limit(args.limit);
    }
    let filter = args.filters.filter(args.date.as_ref());
    let progress = Progress::bar("searching");
    let report = env.root.search_with_progress(&filter, &search, &|so_far| progress.show(so_far))?;
    progress.end();
    let mut failures = ReadFailures::default();
    failures.add_all(&report.unreadable);
    let (hits, total) = (report.hits, report.total);
    for (place, hit) in hits.iter().enumerate() {
        if env.json {
            env.out.json_line(&as_json(hit))?;
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
    failures.outcome(hits.len(), || {
        let hint = match (parts.contains(&SearchPart::Input), args.ignore_case) {
            (false, _) => "\n--in all searches bodies and errors, too.",
            (true, false) => "\n-i ignores upper and lower case.",
            (true, true) => "",
        };
        format!("no match for {} in {}{hint}", args.pattern, env.root.path().display())
    })
}

fn as_json(hit: &SearchHit) -> Value {
    let mut value = row::json(&hit.entry);
    let found = |found: &Match| json!({"in": found.part.as_str(), "path": found.path, "text": found.text, "start": found.start, "end": found.end});
    if let Some(members) = value.as_object_mut() {
        members.insert("matches".into(), hit.matches.iter().map(found).collect());
    }
    value
}

fn print(env: &mut Env, hit: &SearchHit) -> Result<(), CliError> {
    let entry = &hit.entry;
    let line = entry.line();
    let (status, style) = row::status(entry);
    let time = env.out.paint(DIM, &env.clock.short(line.timestamp));
    let id = env.out.link(entry.call().dir(), &one_line(short_id(entry.call().id())));
    let id = env.out.paint(BOLD, &id);
    let status = env.out.paint(style, &status);
    env.out.line(&format!("{time}  {id}  {status}  {}", one_line(&line.model.text())))?;
    for found in hit.matches.iter().take(SHOWN) {
        let label = match found.path.as_str() {
            "" => found.part.as_str().to_owned(),
            path => format!("{} {}", found.part.as_str(), one_line(path)),
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

/// Returns the match with the text around it, in one line of at most `room` columns.
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
