//! A log that is open, without its threads: what they would do is done by calls.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::log::cursor::{ConsumerName, Cursors};
use crate::log::delete::deleter::Deleter;
use crate::log::format::sidecar;
use crate::log::open::Queues;
use crate::log::read::merge::Merge;
use crate::log::read::reader::SegmentState;
use crate::log::repair::verify::{SegmentVerdict, verify};
use crate::log::retain::{FullDisk, Policy, Rules};
use crate::log::write::job::Job;
use crate::log::write::retired::Retired;
use crate::log::write::seal::seal_retired;
use crate::log::write::shared::{Core, Shared, Space};
use crate::log::write::syncer::work;
use crate::log::write::{keeper, prepare};
use crate::log::{Ack, AppendError, Seq, Writer};

use super::history::{Checked, History, Shape, ensure};
use super::step::Step;

/// One core of a running log.
pub struct Seat {
    core: Arc<Core>,
    writer: Option<Writer>,
    jobs: Receiver<Job>,
    last: prepare::Last,
    alarm: Option<Instant>,
    /// The number of the attempt behind each count that the writer gave.
    pub appended: BTreeMap<Seq, u64>,
    acked: Seq,
}

/// The log while it is open.
pub struct Running {
    shared: Arc<Shared>,
    pub seats: Vec<Seat>,
    retired: Receiver<Retired>,
    unsealed: VecDeque<Retired>,
    merge: Merge,
    /// Where the consumer keeps its place, if it does.
    cursors: Option<Cursors>,
    rules: Rules,
}

/// The name of the one consumer.
pub fn consumer() -> ConsumerName {
    "model".parse().expect("a name")
}

impl Running {
    pub fn new(
        shared: Arc<Shared>,
        queues: Queues,
        merge: Merge,
        cursors: Option<Cursors>,
        retain_bytes: Option<u64>,
    ) -> Running {
        let policy = Policy { age: None, bytes: retain_bytes, full_disk: FullDisk::Hold, step_bytes: 4 << 20 };
        let rules = Rules::new(policy, BTreeMap::new());
        let ends = queues.seats.into_iter().zip(queues.jobs);
        let seats = shared.cores.iter().zip(ends).map(|(core, (seat, jobs))| Seat {
            core: Arc::clone(core),
            writer: Some(Writer::new(Arc::clone(&shared), Arc::clone(core), seat.jobs, seat.retire)),
            jobs,
            last: prepare::Last::new(),
            alarm: None,
            appended: BTreeMap::new(),
            acked: Seq(0),
        });
        let seats = seats.collect();
        if shared.options.retain_interval.is_zero() {
            shared.cores.iter().for_each(|core| core.spares.count(0, Duration::ZERO));
        }
        // The deleter looks whether the log is still in use.
        shared.cores_running.store(1, Ordering::SeqCst);
        Running { shared, seats, retired: queues.retired, unsealed: VecDeque::new(), merge, cursors, rules }
    }

    /// Takes one of the steps that concern the open log alone.
    pub fn act(&mut self, step: Step, history: &mut History, ack: Ack) -> Checked {
        let shared = &Arc::clone(&self.shared);
        match step {
            Step::Append { core, bytes } => self.seat(core).append(history, bytes, ack)?,
            Step::Kick { core } => self.seat(core).kick(),
            Step::Progress { core } => self.seat(core).progress(history, ack)?,
            Step::Sync { core } => self.sync(core),
            Step::Supply { core } => self.seat(core).supply(shared),
            Step::Format => drop(prepare::format_next(shared)),
            Step::Populate => {
                for seat in &self.seats {
                    keeper::move_windows(shared, &seat.core);
                }
            }
            Step::Turn => self.turn(history, ack)?,
            Step::Age { core } => self.seat(core).core.age_due.store(true, Ordering::SeqCst),
            Step::Anchor => shared.clock.anchor(),
            Step::Room(0) => shared.set_space(Space::Full),
            Step::Room(1) => shared.set_space(Space::Low),
            Step::Room(_) => shared.set_space(Space::Enough),
            Step::Seal => self.seal(),
            Step::Merge { count } => drop(history.read_merge(&mut self.merge, count, ack == Ack::Disk)?),
            Step::Keep => self.keep(history)?,
            Step::Delete => {
                let before = shared.retention.stats().recycled;
                Deleter::new(shared, self.rules.clone()).look_and_delete();
                history.recycled += shared.retention.stats().recycled - before;
            }
            Step::Read => drop(history.read_segments(&shared.dir, false)?),
            Step::Verify => verify_all(shared, history.bare)?,
            Step::WriteBack | Step::Trap { .. } | Step::Fail { .. } | Step::Stop { .. } | Step::Reopen { .. } => {}
        }
        Ok(())
    }

    fn turn(&mut self, history: &mut History, ack: Ack) -> Checked {
        for core in 0..self.seats.len() {
            let seat = &mut self.seats[core];
            seat.supply(&self.shared);
            prepare::format_next(&self.shared);
            keeper::move_windows(&self.shared, &seat.core);
            seat.progress(history, ack)?;
            seat.kick();
            self.sync(core as u16);
            self.seats[core].progress(history, ack)?;
        }
        Ok(())
    }

