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
    at_most: usize,
    /// On a narrow terminal the column may become as narrow as this; `usize::MAX`: it is never cut.
    at_least: usize,
    spare: Spare,
}

/// Whether a narrow terminal can do without a column. Those with the highest numbers go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Spare {
    /// It always stays.
    Never,
    /// It goes when other columns have been cut as far as they may be.
    Last(u8),
    /// It goes before any other column is cut.
    First(u8),
}

pub(crate) const fn left(heading: &'static str) -> Column {
    Column { heading, right: false, at_most: usize::MAX, at_least: usize::MAX, spare: Spare::Never }
}

pub(crate) const fn right(heading: &'static str) -> Column {
    Column { right: true, ..left(heading) }
}

impl Column {
    pub(crate) const fn at_most(self, columns: usize) -> Self {
        Column { at_most: columns, ..self }
    }

    pub(crate) const fn at_least(self, columns: usize) -> Self {
        Column { at_least: columns, ..self }
    }

    /// A narrow terminal does without it before other columns are cut; those with the highest numbers go first.
    pub(crate) const fn spare(self, rank: u8) -> Self {
        Column { spare: Spare::First(rank), ..self }
    }

    /// A narrow terminal does without it when cutting other columns was not enough.
    pub(crate) const fn spare_last(self, rank: u8) -> Self {
        Column { spare: Spare::Last(rank), ..self }
    }
}

/// Rows on their way; the first of them decide how wide the columns are, and columns grow when a later row needs it.
pub(crate) struct Table<'c> {
    columns: &'c [Column],
    waiting: Vec<Vec<Cell>>,
    /// The widest cell of each column so far, and its heading; empty until something has been printed.
    natural: Vec<usize>,
    /// How wide the columns are printed; 0: left out.
    widths: Vec<usize>,
}

/// So many rows are looked at before the first is printed.
const LOOK_AHEAD: usize = 500;

/// What the last column gets before others are left out for it, and before others are cut for it.
const LAST: usize = 16;
const LAST_AT_LEAST: usize = 10;

impl<'c> Table<'c> {
    pub(crate) fn new(columns: &'c [Column]) -> Self {
        Table { columns, waiting: Vec::new(), natural: Vec::new(), widths: Vec::new() }
    }

    pub(crate) fn row(&mut self, out: &mut Out, cells: Vec<Cell>) -> io::Result<()> {
        if !self.widths.is_empty() {
            let before = shown(&self.widths);
            self.grow(out.width(), std::slice::from_ref(&cells));
            if shown(&self.widths) != before {
                // The headings above are no longer those of the columns.
                self.print_headings(out)?;
            }
            return self.print(out, &cells);
        }
        self.waiting.push(cells);
        if self.waiting.len() >= LOOK_AHEAD { self.end(out) } else { Ok(()) }
    }

    /// Prints what waits.
    pub(crate) fn end(&mut self, out: &mut Out) -> io::Result<()> {
        let rows = std::mem::take(&mut self.waiting);
        if self.widths.is_empty() {
            // A column without anything in it need not be wide.
            self.natural = self.columns.iter().map(|column| width(column.heading).max(1)).collect();
            self.grow(out.width(), &rows);
            self.print_headings(out)?;
        }
        rows.iter().try_for_each(|row| self.print(out, row))
    }

    fn print_headings(&self, out: &mut Out) -> io::Result<()> {
        if self.columns.iter().all(|column| column.heading.is_empty()) {
            return Ok(());
        }
        let heading = |column: &Column| cell(column.heading).style(DIM);
        let headings: Vec<_> = self.columns.iter().map(heading).collect();
        self.print(out, &headings)
    }

