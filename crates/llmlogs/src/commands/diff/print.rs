//! How differences are shown.

use anstyle::Style;

use llmlogs_core::query::{Change, Diff};

use crate::env::Env;
use crate::outcome::CliError;
use crate::output::out::{BAD, BOLD, DIM, GOOD, HEADING, PLAIN};
use crate::output::table::{Table, cell, left};
use crate::output::text::{clean, one_line};
use crate::reports::diff::{Field, fields};
use crate::reports::words::{Tag, words};

/// How many lines of a text that is the same, gone or new are shown.
const LINES: usize = 12;

pub(crate) fn text(env: &mut Env, diff: &Diff) -> Result<(), CliError> {
    let (a, b) = (&diff.a, &diff.b);
    for (sign, style, side) in [("−", BAD, a), ("+", GOOD, b)] {
        let sign = env.out.paint(style, &format!("{sign} {}", one_line(&side.call_id)));
        let path = env.out.path(&side.dir);
        env.out.line(&format!("{sign}  {path}"))?;
    }
    env.out.blank()?;
    let columns = [left(""), left("A").at_most(44), left("B").at_most(44)];
    let mut table = Table::new(&columns);
    for Field { name, a, b } in fields(env.clock, diff) {
        let (old, new) = if a == b { (DIM, DIM) } else { (BAD, GOOD) };
        table.row(
            &mut env.out,
            vec![cell(name).style(DIM), cell(one_line(&a)).style(old), cell(one_line(&b)).style(new)],
        )?;
    }
    table.end(&mut env.out)?;
    section(env, "Messages", &diff.messages, true)?;
    section(env, "Tools", &diff.tools, true)?;
    section(env, "Output", &diff.output, false)
}

/// `headed`: the first line of each text is its heading.
fn section(env: &mut Env, title: &str, changes: &[Change], headed: bool) -> Result<(), CliError> {
    let same = changes.iter().filter(|change| matches!(change, Change::Same { .. })).count();
    if changes.is_empty() || (!headed && changes == [Change::Same { text: String::new() }]) {
        return Ok(());
    }
    env.out.blank()?;
    let heading = env.out.paint(HEADING, title);
    let note = if same == changes.len() { "the same" } else { "" };
    let note = env.out.paint(DIM, note);
    env.out.line(format!("{heading}  {note}").trim_end())?;
    let mut skipped = 0;
    for change in changes {
        if let Change::Same { .. } = change {
            skipped += 1;
            continue;
        }
        skip(env, std::mem::take(&mut skipped))?;
        match change {
            Change::Removed { a } => whole(env, a, "−", BAD, headed)?,
            Change::Added { b } => whole(env, b, "+", GOOD, headed)?,
            Change::Changed { a, b } => changed(env, a, b, headed)?,
            _ => {}
        }
    }
    if same < changes.len() { skip(env, skipped) } else { Ok(()) }
}

fn skip(env: &mut Env, count: usize) -> Result<(), CliError> {
    if count > 0 {
        let text = env.out.paint(DIM, &format!("  … {count} the same"));
        env.out.line(&text)?;
    }
    Ok(())
}

fn split(text: &str, headed: bool) -> (&str, &str) {
    if headed { text.split_once('\n').unwrap_or((text, "")) } else { ("", text) }
}

fn whole(env: &mut Env, text: &str, sign: &str, style: Style, headed: bool) -> Result<(), CliError> {
    let (head, rest) = split(text, headed);
    if !head.is_empty() {
        let head = env.out.paint(style.bold(), &format!("{sign} {}", one_line(head)));
        env.out.line(&head)?;
    }
    let rest = clean(rest);
    let lines: Vec<_> = rest.lines().collect();
    for line in lines.iter().take(LINES) {
        let line = env.out.paint(style, &format!("{sign}   {line}"));
        env.out.line(&line)?;
    }
    if lines.len() > LINES {
        let more = env.out.paint(DIM, &format!("{sign}   … {} more lines", lines.len() - LINES));
        env.out.line(&more)?;
    }
    Ok(())
}

/// A text with its words crossed out and put in; without colours they stand in brackets.
fn changed(env: &mut Env, a: &str, b: &str, headed: bool) -> Result<(), CliError> {
    let (head, a) = split(a, headed);
    let (_, b) = split(b, headed);
    if !head.is_empty() {
        let head = env.out.paint(BOLD, &format!("~ {}", one_line(head)));
        env.out.line(&head)?;
    }
    let mut line = String::new();
    let mut lines: Vec<(bool, String)> = Vec::new();
    let mut touched = false;
    for piece in words(a, b) {
        let text = clean(&piece.text).into_owned();
        let mut rest = text.split('\n').peekable();
        while let Some(part) = rest.next() {
            if piece.tag != Tag::Same {
                touched = true;
            }
            line.push_str(&mark(env, piece.tag, part));
            if rest.peek().is_some() {
                lines.push((std::mem::take(&mut touched), std::mem::take(&mut line)));
            }
        }
    }
    lines.push((touched, line));
    // Lines far from any change say nothing.
    let near = |place: usize| {
        let around = place.saturating_sub(1)..(place + 2).min(lines.len());
        lines[around].iter().any(|(touched, _)| *touched)
    };
    let mut gap = false;
    for (place, (_, line)) in lines.iter().enumerate() {
        if near(place) {
            env.out.line(format!("    {line}").trim_end())?;
        } else if !gap {
            let dots = env.out.paint(DIM, "    …");
            env.out.line(&dots)?;
        }
        gap = !near(place);
    }
    Ok(())
}

fn mark(env: &Env, tag: Tag, text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let (style, open, close) = match tag {
        Tag::Same => return env.out.paint(PLAIN, text),
        Tag::Removed => (BAD.strikethrough(), "[-", "-]"),
        Tag::Added => (GOOD.underline(), "{+", "+}"),
    };
    let painted = env.out.paint(style, text);
    if painted == text { format!("{open}{text}{close}") } else { painted }
}
