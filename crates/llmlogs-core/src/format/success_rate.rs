//! What a success rate is: in health, in counts over many calls and wherever they are shown.

/// Returns the share of successes among the calls that succeeded or failed, from 0 to 1; `None` if there were none. A
/// cancelled call is neither.
#[must_use]
pub fn success_rate(ok: u64, errors: u64) -> Option<f64> {
    let judged = ok.saturating_add(errors);
    (judged > 0).then(|| ok as f64 / judged as f64)
}

#[cfg(test)]
mod tests {
    use super::success_rate;

    #[test]
    fn without_a_success_or_a_failure_there_is_no_rate() {
        assert_eq!([success_rate(0, 0), success_rate(1, 3)], [None, Some(0.25)]);
    }
}
