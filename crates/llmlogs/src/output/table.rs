//! Tables whose columns line up, wide characters included.

use std::io;

use anstyle::Style;

use crate::output::out::{DIM, Out, PLAIN};
use crate::output::text::{cut, pad, width};

/// One cell: text that is already clean, and how it looks.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) style: Style,
}

pub(crate) fn cell(text: impl Into<String>) -> Cell {
    Cell { text: text.into(), style: PLAIN }
}

impl Cell {
    pub(crate) fn style(self, style: Style) -> Self {
        Cell { style, ..self }
    }
}

/// A column: its heading, and how its cells stand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) heading: &'static str,
    pub(crate) right: bool,
    /// Wider cells are cut, on a terminal.
    pub(crate) at_most: usize,
    /// On a narrow terminal the columns with the highest numbers are left out first; 0: never.
    pub(crate) spare: u8,
}

pub(crate) const fn left(heading: &'static str) -> Column {
    Column { heading, right: false, at_most: usize::MAX, spare: 0 }
}

pub(crate) const fn right(heading: &'static str) -> Column {
    Column { heading, right: true, at_most: usize::MAX, spare: 0 }
}

impl Column {
    pub(crate) const fn at_most(self, columns: usize) -> Self {
        Column { at_most: columns, ..self }
    }

    pub(crate) const fn spare(self, rank: u8) -> Self {
        Column { spare: rank, ..self }
    }
}

/// Rows on their way; the first of them decide how wide the columns are.
pub(crate) struct Table<'c> {
    columns: &'c [Column],
    waiting: Vec<Vec<Cell>>,
    widths: Vec<usize>,
}

/// So many rows are looked at before the first is printed.
const LOOK_AHEAD: usize = 500;

impl<'c> Table<'c> {
    pub(crate) fn new(columns: &'c [Column]) -> Self {
        Table { columns, waiting: Vec::new(), widths: Vec::new() }
    }

    pub(crate) fn row(&mut self, out: &mut Out, cells: Vec<Cell>) -> io::Result<()> {
        if !self.widths.is_empty() {
            return self.print(out, &cells);
        }
        self.waiting.push(cells);
        if self.waiting.len() >= LOOK_AHEAD { self.end(out) } else { Ok(()) }
    }

    /// Prints what waits.
    pub(crate) fn end(&mut self, out: &mut Out) -> io::Result<()> {
        let rows = std::mem::take(&mut self.waiting);
        if self.widths.is_empty() {
            self.widths = self.measure(out, &rows);
            if self.columns.iter().any(|column| !column.heading.is_empty()) {
                let heading = |column: &Column| cell(column.heading).style(DIM);
                let headings: Vec<_> = self.columns.iter().map(heading).collect();
                self.print(out, &headings)?;
            }
        }
        rows.iter().try_for_each(|row| self.print(out, row))
    }

    fn measure(&self, out: &Out, rows: &[Vec<Cell>]) -> Vec<usize> {
        let widest = |place: usize, column: &Column| {
            let cells = rows.iter().filter_map(|row| row.get(place)).map(|cell| width(&cell.text));
            let widest = cells.max().unwrap_or_default();
            let most = if out.width().is_some() { column.at_most } else { usize::MAX };
            // A column without anything in it need not be wide.
            widest.min(most).max(width(column.heading)).max(1)
        };
        let mut widths: Vec<_> =
            self.columns.iter().enumerate().map(|(n, column)| widest(n, column)).collect();
        if let Some(limit) = out.width() {
            self.leave_out(&mut widths, limit);
        }
        if let (Some(limit), Some((last, others))) = (out.width(), widths.split_last_mut()) {
            let taken = taken(others);
            *last = (*last).min(limit.saturating_sub(taken).max(10));
        }
        widths
    }

    /// Gives spare columns no room until the last one has some.
    fn leave_out(&self, widths: &mut [usize], limit: usize) {
        const LAST: usize = 16;
        loop {
            let Some((last, others)) = widths.split_last() else { return };
            let spare = self.columns.iter().enumerate().zip(widths.iter());
            let spare = spare.filter(|((_, column), width)| column.spare > 0 && **width > 0);
            let next = spare.max_by_key(|((_, column), _)| column.spare).map(|((place, _), _)| place);
            match next {
                Some(place) if taken(others) + (*last).min(LAST) > limit => widths[place] = 0,
                _ => return,
            }
        }
    }

    fn print(&self, out: &mut Out, cells: &[Cell]) -> io::Result<()> {
        let mut line = String::new();
        let last = cells.len().saturating_sub(1);
        for (place, cell) in cells.iter().enumerate() {
            let (Some(column), Some(room)) = (self.columns.get(place), self.widths.get(place)) else { break };
            if *room == 0 {
                continue;
            }
            let text = if out.width().is_some() { cut(&cell.text, *room) } else { cell.text.as_str().into() };
            let missing = " ".repeat(room.saturating_sub(width(&text)));
            let painted = out.paint(cell.style, &text);
            match (column.right, place == last) {
                (true, _) => line.push_str(&format!("{missing}{painted}")),
                (false, true) => line.push_str(&painted),
                (false, false) => line.push_str(&format!("{painted}{missing}")),
            }
            if place != last {
                line.push_str("  ");
            }
        }
        out.line(line.trim_end())
    }
}

/// The columns that columns of these widths take, with the gaps behind them.
fn taken(widths: &[usize]) -> usize {
    widths.iter().filter(|width| **width > 0).map(|width| width + 2).sum()
}

/// Names and values under each other, the values lined up.
pub(crate) fn pairs(out: &mut Out, pairs: &[(&str, String)]) -> io::Result<()> {
    let column = pairs.iter().map(|(name, _)| width(name)).max().unwrap_or_default() + 2;
    for (name, value) in pairs {
        let name = out.paint(DIM, &pad(name, column));
        out.line(&format!("{name}{value}"))?;
    }
    Ok(())
}
