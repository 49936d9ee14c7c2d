//! The visits that are played: what the pages of one visitor send, and when, from captures of real trackers (`scripts/load-profile`).
//!
//! A visit has three pages within 75 seconds: a busy one, two reloads, a hidden tab, a closed tab. Some of the data of a page that is left by
//! a reload never got past its preflight; such batches have no body.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::body::Template;
use super::plan::Tracker;

/// The visits, one line a tracker, compressed.
const VISITS: &[u8] = include_bytes!("profile/visits.jsonl.zst");

/// One visit of one tracker.
#[derive(Debug)]
pub struct Profile {
    /// Which tracker.
    pub tracker: Tracker,
    /// Its browser.
    pub user_agent: String,
    /// How long a visit takes, and the pause until the next visitor comes.
    pub lasts: Duration,
    /// The constant fields of its start requests.
    pub start: Map<String, Value>,
    /// In order.
    pub steps: Vec<Step>,
}

/// What happens at one moment of a visit.
#[derive(Debug)]
pub struct Step {
    /// When, from the beginning of the visit.
    pub at: Duration,
    /// What.
    pub what: What,
}

/// What a page does.
#[derive(Debug)]
pub enum What {
    /// It is loaded, and its tracker asks for a session.
    Start,
    /// The tracker asks for the project's tags.
    Tags,
    /// The tracker asks for the project's feature flags.
    Flags,
    /// Batches leave one after another.
    Send(Vec<Batch>),
    /// The tab is hidden: batches leave at the same time.
    Hide(Vec<Batch>),
    /// The page is left or closed: batches leave at the same time, once.
    Leave(Vec<Batch>),
}

/// A batch.
#[derive(Debug)]
pub struct Batch {
    /// Page and number, as in the query; empty for trackers that send none.
    pub label: String,
    /// The header `DataType`.
    pub data_type: Option<String>,
    /// Its body; none if the page does not live long enough to send it.
    pub body: Option<Template>,
}

#[derive(Deserialize)]
struct VisitLine {
    tracker: String,
    user_agent: String,
    lasts_ms: u64,
    start: Map<String, Value>,
    steps: Vec<StepLine>,
}

#[derive(Deserialize)]
struct StepLine {
    at_ms: u64,
    r#do: String,
    #[serde(default)]
    batches: Vec<BatchLine>,
}

#[derive(Deserialize)]
struct BatchLine {
    label: String,
    data_type: Option<String>,
    split: Option<usize>,
    body: Option<String>,
}

impl Profile {
    /// The visit of this tracker, as if it had begun at `began_ms` (Unix time): times inside the batches are moved there.
    pub fn of(tracker: Tracker, began_ms: i64) -> Profile {
        Self::read(tracker, began_ms).expect("the visits are part of the binary, and a test reads them")
    }

    fn read(tracker: Tracker, began_ms: i64) -> Option<Profile> {
        let text = zstd::decode_all(VISITS).ok()?;
        let lines = serde_json::Deserializer::from_slice(&text).into_iter::<VisitLine>();
        let line = lines.filter_map(Result::ok).find(|line| line.tracker == tracker.version())?;
        let steps = line.steps.into_iter().map(|step| Step::of(step, began_ms)).collect::<Option<Vec<_>>>()?;
        let VisitLine { user_agent, lasts_ms, start, .. } = line;
        Some(Profile { tracker, user_agent, lasts: Duration::from_millis(lasts_ms), start, steps })
    }

    /// How many requests a visit makes; `preflights`: with those that ask first.
    pub fn requests(&self, preflights: bool) -> u32 {
        let of = |batches: &[Batch]| -> u32 {
            let bodies = batches.iter().filter(|batch| batch.body.is_some()).count();
            let asked = if self.tracker == Tracker::V12 { batches.len().min(1) } else { batches.len() };
            (bodies + if preflights { asked } else { 0 }) as u32
        };
        let requests = self.steps.iter().map(|step| match &step.what {
            What::Start | What::Tags | What::Flags => 1 + u32::from(preflights),
            What::Send(batches) | What::Hide(batches) | What::Leave(batches) => of(batches),
        });
        requests.sum()
    }
}

impl Step {
    fn of(line: StepLine, began_ms: i64) -> Option<Step> {
        let batches = line.batches.into_iter().map(|batch| Batch::of(batch, began_ms)).collect::<Option<Vec<_>>>()?;
        let what = match line.r#do.as_str() {
            "start" => What::Start,
            "tags" => What::Tags,
            "flags" => What::Flags,
            "send" => What::Send(batches),
            "hide" => What::Hide(batches),
            "leave" => What::Leave(batches),
            _ => return None,
        };
        Some(Step { at: Duration::from_millis(line.at_ms), what })
    }
}

impl Batch {
    fn of(line: BatchLine, began_ms: i64) -> Option<Batch> {
        let body = match line.body {
            Some(body) => Some(Template::new(&STANDARD.decode(body).ok()?, line.split, began_ms)?),
            None => None,
        };
        Some(Batch { label: line.label, data_type: line.data_type, body })
    }
}

#[cfg(test)]
mod tests;
