//! Observations by boundaries.

/// OpenTelemetry's for the duration of an operation, in seconds.
/// <https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/>
pub(super) const SECONDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

/// OpenTelemetry's for the number of tokens: the powers of four.
pub(super) const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// How many observations there were, up to each boundary and beyond the last, and their sum.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Histogram {
    /// Up to each boundary but above the one before it; the last place is beyond them all.
    counts: [u64; 15],
    sum: u64,
}

impl Histogram {
    /// Adds an observation: `value` in the unit of the boundaries, and `exact` as it is summed.
    pub(super) fn add(&mut self, bounds: &[f64; 14], value: f64, exact: u64) {
        self.counts[bounds.partition_point(|bound| *bound < value)] += 1;
        self.sum = self.sum.saturating_add(exact);
    }

    pub(super) fn merge(&mut self, other: &Histogram) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(ours, theirs)| *ours += theirs);
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// Returns how many there were up to each boundary, and at last how many in all.
    pub(super) fn cumulative(&self) -> [u64; 15] {
        let mut sum = 0;
        self.counts.map(|count| {
            sum += count;
            sum
        })
    }

    pub(super) fn sum(&self) -> u64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_belongs_to_what_is_below_it() {
        let mut histogram = Histogram::default();
        for ms in [10, 11, 81_920, 81_921] {
            histogram.add(&SECONDS, ms as f64 / 1000.0, ms);
        }
        let counts = histogram.cumulative();
        assert_eq!((counts[0], counts[1], counts[12], counts[13], counts[14]), (1, 2, 2, 3, 4));
        assert_eq!(histogram.sum(), 163_862);
    }
}
