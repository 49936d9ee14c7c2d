//! A log without threads: every step that a thread would take is a call, in an order that a seed tells.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::log::cursor::{Cursor, Cursors};
use crate::log::format::position::MergePosition;
use crate::log::open::{Queues, take_up};
use crate::log::repair::recovery::recover_on;
use crate::log::write::shared::Shared;
use crate::log::{Ack, Options, Way};

use super::disk::ModelDisk;
use super::history::{Checked, History, ensure};
use super::platter::{Temper, Trap};
use super::rng::Rng;
use super::running::{Running, Seat, consumer, verify_all};
use super::step::Step;

/// The cap on the log's size, where there is one.
const RETAIN_BYTES: u64 = 128 << 10;

/// No recovery is interrupted more often.
const OUTAGES_MAX: u32 = 4;

pub struct World {
    // Dropped first: it holds files of the folder.
    running: Option<Running>,
    disk: &'static ModelDisk,
    options: Options,
    /// What the log is kept down to; None to keep everything.
    retain_bytes: Option<u64>,
    pub history: History,
    rng: Rng,
    /// The power has failed since the log was opened the last time.
    cut: bool,
    /// Segments that were left open and were recovered.
    pub recovered: u64,
    pub outages: u64,
    registered: bool,
    /// Segments that were sealed while the log was open.
    pub sealed: u64,
    quarantined: Vec<PathBuf>,
}

impl World {
    pub fn new(disk: &'static ModelDisk, dir: PathBuf, seed: u64) -> Checked<World> {
        let mut world = World::empty(disk, dir, seed);
        world.open(false)?;
        Ok(world)
    }

    fn empty(disk: &'static ModelDisk, dir: PathBuf, seed: u64) -> World {
        let mut rng = Rng::new(seed);
        let memory = rng.one_in(4);
        let options = Options {
            dir,
            cores: 1 + rng.below(2) as u16,
            ack: if memory { Ack::Memory } else { Ack::Disk },
            segment_bytes: [48 << 10, 64 << 10, 80 << 10][rng.below(3) as usize],
            window_bytes: 32 << 10,
            format_ahead: rng.one_in(2),
            group_bytes_max: [24 << 10, 32 << 10][rng.below(2) as usize],
            sync_interval: if rng.one_in(2) { Duration::ZERO } else { Duration::from_secs(3600) },
            reserve_bytes: 1 << 20,
            start_reserve_bytes: 4 << 10,
            seal_age: Duration::from_secs(3600),
            // Without one, what was made since the last look may be kept for the next segments.
            retain_interval: if seed.is_multiple_of(2) && !seed.is_multiple_of(6) {
                Duration::ZERO
            } else {
                Duration::from_secs(3600)
            },
            insist: true,
            way: if rng.one_in(2) { Way::Direct } else { Way::Mapped },
            ..Options::default()
        };
        World {
            running: None,
            disk,
            options,
            retain_bytes: seed.is_multiple_of(2).then_some(RETAIN_BYTES),
            history: History::default(),
            rng,
            cut: false,
            recovered: 0,
            outages: 0,
            registered: false,
            sealed: 0,
            quarantined: Vec::new(),
        }
    }

    /// A consumer that holds what it has not passed, where the log does not keep everything.
    fn cursors(&mut self, shared: &Shared, cut: bool) -> Checked<Option<Cursors>> {
        if self.retain_bytes.is_none() {
            return Ok(None);
        }
        let cursors = Cursors::beside_on(self.disk, &shared.dir, shared.log);
        match cursors.read(&consumer()).map_err(|error| error.to_string())? {
            Some(cursor) => self.history.resume_consumer(&cursor.position, cut)?,
            None => {
                ensure!(!self.registered, "the cursor of a registered consumer is gone");
                let position = MergePosition { log: shared.log, cores: BTreeMap::new(), behind: BTreeMap::new() };
                self.history.begin_consumer(&position)?;
                let cursor = Cursor { consumer: consumer(), holds: true, position };
                cursors.register(&cursor).map_err(|error| error.to_string())?;
                self.registered = true;
            }
        }
        Ok(Some(cursors))
    }

