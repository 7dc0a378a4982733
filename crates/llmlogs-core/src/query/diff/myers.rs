//! The shortest edit script between two sequences, after Myers, "An O(ND) Difference Algorithm and Its Variations".

/// One step from the first sequence to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Both have it: the places in the first and in the second.
    Keep(usize, usize),
    /// Only the first has it.
    Delete(usize),
    /// Only the second has it.
    Insert(usize),
}

/// The most differences that are searched for; sequences that differ more count as having nothing in common but their
/// ends. The steps taken to find them are kept, which needs the square of this in memory.
const MOST: usize = 4_000;

/// Returns the steps that lead from `a` to `b`.
pub(super) fn steps<T: PartialEq>(a: &[T], b: &[T]) -> Vec<Step> {
    let prefix = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (middle_a, middle_b) = (&a[prefix..], &b[prefix..]);
    let suffix = middle_a.iter().rev().zip(middle_b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (middle_a, middle_b) = (&middle_a[..middle_a.len() - suffix], &middle_b[..middle_b.len() - suffix]);
    let mut steps: Vec<Step> = (0..prefix).map(|place| Step::Keep(place, place)).collect();
    match trace(middle_a, middle_b) {
        Some(trace) => {
            steps.extend(backtrack(&trace, middle_a.len(), middle_b.len()).into_iter().rev().map(|step| {
                match step {
                    Step::Keep(x, y) => Step::Keep(x + prefix, y + prefix),
                    Step::Delete(x) => Step::Delete(x + prefix),
                    Step::Insert(y) => Step::Insert(y + prefix),
                }
            }))
        }
        None => {
            steps.extend((prefix..a.len() - suffix).map(Step::Delete));
            steps.extend((prefix..b.len() - suffix).map(Step::Insert));
        }
    }
    let ends = (a.len() - suffix..a.len()).zip(b.len() - suffix..b.len());
    steps.extend(ends.map(|(x, y)| Step::Keep(x, y)));
    steps
}

/// Returns whether at least the share `least` of both sequences, from 0 to 1, is common to them.
pub(super) fn have_in_common<T: PartialEq>(a: &[T], b: &[T], least: f64) -> bool {
    let all = a.len() + b.len();
    let most = ((1.0 - least) * all as f64).floor() as usize;
    let mut row: Vec<usize> = Vec::new();
    let mut before: Vec<usize> = Vec::new();
    for differences in 0..=most {
        std::mem::swap(&mut row, &mut before);
        row.clear();
        if extend(a, b, differences, &before, &mut row) {
            return true;
        }
    }
    false
}

/// For each number of differences, the furthest places in `a` by diagonal, from the lowest diagonal up; `None` if there
/// are more than [`MOST`].
fn trace<T: PartialEq>(a: &[T], b: &[T]) -> Option<Vec<Vec<usize>>> {
    let mut trace: Vec<Vec<usize>> = Vec::new();
    for differences in 0..=(a.len() + b.len()).min(MOST) {
        let mut row = Vec::with_capacity(differences + 1);
        let before = trace.last().map_or(&[][..], Vec::as_slice);
        let reached = extend(a, b, differences, before, &mut row);
        trace.push(row);
        if reached {
            return Some(trace);
        }
    }
    None
}

/// Fills `row` with the furthest places in `a` that `differences` lead to, on the diagonals -differences,
/// -differences + 2, …, differences; returns whether the end of both sequences is reached.
fn extend<T: PartialEq>(
    a: &[T],
    b: &[T],
    differences: usize,
    before: &[usize],
    row: &mut Vec<usize>,
) -> bool {
    for place in 0..=differences {
        let diagonal = 2 * place as isize - differences as isize;
        let mut x = if differences == 0 {
            0
        } else if goes_down(before, place, differences) {
            before[place]
        } else {
            before[place - 1] + 1
        };
        let mut y = (x as isize - diagonal) as usize;
        while x < a.len() && y < b.len() && a[x] == b[y] {
            (x, y) = (x + 1, y + 1);
        }
        row.push(x);
        if x >= a.len() && y >= b.len() {
            return true;
        }
    }
    false
}

/// Returns whether the furthest place on a diagonal is reached by an insertion.
fn goes_down(before: &[usize], place: usize, differences: usize) -> bool {
    place == 0 || (place < differences && before[place - 1] < before[place])
}

/// The steps from the end to the start.
fn backtrack(trace: &[Vec<usize>], a: usize, b: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    let (mut x, mut y) = (a, b);
    for differences in (1..trace.len()).rev() {
        let diagonal = x as isize - y as isize;
        let place = ((diagonal + differences as isize) / 2) as usize;
        let before = &trace[differences - 1];
        let down = goes_down(before, place, differences);
        let start_x = if down { before[place] } else { before[place - 1] + 1 };
        while x > start_x {
            (x, y) = (x - 1, y - 1);
            steps.push(Step::Keep(x, y));
        }
        if down {
            y -= 1;
            steps.push(Step::Insert(y));
        } else {
            x -= 1;
            steps.push(Step::Delete(x));
        }
    }
    while x > 0 {
        (x, y) = (x - 1, y - 1);
        steps.push(Step::Keep(x, y));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The length of the longest common subsequence, by the textbook.
    fn common(a: &[u8], b: &[u8]) -> usize {
        let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
        for (x, one) in a.iter().enumerate() {
            for (y, other) in b.iter().enumerate() {
                rows[x + 1][y + 1] =
                    if one == other { rows[x][y] + 1 } else { rows[x][y + 1].max(rows[x + 1][y]) };
            }
        }
        rows[a.len()][b.len()]
    }

    proptest::proptest! {
        #[test]
        fn steps_lead_from_one_to_the_other_and_keep_as_much_as_can_be(
            a in proptest::collection::vec(0_u8..4, 0..24),
            b in proptest::collection::vec(0_u8..4, 0..24),
        ) {
            let steps = steps(&a, &b);
            let (mut from, mut to) = (Vec::new(), Vec::new());
            let mut kept = 0;
            for step in steps {
                match step {
                    Step::Keep(x, y) => {
                        proptest::prop_assert_eq!(a[x], b[y]);
                        from.push(x);
                        to.push(y);
                        kept += 1;
                    }
                    Step::Delete(x) => from.push(x),
                    Step::Insert(y) => to.push(y),
                }
            }
            proptest::prop_assert_eq!(from, (0..a.len()).collect::<Vec<_>>());
            proptest::prop_assert_eq!(to, (0..b.len()).collect::<Vec<_>>());
            proptest::prop_assert_eq!(kept, common(&a, &b));
            for least in [0.0, 0.25, 0.4, 1.0] {
                let share = if a.len() + b.len() == 0 { 1.0 } else { 2.0 * kept as f64 / (a.len() + b.len()) as f64 };
                proptest::prop_assert_eq!(have_in_common(&a, &b, least), share >= least);
            }
        }
    }
}
