//! The records as they were received, once or in rounds. Each round follows the one before it on the clock of the records.

use crate::cli::error::CliError;
use crate::cli::replay::order::{Held, Mark};
use crate::cli::replay::rounds::into_round;
use crate::cli::replay::source::{Findings, Means, Merged, Origin, Wanted};
use crate::cli::replay::summary::Filter;

/// What reading needs.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The sources.
    pub origins: Vec<Origin>,
    /// What is wanted of them.
    pub wanted: Wanted,
    /// What they share.
    pub means: Means,
}

impl Reading {
    /// Begins to read.
    ///
    /// # Errors
    /// A thread can't be started.
    pub fn start(&self) -> Result<Merged, CliError> {
        Merged::start(&self.origins, &self.wanted, &self.means)
    }
}

/// The stretch that a round plays: known once it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Stretch {
    /// When its first record was received, in microseconds.
    pub first_us: Option<u64>,
    /// The last record that was read.
    pub last: Option<Mark>,
}

impl Stretch {
    /// How long a round takes on the clock of the records.
    pub fn length_us(&self) -> u64 {
        let ends = self.first_us.zip(self.last);
        ends.map_or(0, |(first_us, last)| last.due_us.saturating_sub(first_us).saturating_add(1))
    }
}

/// Where an earlier run was.
#[derive(Debug, Clone, Copy)]
pub struct Earlier {
    /// Everything up to this one was confirmed.
    pub after: Option<Mark>,
    /// What was known of a round.
    pub stretch: Stretch,
    /// Whether a whole round was read: later ones play the same.
    pub is_read: bool,
}

/// The records as they were received.
#[derive(Debug)]
pub struct InOrder {
    reading: Reading,
    rounds: u32,
    seed: u64,
    round: u32,
    stretch: Stretch,
    merged: Option<Merged>,
    /// What was found in the first round that was read.
    findings: Option<Vec<Findings>>,
    doubles: u64,
    is_ended: bool,
}

impl InOrder {
    /// Begins with the first record, or where an earlier run was.
    ///
    /// # Errors
    /// A thread can't be started.
    pub fn start(mut reading: Reading, rounds: u32, seed: u64, earlier: Option<Earlier>) -> Result<Self, CliError> {
        let (mut round, mut stretch) = (0, Stretch::default());
        if let Some(Earlier { after, stretch: known, is_read }) = earlier {
            stretch = known;
            if let Some(mark) = after {
                round = mark.round;
                let shift = if round == 0 { 0 } else { stretch.length_us().saturating_mul(round.into()) };
                reading.wanted.after = Some((mark.due_us.saturating_sub(shift), mark.id));
            }
            if is_read {
                reading.wanted.up_to = stretch.last.map(|last| (last.due_us, last.id));
            }
        }
        let merged = Some(reading.start()?);
        Ok(Self { reading, rounds, seed, round, stretch, merged, findings: None, doubles: 0, is_ended: false })
    }

    /// The next record that the filter wants.
    ///
    /// # Errors
    /// A source can't be read.
    pub fn next(&mut self, filter: &mut Filter) -> Result<Option<(Mark, Held)>, CliError> {
        while !self.is_ended {
            while let Some(held) = self.read()? {
                if !filter.wants(&held.record()) {
                    continue;
                }
                let mut held = held;
                let shift = self.stretch_us().saturating_mul(self.round.into());
                let due_us = held.head.order_us.saturating_add(shift);
                into_round(&mut held, self.round, self.seed);
                return Ok(Some((Mark { due_us, round: self.round, id: held.head.id }, held)));
            }
            self.end_round()?;
        }
        Ok(None)
    }

    fn stretch_us(&self) -> u64 {
        if self.round == 0 { 0 } else { self.stretch.length_us() }
    }

    fn read(&mut self) -> Result<Option<Held>, CliError> {
        let Some(merged) = &mut self.merged else { return Ok(None) };
        let held = merged.next()?;
        if let Some(held) = held.as_ref().filter(|_| self.round == 0) {
            self.stretch.first_us.get_or_insert(held.head.order_us);
            self.stretch.last = Some(Mark::of(&held.head));
        }
        Ok(held)
    }

    fn end_round(&mut self) -> Result<(), CliError> {
        self.end()?;
        let last = self.stretch.last.map(|last| (last.due_us, last.id));
        self.is_ended = self.round + 1 >= self.rounds || last.is_none() || self.reading.means.is_stopping();
        if !self.is_ended {
            self.round += 1;
            self.reading.wanted.after = None;
            self.reading.wanted.up_to = last;
            self.merged = Some(self.reading.start()?);
        }
        Ok(())
    }

    /// Ends reading.
    ///
    /// # Errors
    /// A source could not be read.
    pub fn end(&mut self) -> Result<(), CliError> {
        if let Some(merged) = self.merged.take() {
            let doubles = merged.doubles();
            let findings = merged.finish()?;
            if self.findings.is_none() {
                self.doubles = doubles;
                self.findings = Some(findings);
            }
        }
        Ok(())
    }

    /// What was found, once reading has ended; and how many records several sources had.
    pub fn findings(&self) -> (&[Findings], u64) {
        (self.findings.as_deref().unwrap_or_default(), self.doubles)
    }

    /// What is known of the stretch.
    pub fn stretch(&self) -> Stretch {
        self.stretch
    }

    /// How many rounds were begun, counted from the first one that was read.
    pub fn round(&self) -> u32 {
        self.round
    }
}