    /// Makes the columns wide enough for `rows`, as far as `limit` lets it.
    fn grow(&mut self, limit: Option<usize>, rows: &[Vec<Cell>]) {
        let mut grown = self.widths.is_empty();
        for row in rows {
            for ((natural, column), cell) in self.natural.iter_mut().zip(self.columns).zip(row) {
                let most = if limit.is_some() { column.at_most } else { usize::MAX };
                let wanted = width(&cell.text).min(most);
                if wanted > *natural {
                    *natural = wanted;
                    grown = true;
                }
            }
        }
        if grown {
            self.widths = self.natural.clone();
            if let Some(limit) = limit {
                fit(self.columns, &mut self.widths, limit);
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

/// Makes the columns fit into `limit`: leaves some out, cuts others, leaves out more, in that order, and gives the last
/// column what remains.
fn fit(columns: &[Column], widths: &mut [usize], limit: usize) {
    let wanted = widths.last().map_or(0, |last| (*last).min(LAST));
    while taken_by_others(widths) + wanted > limit && leave_one_out(columns, widths, Spare::First(0)) {}
    let wanted = wanted.min(LAST_AT_LEAST);
    loop {
        let mut cut = widths.to_vec();
        shrink(columns, &mut cut, limit.saturating_sub(wanted));
        let fits = taken_by_others(&cut) + wanted <= limit;
        if fits || !leave_one_out(columns, widths, Spare::Last(0)) {
            widths.copy_from_slice(&cut);
            break;
        }
    }
    let left = limit.saturating_sub(taken_by_others(widths));
    if let Some(last) = widths.last_mut() {
        // With next to nothing left, the others are better off without it.
        *last = if left < wanted { 0 } else { left.min(*last) };
    }
}

/// Gives the column that can be spared first no room; returns `false` if no column can be spared that is as dispensable
/// as `least`.
fn leave_one_out(columns: &[Column], widths: &mut [usize], least: Spare) -> bool {
    let spare = columns.iter().zip(widths.iter()).enumerate();
    let spare = spare.filter(|(_, (column, width))| column.spare >= least && **width > 0);
    let place = spare.max_by_key(|(_, (column, _))| column.spare).map(|(place, _)| place);
    place.map(|place| widths[place] = 0).is_some()
}

/// Cuts columns, one after the other, until all but the last take no more than `limit`.
fn shrink(columns: &[Column], widths: &mut [usize], limit: usize) {
    for (place, column) in columns.iter().enumerate().take(columns.len().saturating_sub(1)) {
        let over = taken_by_others(widths).saturating_sub(limit);
        let may_lose = widths[place].saturating_sub(column.at_least);
        widths[place] -= over.min(may_lose);
    }
}

/// Returns which columns are not left out.
fn shown(widths: &[usize]) -> Vec<bool> {
    widths.iter().map(|width| *width > 0).collect()
}

/// The columns that all but the last take.
fn taken_by_others(widths: &[usize]) -> usize {
    widths.split_last().map_or(0, |(_, others)| taken(others))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(columns: &[Column], natural: &[usize], limit: usize) -> Vec<usize> {
        let mut widths = natural.to_vec();
        fit(columns, &mut widths, limit);
        assert!(taken(&widths) <= limit + 2, "{widths:?} in {limit}");
        widths
    }

    #[test]
    fn a_column_that_must_stay_was_left_out_for_a_few_columns() {
        let columns = [
            left("TIME").spare_last(1),
            left("STATUS").at_least(6),
            left("MODEL").at_least(8),
            right("COST").spare(1),
            left("MESSAGE"),
        ];
        let natural = [14, 10, 20, 8, 60];
        assert_eq!(fitted(&columns, &natural, 130), [14, 10, 20, 8, 60]);
        assert_eq!(fitted(&columns, &natural, 80), [14, 10, 20, 8, 20]);
        assert_eq!(fitted(&columns, &natural, 70), [14, 10, 20, 0, 20]);
        assert_eq!(fitted(&columns, &natural, 60), [14, 10, 20, 0, 10]);
        assert_eq!(fitted(&columns, &natural, 50), [14, 6, 14, 0, 10]);
        assert_eq!(fitted(&columns, &natural, 40), [0, 6, 20, 0, 10]);
        assert_eq!(fitted(&columns, &natural, 20), [0, 6, 8, 0, 0]);
    }

    #[test]
    fn columns_grow_for_a_later_row_and_take_the_room_from_the_last_one() {
        let columns = [left("MODEL").at_most(24), left("MESSAGE")];
        let mut table = Table::new(&columns);
        table.natural = vec![5, 7];
        let row = |model: &str| vec![cell(model), cell("m".repeat(60))];
        table.grow(Some(40), &[row("gpt-4o")]);
        assert_eq!(table.widths, [6, 32]);
        table.grow(Some(40), &[row("claude-sonnet-4-5-20250929")]);
        assert_eq!(table.widths, [24, 14]);
        table.grow(Some(40), &[row("o3")]);
        assert_eq!(table.widths, [24, 14]);
        table.grow(None, &[row("claude-sonnet-4-5-20250929")]);
        assert_eq!(table.widths, [26, 60]);
    }
}
