//! Durations in bins that grow with them: percentiles from little memory.

/// Durations in whole milliseconds, counted in bins of at most an eighth of their value. Below 16 ms each has its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Histogram {
    /// How many durations there are in a bin, by the number of the bin; empty bins are left out.
    bins: Vec<(u8, u32)>,
    count: u64,
    max: u64,
}

/// The bins of each power of two.
const BINS_A_DOUBLING: u64 = 8;

/// Longer durations, 49 days, share the last bin.
const MAX_MS: u64 = u32::MAX as u64;

/// Returns the number of the bin of `ms`.
fn bin_of(ms: u64) -> u8 {
    let ms = ms.min(MAX_MS);
    if ms < BINS_A_DOUBLING {
        return ms as u8;
    }
    // The power of two, at least 3, and the three bits below the highest one.
    let power = u64::from(ms.ilog2());
    let below = (ms >> (power - 3)) & (BINS_A_DOUBLING - 1);
    ((power - 2) * BINS_A_DOUBLING + below) as u8
}

/// Returns the duration in the middle of a bin, in milliseconds.
fn middle_of(bin: u8) -> u64 {
    let bin = u64::from(bin);
    if bin < BINS_A_DOUBLING {
        return bin;
    }
    let shift = bin / BINS_A_DOUBLING - 1;
    let low = (BINS_A_DOUBLING + bin % BINS_A_DOUBLING) << shift;
    low + ((1 << shift) - 1) / 2
}

impl Histogram {
    pub(super) fn add(&mut self, ms: u64) {
        self.add_to_bin(bin_of(ms), 1);
        self.max = self.max.max(ms);
    }

    fn add_to_bin(&mut self, bin: u8, count: u32) {
        match self.bins.binary_search_by_key(&bin, |(bin, _)| *bin) {
            Ok(at) => self.bins[at].1 = self.bins[at].1.saturating_add(count),
            Err(at) => self.bins.insert(at, (bin, count)),
        }
        self.count += u64::from(count);
    }

    pub(super) fn merge(&mut self, other: &Histogram) {
        for (bin, count) in &other.bins {
            self.add_to_bin(*bin, *count);
        }
        self.max = self.max.max(other.max);
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn max(&self) -> u64 {
        self.max
    }

    /// Returns the duration that `share` of all, from 0 to 1, do not exceed (nearest rank); `None` if there are none.
    pub(super) fn percentile(&self, share: f64) -> Option<u64> {
        let rank = ((share * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        let mut passed = 0;
        let found = self.bins.iter().find(|(_, count)| {
            passed += u64::from(*count);
            passed >= rank
        });
        found.map(|(bin, _)| middle_of(*bin).min(self.max))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bin_is_close_to_every_duration_in_it(ms in 0_u64..=MAX_MS) {
            let middle = middle_of(bin_of(ms));
            prop_assert!(middle.abs_diff(ms) * 16 <= ms, "{ms} {middle}");
        }

        #[test]
        fn a_percentile_is_that_of_the_sorted_list(
            mut all in prop::collection::vec(0_u64..1_000_000, 1..200),
            split in 0_usize..200,
            share in 0.0_f64..=1.0,
        ) {
            let (mut first, mut second) = (Histogram::default(), Histogram::default());
            let split = split.min(all.len());
            all[..split].iter().for_each(|ms| first.add(*ms));
            all[split..].iter().for_each(|ms| second.add(*ms));
            first.merge(&second);
            all.sort_unstable();
            let rank = ((share * all.len() as f64).ceil() as usize).clamp(1, all.len());
            let exact = all[rank - 1];
            let found = first.percentile(share).unwrap();
            prop_assert!(found.abs_diff(exact) * 16 <= exact, "{found} {exact}");
            prop_assert_eq!(first.count(), all.len() as u64);
        }
    }

    #[test]
    fn nothing_has_no_percentile_and_the_largest_is_kept() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(0.5), None);
        histogram.add(u64::MAX);
        assert_eq!(histogram.max(), u64::MAX);
        assert_eq!(bin_of(u64::MAX), 239);
    }
}
