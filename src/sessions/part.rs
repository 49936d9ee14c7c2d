//! From which moment on the events of a session are sent.
//!
//! What is before that moment is converted and not written: a page is made of all its changes. Times count from the first event that the session has. A leap over
//! years takes no time, so that whoever asks for a moment means the same one as whoever has seen all that was before it.

use serde_json::{Value as Json, json};

use crate::export::rrweb::event::Event;

/// Who seems to go on after so long has a clock that leapt, or says so: ten years.
const LEAP_MS: i64 = 10 * 365 * 24 * 3_600_000;

/// A part of a session.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// What was asked for: ms after the first event, or, below 0, before the end.
    from_ms: i64,
    /// The time of the first event,
    first_ms: Option<i64>,
    /// of the last one that was told or passed over,
    reached_ms: Option<i64>,
    /// and of what is behind all that has arrived, as far as that is known.
    end_ms: Option<i64>,
    /// The end that the client knows.
    told_end_ms: Option<i64>,
    leap_ms: i64,
    is_reached: bool,
}

impl Part {
    pub(super) fn new(from_ms: i64) -> Part {
        let (first_ms, reached_ms, end_ms, told_end_ms) = (None, None, None, None);
        Part { from_ms, first_ms, reached_ms, end_ms, told_end_ms, leap_ms: 0, is_reached: false }
    }

    /// The same part, where another one of the session has passed over what is before it.
    pub(super) fn continuing(&self, passed: &Part) -> Part {
        Part { from_ms: self.from_ms, end_ms: self.end_ms, told_end_ms: None, is_reached: false, ..passed.clone() }
    }

    /// Whether it begins after what another part of the same session has passed over.
    pub(super) fn begins_after(&self, passed: &Part) -> bool {
        let Some((first_ms, reached_ms)) = passed.first_ms.zip(passed.reached_ms) else { return false };
        reached_ms < self.begins_ms(first_ms)
    }

    /// When it begins.
    fn begins_ms(&self, first_ms: i64) -> i64 {
        match self.from_ms {
            after if after >= 0 => first_ms.saturating_add(after),
            before => self.end_ms.unwrap_or(i64::MAX).saturating_add(before),
        }
    }

    /// How long after the first event it begins, if that is known before all was read.
    pub(super) fn after_first_ms(&self) -> Option<i64> {
        (self.from_ms >= 0).then_some(self.from_ms)
    }

    /// What has arrived ends here, by its own time.
    pub(super) fn ends(&mut self, last_ms: Option<i64>) {
        self.end_ms = self.end_ms.max(last_ms);
    }

    /// Goes on to a time. Returns whether what happens then is to be written.
    pub(super) fn reach(&mut self, at_ms: i64) -> bool {
        // Until the first event it is written, so that it is known which one that is.
        let Some(first_ms) = self.first_ms else { return true };
        if !self.is_reached {
            let at_ms = self.without_leap(at_ms);
            self.is_reached = at_ms >= self.begins_ms(first_ms);
        }
        self.is_reached
    }

    /// All that there is was read: what follows is written.
    pub(super) fn reach_end(&mut self) {
        self.is_reached = self.first_ms.is_some();
    }

    /// Whether there was no event yet.
    pub(super) fn is_empty(&self) -> bool {
        self.first_ms.is_none()
    }

    /// Takes an event. Returns whether it is of the part, with the time that it has there.
    pub(super) fn take(&mut self, event: &mut Event) -> bool {
        if self.first_ms.is_none() {
            self.first_ms = Some(event.timestamp);
            self.reach(event.timestamp);
        }
        event.timestamp = self.without_leap(event.timestamp);
        self.is_reached
    }

    /// An event that tells how long the session is, if the client does not know it.
    pub(super) fn span(&mut self) -> Option<Json> {
        let first_ms = self.first_ms?;
        // Behind a leap the end is known when it is reached.
        let arrived_ms = self.end_ms.filter(|end_ms| end_ms.saturating_sub(first_ms) <= LEAP_MS);
        let end_ms = self.reached_ms.max(arrived_ms).max(Some(first_ms));
        if end_ms <= self.told_end_ms {
            return None;
        }
        self.told_end_ms = end_ms;
        Some(
            json!({ "type": 5, "data": { "tag": "span", "payload": { "from": first_ms, "to": end_ms } }, "timestamp": first_ms }),
        )
    }

    /// A time as if clocks did not leap. What comes is in the order of times.
    fn without_leap(&mut self, at_ms: i64) -> i64 {
        let now_ms = match self.reached_ms {
            Some(before_ms) if at_ms.saturating_sub(before_ms) > LEAP_MS => {
                let ahead_ms = at_ms.saturating_sub(self.leap_ms).saturating_sub(before_ms);
                if !(0..=LEAP_MS).contains(&ahead_ms) {
                    self.leap_ms = at_ms.saturating_sub(before_ms);
                }
                at_ms.saturating_sub(self.leap_ms)
            }
            _ => at_ms,
        };
        self.reached_ms = self.reached_ms.max(Some(now_ms));
        now_ms
    }
}

#[cfg(test)]
mod tests;
