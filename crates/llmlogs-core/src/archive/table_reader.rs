//! Reading single texts of a table, and whole columns of them.
//!
//! Who reads one value unpacks a page; the pages that were unpacked last are kept, so that rows that are read one after
//! another cost a page once.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::basic::Type as PhysicalType;
use parquet::column::reader::ColumnReader;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::{ReadOptionsBuilder, SerializedFileReader};

use super::columns::io_error;
use super::read_at::ReadAt;

/// How many bytes of unpacked pages a table keeps.
const KEPT_BYTES: usize = 24 << 20;

/// An open table.
pub(super) struct TableReader {
    reader: SerializedFileReader<ReadAt>,
    /// The first row of each row group, and the number of all rows.
    starts: Vec<u64>,
    pages: Mutex<Pages>,
}

/// Pages that were unpacked, the one that was used last in front.
#[derive(Default)]
struct Pages {
    kept: VecDeque<Arc<Page>>,
    bytes: usize,
}

/// The values of a column in some rows.
struct Page {
    column: usize,
    first: u64,
    values: Vec<Option<Bytes>>,
    bytes: usize,
}

impl TableReader {
    /// Opens a table and reads where its pages are.
    pub(super) fn open(file: File) -> io::Result<Self> {
        guarded(|| {
            let options = ReadOptionsBuilder::new().with_page_index().build();
            let reader = SerializedFileReader::new_with_options(ReadAt::new(file)?, options)?;
            let mut starts = vec![0];
            for group in reader.metadata().row_groups() {
                let rows =
                    u64::try_from(group.num_rows()).map_err(|_| damaged("a negative number of rows"))?;
                let sum = starts.last().copied().unwrap_or_default() + rows;
                starts.push(sum);
            }
            Ok(TableReader { reader, starts, pages: Mutex::default() })
        })
    }

    /// Returns the number of rows.
    pub(super) fn rows(&self) -> u64 {
        self.starts.last().copied().unwrap_or_default()
    }

    /// Returns the place of a column of texts; `None` if the table has no such column.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        let columns = self.reader.metadata().file_metadata().schema_descr().columns();
        columns
            .iter()
            .position(|column| column.path().string() == name)
            .filter(|place| columns[*place].physical_type() == PhysicalType::BYTE_ARRAY)
            .filter(|place| columns[*place].max_rep_level() == 0)
    }

    /// Returns the text that `column` has in `row`, if it has one.
    pub(super) fn text(&self, column: usize, row: u64) -> io::Result<Option<Bytes>> {
        if let Some(page) = self.kept(column, row) {
            return Ok(page.get(row));
        }
        let page = Arc::new(guarded(|| self.read_page(column, row))?);
        let text = page.get(row);
        self.keep(page);
        Ok(text)
    }

    /// Returns all texts of `column`, a row each.
    pub(super) fn texts(&self, column: usize) -> io::Result<Vec<Option<Bytes>>> {
        let mut texts = Vec::new();
        for (group, start) in self.starts[..self.starts.len() - 1].iter().enumerate() {
            let rows = self.starts[group + 1] - start;
            texts.extend(guarded(|| self.read(group, column, 0, rows as usize))?);
        }
        Ok(texts)
    }

    fn kept(&self, column: usize, row: u64) -> Option<Arc<Page>> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let place = pages.kept.iter().position(|page| page.column == column && page.has(row))?;
        let page = pages.kept.remove(place)?;
        pages.kept.push_front(Arc::clone(&page));
        Some(page)
    }

    fn keep(&self, page: Arc<Page>) {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.bytes += page.bytes;
        pages.kept.push_front(page);
        while pages.bytes > KEPT_BYTES {
            let Some(oldest) = pages.kept.pop_back() else { return };
            pages.bytes -= oldest.bytes;
        }
    }

    fn read_page(&self, column: usize, row: u64) -> Result<Page> {
        let group = self.starts.partition_point(|start| *start <= row).saturating_sub(1);
        let (Some(start), Some(end)) = (self.starts.get(group), self.starts.get(group + 1)) else {
            return Err(damaged("no such row"));
        };
        let (within, rows) = (row - start, end - start);
        let index = self.reader.metadata().page_index_for_row_group(group);
        // Without an index of its pages, a row group counts as one.
        let firsts: Vec<u64> = index
            .page_locations(column)
            .map(|pages| pages.iter().filter_map(|page| u64::try_from(page.first_row_index).ok()).collect())
            .unwrap_or_default();
        let next = firsts.partition_point(|first| *first <= within);
        let first = if next == 0 { 0 } else { firsts[next - 1] };
        let end = firsts.get(next).copied().unwrap_or(rows);
        let values = self.read(group, column, first as usize, end.saturating_sub(first) as usize)?;
        let bytes = values.iter().flatten().map(Bytes::len).sum::<usize>() + 64 * values.len();
        Ok(Page { column, first: start + first, values, bytes })
    }

    /// Reads `count` values of a row group's column, beginning with the row `first` of the group.
    fn read(&self, group: usize, column: usize, first: usize, count: usize) -> Result<Vec<Option<Bytes>>> {
        let ColumnReader::ByteArrayColumnReader(mut reader) =
            self.reader.get_row_group(group)?.get_column_reader(column)?
        else {
            return Err(damaged("a column of another type"));
        };
        reader.skip_records(first)?;
        let (mut texts, mut levels) = (Vec::<ByteArray>::new(), Vec::new());
        let (rows, _, _) = reader.read_records(count, Some(&mut levels), None, &mut texts)?;
        if rows < count {
            return Err(damaged("fewer rows than its index has"));
        }
        let mut texts = texts.into_iter();
        if levels.is_empty() {
            // A column that another program has written may need a value in each row.
            return Ok(texts.map(|text| Some(bytes_of(&text))).collect());
        }
        Ok(levels
            .into_iter()
            .map(|level| if level == 0 { None } else { texts.next().map(|text| bytes_of(&text)) })
            .collect())
    }
}

impl Page {
    fn has(&self, row: u64) -> bool {
        row >= self.first && row - self.first < self.values.len() as u64
    }

    fn get(&self, row: u64) -> Option<Bytes> {
        let place = usize::try_from(row.checked_sub(self.first)?).ok()?;
        self.values.get(place).cloned().flatten()
    }
}

fn bytes_of(text: &ByteArray) -> Bytes {
    Bytes::copy_from_slice(text.data())
}

fn damaged(why: &str) -> ParquetError {
    ParquetError::General(why.to_owned())
}

/// Reads from a file that may be damaged: where the library panics, that is an error too.
fn guarded<T>(read: impl FnOnce() -> Result<T>) -> io::Result<T> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(io_error),
        Err(_panic) => Err(io::Error::new(io::ErrorKind::InvalidData, "its contents make no sense")),
    }
}
