//! The heartbeats of the cores, and the listener that checks them.
//!
//! A core beats with each sweep, ten times a second. The listener counts its own checks rather than the time between them, so that a pause
//! of the whole process does not look like silence. A silent core is either stuck in a system call, which may pass, or spins without ever
//! reaching its timers, as it does when its ring fails for good. A spinning core uses processor time, and never recovers.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::time::Duration;

/// The time between two checks.
pub const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// A core that is silent for this long is stuck.
pub const STUCK_MS: u64 = 5_000;

/// After this long a restart is the better choice: `/health/live` asks for it.
pub const DEAD_MS: u64 = 30_000;

/// A stuck core that has used this much processor time since it was found stuck will not recover, in ticks of 10 ms.
const SPINNING_TICKS: u64 = 300;

/// The heartbeat of one core.
#[derive(Debug, Default)]
struct Beat {
    count: AtomicU64,
    /// The thread id while it runs.
    thread: AtomicI32,
    silent_ms: AtomicU64,
    spinning: AtomicBool,
}

/// The heartbeats of all cores.
#[derive(Debug)]
pub struct Heartbeats(Vec<Beat>);

impl Heartbeats {
    /// No core has begun yet.
    pub fn new(cores: u16) -> Self {
        Self((0..cores).map(|_| Beat::default()).collect())
    }

    /// The calling thread belongs to this core from now on.
    pub fn begin(&self, core: u16) {
        self.0[usize::from(core)].thread.store(rustix::thread::gettid().as_raw_nonzero().get(), Ordering::SeqCst);
    }

    /// The core is alive.
    pub fn beat(&self, core: u16) {
        self.0[usize::from(core)].count.fetch_add(1, Ordering::Relaxed);
    }

    /// The core has ended, and its silence is expected.
    pub fn end(&self, core: u16) {
        self.0[usize::from(core)].thread.store(0, Ordering::SeqCst);
    }

    /// How long each core has been silent, in ms.
    pub fn silent_ms(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().map(|beat| beat.silent_ms.load(Ordering::Relaxed))
    }

    /// Why a core is stuck, if it is.
    pub fn fault(&self, core: usize) -> Option<String> {
        let beat = &self.0[core];
        let silent_ms = beat.silent_ms.load(Ordering::Relaxed);
        let how = if beat.spinning.load(Ordering::Relaxed) { "turns without end" } else { "does not answer" };
        (silent_ms >= STUCK_MS).then(|| format!("core {core} {how} for {} s", silent_ms / 1000))
    }

    /// Whether a core has been stuck for so long that only a restart helps.
    pub fn is_dead(&self) -> bool {
        self.silent_ms().any(|silent_ms| silent_ms >= DEAD_MS)
    }
}

/// A change in a core's state since the last check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It has become stuck.
    Stuck,
    /// It has recovered, after this many ms.
    Recovered(u64),
    /// It spins: it will not recover.
    Spinning,
}

/// What the listener remembers about a core.
#[derive(Debug, Default, Clone, Copy)]
struct Observation {
    count: u64,
    silent_ms: u64,
    ticks: Option<u64>,
    spinning: bool,
}

/// Checks the heartbeats of all cores.
#[derive(Debug)]
pub struct Listener(Vec<Observation>);

impl Listener {
    /// A listener that has seen nothing yet.
    pub fn new(heartbeats: &Heartbeats) -> Self {
        Self(vec![Observation::default(); heartbeats.0.len()])
    }

    /// To be called once per [`CHECK_INTERVAL`]. Calls `change` for each change.
    pub fn check(&mut self, heartbeats: &Heartbeats, mut change: impl FnMut(usize, Change)) {
        self.check_with(heartbeats, processor_ticks, &mut change);
    }

    fn check_with(
        &mut self,
        heartbeats: &Heartbeats,
        ticks_of: fn(i32) -> Option<u64>,
        change: &mut dyn FnMut(usize, Change),
    ) {
        for (core, (beat, seen)) in heartbeats.0.iter().zip(&mut self.0).enumerate() {
            let (count, thread) = (beat.count.load(Ordering::Relaxed), beat.thread.load(Ordering::SeqCst));
            if count != seen.count || thread == 0 {
                if seen.silent_ms >= STUCK_MS && thread != 0 {
                    change(core, Change::Recovered(seen.silent_ms));
                }
                *seen = Observation { count, ..Observation::default() };
            } else {
                let before_ms = seen.silent_ms;
                seen.silent_ms += CHECK_INTERVAL.as_millis() as u64;
                if before_ms < STUCK_MS && seen.silent_ms >= STUCK_MS {
                    seen.ticks = ticks_of(thread);
                    change(core, Change::Stuck);
                } else if seen.silent_ms >= STUCK_MS && !seen.spinning && seen.silent_ms % 1000 == 0 {
                    let used = ticks_of(thread).zip(seen.ticks).map(|(now, then)| now.saturating_sub(then));
                    if used.is_some_and(|used| used >= SPINNING_TICKS) {
                        seen.spinning = true;
                        change(core, Change::Spinning);
                    }
                }
            }
            beat.silent_ms.store(seen.silent_ms, Ordering::Relaxed);
            beat.spinning.store(seen.spinning, Ordering::Relaxed);
        }
    }
}

/// The processor time that a thread of this process has used, in ticks of 10 ms.
fn processor_ticks(thread: i32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).ok()?;
    // The name is in parentheses and may contain anything. The times in user mode and in the kernel are the twelfth and thirteenth fields
    // after it.
    let mut fields = text.rsplit_once(") ")?.1.split(' ').skip(11);
    let (user, kernel) = (fields.next()?, fields.next()?);
    Some(user.parse::<u64>().ok()? + kernel.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests;
