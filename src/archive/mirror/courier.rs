//! The courier `courier-archive`: brings the store to where the archive is, whenever that has changed.
//!
//! Its cursor says how much of the log is in the store. It holds nothing back: what is in the archive is safe without the store.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant, SystemTime};

use tokio::time::sleep;

use crate::consume::Handle;
use crate::courier::backoff::Backoff;
use crate::courier::stores::{Store, StoreAccess};
use crate::courier::{Cause, Courier, CourierOptions, FollowerSeat, Report, SideRuntime};
use crate::log::LogError;
use crate::log::cursor::{Cursors, From};
use crate::log::read::merge::MergePosition;
use crate::log::read::reader::LogReader;
use crate::telemetry::Logger;

use super::pass::{Mirror, Pass, Watch};
use super::plan::Wanted;

/// The courier's name.
pub const COURIER: &str = "courier-archive";

/// How often it looks whether the archive has changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often it answers who asks it to read the log again.
const ANSWER_EVERY: Duration = Duration::from_millis(200);

/// For how long another process may copy the archive before that is told.
const BUSY_MAX: Duration = Duration::from_secs(60);

/// How often an idle store is asked whether it is there.
const IDLE_EVERY: Duration = Duration::from_secs(60);

/// A courier that has not been started.
#[derive(Debug)]
pub struct ArchiveCourier {
    store: Store,
}

impl ArchiveCourier {
    /// Prepares it. Nothing is sent.
    ///
    /// # Errors
    /// Settings that can't be used.
    pub fn new(access: &StoreAccess) -> Result<Self, String> {
        Store::open(access).map(|store| Self { store })
    }

    /// Starts it. Nothing is required of the store, or of the archive: they may be missing for now.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn start(self, options: CourierOptions, runtime: &SideRuntime, logger: &Logger) -> io::Result<Courier> {
        let run = move |seat: FollowerSeat| Follower::new(seat, self.store).run();
        Courier::spawn_follower(options, runtime, logger, run)
    }
}

/// The courier's work.
struct Follower {
    seat: FollowerSeat,
    mirror: Mirror,
    report: Report,
    backoff: Backoff,
}

/// Tells one state of the manifest from another: the file's number, length and time.
type Version = (u64, u64, Option<SystemTime>);

impl Follower {
    fn new(seat: FollowerSeat, store: Store) -> Self {
        let mirror = Mirror::new(store, seat.options.target.clone(), &seat.options.data);
        let report = seat.report();
        Self { seat, mirror, report, backoff: Backoff::default() }
    }

    /// Works until the courier is stopped. What is being uploaded then is given up at the next start.
    fn run(mut self) {
        // The calling thread's alone, and with it the priority of what it reads.
        let _ = rustix::process::nice(19);
        let (runtime, mut stopping) = (self.seat.runtime.clone(), self.seat.stopping.clone());
        let handle = self.seat.handle.clone();
        runtime.block_on(async {
            tokio::select! {
                biased;
                // An error means that the courier itself is gone.
                _ = stopping.wait_for(|stopping| *stopping) => {}
                () = answer_rereads(&handle) => {}
                () = self.follow() => {}
            }
        });
    }

    async fn follow(&mut self) {
        while let Err(cause) = self.mirror.drop_unfinished().await {
            self.wait_out(cause).await;
        }
        let mut there: Option<Version> = None;
        let mut asked: Option<Instant> = None;
        let mut busy: Option<Instant> = None;
        loop {
            let version = self.version();
            if version.is_none() || version == there {
                if asked.is_none_or(|asked| asked.elapsed() >= IDLE_EVERY) {
                    match self.mirror.store().check().await {
                        Ok(()) => self.went_well(),
                        Err(cause) => self.wait_out(cause).await,
                    }
                    asked = Some(Instant::now());
                }
                if version.is_none() {
                    self.has_come(None, None);
                }
                sleep(LOOK_EVERY).await;
                continue;
            }
            let Self { mirror, seat, report, backoff, .. } = self;
            let mut watch = Reporting { seat, report, backoff };
            match mirror.pass(&mut watch).await {
                Ok(Pass::Done { to, last_us, remark }) => {
                    self.went_well();
                    self.report.remark(remark);
                    self.has_come(to, last_us);
                    (there, asked) = (version, Some(Instant::now()));
                }
                Ok(Pass::Overtaken) => {}
                Ok(Pass::NoArchive) => sleep(LOOK_EVERY).await,
                Ok(Pass::Busy) => {
                    // It may have been stopped, and never go on.
                    if busy.get_or_insert_with(Instant::now).elapsed() > BUSY_MAX {
                        self.report.failed(self.mirror.busy());
                    }
                    sleep(LOOK_EVERY).await;
                    continue;
                }
                Err(cause) => self.wait_out(cause).await,
            }
            busy = None;
        }
    }

    fn version(&self) -> Option<Version> {
        let meta = fs::metadata(self.mirror.place().manifest()).ok()?;
        Some((meta.ino(), meta.len(), meta.modified().ok()))
    }

    /// Tells how much of the log is in the store, and keeps that in the courier's cursor.
    fn has_come(&self, to: Option<MergePosition>, last_us: Option<u64>) {
        let kept = || {
            let options = &self.seat.options;
            let reader = LogReader::open(&options.data.join("log"))?;
            let cursors = Cursors::of(&reader);
            let position = match to.filter(|to| to.log == reader.log_uuid()) {
                Some(to) => to,
                None => MergePosition { log: reader.log_uuid(), cores: Default::default(), behind: Default::default() },
            };
            self.seat.handle.has_come(&reader, &position, last_us);
            match cursors.keep(&options.name, &position) {
                Err(LogError::Consumer { .. } | LogError::Cursor { .. }) => {
                    cursors.remove(&options.name)?;
                    cursors.register_at(&reader, &options.name, false, From::Start)?;
                    cursors.keep(&options.name, &position)
                }
                other => other,
            }
        };
        match kept() {
            Ok(()) => self.report.can_read(),
            Err(error) => self.report.cannot_read(Cause::of_log(&error)),
        }
    }

    fn went_well(&mut self) {
        self.backoff.reset();
        self.report.ready();
    }

    async fn wait_out(&mut self, cause: Cause) {
        self.report.failed(cause);
        sleep(self.backoff.failed()).await;
    }
}

/// It reads the archive and not the log, so there is nothing that it could have read before an erasure.
async fn answer_rereads(handle: &Handle) {
    loop {
        if let Some(number) = handle.wants_reread() {
            handle.set_reread(number);
        }
        sleep(ANSWER_EVERY).await;
    }
}

/// Shows what a pass does as a courier does.
struct Reporting<'a> {
    seat: &'a FollowerSeat,
    report: &'a Report,
    backoff: &'a mut Backoff,
}

impl Watch for Reporting<'_> {
    fn planned(&mut self, _: u64, _: u64) {}

    fn uploaded(&mut self, file: &Wanted) {
        self.backoff.reset();
        self.report.ready();
        self.seat.status.delivered(file.records, 1, file.bytes);
    }

    async fn waits(&mut self, cause: Cause) -> Result<(), Cause> {
        self.report.failed(cause);
        sleep(self.backoff.failed()).await;
        Ok(())
    }
}
