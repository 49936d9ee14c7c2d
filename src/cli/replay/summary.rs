//! Which records a replay sends, and what happened to all others: the counts add up to what was read from the log.

use std::collections::HashSet;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

use crate::cli::error::CliError;
use crate::cli::output::{Out, bytes, counted, length_ms, thousands, warn};
use crate::log::format::record::{Kind, Record};
use crate::records::UnusableBatch;

use super::args::ReplayArgs;
use super::latency::{Latencies, Percentiles};
use super::outcome::Outcome;
use super::source::{Damaged, Findings};

/// What a replay did. `records` is the sum of all counts of records: those sent, those refused, and those left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    pub records: u64,
    pub batches: u64,
    pub starts: u64,
    pub images: u64,
    /// To a log: rows of usability tests, and parts of recordings.
    pub others: u64,
    pub messages: u64,
    pub bytes: u64,
    pub sessions: u64,
    pub skipped_starts: u64,
    pub skipped_images: u64,
    pub skipped_rows: u64,
    pub skipped_recordings: u64,
    pub skipped_others: u64,
    pub skipped_repeats: u64,
    pub skipped_unusable: u64,
    pub skipped_empty: u64,
    /// Records that several sources have: all but one of each.
    pub skipped_doubles: u64,
    /// Records that an earlier run of a resumed replay has sent, and that were read again.
    pub skipped_sent: u64,
    pub not_chosen: u64,
    pub not_sent: u64,
    pub retries: u64,
    pub refused: u64,
    pub took_ms: u64,
    /// Places that were damaged, and what the first of them are.
    pub damaged_places: u64,
    pub damaged: Vec<Damaged>,
    /// To a server: from when a batch was due, and from when it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<Percentiles>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_ms: Option<Percentiles>,
}

/// What reading found.
#[derive(Debug, Default)]
pub struct Found {
    repeats: u64,
    doubles: u64,
    not_chosen: u64,
    damaged_places: u64,
    damaged: Vec<Damaged>,
}

impl Found {
    /// What was found in all sources, besides records that several have or that were not chosen.
    pub fn of(findings: &[Findings], doubles: u64, not_chosen: u64) -> Found {
        Found {
            repeats: findings.iter().map(Findings::repeats).sum(),
            doubles,
            not_chosen,
            damaged_places: findings.iter().map(Findings::places).sum(),
            damaged: findings.iter().flat_map(Findings::named).collect(),
        }
    }
}

impl Summary {
    /// Adds what reading found.
    pub fn found(&mut self, found: Found) {
        self.skipped_repeats += found.repeats;
        self.skipped_doubles += found.doubles;
        self.not_chosen += found.not_chosen;
        self.records += found.repeats + found.doubles + found.not_chosen;
        (self.damaged_places, self.damaged) = (found.damaged_places, found.damaged);
    }

    /// Adds the outcome of the records to be sent: until now `batches`, `starts`, `images` and `others` have counted them.
    pub fn sent(&mut self, outcome: &Outcome) {
        let chosen = self.batches + self.starts + self.images + self.others;
        self.not_sent = chosen.saturating_sub(outcome.sent() + outcome.refused);
        (self.batches, self.starts, self.images) = (outcome.batches, outcome.starts, outcome.images);
        self.others = outcome.others;
        (self.messages, self.bytes) = (outcome.messages, outcome.bytes);
        self.retries = outcome.retries;
        self.refused = outcome.refused;
        let latencies = outcome.latencies.as_ref().and_then(Latencies::percentiles);
        (self.latency_ms, self.answer_ms) = latencies.unzip();
    }

    /// Notes how long it took.
    pub fn took(&mut self, time: Duration) {
        self.took_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    }

    /// Prints it, if that is wanted, and the first refusals.
    ///
    /// # Errors
    /// The replay ended early.
    pub fn finish(&self, json: bool, outcome: &Outcome, print: bool) -> Result<ExitCode, CliError> {
        if print {
            self.print(json)?;
        }
        outcome.refusals.iter().for_each(|text| warn(text));
        match &outcome.failure {
            Some(failure) => Err(CliError::Other(format!("the replay ended early: {failure}"))),
            None if self.refused > 0 => Ok(ExitCode::FAILURE),
            None => Ok(ExitCode::SUCCESS),
        }
    }

