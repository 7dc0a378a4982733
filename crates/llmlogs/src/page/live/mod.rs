//! Events of calls as they happen: one thread a root watches, and each browser reads from where it is.

mod feed;
mod stream;

pub(crate) use feed::Feed;
pub(crate) use stream::get;
