//! `bodies.parquet`: the contents of a call's files.

use std::fs::File;
use std::io;

use bytes::Bytes;

use crate::format::call_id::is_call;
use crate::render::Language;

use super::call_files::{BodiesRow, TextFile};
use super::columns::{Column, Kind, Storage, Value};
use super::table_reader::TableReader;

/// The name of the table's schema.
pub(super) const NAME: &str = "llmlogs_bodies";

const CALL_UID: &str = "call_uid";
const START_TIME: &str = "start_time";
const INPUT_VALUE: &str = "input_value";
const OUTPUT_VALUE: &str = "output_value";
const CALL_ID: &str = "call_id";
const METADATA_JSON: &str = "metadata_json";
const INPUT_TEXT: &str = "input_text";
const INPUT_TEXT_RENDERED: &str = "input_text_rendered";
const OUTPUT_TEXT: &str = "output_text";
const OUTPUT_TEXT_RENDERED: &str = "output_text_rendered";

/// The table's columns, in the order of [`values`].
pub(super) const COLUMNS: [Column; 10] = [
    column(CALL_UID, Kind::Text, Storage::Key),
    column(START_TIME, Kind::Time, Storage::Dictionary),
    column(INPUT_VALUE, Kind::Text, Storage::Large),
    column(OUTPUT_VALUE, Kind::Text, Storage::Large),
    column(CALL_ID, Kind::Text, Storage::Key),
    column(METADATA_JSON, Kind::Text, Storage::Large),
    column(INPUT_TEXT, Kind::Text, Storage::Large),
    column(INPUT_TEXT_RENDERED, Kind::Text, Storage::Dictionary),
    column(OUTPUT_TEXT, Kind::Text, Storage::Large),
    column(OUTPUT_TEXT_RENDERED, Kind::Text, Storage::Dictionary),
];

const fn column(name: &'static str, kind: Kind, storage: Storage) -> Column {
    Column { name, attribute: "", kind, storage }
}

/// Returns the values of a row.
pub(super) fn values(row: BodiesRow) -> [Value; COLUMNS.len()] {
    let optional = |text: Option<Bytes>| text.map_or(Value::Null, Value::Text);
    let (input_text, input_rendered) = text_file(row.input_text);
    let (output_text, output_rendered) = text_file(row.output_text);
    [
        Value::text(&row.call_uid),
        Value::Time(row.start_time),
        optional(row.input),
        optional(row.output),
        Value::text(&row.call_id),
        Value::Text(row.metadata),
        input_text,
        input_rendered,
        output_text,
        output_rendered,
    ]
}

fn text_file(file: TextFile) -> (Value, Value) {
    match file {
        TextFile::Missing => (Value::Null, Value::Null),
        TextFile::Stored(text) => (Value::Text(text), Value::Null),
        TextFile::Rendered(language) => (Value::Null, Value::text(word(language))),
    }
}

fn word(language: Language) -> &'static str {
    match language {
        Language::Chinese => "zh",
        Language::English => "en",
    }
}

/// One of a call's files, as a column has it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stored {
    Metadata,
    Input,
    Output,
}

/// An open `bodies.parquet`.
pub(super) struct BodiesTable {
    table: TableReader,
    columns: Columns,
}

/// Where the columns are; `None` for one that the file lacks.
struct Columns {
    call_uid: Option<usize>,
    call_id: usize,
    metadata: usize,
    input: Option<usize>,
    output: Option<usize>,
    input_text: Option<usize>,
    input_rendered: Option<usize>,
    output_text: Option<usize>,
    output_rendered: Option<usize>,
}

impl BodiesTable {
    /// Opens the table in `file`; an error if it is none, or was not made by packing.
    pub(super) fn open(file: File) -> io::Result<Self> {
        let table = TableReader::open(file)?;
        let needed = |name: &str| {
            let why = || io::Error::new(io::ErrorKind::InvalidData, format!("it has no column {name}"));
            table.column(name).ok_or_else(why)
        };
        let columns = Columns {
            call_uid: table.column(CALL_UID),
            call_id: needed(CALL_ID)?,
            metadata: needed(METADATA_JSON)?,
            input: table.column(INPUT_VALUE),
            output: table.column(OUTPUT_VALUE),
            input_text: table.column(INPUT_TEXT),
            input_rendered: table.column(INPUT_TEXT_RENDERED),
            output_text: table.column(OUTPUT_TEXT),
            output_rendered: table.column(OUTPUT_TEXT_RENDERED),
        };
        Ok(BodiesTable { table, columns })
    }

    /// Returns the ids of the calls, a row each.
    ///
    /// # Errors
    ///
    /// If the table cannot be read, or has an id that is no name of a folder.
    pub(super) fn call_ids(&self) -> io::Result<Vec<String>> {
        let ids = self.table.texts(self.columns.call_id)?;
        let name = |id: Option<Bytes>| {
            let id = id.and_then(|id| String::from_utf8(id.into()).ok()).unwrap_or_default();
            if is_call(&id) && !id.contains(['/', '\\', '\0']) {
                return Ok(id);
            }
            Err(io::Error::new(io::ErrorKind::InvalidData, "it has a call without a call's name"))
        };
        ids.into_iter().map(name).collect()
    }

    /// Returns the number of rows.
    pub(super) fn rows(&self) -> u64 {
        self.table.rows()
    }

    /// Returns the contents of a file of the call in `row`; `None` if the call has no such file.
    pub(super) fn file(&self, row: u64, file: Stored) -> io::Result<Option<Bytes>> {
        self.text(
            row,
            match file {
                Stored::Metadata => Some(self.columns.metadata),
                Stored::Input => self.columns.input,
                Stored::Output => self.columns.output,
            },
        )
    }

    fn text(&self, row: u64, column: Option<usize>) -> io::Result<Option<Bytes>> {
        column.map_or(Ok(None), |column| self.table.text(column, row))
    }

    /// Reads a whole row, but for its time of start, which its metadata have.
    pub(super) fn row(&self, row: u64) -> io::Result<BodiesRow> {
        let columns = &self.columns;
        let word = |column| -> io::Result<String> {
            let text = self.text(row, column)?.unwrap_or_default();
            Ok(String::from_utf8_lossy(&text).into_owned())
        };
        let text_file = |text, rendered| -> io::Result<TextFile> {
            if let Some(text) = self.text(row, text)? {
                return Ok(TextFile::Stored(text));
            }
            match &*word(rendered)? {
                "" => Ok(TextFile::Missing),
                "zh" => Ok(TextFile::Rendered(Language::Chinese)),
                "en" => Ok(TextFile::Rendered(Language::English)),
                other => {
                    let why = format!("a text in {other}, which is not known");
                    Err(io::Error::new(io::ErrorKind::InvalidData, why))
                }
            }
        };
        BodiesRow::packed(
            word(columns.call_uid)?,
            word(Some(columns.call_id))?,
            self.text(row, Some(columns.metadata))?.unwrap_or_default(),
            self.text(row, columns.input)?,
            self.text(row, columns.output)?,
            text_file(columns.input_text, columns.input_rendered)?,
            text_file(columns.output_text, columns.output_rendered)?,
        )
    }
}
