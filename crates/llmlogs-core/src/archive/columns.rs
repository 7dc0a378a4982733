//! Columns and values of a table, in terms of what is stored rather than of Parquet.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::{Type, TypePtr};

/// What the values of a column are. Every column may lack values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// UTF-8.
    Text,
    /// A list of texts.
    Texts,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// Yes or no.
    Flag,
    /// Microseconds since 1970 in UTC.
    Time,
}

/// How the values of a column are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Storage {
    /// Few different values, or small ones.
    Dictionary,
    /// Every value differs, and rows are looked up by it.
    Key,
    /// Texts of any length, which are read one by one.
    Large,
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) name: &'static str,
    /// OpenTelemetry's name, with dots; empty where there is none.
    pub(super) attribute: &'static str,
    pub(super) kind: Kind,
    pub(super) storage: Storage,
}

/// Returns the names of columns.
pub(super) const fn names<const N: usize>(columns: [Column; N]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut place = 0;
    while place < N {
        names[place] = columns[place].name;
        place += 1;
    }
    names
}

/// A value of a column; its type is that of the column's [`Kind`].
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Text(Bytes),
    Texts(Vec<Bytes>),
    Integer(i64),
    Number(f64),
    Flag(bool),
    Time(i64),
}

impl Value {
    /// Returns a text, or [`Value::Null`] for the empty one, which stands for "not known" in the format.
    pub(super) fn known_text(text: &str) -> Self {
        if text.is_empty() { Value::Null } else { Value::text(text) }
    }

    pub(super) fn text(text: &str) -> Self {
        Value::Text(Bytes::copy_from_slice(text.as_bytes()))
    }

    /// Returns a count as a whole number.
    pub(super) fn count(count: u64) -> Self {
        i64::try_from(count).map_or(Value::Null, Value::Integer)
    }

    /// Returns how many bytes the value takes, about.
    pub(super) fn weight(&self) -> usize {
        match self {
            Value::Text(text) => text.len() + 8,
            Value::Texts(texts) => texts.iter().map(|text| text.len() + 8).sum::<usize>() + 8,
            _ => 8,
        }
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

impl From<Vec<u8>> for Value {
    fn from(text: Vec<u8>) -> Self {
        Value::Text(text.into())
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Value::count(count)
    }
}

/// Returns the schema of a table with `columns`.
pub(super) fn schema(name: &str, columns: &[Column]) -> Result<TypePtr> {
    let fields = columns.iter().map(field).collect::<Result<_>>()?;
    Ok(Arc::new(Type::group_type_builder(name).with_fields(fields).build()?))
}

fn field(column: &Column) -> Result<TypePtr> {
    let (physical, logical) = match column.kind {
        Kind::Text => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Texts => return texts(column.name),
        Kind::Integer => (PhysicalType::INT64, None),
        Kind::Number => (PhysicalType::DOUBLE, None),
        Kind::Flag => (PhysicalType::BOOLEAN, None),
        Kind::Time => (PhysicalType::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
    };
    let field = Type::primitive_type_builder(column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical);
    Ok(Arc::new(field.build()?))
}

/// The three levels of a list that Parquet prescribes.
fn texts(name: &str) -> Result<TypePtr> {
    let element = Type::primitive_type_builder("element", PhysicalType::BYTE_ARRAY)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::String))
        .build()?;
    let list = Type::group_type_builder("list")
        .with_repetition(Repetition::REPEATED)
        .with_fields(vec![Arc::new(element)])
        .build()?;
    let outer = Type::group_type_builder(name)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(Some(LogicalType::List))
        .with_fields(vec![Arc::new(list)])
        .build()?;
    Ok(Arc::new(outer))
}

/// Returns the error of the operating system, or that of a file which is not what it should be.
pub(super) fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::new(io::ErrorKind::InvalidData, other),
        },
        error => io::Error::new(io::ErrorKind::InvalidData, error),
    }
}
