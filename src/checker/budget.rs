//! A share of one processor.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// What was not used within this time is lost.
const WINDOW: Duration = Duration::from_secs(1);

/// The shortest pause worth a system call.
const PAUSE_MIN: Duration = Duration::from_millis(2);

/// Measures the processor time of the thread that made it against its share.
pub struct Budget {
    percent: u32,
    began: Instant,
    used: Duration,
}

impl Budget {
    /// A share of `percent`, 1 to 100, of one processor.
    pub fn new(percent: u8) -> Self {
        Self { percent: u32::from(percent).clamp(1, 100), began: Instant::now(), used: thread_time() }
    }

    /// Changes the share.
    pub fn set(&mut self, percent: u8) {
        self.percent = u32::from(percent).clamp(1, 100);
    }

    /// How long to rest so that the share is kept, if at all.
    pub fn pause(&mut self) -> Option<Duration> {
        let used = thread_time().saturating_sub(self.used);
        let elapsed = self.began.elapsed();
        let pause = (used * 100 / self.percent).saturating_sub(elapsed);
        if elapsed > WINDOW {
            self.began = Instant::now() + pause;
            self.used = thread_time();
        }
        (pause > PAUSE_MIN).then_some(pause)
    }
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(test)]
mod tests;
