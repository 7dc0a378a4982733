//! Writing a table row by row. Parquet wants columns: the rows of one group are held, bounded by their bytes.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::ColumnPath;

use super::columns::{Column, Kind, Storage, Value, io_error, schema};

/// How many bytes the values of a row group have together, before they are compressed. A writer holds as many.
const ROW_GROUP_BYTES: usize = 16 << 20;

/// How many bytes a page has before it is compressed: who reads one value unpacks as many.
const PAGE_BYTES: usize = 1 << 20;

/// The level of compression.
const ZSTD_LEVEL: i32 = 3;

/// A table that is being written.
pub(super) struct TableWriter<W: Write + Send> {
    columns: &'static [Column],
    writer: SerializedFileWriter<W>,
    /// By column, the values of the rows that are not written yet.
    held: Vec<Vec<Value>>,
    held_bytes: usize,
}

impl<W: Write + Send> TableWriter<W> {
    /// Starts the file `into`; `properties` are put beside its schema.
    pub(super) fn new(
        into: W,
        name: &str,
        columns: &'static [Column],
        properties: &[(&str, String)],
    ) -> io::Result<Self> {
        let properties = writer_properties(columns, properties).map_err(io_error)?;
        let schema = schema(name, columns).map_err(io_error)?;
        let writer = SerializedFileWriter::new(into, schema, Arc::new(properties)).map_err(io_error)?;
        Ok(TableWriter { columns, writer, held: vec![Vec::new(); columns.len()], held_bytes: 0 })
    }

    /// Adds a row: a value for each column, in their order.
    pub(super) fn push(&mut self, row: impl IntoIterator<Item = Value>) -> io::Result<()> {
        for (column, value) in self.held.iter_mut().zip(row) {
            self.held_bytes += value.weight();
            column.push(value);
        }
        if self.held_bytes >= ROW_GROUP_BYTES { self.flush().map_err(io_error) } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.held_bytes = 0;
        if self.held.first().is_none_or(Vec::is_empty) {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for (column, held) in self.columns.iter().zip(&mut self.held) {
            let Some(mut writer) = group.next_column()? else {
                return Err(ParquetError::General("a column without a writer".to_owned()));
            };
            write(&mut writer, column, std::mem::take(held))?;
            writer.close()?;
        }
        group.close()?;
        Ok(())
    }

    /// Ends the file and returns it.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.flush().and_then(|()| self.writer.into_inner()).map_err(io_error)
    }
}

fn writer_properties(columns: &[Column], properties: &[(&str, String)]) -> Result<WriterProperties> {
    let pairs = properties.iter().map(|(key, value)| KeyValue::new((*key).to_owned(), value.clone()));
    let mut builder = WriterProperties::builder()
        .set_created_by(format!("llmlogs {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_data_page_size_limit(PAGE_BYTES)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_key_value_metadata(Some(pairs.collect()));
    for column in columns {
        let path = ColumnPath::from(column.name);
        builder = match column.storage {
            Storage::Dictionary => builder,
            Storage::Key => builder
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_bloom_filter_enabled(path, true),
            Storage::Large => builder
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_statistics_enabled(path, EnabledStatistics::None),
        };
    }
    Ok(builder.build())
}

fn write(writer: &mut SerializedColumnWriter<'_>, column: &Column, held: Vec<Value>) -> Result<()> {
    if column.kind == Kind::Texts {
        return write_texts(writer, held);
    }
    let levels: Vec<i16> = held.iter().map(|value| i16::from(*value != Value::Null)).collect();
    match writer.untyped() {
        ColumnWriter::ByteArrayColumnWriter(writer) => {
            let texts: Vec<ByteArray> = held.into_iter().filter_map(text).collect();
            if column.storage != Storage::Large {
                return writer.write_batch(&texts, Some(&levels), None).map(drop);
            }
            // One by one, since a page ends only between two calls, and may be far beyond its limit by then.
            let mut next = 0;
            for level in levels {
                let end = next + level as usize;
                writer.write_batch(&texts[next..end], Some(&[level]), None)?;
                next = end;
            }
            Ok(())
        }
        ColumnWriter::Int64ColumnWriter(writer) => {
            let numbers: Vec<i64> = held.iter().filter_map(integer).collect();
            writer.write_batch(&numbers, Some(&levels), None).map(drop)
        }
        ColumnWriter::DoubleColumnWriter(writer) => {
            let numbers: Vec<f64> = held.iter().filter_map(number).collect();
            writer.write_batch(&numbers, Some(&levels), None).map(drop)
        }
        ColumnWriter::BoolColumnWriter(writer) => {
            let flags: Vec<bool> = held.iter().filter_map(flag).collect();
            writer.write_batch(&flags, Some(&levels), None).map(drop)
        }
        _ => Err(ParquetError::NYI(format!("a column such as {}", column.name))),
    }
}

/// Writes lists: 0 is no list, 1 an empty one, 2 an element; the first element of a list does not repeat.
fn write_texts(writer: &mut SerializedColumnWriter<'_>, held: Vec<Value>) -> Result<()> {
    let ColumnWriter::ByteArrayColumnWriter(writer) = writer.untyped() else {
        return Err(ParquetError::NYI("a list of anything but texts".to_owned()));
    };
    let (mut texts, mut definitions, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
    for value in held {
        let Value::Texts(list) = value else {
            definitions.push(0);
            repetitions.push(0);
            continue;
        };
        if list.is_empty() {
            definitions.push(1);
            repetitions.push(0);
        }
        for (place, text) in list.into_iter().enumerate() {
            definitions.push(2);
            repetitions.push(i16::from(place > 0));
            texts.push(ByteArray::from(text));
        }
    }
    writer.write_batch(&texts, Some(&definitions), Some(&repetitions)).map(drop)
}

fn text(value: Value) -> Option<ByteArray> {
    if let Value::Text(text) = value { Some(text.into()) } else { None }
}

fn integer(value: &Value) -> Option<i64> {
    if let Value::Integer(number) | Value::Time(number) = value { Some(*number) } else { None }
}

fn number(value: &Value) -> Option<f64> {
    if let Value::Number(number) = value { Some(*number) } else { None }
}

fn flag(value: &Value) -> Option<bool> {
    if let Value::Flag(flag) = value { Some(*flag) } else { None }
}