    /// A log of two cores, that rolls over often.
    pub fn plain(disk: &'static ModelDisk, dir: PathBuf, ack: Ack, way: Way) -> Checked<World> {
        let mut world = World::empty(disk, dir, 1);
        world.options = Options { cores: 2, ack, way, segment_bytes: 48 << 10, format_ahead: true, ..world.options };
        world.open(false)?;
        Ok(world)
    }

    /// A log of one core that keeps only so much of what its consumer has passed, and files of the rest for the next segments if it `recycles`.
    pub fn retaining(disk: &'static ModelDisk, dir: PathBuf, recycles: bool) -> Checked<World> {
        let mut world = World::empty(disk, dir, if recycles { 4 } else { 1 });
        world.retain_bytes = Some(RETAIN_BYTES);
        world.options = Options { cores: 1, ack: Ack::Disk, segment_bytes: 48 << 10, ..world.options };
        world.open(false)?;
        Ok(world)
    }

    /// A log of one core whose segments hold a few groups.
    pub fn small(disk: &'static ModelDisk, dir: PathBuf) -> Checked<World> {
        let mut world = World::empty(disk, dir, 1);
        world.options = Options {
            cores: 1,
            ack: Ack::Disk,
            segment_bytes: 24 << 10,
            window_bytes: 16 << 10,
            group_bytes_max: 16 << 10,
            start_reserve_bytes: 2 << 10,
            ..world.options
        };
        world.open(false)?;
        Ok(world)
    }

    /// Segments that were sealed while the log was open, up to now.
    pub fn sealed_segments(&self) -> u64 {
        self.sealed + self.running.iter().flat_map(|running| &running.seats).map(Seat::sealed).sum::<u64>()
    }

    pub fn acked(&self) -> usize {
        self.history.attempts.iter().filter(|attempt| attempt.is_acked()).count()
    }

    /// The power fails now, and a trap waits at a call of the recovery.
    pub fn stop_twice(&mut self, temper: Temper, calls: u64, trap: Trap) -> Checked {
        self.disk.clear_traps();
        self.disk.set_temper(temper);
        self.disk.stop(Trap::Cut);
        self.end();
        self.fall();
        self.disk.set_trap(calls, trap);
        self.open(false)
    }

    /// After whatever has failed, each core takes a record and makes it durable.
    pub fn check_that_it_takes_records(&mut self) -> Checked {
        self.disk.clear_traps();
        let (before, cores) = (self.acked(), usize::from(self.options.cores));
        for _ in 0..4 {
            for core in 0..cores as u16 {
                self.step(Step::Append { core, bytes: 100 })?;
            }
            self.step(Step::Turn)?;
            self.step(Step::Seal)?;
        }
        ensure!(self.acked() >= before + cores, "{} of {cores} records were acknowledged", self.acked() - before);
        Ok(())
    }

    /// Takes a step; where it ends the power or the process, the log is opened again and looked at.
    pub fn step(&mut self, step: Step) -> Checked {
        self.act(step)?;
        if self.disk.is_down() { self.come_back() } else { Ok(()) }
    }

    fn act(&mut self, step: Step) -> Checked {
        match step {
            Step::Trap { calls, kill, temper } => {
                self.disk.set_temper(Temper::ALL[usize::from(temper)]);
                self.disk.set_trap(calls, if kill { Trap::Kill } else { Trap::Cut });
                return Ok(());
            }
            Step::Fail { calls } => {
                self.disk.set_trap(calls, Trap::Fail);
                return Ok(());
            }
            Step::Stop { kill, temper } => {
                self.disk.set_temper(Temper::ALL[usize::from(temper)]);
                self.disk.stop(if kill { Trap::Kill } else { Trap::Cut });
                return Ok(());
            }
            Step::WriteBack => {
                self.disk.write_back();
                return Ok(());
            }
            Step::Reopen { cores } => return self.reopen(cores),
            _ => {}
        }
        let Some(running) = &mut self.running else { return Err("the log is not open".to_owned()) };
        running.act(step, &mut self.history, self.options.ack)
    }

