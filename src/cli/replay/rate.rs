//! When sessions begin that are played at a rate.

/// When sessions begin.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Sessions a second.
    pub sessions_per_second: f64,
    /// How many times faster than recorded a session is.
    pub speed: f64,
}

impl Rate {
    /// When a session begins, after the first one, in microseconds.
    pub fn begins_us(&self, number: u64) -> u64 {
        (number as f64 * 1e6 / self.sessions_per_second) as u64
    }
}
