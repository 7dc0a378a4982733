//! What a run has recorded, in one line.

use std::path::Path;

use llmlogs_core::query::Filter;
use llmlogs_core::read::Root;

use crate::output::format::plural;

/// Returns how many calls the session in `dir` has, how many failed, their tokens, their cost, and the folder.
pub(crate) fn of(dir: &Path) -> String {
    let place = dir.display();
    let session =
        dir.file_name().map(|name| name.to_string_lossy().replacen("session_", "", 1)).unwrap_or_default();
    let totals = dir
        .parent()
        .and_then(Path::parent)
        .and_then(|root| Root::open(root).ok())
        .and_then(|root| root.totals(&Filter::default().session(&session)).ok());
    let Some(totals) = totals else { return format!("no calls; {place}") };
    let all = &totals.all;
    if all.calls == 0 {
        return format!("no calls; does the program read these settings? {place}");
    }
    let mut parts = vec![plural(all.calls, "call")];
    if all.errors > 0 {
        parts.push(format!("{} failed", all.errors));
    }
    if all.cancelled > 0 {
        parts.push(format!("{} cancelled", all.cancelled));
    }
    parts.push(plural(all.total_tokens, "token"));
    parts.extend(all.cost.iter().map(|cost| format!("{:.4} {}", cost.amount, cost.currency)));
    format!("{}; {place}", parts.join(", "))
}
