//! The clients' times.

/// 2262-01-01 in ms: the last year that readers with nanoseconds in 64 bits can show as a whole ends in April.
const MS_END: i64 = 9_214_646_400_000;

/// A client's time in µs. `None` if it is 0, which means that there is none, or outside of 1970 to 2261: a client's clock can say anything, and
/// one value that a reader cannot hold would make the whole file unreadable to it.
pub fn client_time_us(ms: i64) -> Option<i64> {
    (1..MS_END).contains(&ms).then(|| ms * 1000)
}

#[cfg(test)]
mod tests;
