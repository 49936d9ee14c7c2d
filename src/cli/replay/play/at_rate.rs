//! Sessions that begin at a rate, each with its own rhythm: an open loop, which a slow server does not slow down.
//!
//! All that is wanted is read first, and put in the order in which it is due: the n-th session begins n intervals after the first one. What does not
//! fit into memory waits in a temporary file. Rounds follow each other at the same rate, and overlap as long as sessions of the one before go on.

use std::collections::HashMap;

use crate::cli::error::CliError;
use crate::cli::replay::order::{Entry, Held, Mark, MergedRuns, Run, Sorter};
use crate::cli::replay::rate::Rate;
use crate::cli::replay::rounds::into_round;
use crate::cli::replay::source::Findings;
use crate::cli::replay::summary::Filter;

use super::in_order::{Reading, Stretch};
use super::progress::Progress;

/// The most sessions that are played at a rate: what is known of each takes memory.
const SESSIONS_MAX: usize = 10_000_000;

/// How much is sorted at a time. It is in memory besides `--memory`.
const RUN_BYTES: usize = 64 << 20;

/// How much of a run that waits in the temporary file is read at once, in all runs together.
const BUFFERS_BYTES: usize = 64 << 20;

/// What was planned: a replay that goes on must find the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Planned {
    /// Records.
    pub records: u64,
    /// Sessions.
    pub sessions: u64,
}

/// Sessions that begin at a rate.
#[derive(Debug)]
pub struct AtRate {
    runs: Vec<Run>,
    planned: Planned,
    bytes: u64,
    rate: Rate,
    rounds: u32,
    seed: u64,
    /// The rounds that have begun and not ended.
    active: Vec<(u32, MergedRuns)>,
    begun: u32,
    first_us: u64,
    stretch: Stretch,
    findings: Vec<Findings>,
    doubles: u64,
}

impl AtRate {
    /// Reads everything and plans it. `None`: the replay was interrupted.
    ///
    /// # Errors
    /// A source can't be read, the temporary file not be written, or there are too many sessions.
    pub fn plan(
        mut reading: Reading,
        rate: Rate,
        (rounds, seed): (u32, u64),
        known: Option<Stretch>,
        filter: &mut Filter,
        progress: &mut Progress,
    ) -> Result<Option<Self>, CliError> {
        reading.wanted.up_to = known.and_then(|known| known.last).map(|last| (last.due_us, last.id));
        let mut merged = reading.start()?;
        let mut sorter = Sorter::new(reading.means.budget.clone(), reading.means.spill.clone(), RUN_BYTES);
        let mut sessions: HashMap<u64, (u64, u64)> = HashMap::new();
        let (mut stretch, mut bytes, mut records) = (Stretch::default(), 0, 0);
        while let Some(held) = merged.next()? {
            progress.passed(|| reading.means.counts.bytes());
            let head = &held.head;
            let first_us = *stretch.first_us.get_or_insert(head.order_us);
            stretch.last = Some(Mark::of(head));
            if !filter.wants(&held.record()) {
                continue;
            }
            let count = sessions.len() as u64;
            let (number, began_us) = *sessions.entry(head.session).or_insert((count, head.order_us));
            if sessions.len() > SESSIONS_MAX {
                return Err(CliError::Other(format!(
                    "--sessions-per-second: there are more than {SESSIONS_MAX} sessions; choose fewer, with --from and --until"
                )));
            }
            let within_us = (head.order_us - began_us.min(head.order_us)) as f64 / rate.speed;
            let due_us = first_us.saturating_add(rate.begins_us(number)).saturating_add(within_us as u64);
            bytes += held.bytes() as u64;
            records += 1;
            sorter.push(Mark { due_us, round: 0, id: head.id }, held).map_err(CliError::Temporary)?;
        }
        if reading.means.is_stopping() {
            return Ok(None);
        }
        let runs = sorter.finish().map_err(CliError::Temporary)?;
        let doubles = merged.doubles();
        let planned = Planned { records, sessions: sessions.len() as u64 };
        let first_us = stretch.first_us.unwrap_or_default();
        let (active, findings) = (Vec::new(), merged.finish()?);
        Ok(Some(Self {
            runs,
            planned,
            bytes,
            rate,
            rounds,
            seed,
            active,
            begun: 0,
            first_us,
            stretch,
            findings,
            doubles,
        }))
    }

    /// The next record.
    ///
    /// # Errors
    /// The temporary file can't be read.
    pub fn next(&mut self, filter: &mut Filter) -> Result<Option<(Mark, Held)>, CliError> {
        while self.begun < self.rounds && self.planned.records > 0 {
            // Nothing of a round is due before its first session begins.
            let begins_us = self.first_us.saturating_add(self.round_us(self.begun));
            if self
                .active
                .iter()
                .filter_map(|(round, runs)| self.mark(*round, runs))
                .any(|mark| mark.due_us < begins_us)
            {
                break;
            }
            let mut runs = MergedRuns::default();
            let buffer = (BUFFERS_BYTES / self.runs.len().max(1)).clamp(64 << 10, 1 << 20);
            self.runs.iter().try_for_each(|run| runs.add(run, buffer)).map_err(CliError::Temporary)?;
            self.active.push((self.begun, runs));
            self.begun += 1;
        }
        let marks = self.active.iter().enumerate();
        let marks = marks.filter_map(|(at, (round, runs))| Some((self.mark(*round, runs)?, at)));
        let Some((mark, at)) = marks.min() else { return Ok(None) };
        let (round, runs) = &mut self.active[at];
        let round = *round;
        let entry = runs.next().map_err(CliError::Temporary)?;
        if runs.next_mark().is_none() {
            self.active.swap_remove(at);
        }
        let Some(Entry { mut held, .. }) = entry else { return Ok(None) };
        if round > 0 {
            // The first round was counted when it was planned.
            filter.wants(&held.record());
        }
        into_round(&mut held, round, self.seed);
        Ok(Some((mark, held)))
    }

    /// The place of a round's next record.
    fn mark(&self, round: u32, runs: &MergedRuns) -> Option<Mark> {
        let mark = runs.next_mark()?;
        Some(Mark { due_us: mark.due_us.saturating_add(self.round_us(round)), round, ..mark })
    }

    /// When a round begins, after the first one.
    fn round_us(&self, round: u32) -> u64 {
        self.rate.begins_us(self.planned.sessions.saturating_mul(round.into()))
    }

    /// What was planned.
    pub fn planned(&self) -> Planned {
        self.planned
    }

    /// Bytes of the planned records, of all rounds.
    pub fn bytes(&self) -> u64 {
        self.bytes.saturating_mul(self.rounds.into())
    }

    /// What is known of the stretch.
    pub fn stretch(&self) -> Stretch {
        self.stretch
    }

    /// What was found, and how many records several sources had.
    pub fn findings(&self) -> (&[Findings], u64) {
        (&self.findings, self.doubles)
    }
}
