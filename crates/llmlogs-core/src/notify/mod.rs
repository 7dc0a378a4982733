//! Delivering notices of alerts: each channel has a thread and a bounded queue of its own, so that none delays another,
//! nor anything else.

#![warn(missing_docs)]

mod channel;
mod channels;
mod command;
mod rate_limit;
#[cfg(feature = "webhooks")]
mod webhook;

pub use channel::{Notify, NotifyError};
pub use channels::{ChannelStats, Channels, OnUndelivered, Pace};
pub use command::AlertCommand;
pub use rate_limit::RateLimit;
#[cfg(feature = "webhooks")]
pub use webhook::{Webhook, WebhookError, WebhookKind};
