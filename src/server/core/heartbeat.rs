//! The heartbeats of the cores, and who listens to them.
//!
//! A core heartbeats with each sweep, ten times a second. Whoever listens counts its own looks and not the time between them, so that a pause of the
//! whole process is nobody's silence. A core that is silent is stuck in a call of the kernel's, which may pass, or turns without ever coming to
//! its timers, as it does when its ring fails for good. The second uses processor time, and never passes.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::time::Duration;

/// The time between two looks.
pub const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// A core that is silent for this long is stuck.
pub const STUCK_MS: u64 = 5_000;

/// After this long a restart is the better way: `/health/live` asks for it.
pub const DEAD_MS: u64 = 30_000;

/// A stuck core that has used this much processor time since it was found so will not come back, in ticks of 10 ms.
const SPINNING_TICKS: u64 = 300;

/// One core's.
#[derive(Debug, Default)]
struct Beat {
    count: AtomicU64,
    /// The thread's number while it runs.
    thread: AtomicI32,
    silent_ms: AtomicU64,
    spinning: AtomicBool,
}

/// Those of all cores.
#[derive(Debug)]
pub struct Heartbeats(Vec<Beat>);

impl Heartbeats {
    /// None has begun yet.
    pub fn new(cores: u16) -> Self {
        Self((0..cores).map(|_| Beat::default()).collect())
    }

    /// The calling thread is this core's from now on.
    pub fn begin(&self, core: u16) {
        self.0[usize::from(core)].thread.store(rustix::thread::gettid().as_raw_nonzero().get(), Ordering::SeqCst);
    }

    /// The core is alive.
    pub fn beat(&self, core: u16) {
        self.0[usize::from(core)].count.fetch_add(1, Ordering::Relaxed);
    }

    /// The core has ended, and is silent by right.
    pub fn end(&self, core: u16) {
        self.0[usize::from(core)].thread.store(0, Ordering::SeqCst);
    }

    /// How long each core has been silent, in ms.
    pub fn silent_ms(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().map(|beat| beat.silent_ms.load(Ordering::Relaxed))
    }

    /// Why a core that is stuck can't serve.
    pub fn fault(&self, core: usize) -> Option<String> {
        let beat = &self.0[core];
        let silent_ms = beat.silent_ms.load(Ordering::Relaxed);
        let how = if beat.spinning.load(Ordering::Relaxed) { "turns without end" } else { "does not answer" };
        (silent_ms >= STUCK_MS).then(|| format!("core {core} {how} for {} s", silent_ms / 1000))
    }

    /// Whether a core is stuck for so long that only a restart helps.
    pub fn is_dead(&self) -> bool {
        self.silent_ms().any(|silent_ms| silent_ms >= DEAD_MS)
    }
}

/// What has become of a core since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is stuck now.
    Stuck,
    /// It is back, after so many ms.
    Recovered(u64),
    /// It turns without end: it will not come back.
    Spinning,
}

/// What a listener remembers of a core.
#[derive(Debug, Default, Clone, Copy)]
struct Observation {
    count: u64,
    silent_ms: u64,
    ticks: Option<u64>,
    spinning: bool,
}

/// Listens to all cores.
#[derive(Debug)]
pub struct Listener(Vec<Observation>);

impl Listener {
    /// Has seen nothing yet.
    pub fn new(heartbeats: &Heartbeats) -> Self {
        Self(vec![Observation::default(); heartbeats.0.len()])
    }

    /// To be called once each [`CHECK_INTERVAL`]: what is new of each core.
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
    // The name may hold anything, and is in parentheses. Twelve and thirteen fields behind it stand the times in user mode and in the kernel.
    let mut fields = text.rsplit_once(") ")?.1.split(' ').skip(11);
    let (user, kernel) = (fields.next()?, fields.next()?);
    Some(user.parse::<u64>().ok()? + kernel.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests;
