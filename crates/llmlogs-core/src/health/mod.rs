//! How calls are doing: counts, latencies, tokens and costs in sliding windows, by provider and model.
//!
//! Pure: times are handed in, and nothing is read or written. The memory is bounded whatever the number of calls, models
//! and providers.

#![warn(missing_docs)]

mod clock;
mod histogram;
mod monitor;
mod snapshot;
mod window;

pub use clock::{SteadyClock, UnixTime};
pub use monitor::{MAX_SERIES, OTHER, SERIES_SPAN, SeriesSet};
pub use snapshot::{HealthSnapshot, SeriesHealth};
pub use window::{Percentile, Window, WindowStats};
