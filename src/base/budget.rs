//! Limits a thread to a share of one processor.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Processor time that is not used within this time is forfeited.
const WINDOW: Duration = Duration::from_secs(1);

/// The shortest pause that is worth a system call.
const PAUSE_MIN: Duration = Duration::from_millis(2);

/// Compares the processor time of the thread that created it with its share.
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

    /// How long the thread must pause to stay within the share; `None` if it need not.
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
