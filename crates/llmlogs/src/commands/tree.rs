//! `llmlogs ls --tree`: calls below the spans that enclose them.

use llmlogs_core::read::{Entry, short_id};

use crate::env::Env;
use crate::outcome::CliError;
use crate::output::format::compact;
use crate::output::out::{BOLD, DIM};
use crate::output::row;
use crate::output::text::{cut, one_line, width};

/// A span, or the session at the top.
#[derive(Default)]
struct Node<'e> {
    children: Vec<Child<'e>>,
}

enum Child<'e> {
    Span(String, Node<'e>),
    Call(&'e Entry),
}

impl<'e> Node<'e> {
    /// Adds a call. Calls that follow each other in the same span share its node; spans are compared by name, so two
    /// runs of one span in a row are one node.
    fn add(&mut self, path: &[&str], call: &'e Entry) {
        let [first, rest @ ..] = path else {
            self.children.push(Child::Call(call));
            return;
        };
        if !matches!(self.children.last(), Some(Child::Span(name, _)) if name == first) {
            self.children.push(Child::Span((*first).to_owned(), Node::default()));
        }
        if let Some(Child::Span(_, node)) = self.children.last_mut() {
            node.add(rest, call);
        }
    }
}

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
        let mut root = Node::default();
        for entry in calls.iter().rev() {
            let trace = entry.line().trace.text().into_owned();
            let path: Vec<_> = trace.split('/').filter(|name| !name.is_empty()).collect();
            root.add(&path, entry);
        }
        let Some(newest) = calls.first() else { continue };
        let day = env.clock.date(newest.line().timestamp);
        let title = env.out.paint(BOLD, &format!("session {}", one_line(newest.call().session_id())));
        let day = env.out.paint(DIM, &day);
        env.out.line(&format!("{title}  {day}"))?;
        branch(env, &root, "")?;
    }
    Ok(())
}

fn branch(env: &mut Env, node: &Node<'_>, before: &str) -> Result<(), CliError> {
    for (place, child) in node.children.iter().enumerate() {
        let last = place + 1 == node.children.len();
        let (fork, below) = if last { ("└── ", "    ") } else { ("├── ", "│   ") };
        let lead = format!("{before}{fork}");
        match child {
            Child::Span(name, node) => {
                let lead = env.out.paint(DIM, &lead);
                env.out.line(&format!("{lead}{}", one_line(name)))?;
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
    let rest: Vec<_> = [text(3), &tokens, text(6), text(7), text(8)]
        .into_iter()
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    let head = format!("{} {} ", env.clock.time(line.timestamp), short_id(entry.call().id()));
    let middle = format!("  {}", rest.join("  "));
    let taken = width(lead) + width(&head) + width(&status) + width(&middle) + 2;
    let message = match env.out.width() {
        Some(limit) => cut(text(9), limit.saturating_sub(taken).max(10)).into_owned(),
        None => text(9).to_owned(),
    };
    let painted = format!(
        "{}{}{}{middle}  {}",
        env.out.paint(DIM, lead),
        env.out.paint(DIM, &head),
        env.out.paint(style, &status),
        env.out.paint(DIM, &message)
    );
    env.out.line(painted.trim_end())?;
    Ok(())
}
