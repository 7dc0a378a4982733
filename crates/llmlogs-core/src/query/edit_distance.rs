//! How far two ids are apart.

/// Returns how many letters have to be changed, added or removed to turn `a` into `b`; `None` from `limit` on.
pub(super) fn edit_distance(a: &[u8], b: &[u8], limit: usize) -> Option<usize> {
    let common = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[common..], &b[common..]);
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
        if row.iter().min().is_some_and(|least| *least >= limit) {
            return None;
        }
    }
    row.last().copied().filter(|distance| *distance < limit)
}

#[cfg(test)]
mod tests {
    use super::edit_distance;

    #[test]
    fn typing_errors_are_near() {
        assert_eq!(edit_distance(b"040210_001", b"040210_001", 3), Some(0));
        assert_eq!(edit_distance(b"040210_01", b"040210_001", 3), Some(1));
        assert_eq!(edit_distance(b"040201_001", b"040210_001", 3), Some(2));
        assert_eq!(edit_distance(b"999999", b"040210", 3), None);
    }
}
