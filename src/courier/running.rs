//! A running courier: its reading thread, its shipping task, and what others may ask of it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::consume::{self, BatchBounds, Consumer, Lag};
use crate::log::cursor::{ConsumerName, From};
use crate::log::read::merge::{MergePosition, RepeatWindow};
use crate::log::{LogError, RecentRecords};
use crate::telemetry::{Level, Logger};

use super::backoff::Backoff;
use super::dead_letters::DeadLetters;
use super::destination::{Destination, Packer};
use super::history::History;
use super::reading::ReadingHandler;
use super::report::Report;
use super::runtime::SideRuntime;
use super::shipment::ShipmentBounds;
use super::shipping::ShippingTask;
use super::status::Status;

/// Shipments between the reading thread and the shipping task. With the one being built and the one being shipped, a courier holds at most three.
const SHIPMENTS_WAITING_MAX: usize = 1;

/// How long a stop waits for a shipment under way. What is cut off comes again at the next start.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// How often the cursor is saved: what a crash repeats is at most what was delivered in this time.
const KEEP_EVERY: Duration = Duration::from_millis(500);

const BATCH: BatchBounds = BatchBounds { bytes: 8 << 20, time: Duration::from_millis(200) };
const IDLE: Duration = Duration::from_millis(20);
const BACKOFF_FIRST: Duration = Duration::from_millis(20);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// What a courier is started with.
#[derive(Debug, Clone)]
pub struct CourierOptions {
    /// Its name, which its cursor and its dead letters have too, such as `courier-redis`.
    pub name: ConsumerName,
    /// Where it ships to, for people: an address without credentials.
    pub target: String,
    /// The data folder.
    pub data: PathBuf,
    /// What the log has in memory.
    pub recent: Option<RecentRecords>,
    /// Whether its cursor holds segments back until they are delivered.
    pub holds: bool,
    /// The courier that must come first.
    pub behind: Option<consume::Handle>,
    /// How far back repeats are recognised.
    pub repeats: RepeatWindow,
    /// How long what was delivered stays in the log, for a destination that can lose it.
    pub resend: Duration,
    /// When a shipment is full.
    pub bounds: ShipmentBounds,
}

impl CourierOptions {
    /// Registers its cursor, if it holds segments back, so that what it has not read is not deleted. To be called before anything is.
    ///
    /// # Errors
    /// The cursor can't be read or written.
    pub fn register(&self) -> Result<(), LogError> {
        if consume::register(&self.consumer())? {
            forget_history(&self.data, &self.name)?;
        }
        Ok(())
    }

    /// The consumer that reads for it.
    pub fn consumer(&self) -> Consumer {
        Consumer {
            log_dir: self.data.join("log"),
            name: self.name.clone(),
            begin: From::Start,
            holds: self.holds,
            recent: self.recent.clone(),
            repeats: self.repeats,
            behind: self.behind.clone(),
            resume: None,
            batch: BATCH,
            idle: IDLE,
            keep_every: KEEP_EVERY,
            backoff_first: BACKOFF_FIRST,
            backoff_max: BACKOFF_MAX,
        }
    }
}

/// Forgets what a courier has delivered, because its cursor was removed or is about to be made anew.
///
/// # Errors
/// The file can't be removed.
pub fn forget_history(data: &Path, courier: &ConsumerName) -> Result<(), LogError> {
    History::forget(data, courier).map_err(LogError::io(data, "forget what a courier had delivered"))
}

/// What a courier's own thread is given, if it does not ship records but follows the log by itself.
#[derive(Debug)]
pub struct FollowerSeat {
    /// The courier's options.
    pub options: CourierOptions,
    /// To be told how far it has come.
    pub handle: consume::Handle,
    /// Where its state is shown.
    pub status: Arc<Status>,
    /// Becomes true when it must end.
    pub stopping: watch::Receiver<bool>,
    /// The side runtime, which drives what the thread waits for.
    pub runtime: Handle,
    /// Where it logs.
    pub logger: Logger,
}

impl FollowerSeat {
    /// What tells of the courier's state.
    pub fn report(&self) -> Report {
        let courier = self.options.name.to_string();
        Report { courier, status: Arc::clone(&self.status), logger: self.logger.clone() }
    }
}

/// Where a courier that does not run goes on; `saved` is the position of its cursor, which may be held back.
pub fn goes_on_at(data: &Path, name: &ConsumerName, saved: MergePosition) -> MergePosition {
    History::goes_on_at(data, name, saved)
}

