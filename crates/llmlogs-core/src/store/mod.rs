//! Files and folders: written whole or not at all, reached by open folders, removed by age and size.

pub mod folder;
mod retention;
mod session;
mod stats;

pub use retention::{PruneReport, Retention};
pub use session::{CallDir, Opened, Session};
pub use stats::{Counts, Fault, Loss, LossCounts, Stats, WriteErrors};
