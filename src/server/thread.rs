//! The thread of a core: pinned, with its own runtime, running until its last connection has ended.

use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::Receiver;

use crate::log::Writer;
use crate::telemetry::{CoreMetrics, Level};

use super::conn::{accept, arrivals, migration, sweep};
use super::core::common::Common;
use super::core::sessions::Announcement;
use super::core::state::Core;
use super::store::{commit, ring_writes};

/// How often a draining core checks whether its connections have ended.
const DRAIN_POLL: Duration = Duration::from_millis(10);

/// What a core's thread is started with.
pub struct Seat {
    /// The core's number.
    pub number: u16,
    /// The processor it is pinned to.
    pub cpu: Option<usize>,
    /// Its listener.
    pub listener: TcpListener,
    /// Its log.
    pub writer: Writer,
    /// Its counters.
    pub metrics: Arc<CoreMetrics>,
    /// Sessions announced by other cores.
    pub inbox: Receiver<Announcement>,
}

/// Starts a core. The thread ends when the server stops and the core has drained.
pub fn spawn(common: Arc<Common>, seat: Seat) -> std::io::Result<JoinHandle<std::io::Result<()>>> {
    let name = format!("core-{:02}", seat.number);
    std::thread::Builder::new().name(name).spawn(move || {
        let _stop = StopAtEnd { common: Arc::clone(&common), core: seat.number };
        common.heartbeats.begin(seat.number);
        pin(&common, seat.number, seat.cpu);
        common.driver.block_on(run(Arc::clone(&common), seat))?
    })
}

/// If a core ends for any reason, the others must not go on without it: its listener would keep receiving its share of the connections.
struct StopAtEnd {
    common: Arc<Common>,
    core: u16,
}

impl Drop for StopAtEnd {
    fn drop(&mut self) {
        self.common.heartbeats.end(self.core);
        self.common.stop();
    }
}

fn pin(common: &Common, number: u16, cpu: Option<usize>) {
    let Some(cpu) = cpu else { return };
    if let Err(error) = monoio::utils::bind_to_cpu_set([cpu]) {
        let (core, cpu, error) = (number.to_string(), cpu.to_string(), error.to_string());
        let fields = [("core", &*core), ("cpu", &*cpu), ("error", &*error)];
        common.logger.event(Level::Warn, crate::caller!(), "the core could not be pinned", &fields);
    }
}

async fn run(common: Arc<Common>, seat: Seat) -> std::io::Result<()> {
    let core = Core::new(seat.number, common, seat.metrics, seat.writer, seat.inbox)?;
    monoio::spawn(commit::run(Rc::clone(&core)));
    monoio::spawn(sweep::run(Rc::clone(&core)));
    monoio::spawn(arrivals::run(Rc::clone(&core), core.arrivals.waited()?));
    if core.owns_writes() {
        (0..ring_writes::TASKS).for_each(|_| drop(monoio::spawn(ring_writes::run(Rc::clone(&core)))));
    }
    monoio::spawn(migration::run(Rc::clone(&core)));
    accept::run(Rc::clone(&core), seat.listener).await?;
    let drain_timeout = core.live().config.drain_timeout;
    let inbox = Arc::clone(&core.common.migrations[usize::from(core.number)]);
    let deadline_ms = core.tick() + drain_timeout.as_millis() as u64;
    while (core.conns.count() > 0 || inbox.places() > 0) && core.now_ms() < deadline_ms {
        monoio::time::sleep(DRAIN_POLL).await;
    }
    // A write that hangs is left to the kernel; the next start recovers whatever it has written.
    while core.has_writes() && core.tick() < deadline_ms {
        monoio::time::sleep(DRAIN_POLL).await;
    }
    // Dropping the writer hands its rest to the log's threads, which sync and seal it. It is dropped here because the runtime may leave
    // tasks behind that hold the core.
    drop(core.writer.take());
    Ok(())
}
