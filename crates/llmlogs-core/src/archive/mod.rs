//! Packed sessions: the folders of a session's calls as rows of Parquet files beside its index, and back.
//!
//! | module | what is in it |
//! | --- | --- |
//! | `packed` | a session's packed calls, for readers |
//! | `columns`, `calls_table`, `bodies_table` | the columns of the files |
//! | `table_writer`, `table_reader`, `read_at` | rows to columns and back, page by page |
//! | `call_files` | the files of one call, as a folder or as a row |
//! | `session_lock` | who may pack or unpack a session |
//! | `pack`, `unpack` | the two procedures |
//! | `report` | what they did |
//!
//! Without the feature `pack` there is only the place where readers learn that a session is packed.

#![warn(missing_docs)]

#[cfg(feature = "pack")]
mod bodies_table;
#[cfg(feature = "pack")]
mod call_files;
#[cfg(feature = "pack")]
mod calls_table;
#[cfg(feature = "pack")]
mod columns;
#[cfg(feature = "pack")]
mod pack;
#[cfg(feature = "pack")]
mod packed;
#[cfg(not(feature = "pack"))]
#[path = "not_built.rs"]
mod packed;
#[cfg(feature = "pack")]
mod read_at;
#[cfg(feature = "pack")]
mod report;
#[cfg(feature = "pack")]
mod session_lock;
#[cfg(feature = "pack")]
mod table_reader;
#[cfg(feature = "pack")]
mod table_writer;
#[cfg(feature = "pack")]
mod unpack;

pub use packed::PackedCalls;

/// The names of the columns of `bodies.parquet`.
#[cfg(feature = "pack")]
pub const BODIES_COLUMNS: [&str; bodies_table::COLUMNS.len()] = columns::names(bodies_table::COLUMNS);
/// The names of the columns of `calls.parquet`.
#[cfg(feature = "pack")]
pub const CALLS_COLUMNS: [&str; calls_table::COLUMNS.len()] = columns::names(calls_table::COLUMNS);

#[cfg(feature = "pack")]
pub use pack::Packer;
#[cfg(feature = "pack")]
pub use report::{Kept, SessionReport, Skipped, Weight};
#[cfg(feature = "pack")]
pub use unpack::Unpacker;
