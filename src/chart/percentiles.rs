//! The axis of percentiles: each further nine of a quantile gets the same room.

use super::scale::Scale;

/// The place of a quantile on the axis: its number of nines; the last place stands for the maximum.
pub fn nines(quantile: f64) -> f64 {
    if quantile >= 1.0 { 5.0 } else { -(1.0 - quantile).log10() }
}

/// The axis, from the median to the maximum.
pub fn axis() -> Scale {
    Scale::linear(nines(0.5), nines(1.0))
}

/// Its labels.
pub fn ticks() -> Vec<(f64, String)> {
    let ticks = [(0.5, "50 %"), (0.9, "90"), (0.99, "99"), (0.999, "99.9"), (0.9999, "99.99"), (1.0, "max")];
    ticks.iter().map(|&(quantile, label)| (nines(quantile), label.to_owned())).collect()
}