    /// What was sent, in words.
    fn what(&self) -> String {
        let count = |count: u64, one: &str, many: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{} {many}", thousands(count)),
        };
        let mut parts = vec![count(self.batches, "batch", "batches")];
        if self.starts > 0 {
            parts.push(count(self.starts, "start", "starts"));
        }
        if self.images > 0 {
            parts.push(count(self.images, "record of images", "records of images"));
        }
        if self.others > 0 {
            parts.push(count(self.others, "other record", "other records"));
        }
        let messages = match self.messages {
            0 => String::new(),
            messages => format!(" as {}", counted(messages, "message")),
        };
        parts.join(", ") + &messages
    }

    /// What was left out, in words.
    fn left_out(&self) -> String {
        let all = [
            (self.skipped_starts, "start", "starts"),
            (self.skipped_images, "record of images", "records of images"),
            (self.skipped_rows, "row", "rows"),
            (self.skipped_recordings, "part of recordings", "parts of recordings"),
            (self.skipped_unusable, "unusable batch", "unusable batches"),
            (self.skipped_repeats, "repeat", "repeats"),
            (self.skipped_empty, "record that makes no message", "records that make no message"),
            (self.skipped_others, "erased record", "erased records"),
            (self.skipped_doubles, "record of two sources", "records of two sources"),
            (self.skipped_sent, "record sent before", "records sent before"),
            (self.not_chosen, "record not asked for", "records not asked for"),
            (self.not_sent, "record not sent any more", "records not sent any more"),
        ];
        let words = |&(count, one, many): &(u64, &str, &str)| {
            (count > 0).then(|| format!("{} {}", thousands(count), if count == 1 { one } else { many }))
        };
        let texts: Vec<String> = all.iter().filter_map(words).collect();
        if texts.is_empty() { "nothing".to_owned() } else { texts.join(", ") }
    }

    /// Prints it: as JSON on stdout, or in words on stderr.
    fn print(&self, json: bool) -> Result<(), CliError> {
        if json {
            let mut out = Out::stdout();
            out.json(self)?;
            return out.finish();
        }
        let seconds = (self.took_ms as f64 / 1000.0).max(0.001);
        let records = self.batches + self.starts + self.images + self.others;
        warn(&format!(
            "replayed {} ({}) of {} in {}: {} {}/s, {}/s; {} sent again, {} refused; left out: {}",
            self.what(),
            bytes(self.bytes),
            counted(self.sessions, "session"),
            length_ms(self.took_ms),
            thousands((records as f64 / seconds) as u64),
            if records == self.batches { "batches" } else { "records" },
            bytes((self.bytes as f64 / seconds) as u64),
            thousands(self.retries),
            thousands(self.refused),
            self.left_out(),
        ));
        if let Some((due, sent)) = self.latency_ms.zip(self.answer_ms) {
            warn(&format!("answers, from when a batch was due: {due}"));
            warn(&format!("answers, from when it was sent:     {sent}"));
        }
        Ok(())
    }
}

/// What a destination is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Batches, including those of the analytics SDK: what came in requests of their own.
    Batches,
    /// What OpenReplay's services find in their topics: starts and images, too.
    ForQueues,
    /// Every record, whatever it is.
    Everything,
}

/// Decides which records are sent, and counts the others.
#[derive(Debug)]
pub struct Filter {
    choice: Choice,
    unusable: bool,
    sessions: HashSet<u64>,
    counts: Summary,
}

/// The most sessions that the summary counts as distinct.
const SESSIONS_COUNTED_MAX: usize = 10_000_000;

impl Filter {
    /// A filter without any records so far.
    pub fn new(args: &ReplayArgs, choice: Choice) -> Filter {
        Filter { choice, unusable: args.unusable, sessions: Default::default(), counts: Summary::default() }
    }

    /// Whether to send a record; it is counted either way.
    pub fn wants(&mut self, record: &Record<'_>) -> bool {
        let counts = &mut self.counts;
        counts.records += 1;
        let for_queues = self.choice != Choice::Batches;
        let (is_wanted, count) = match record.kind {
            Kind::Pad | Kind::Tombstone => (false, &mut counts.skipped_others),
            Kind::Row | Kind::Recording if self.choice == Choice::Everything => (true, &mut counts.others),
            Kind::Batch | Kind::Sdk if self.choice == Choice::Everything => (true, &mut counts.batches),
            Kind::Batch | Kind::Sdk if UnusableBatch::read(record).is_some() && !self.unusable => {
                (false, &mut counts.skipped_unusable)
            }
            Kind::Batch | Kind::Sdk => (true, &mut counts.batches),
            Kind::Start if for_queues => (true, &mut counts.starts),
            Kind::Image if for_queues => (true, &mut counts.images),
            Kind::Start => (false, &mut counts.skipped_starts),
            Kind::Image => (false, &mut counts.skipped_images),
            Kind::Row => (false, &mut counts.skipped_rows),
            Kind::Recording => (false, &mut counts.skipped_recordings),
        };
        *count += 1;
        if is_wanted && self.sessions.len() < SESSIONS_COUNTED_MAX {
            self.sessions.insert(record.session);
        }
        is_wanted
    }

    /// A record that was wanted turned out to make no message.
    pub fn gives_nothing(&mut self, record: &Record<'_>) {
        self.unwanted(record);
        self.counts.skipped_empty += 1;
    }

    /// A record that was wanted turned out to have been sent by an earlier run.
    pub fn was_sent(&mut self, record: &Record<'_>) {
        self.unwanted(record);
        self.counts.skipped_sent += 1;
    }

    fn unwanted(&mut self, record: &Record<'_>) {
        let count = match record.kind {
            Kind::Start => &mut self.counts.starts,
            Kind::Image => &mut self.counts.images,
            Kind::Row | Kind::Recording => &mut self.counts.others,
            _ => &mut self.counts.batches,
        };
        *count = count.saturating_sub(1);
    }

    /// The counts so far; `batches`, `starts` and `images` are the records that were to be sent.
    pub fn summary(&self) -> Summary {
        Summary { sessions: self.sessions.len() as u64, ..self.counts.clone() }
    }
}