    /// Closes the log in good order and opens it again.
    fn reopen(&mut self, cores: u16) -> Checked {
        let Some(running) = &mut self.running else { return Err("the log is not open".to_owned()) };
        running.close();
        if self.disk.is_down() {
            return self.come_back();
        }
        // All that was appended is durable now, answered or not. Where a call has failed, nobody is left to append the rest again.
        let sound = self.disk.failures() == 0;
        for &number in running.seats.iter().flat_map(|seat| seat.appended.values()) {
            let attempt = &mut self.history.attempts[number as usize];
            attempt.seen |= sound;
            attempt.lost |= (!attempt.is_acked() || self.options.ack == Ack::Memory) && !attempt.seen;
        }
        self.end();
        self.options.cores = cores;
        self.open(false)
    }

    /// The power is back, or the process is started again.
    fn come_back(&mut self) -> Checked {
        self.end();
        self.fall();
        self.open(true)
    }

    /// The process is gone.
    fn end(&mut self) {
        self.sealed = self.sealed_segments();
        self.running = None;
    }

    fn fall(&mut self) {
        self.outages += 1;
        self.cut |= self.disk.was_cut();
        self.disk.restart();
    }

    /// Opens the log and looks at all that is there. With `interrupted`, the opening itself may be interrupted.
    fn open(&mut self, interrupted: bool) -> Checked {
        let mut times = 0;
        let (shared, queues) = loop {
            if interrupted && times < OUTAGES_MAX && self.rng.one_in(3) {
                let trap = [Trap::Cut, Trap::Cut, Trap::Kill, Trap::Fail][self.rng.below(4) as usize];
                self.disk.set_temper(Temper::ALL[self.rng.below(4) as usize]);
                self.disk.set_trap(self.rng.below(40), trap);
            }
            times += 1;
            let failures = self.disk.failures();
            let opened = take_up(self.disk, self.options.clone(), 1);
            let failed = self.disk.failures() > failures;
            self.history.bare |= failed;
            if self.disk.is_down() {
                drop(opened);
                self.fall();
                continue;
            }
            match opened {
                // What failed is tried once more by the next start.
                Ok((_, recovery)) if failed && !recovery.problems.is_empty() => continue,
                Err(_) if failed => continue,
                Err(error) => return Err(format!("the log does not open: {error}")),
                Ok((shared, recovery)) => {
                    ensure!(recovery.problems.is_empty(), "recovery has problems: {:?}", recovery.problems);
                    ensure!(recovery.damage.is_empty(), "recovery reports damage: {:?}", recovery.damage);
                    self.recovered += recovery.segments;
                    self.quarantined.extend(recovery.quarantined);
                    let cores = shared.cores.len();
                    break (shared, Queues::new(cores));
                }
            }
        };
        // What is done from here on only looks.
        if interrupted {
            self.disk.clear_traps();
        }
        let pause = self.disk.pause();
        let may_forget = self.options.ack == Ack::Memory && (self.cut || self.disk.failures() > 0);
        let cut = std::mem::take(&mut self.cut);
        self.history.check_recovered(&shared.dir, may_forget, self.retain_bytes.is_some())?;
        let gone = self.quarantined.iter().find(|path| !path.exists());
        ensure!(gone.is_none(), "{gone:?} was set aside and is gone");
        check_second_recovery(&shared)?;
        verify_all(&shared, self.history.bare)?;
        let cursors = self.cursors(&shared, cut)?;
        let mut merge = self.history.open_merge(&shared.dir)?;
        self.history.read_merge(&mut merge, u64::MAX, self.options.ack == Ack::Disk)?;
        self.history.check_merged()?;
        self.running = Some(Running::new(shared, queues, merge, cursors, self.retain_bytes));
        self.disk.go_on(pause);
        Ok(())
    }
}

/// A second recovery finds nothing to do, and changes nothing.
fn check_second_recovery(shared: &Shared) -> Checked {
    let before = listing(&shared.dir);
    let again = recover_on(shared.disk, &shared.dir, shared.log, 1).map_err(|error| error.to_string())?;
    ensure!(again.problems.is_empty() && again.segments == 0, "a second recovery has something to do: {again:?}");
    ensure!(listing(&shared.dir) == before, "a second recovery changes the folder");
    Ok(())
}

/// Every file below a folder, with its length.
fn listing(dir: &std::path::Path) -> Vec<(PathBuf, u64)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(listing(&path));
        } else {
            let length = std::fs::metadata(&path).unwrap().len();
            all.push((path, length));
        }
    }
    all.sort();
    all
}
