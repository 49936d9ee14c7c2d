//! Which records a replay sends, and what happened to all others: the counts add up to what was read from the log.

use std::collections::HashSet;

use serde::Serialize;

use crate::cli::error::CliError;
use crate::cli::output::{Out, bytes, counted, length_ms, thousands, warn};
use crate::log::format::record::{Kind, Record};
use crate::records::UnusableBatch;

use super::args::ReplayArgs;
use super::workers::Outcome;

/// What a replay did. `records` is the sum of all counts of records: those sent, those refused, and those left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub records: u64,
    pub batches: u64,
    pub bytes: u64,
    pub sessions: u64,
    pub skipped_starts: u64,
    pub skipped_images: u64,
    pub skipped_rows: u64,
    pub skipped_recordings: u64,
    pub skipped_others: u64,
    pub skipped_repeats: u64,
    pub skipped_unusable: u64,
    pub not_chosen: u64,
    pub not_sent: u64,
    pub retries: u64,
    pub refused: u64,
    pub took_ms: u64,
}

impl Summary {
    /// Adds the outcome of the records to be sent: until now `batches` has counted them.
    pub fn sent(&mut self, outcome: &Outcome, repeats: u64) {
        self.not_sent = self.batches.saturating_sub(outcome.batches + outcome.refused);
        self.batches = outcome.batches;
        self.bytes = outcome.bytes;
        self.retries = outcome.retries;
        self.refused = outcome.refused;
        self.skipped_repeats = repeats;
        self.records += repeats;
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
            (self.skipped_others, "erased record", "erased records"),
            (self.not_chosen, "record not asked for", "records not asked for"),
            (self.not_sent, "batch not sent any more", "batches not sent any more"),
        ];
        let words = |&(count, one, many): &(u64, &str, &str)| {
            (count > 0).then(|| format!("{} {}", thousands(count), if count == 1 { one } else { many }))
        };
        let texts: Vec<String> = all.iter().filter_map(words).collect();
        if texts.is_empty() { "nothing".to_owned() } else { texts.join(", ") }
    }

    /// Prints it: as JSON on stdout, or in words on stderr.
    pub fn print(&self, json: bool) -> Result<(), CliError> {
        if json {
            let mut out = Out::stdout();
            out.json(self)?;
            return out.finish();
        }
        let seconds = (self.took_ms as f64 / 1000.0).max(0.001);
        warn(&format!(
            "replayed {} ({}) of {} in {}: {} batches/s, {}/s; {} sent again, {} refused; left out: {}",
            if self.batches == 1 { "1 batch".to_owned() } else { format!("{} batches", thousands(self.batches)) },
            bytes(self.bytes),
            counted(self.sessions, "session"),
            length_ms(self.took_ms),
            thousands((self.batches as f64 / seconds) as u64),
            bytes((self.bytes as f64 / seconds) as u64),
            thousands(self.retries),
            thousands(self.refused),
            self.left_out(),
        ));
        Ok(())
    }
}

/// Decides which records are sent, and counts the others.
pub struct Filter {
    session: Option<u64>,
    project: Option<u32>,
    unusable: bool,
    sessions: HashSet<u64>,
    counts: Summary,
}

/// The most sessions that the summary counts as distinct.
const SESSIONS_COUNTED_MAX: usize = 10_000_000;

impl Filter {
    /// A filter without any records so far.
    pub fn new(args: &ReplayArgs) -> Filter {
        Filter {
            session: args.session,
            project: args.project,
            unusable: args.unusable,
            sessions: Default::default(),
            counts: Summary::default(),
        }
    }

    /// Whether to send a record; it is counted either way.
    pub fn wants(&mut self, record: &Record<'_>) -> bool {
        let counts = &mut self.counts;
        counts.records += 1;
        let chosen = self.session.is_none_or(|session| session == record.session)
            && self.project.is_none_or(|project| project == record.project);
        let left_out = match record.kind {
            _ if !chosen => &mut counts.not_chosen,
            Kind::Batch | Kind::Sdk if UnusableBatch::read(record).is_some() && !self.unusable => {
                &mut counts.skipped_unusable
            }
            Kind::Batch | Kind::Sdk => {
                if self.sessions.len() < SESSIONS_COUNTED_MAX {
                    self.sessions.insert(record.session);
                }
                counts.batches += 1;
                return true;
            }
            Kind::Start => &mut counts.skipped_starts,
            Kind::Image => &mut counts.skipped_images,
            Kind::Row => &mut counts.skipped_rows,
            Kind::Recording => &mut counts.skipped_recordings,
            Kind::Pad | Kind::Tombstone => &mut counts.skipped_others,
        };
        *left_out += 1;
        false
    }

    /// The counts so far; `batches` are the records that were to be sent.
    pub fn summary(&self) -> Summary {
        Summary { sessions: self.sessions.len() as u64, ..self.counts.clone() }
    }
}
