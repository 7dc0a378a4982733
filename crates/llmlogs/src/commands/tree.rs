//! `llmlogs ls --tree`: calls below the spans that enclose them.

use std::borrow::Cow;

use llmlogs_core::read::{Entry, short_id};

use crate::env::Env;
use crate::interrupt;
use crate::outcome::CliError;
use crate::output::format::{compact, money, plural};
use crate::output::out::{BAD, BOLD, DIM};
use crate::output::row;
use crate::output::text::{cut, one_line, width};
use crate::reports::tree::{Child, Node, Sums};

/// Prints sessions newest first, and in each the calls in the order in which they started.
pub(crate) fn print(env: &mut Env, entries: &[Entry]) -> Result<(), CliError> {
    let mut sessions: Vec<(&std::path::Path, Vec<&Entry>)> = Vec::new();
    for entry in entries {
        let dir = entry.call().dir().parent().unwrap_or(entry.call().dir());
        match sessions.iter_mut().find(|(of, _)| *of == dir) {
            Some((_, calls)) => calls.push(entry),
            None => sessions.push((dir, vec![entry])),
        }
    }
    for (place, (_, calls)) in sessions.iter().enumerate() {
        if place > 0 {
            env.out.blank()?;
        }
        let root = Node::of(calls.iter().rev().copied(), interrupt::check)?;
        let Some(newest) = calls.first() else { continue };
        let day = env.clock.date(newest.line().timestamp);
        let title = env.out.paint(BOLD, &format!("session {}", one_line(newest.call().session_id())));
        let day = env.out.paint(DIM, &day);
        let sums = sums(env, &root.sums);
        env.out.line(&format!("{title}  {day}  {sums}"))?;
        branch(env, &root, "")?;
    }
    Ok(())
}

/// Returns `3 calls  1 failed  2,926 tokens  0.00326 CNY  1 unpriced`.
fn sums(env: &Env, sums: &Sums) -> String {
    let mut parts = vec![env.out.paint(DIM, &plural(sums.calls, "call"))];
    if sums.failed > 0 {
        parts.push(env.out.paint(BAD, &format!("{} failed", sums.failed)));
    }
    if sums.tokens > 0 {
        parts.push(env.out.paint(DIM, &format!("{} tokens", compact(sums.tokens))));
    }
    for (currency, amount) in sums.cost.iter().filter(|(_, amount)| *amount != 0.0) {
        parts.push(env.out.paint(DIM, &money(*amount, &one_line(currency))));
    }
    if sums.unpriced > 0 {
        parts.push(env.out.paint(DIM, &format!("{} unpriced", sums.unpriced)));
    }
    parts.join("  ")
}

fn branch(env: &mut Env, node: &Node<'_>, before: &str) -> Result<(), CliError> {
    for (place, child) in node.children.iter().enumerate() {
        let last = place + 1 == node.children.len();
        let (fork, below) = if last { ("└── ", "    ") } else { ("├── ", "│   ") };
        let lead = format!("{before}{fork}");
        match child {
            Child::Span(span, node) => {
                let lead = env.out.paint(DIM, &lead);
                let sums = sums(env, &node.sums);
                env.out.line(&format!("{lead}{}  {sums}", one_line(&span.name)))?;
                branch(env, node, &format!("{before}{below}"))?;
            }
            Child::Call(entry) => leaf(env, entry, &lead)?,
        }
    }
    Ok(())
}

fn leaf(env: &mut Env, entry: &Entry, lead: &str) -> Result<(), CliError> {
    let line = entry.line();
    let (status, style) = row::status(entry);
    let cells = row::row(env, entry);
    let text = |place: usize| cells.get(place).map_or("", |cell| cell.text.as_str());
    let tokens =
        if line.total_tokens > 0 { format!("{} tokens", compact(line.total_tokens)) } else { String::new() };
    let head = format!("{} {} ", env.clock.time(line.timestamp), short_id(entry.call().id()));
    let mut painted =
        format!("{}{}{}", env.out.paint(DIM, lead), env.out.paint(DIM, &head), env.out.paint(style, &status));
    // What does not fit on a terminal's line is left out, and what follows it; the last that fits may be cut.
    let taken = width(lead) + width(&head) + width(&status);
    let mut left = env.out.width().map(|limit| limit.saturating_sub(taken));
    for (place, part) in [text(3), &tokens, text(6), text(7), text(8), text(9)].into_iter().enumerate() {
        if part.is_empty() {
            continue;
        }
        let mut part = Cow::Borrowed(part);
        if let Some(left) = &mut left {
            let room = left.saturating_sub(GAP.len());
            if width(&part) > room {
                if room < CUT_AT_LEAST || !CAN_BE_CUT.contains(&place) {
                    break;
                }
                part = Cow::Owned(cut(&part, room).into_owned());
            }
            *left = room - width(&part);
        }
        painted.push_str(GAP);
        painted.push_str(&if place == MESSAGE { env.out.paint(DIM, &part) } else { part.into_owned() });
    }
    env.out.line(&painted)?;
    Ok(())
}

/// Between the parts of a line.
const GAP: &str = "  ";

/// The places of the model, the tools and the user message among the parts of a call's line.
const CAN_BE_CUT: [usize; 3] = [0, 4, MESSAGE];
const MESSAGE: usize = 5;

/// A part that is cut has at least this many columns.
const CUT_AT_LEAST: usize = 10;
