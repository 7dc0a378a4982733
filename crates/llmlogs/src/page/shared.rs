//! What answers are made of.

use std::sync::Arc;

use crate::output::format::Clock;

use super::feed::Feed;
use super::metrics::Metrics;
use super::roots::Roots;

/// What the answers share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) roots: Roots,
    pub(crate) clock: Clock,
    pub(crate) feed: Arc<Feed>,
    pub(crate) metrics: Metrics,
}