/// A running courier. Dropping it stops it.
#[derive(Debug)]
pub struct Courier {
    name: ConsumerName,
    target: String,
    handle: consume::Handle,
    status: Arc<Status>,
    dead_letters: DeadLetters,
    stopping: watch::Sender<bool>,
    /// Told when records were erased that may have been read already.
    erased: watch::Sender<()>,
    /// The shipping task, if it has one.
    task: Option<AbortHandle>,
    /// Closed once the task has ended, or the work of a thread without one.
    task_ended: Receiver<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Courier {
    /// Starts it. Nothing is required of the destination: a courier whose destination is not there waits for it.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn spawn<P, D>(
        options: CourierOptions,
        packer: P,
        destination: D,
        runtime: &SideRuntime,
        logger: &Logger,
    ) -> io::Result<Self>
    where
        P: Packer,
        D: Destination<Item = P::Item>,
    {
        // If that can't be read now, the consumer will say so.
        let saved = consume::saved(&options.consumer()).ok().flatten();
        // A destination without marks loses nothing: its cursor moves with what is confirmed, and is never held back.
        let saved = saved.filter(|_| destination.mark().is_some());
        let history = History::open(&options.data, &options.name, saved);
        let resume = history.newest().map(|checkpoint| checkpoint.position.clone());
        let (name, consumer) = (options.name.to_string(), Consumer { resume, ..options.consumer() });
        let (to, from) = mpsc::channel(SHIPMENTS_WAITING_MAX);
        let (stopping, told) = watch::channel(false);
        let (erased, told_of_erased) = watch::channel(());
        let (handle, status) = (consume::Handle::default(), Arc::new(Status::default()));
        handle.hold_at(history.oldest_position());
        let dead_letters = DeadLetters::of(&options.data, &options.name);
        let report = Report { courier: name, status: Arc::clone(&status), logger: logger.clone() };
        let task = ShippingTask {
            destination,
            report: report.clone(),
            dead_letters: dead_letters.clone(),
            from,
            stopping: told,
            erased: told_of_erased,
            backoff: Backoff::default(),
            handle: handle.clone(),
            history,
            resend: options.resend,
            rewinds: 0,
            unverified: None,
            delivered_to: None,
            passed: None,
        };
        let (ended, task_ended) = crossbeam_channel::bounded::<()>(0);
        let task = runtime.handle().spawn(async move {
            task.run().await;
            drop(ended);
        });
        let mut reader = ReadingHandler { report, packer, bounds: options.bounds, to };
        let following = handle.clone();
        let read = move || {
            if let Err(error) = consume::follow(&consumer, &following, &mut reader) {
                let error = error.to_string();
                let fields = [("courier", &*reader.report.courier), ("error", &*error)];
                let message = "a courier ended: its cursor was removed while it ran";
                reader.report.logger.event(Level::Error, crate::caller!(), message, &fields);
            }
        };
        let thread = spawn_named(&options.name, read)?;
        Ok(Self {
            name: options.name,
            target: options.target,
            handle,
            status,
            dead_letters,
            stopping,
            erased,
            task: Some(task.abort_handle()),
            task_ended,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Starts one that follows the log by itself, on a thread of its own. `run` must end soon after it is told to stop.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn spawn_follower(
        options: CourierOptions,
        runtime: &SideRuntime,
        logger: &Logger,
        run: impl FnOnce(FollowerSeat) + Send + 'static,
    ) -> io::Result<Self> {
        let (stopping, told) = watch::channel(false);
        let (handle, status) = (consume::Handle::default(), Arc::new(Status::default()));
        let dead_letters = DeadLetters::of(&options.data, &options.name);
        let (ended, task_ended) = crossbeam_channel::bounded::<()>(0);
        let (name, target) = (options.name.clone(), options.target.clone());
        let seat = FollowerSeat {
            options,
            handle: handle.clone(),
            status: Arc::clone(&status),
            stopping: told,
            runtime: runtime.handle().clone(),
            logger: logger.clone(),
        };
        let work = move || {
            run(seat);
            drop(ended);
        };
        let thread = Mutex::new(Some(spawn_named(&name, work)?));
        let erased = watch::channel(()).0;
        Ok(Self { name, target, handle, status, dead_letters, stopping, erased, task: None, task_ended, thread })
    }

    /// Its name.
    pub fn name(&self) -> &ConsumerName {
        &self.name
    }

    /// Where it ships to, without credentials.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Its consumer's handle, for a courier that must stay behind this one.
    pub fn handle(&self) -> &consume::Handle {
        &self.handle
    }

    /// Makes it drop what it has read and not delivered, and read it again: records were erased from the log. What is on its way to the destination at
    /// this moment may still arrive. Returns a number for [`has_reread`](Self::has_reread).
    pub fn reread(&self) -> u64 {
        let number = self.handle.ask_to_reread();
        self.erased.send_replace(());
        number
    }

    /// Whether nothing is left of what it had read before this request. One that has ended holds nothing.
    pub fn has_reread(&self, number: u64) -> bool {
        self.handle.has_reread(number) || !self.is_running()
    }

    /// Its state and counts.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Its dead letters.
    pub fn dead_letters(&self) -> &DeadLetters {
        &self.dead_letters
    }

    /// How far it is behind; `None` if it has not begun or the log can't be read.
    pub fn lag(&self) -> Option<Lag> {
        self.handle.lag().ok().flatten()
    }

    /// Whether its thread runs. It ends by itself only if its cursor was removed.
    pub fn is_running(&self) -> bool {
        self.thread().as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Stops it: what is being shipped has a moment to arrive, the rest comes at the next start.
    pub fn stop(&self) {
        self.begin_stop();
        self.end(Instant::now() + STOP_PATIENCE);
    }

    /// Stops several at once.
    pub fn stop_all<'a>(couriers: impl Iterator<Item = &'a Self> + Clone) {
        couriers.clone().for_each(Self::begin_stop);
        let deadline = Instant::now() + STOP_PATIENCE;
        couriers.for_each(|courier| courier.end(deadline));
    }

    fn begin_stop(&self) {
        self.stopping.send_replace(true);
    }

    fn end(&self, deadline: Instant) {
        // The channel only ever closes.
        let _ = self.task_ended.recv_deadline(deadline);
        if let Some(task) = &self.task {
            task.abort();
        }
        self.handle.stop();
        let thread = self.thread().take();
        if let Some(thread) = thread {
            // If it panicked, the panic hook has reported that already.
            let _ = thread.join();
        }
    }

    fn thread(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts a courier's thread. The system shows the first 15 characters of its name.
fn spawn_named(courier: &ConsumerName, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let name = format!("courier-{}", courier.as_str().trim_start_matches("courier-"));
    std::thread::Builder::new().name(name).spawn(work)
}
