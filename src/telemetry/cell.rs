//! Numbers that one thread writes and any thread may read.
//!
//! A write is a relaxed load and a relaxed store, which compile to plain moves: with a single writer no update can be lost, and it avoids
//! the locked instruction of a `fetch_add` (some twenty cycles, and a fence).

use std::cmp::Ordering;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number with a single writer: a counter or a gauge.
///
/// If two threads write to the same cell, updates are lost; nothing worse happens.
#[derive(Debug, Default)]
pub struct Cell(AtomicU64);

impl Cell {
    /// A cell at zero.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds `n`, wrapping.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.add(1);
    }

    /// Subtracts `n`, stopping at zero.
    #[inline]
    pub fn sub(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).saturating_sub(n), Relaxed);
    }

    /// Subtracts one, stopping at zero.
    #[inline]
    pub fn dec(&self) {
        self.sub(1);
    }

    /// Sets the value.
    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    /// The last written value.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The upper bounds of a histogram's buckets, inclusive and ascending, in whole units; values above the last bound fall into the `+Inf`
/// bucket.
#[derive(Debug)]
pub struct Buckets {
    /// The bounds, in the unit that [`Histogram::observe`] takes.
    pub bounds: &'static [u64],
    /// One such unit in the displayed unit: 1e-6 displays microseconds as seconds.
    pub scale: f64,
}

/// A histogram with a single writer.
#[derive(Debug)]
pub struct Histogram {
    buckets: &'static Buckets,
    /// One cell per bound, one for `+Inf`, and the sum.
    cells: Box<[Cell]>,
}

impl Histogram {
    /// An empty histogram.
    pub fn new(buckets: &'static Buckets) -> Self {
        let cells = (0..buckets.bounds.len() + 2).map(|_| Cell::new()).collect();
        Self { buckets, cells }
    }

    /// Counts one value, in the unit of the bounds.
    #[inline]
    pub fn observe(&self, value: u64) {
        let bounds = self.buckets.bounds;
        // `partition_point` does the same, but is not marked to be inlined.
        let order = |bound: &u64| if *bound < value { Ordering::Less } else { Ordering::Greater };
        let at = bounds.binary_search_by(order).unwrap_or_else(|at| at);
        self.cells[at].inc();
        self.cells[bounds.len() + 1].add(value);
    }

    /// Its buckets.
    pub fn layout(&self) -> &'static Buckets {
        self.buckets
    }

    /// Adds this histogram's values to `total`, which has the same buckets.
    pub fn add_to(&self, total: &mut HistogramSum) {
        for (cell, count) in self.cells.iter().zip(total.cells.iter_mut()) {
            *count = count.wrapping_add(cell.get());
        }
    }
}

/// The sum of several cores' histograms, for one scrape.
#[derive(Clone, Debug)]
pub struct HistogramSum {
    buckets: &'static Buckets,
    cells: Vec<u64>,
}

impl HistogramSum {
    /// An empty sum.
    pub fn new(buckets: &'static Buckets) -> Self {
        Self { buckets, cells: vec![0; buckets.bounds.len() + 2] }
    }

    /// How many values were observed: always the sum of the buckets, so that a scrape never contradicts itself.
    pub fn count(&self) -> u64 {
        self.cells[..=self.buckets.bounds.len()].iter().sum()
    }

    /// The sum of all values, in the displayed unit.
    pub fn sum(&self) -> f64 {
        self.cells[self.buckets.bounds.len() + 1] as f64 * self.buckets.scale
    }

    /// What was observed since `earlier`, a sum of the same histograms.
    #[must_use]
    pub fn since(&self, earlier: &HistogramSum) -> HistogramSum {
        let cells = self.cells.iter().zip(&earlier.cells).map(|(now, then)| now.wrapping_sub(*then)).collect();
        HistogramSum { buckets: self.buckets, cells }
    }

    /// The value below which this share (0 to 1) of the values lies, in the displayed unit: interpolated within its bucket. `None` if there are
    /// no values; beyond the last bound, that bound.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = share * self.count() as f64;
        let (mut below, mut from, mut last) = (0.0, 0.0, None);
        for (bound, count) in self.buckets() {
            let count = count as f64;
            if count > 0.0 {
                if !bound.is_finite() {
                    return Some(from);
                }
                last = Some(from + (bound - from) * ((wanted - below) / count).clamp(0.0, 1.0));
                below += count;
                if below >= wanted {
                    return last;
                }
            }
            from = bound;
        }
        last
    }

    /// Pairs of upper bound (displayed unit, `+Inf` last) and the count of this bucket alone.
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = self.buckets.bounds.iter();
        // Dividing by the inverse gives the nearest decimal (0.005); multiplying by 1e-6 would not.
        let bounds = bounds.map(|bound| *bound as f64 / (1.0 / self.buckets.scale).round());
        bounds.chain([f64::INFINITY]).zip(self.cells.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static BUCKETS: Buckets = Buckets { bounds: &[5_000, 10_000, 25_000], scale: 1e-6 };

    #[test]
    fn a_value_on_a_bound_belongs_to_it() {
        let histogram = Histogram::new(&BUCKETS);
        for value in [0, 5_000, 5_001, 25_000, 25_001] {
            histogram.observe(value);
        }
        let mut sum = HistogramSum::new(&BUCKETS);
        histogram.add_to(&mut sum);
        let counts: Vec<u64> = sum.buckets().iter().map(|bucket| bucket.1).collect();
        assert_eq!(counts, [2, 1, 1, 1]);
        assert_eq!(sum.count(), 5);
        assert!((sum.sum() - 0.060_002).abs() < 1e-9);
    }

    #[test]
    fn a_quantile_lies_in_the_bucket_of_its_value() {
        let histogram = Histogram::new(&BUCKETS);
        let sum = |histogram: &Histogram| {
            let mut sum = HistogramSum::new(&BUCKETS);
            histogram.add_to(&mut sum);
            sum
        };
        assert_eq!(sum(&histogram).quantile(0.5), None);
        for _ in 0..90 {
            histogram.observe(7_000);
        }
        let before = sum(&histogram);
        for _ in 0..10 {
            histogram.observe(20_000);
        }
        let all = sum(&histogram);
        let within = |value: Option<f64>, from: f64, to: f64| value.is_some_and(|value| value > from && value <= to);
        assert!(within(all.quantile(0.5), 0.005, 0.010), "{:?}", all.quantile(0.5));
        assert!(within(all.quantile(0.99), 0.010, 0.025), "{:?}", all.quantile(0.99));
        assert!(within(all.since(&before).quantile(0.01), 0.010, 0.025));
        histogram.observe(1_000_000);
        assert_eq!(sum(&histogram).since(&all).quantile(0.5), Some(0.025), "the last bound that there is");
    }

    #[test]
    fn bounds_are_shown_as_the_decimals_they_are() {
        let shown: Vec<f64> = HistogramSum::new(&BUCKETS).buckets().iter().map(|bucket| bucket.0).collect();
        assert_eq!(shown, [0.005, 0.01, 0.025, f64::INFINITY]);
    }

    #[test]
    fn a_gauge_stops_at_zero() {
        let cell = Cell::new();
        cell.inc();
        cell.sub(3);
        assert_eq!(cell.get(), 0);
    }
}
