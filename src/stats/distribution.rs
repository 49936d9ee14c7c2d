//! A distribution of sizes or times.

use hdrhistogram::Histogram;
use serde::Serialize;

/// Larger values count as this one in percentiles: 16 TiB, or half a year in microseconds.
const LARGEST: u64 = 1 << 44;

/// Values, of which percentiles are told to three digits.
#[derive(Debug, Clone)]
pub struct Values {
    histogram: Histogram<u64>,
    sum: u128,
    min: u64,
    max: u64,
}

impl Default for Values {
    fn default() -> Values {
        let histogram = Histogram::new_with_bounds(1, LARGEST, 3).expect("the bounds are a constant that a test tries");
        Values { histogram, sum: 0, min: u64::MAX, max: 0 }
    }
}

/// A distribution. All values are 0 where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Distribution {
    /// How many values.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// The smallest.
    pub min: u64,
    /// The value that half of them did not exceed.
    pub p50: u64,
    /// The same for 75 %.
    pub p75: u64,
    /// The same for 90 %.
    pub p90: u64,
    /// The same for 95 %.
    pub p95: u64,
    /// The same for 99 %.
    pub p99: u64,
    /// The same for 99.9 %.
    pub p999: u64,
    /// The same for 99.99 %.
    pub p9999: u64,
    /// The largest.
    pub max: u64,
}

impl Values {
    /// Notes a value.
    pub fn note(&mut self, value: u64) {
        self.histogram.saturating_record(value);
        self.sum += u128::from(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// The distribution.
    pub fn distribution(&self) -> Distribution {
        let count = self.histogram.len();
        if count == 0 {
            return Distribution::default();
        }
        // A histogram answers with the end of a step, which may lie beyond the largest value.
        let at = |quantile| self.histogram.value_at_quantile(quantile).clamp(self.min, self.max);
        Distribution {
            count,
            mean: self.sum as f64 / count as f64,
            min: self.min,
            p50: at(0.5),
            p75: at(0.75),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            p9999: at(0.9999),
            max: self.max,
        }
    }
}

impl Distribution {
    /// The quantiles from the median to the largest, each with its value.
    pub fn quantiles(&self) -> [(f64, u64); 8] {
        [
            (0.5, self.p50),
            (0.75, self.p75),
            (0.9, self.p90),
            (0.95, self.p95),
            (0.99, self.p99),
            (0.999, self.p999),
            (0.9999, self.p9999),
            (1.0, self.max),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_ends_and_mean_are_exact_and_percentiles_to_three_digits() {
        let mut values = Values::default();
        assert_eq!(values.distribution(), Distribution::default());
        (0..=10_000_u64).for_each(|value| values.note(value * 7));
        let found = values.distribution();
        assert_eq!((found.count, found.min, found.max, found.mean), (10_001, 0, 70_000, 35_000.0));
        for (quantile, value) in found.quantiles() {
            assert!((value as f64 - quantile * 70_000.0).abs() <= 70.0, "{quantile}: {value}");
        }
    }

    #[test]
    fn values_of_any_size_are_taken() {
        let mut values = Values::default();
        [0, 1, u64::MAX].into_iter().for_each(|value| values.note(value));
        let found = values.distribution();
        assert_eq!((found.count, found.min, found.p50, found.max), (3, 0, 1, u64::MAX));
    }
}
