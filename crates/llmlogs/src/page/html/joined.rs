//! Which result belongs to which tool call.

use std::collections::HashMap;

use llmlogs_core::read::Part;

/// The results of the tool calls in a list of parts, by the calls' places in it.
#[derive(Debug, Default)]
pub(crate) struct Joined {
    results: HashMap<usize, Vec<usize>>,
    calls: HashMap<usize, usize>,
}

impl Joined {
    /// Joins each result with the last call before it that has its id; without ids, with the first call of that tool that has no
    /// result yet.
    pub(crate) fn of(parts: &[&Part]) -> Self {
        let mut joined = Joined::default();
        let mut by_id: HashMap<&str, usize> = HashMap::new();
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        for (place, part) in parts.iter().enumerate() {
            match part {
                Part::ToolCall { id, name, .. } | Part::ServerToolCall { id, name, .. } if id.is_empty() => {
                    by_name.entry(name).or_default().insert(0, place);
                }
                Part::ToolCall { id, .. } | Part::ServerToolCall { id, .. } => {
                    by_id.insert(id, place);
                }
                Part::ToolResult { id, label, .. } => {
                    let call = match by_id.get(id.as_str()) {
                        Some(call) => Some(*call),
                        None => by_name.get_mut(label.as_str()).and_then(Vec::pop),
                    };
                    if let Some(call) = call {
                        joined.results.entry(call).or_default().push(place);
                        joined.calls.insert(place, call);
                    }
                }
                _ => {}
            }
        }
        joined
    }

    /// Returns the places of the results of the call at `place`.
    pub(crate) fn results(&self, place: usize) -> &[usize] {
        self.results.get(&place).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns whether the part at `place` is a result that stands with its call.
    pub(crate) fn has(&self, place: usize) -> bool {
        self.calls.contains_key(&place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: &str, name: &str) -> Part {
        Part::ToolCall { id: id.into(), name: name.into(), arguments: "{}".into() }
    }

    fn result(id: &str, label: &str) -> Part {
        Part::ToolResult { id: id.into(), label: label.into(), content: String::new() }
    }

    fn joined(parts: &[Part]) -> Joined {
        Joined::of(&parts.iter().collect::<Vec<_>>())
    }

    #[test]
    fn a_result_goes_to_the_call_before_it_with_its_id() {
        // Some servers count from zero in each turn.
        let parts = [
            call("0", "a"),
            result("0", ""),
            call("0", "b"),
            result("0", ""),
            result("0", ""),
            result("9", ""),
        ];
        let joined = joined(&parts);
        assert_eq!((joined.results(0), joined.results(2)), (&[1][..], &[3, 4][..]));
        assert!(joined.has(4) && !joined.has(5));
    }

    #[test]
    fn without_ids_results_come_in_the_order_of_their_calls() {
        let parts =
            [call("", "a"), call("", "b"), call("", "a"), result("", "a"), result("", "b"), result("", "a")];
        let joined = joined(&parts);
        assert_eq!((joined.results(0), joined.results(1), joined.results(2)), (&[3][..], &[4][..], &[5][..]));
    }
}