    fn keep(&mut self, history: &mut History) -> Checked {
        let Some(cursors) = &self.cursors else { return Ok(()) };
        history.keep(&self.merge.position(), |place| cursors.keep(&consumer(), place).is_ok())
    }

    fn seat(&mut self, core: u16) -> &mut Seat {
        let cores = self.seats.len();
        &mut self.seats[usize::from(core) % cores]
    }

    fn sync(&mut self, core: u16) {
        let shared = Arc::clone(&self.shared);
        let seat = self.seat(core);
        if let Ok(job) = seat.jobs.try_recv() {
            let _ = work(&shared, &seat.core, job, &mut seat.alarm);
        }
    }

    fn seal(&mut self) {
        self.unsealed.extend(self.retired.try_iter());
        if let Some(retired) = self.unsealed.pop_front() {
            self.unsealed.extend(seal_retired(&self.shared, retired, None));
        }
    }

    pub fn close(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        for core in 0..self.seats.len() {
            self.seats[core].writer = None;
            while !self.seats[core].jobs.is_empty() {
                self.sync(core as u16);
            }
        }
        self.unsealed.extend(self.retired.try_iter());
        for _ in 0..self.unsealed.len() {
            self.seal();
        }
        for seat in &self.seats {
            prepare::remove_unused(&self.shared, &seat.core);
            seat.core.control.close();
        }
    }
}

impl Drop for Seat {
    /// A process that is gone does nothing more: the writer's last job is not done.
    fn drop(&mut self) {
        self.writer = None;
        while self.jobs.try_recv().is_ok() {}
    }
}

impl Seat {
    pub fn sealed(&self) -> u64 {
        self.core.counters.sealed.load(Ordering::Relaxed)
    }

    fn append(&mut self, history: &mut History, bytes: usize, ack: Ack) -> Checked {
        let number = history.attempts.len() as u64;
        let shape = Shape::new(number, bytes);
        let Some(writer) = &mut self.writer else { return Ok(()) };
        match writer.append(&shape.entry()) {
            Ok(seq) => {
                // From memory, some counts go to what the log appends again by itself.
                let next = self.appended.len() as u64 + 1;
                ensure!(ack == Ack::Memory || seq.0 == next, "count {} for append {next}", seq.0);
                ensure!(self.appended.insert(seq, number).is_none(), "count {} is given twice", seq.0);
                history.append(self.core.index, bytes);
                if ack == Ack::Memory {
                    history.acknowledge(number);
                }
                Ok(())
            }
            Err(AppendError::TooLarge { .. } | AppendError::Closed) => {
                Err("an append that can't be refused was".into())
            }
            Err(_) => Ok(()),
        }
    }

    fn supply(&mut self, shared: &Shared) {
        if self.core.poison().is_none() {
            prepare::supply(shared, &self.core, &mut self.last);
        }
    }

    fn kick(&mut self) {
        if let Some(writer) = &mut self.writer {
            writer.kick();
        }
    }

    fn progress(&mut self, history: &mut History, ack: Ack) -> Checked {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let progress = writer.progress();
        ensure!(progress.acked >= self.acked, "what was acknowledged stays so");
        let newly = (Bound::Excluded(self.acked), Bound::Included(progress.acked));
        self.acked = progress.acked;
        if let Some((first, last)) = progress.lost {
            let known = ack == Ack::Memory || self.appended.contains_key(&first) && self.appended.contains_key(&last);
            ensure!(first <= last && known, "lost {first:?}..{last:?}");
            for (seq, &number) in self.appended.range(first..=last) {
                let attempt = &mut history.attempts[number as usize];
                ensure!(!attempt.lost, "record {seq:?} is reported as lost twice");
                let wrong = ack == Ack::Disk && attempt.is_acked();
                ensure!(!wrong, "record {seq:?} was acknowledged and is reported as lost");
                attempt.lost = true;
            }
        }
        for &number in self.appended.range(newly).map(|(_, number)| number) {
            if !history.attempts[number as usize].lost {
                history.acknowledge(number);
            }
        }
        Ok(())
    }
}

/// Checks the whole log. Faults of segments that a recovery could only seal without a sidecar are known.
pub fn verify_all(shared: &Shared, bare: bool) -> Checked {
    let mut faults = Vec::new();
    let mut tell = |verdict: &SegmentVerdict| {
        let is_bare = verdict.state == SegmentState::Sealed && !sidecar::path_of(&verdict.path).exists();
        if !(verdict.ok() || bare && is_bare) {
            faults.push(format!("{}: {:?}", verdict.path.display(), verdict.faults));
        }
    };
    verify(&shared.dir, &mut tell).map_err(|error| error.to_string())?;
    ensure!(faults.is_empty(), "verify finds faults: {faults:?}");
    Ok(())
}
