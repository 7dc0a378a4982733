//! Notices as `tracing` events.

use llmlogs_core::format::{Alert, AlertEvent};
use llmlogs_core::notify::{Notify, NotifyError};

/// Emits an event for each notice.
pub(super) struct TracingEvents;

impl Notify for TracingEvents {
    fn notify(&mut self, alert: &Alert) -> Result<(), NotifyError> {
        let Alert { alert_id, notice, rule, value, limit, unit, message, .. } = alert;
        if alert.event == AlertEvent::Resolved {
            tracing::info!(
                target: "tracing_llmlogs::alert",
                alert_id, alert.state = "resolved", notice, rule, value, limit, unit, "{message}"
            );
        } else {
            tracing::warn!(
                target: "tracing_llmlogs::alert",
                alert_id, alert.state = "firing", notice, rule, value, limit, unit, "{message}"
            );
        }
        Ok(())
    }

    fn name(&self) -> &'static str {
        "event"
    }
}
