//! The side runtime: one tokio thread on which all couriers wait for their destinations. No core ever waits for it.

use std::io;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

/// How long a stop waits for what blocks.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// Threads for what blocks: names that are looked up, dead letters, questions to Kafka. They exist while they are used. A lookup goes on after
/// whoever asked has given up, so several of each courier may be under way while a name server is down, and the others must not wait for those.
const BLOCKING_THREADS_MAX: usize = 32;

/// The running runtime. Dropping it stops it.
#[derive(Debug)]
pub struct SideRuntime {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl SideRuntime {
    /// Starts the thread.
    ///
    /// # Errors
    /// The runtime or its thread could not be started.
    pub fn start() -> io::Result<Self> {
        let runtime: Runtime =
            Builder::new_current_thread().enable_all().max_blocking_threads(BLOCKING_THREADS_MAX).build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let work = move || {
            // An error means that the sender was dropped, which is how a stop is asked for, too.
            let _ = runtime.block_on(stopped);
            runtime.shutdown_timeout(STOP_PATIENCE);
        };
        let thread = std::thread::Builder::new().name("couriers".into()).spawn(work)?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Where tasks are spawned.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for SideRuntime {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // If it panicked, the panic hook has reported that already.
            let _ = thread.join();
        }
    }
}
