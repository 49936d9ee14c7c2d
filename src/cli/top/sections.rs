//! What a frame says: sections of short items, which flow into whatever room there is.

use crate::admin::CourierReport;
use crate::cli::output::{bytes, counted, length_ms, length_us, plain, thousands};

use super::view::{Percentiles, View};

/// How something looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// As everything else.
    #[default]
    Plain,
    /// What stands out.
    Strong,
    /// What is not well.
    Bad,
}

/// A short text that is not broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it says.
    pub text: String,
    /// How it looks.
    pub tone: Tone,
    /// It begins a line.
    pub begins_line: bool,
}

/// Items with a title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The title.
    pub title: &'static str,
    /// The items.
    pub items: Vec<Item>,
    /// Which are left out first where there is no room: those with the highest number.
    pub rank: u8,
    /// Whether it stands in the second of two columns.
    pub is_right: bool,
}

fn item(text: impl Into<String>) -> Item {
    Item { text: text.into(), tone: Tone::Plain, begins_line: false }
}

fn line(text: impl Into<String>) -> Item {
    Item { begins_line: true, ..item(text) }
}

fn strong(text: impl Into<String>) -> Item {
    Item { tone: Tone::Strong, ..item(text) }
}

/// What is not well first: the rest is cut where there is no room.
fn bad_first(items: impl Iterator<Item = Item>) -> Vec<Item> {
    let mut items: Vec<Item> = items.collect();
    items.sort_by_key(|item| item.tone != Tone::Bad);
    items
}

fn bad_if(is_bad: bool, item: Item) -> Item {
    if is_bad { Item { tone: Tone::Bad, ..item } } else { item }
}

/// A rate: whole from 10 on, otherwise with one digit.
fn rate(value: f64) -> String {
    if value >= 10.0 || value == 0.0 { thousands(value.round() as u64) } else { format!("{value:.1}") }
}

fn size(value: f64) -> String {
    bytes(value.max(0.0) as u64)
}

fn seconds(value: f64) -> String {
    length_us((value * 1e6).round().max(0.0) as u64)
}

/// The first line: what is asked, and how it is.
pub fn heading(view: &View) -> Vec<Item> {
    let addr = view.addr.map(|addr| addr.to_string()).unwrap_or_default();
    let status = match view.status.as_str() {
        "pass" => strong("healthy"),
        "warn" => bad_if(true, item("limited")),
        _ => bad_if(true, item("failing")),
    };
    let mut items = vec![strong(format!("takeup {}", plain(&view.version, 16))), status, item(addr)];
    items.push(item(format!("up {}", length_ms((view.up_seconds * 1e3) as u64))));
    if let Some(silent) = view.silent_seconds {
        items.insert(1, bad_if(true, item(format!("no answer for {silent} s"))));
    }
    items
}

/// The sections, in their order. The line of past rates has so many characters at most.
pub fn sections(view: &View, history: usize) -> Vec<Section> {
    let section = |title, rank, is_right, items| Section { title, items, rank, is_right };
    let mut sections = Vec::new();
    if !view.faults.is_empty() {
        let faults = view
            .faults
            .iter()
            .map(|fault| bad_if(true, line(format!("{}: {}", plain(&fault.of, 64), plain(&fault.text, 300)))));
        sections.push(section("TROUBLE", 0, false, faults.collect()));
    }
    sections.push(section("REQUESTS", 0, false, requests(view, history)));
    sections.push(section("LATENCY", 1, false, percentiles(view.latency)));
    let mut commit = percentiles(view.commit);
    if let Some(p99) = view.sync.p99 {
        commit.push(item(format!("sync p99 {}", seconds(p99))));
    }
    sections.push(section("COMMIT", 1, false, commit));
    let mut groups = vec![item(format!("{}/s", rate(view.groups)))];
    if let Some((records, size_bytes)) = view.group_records.zip(view.group_bytes) {
        groups.push(item(format!("{records:.1} records each")));
        groups.push(item(format!("{} each", size(size_bytes))));
    }
    groups.push(item(format!("{} records/s", rate(view.records))));
    sections.push(section("GROUPS", 3, false, groups));
    sections.push(section("DISK", 2, false, disk(view)));
    sections.push(section("CORES", 2, true, cores(view)));
    sections.push(section("REFUSED", 2, true, refusals(view)));
    sections.push(section("COURIERS", 3, true, couriers(view)));
    sections
}

fn requests(view: &View, history: usize) -> Vec<Item> {
    let mut items = vec![
        strong(format!("{}/s", rate(view.requests))),
        item(format!("{}/s in", size(view.received))),
        item(format!("{}/s out", size(view.sent))),
        item(format!("{} waiting", thousands(view.waiting as u64))),
        item(counted(view.connections as u64, "connection")),
        item(format!("{:.0} % of a processor", view.processor * 100.0)),
        item(format!("{} resident", size(view.memory))),
    ];
    let drawn = sparkline(&view.history, history);
    if !drawn.is_empty() {
        items.push(line(drawn));
    }
    items
}

/// Rates as bars, the newest on the right.
fn sparkline(rates: &[f64], width: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let shown = &rates[rates.len().saturating_sub(width)..];
    let highest = shown.iter().copied().fold(0.0, f64::max);
    // One bar says nothing, and neither do only lowest ones.
    if shown.len() < 2 || highest <= 0.0 {
        return String::new();
    }
    let bar = |rate: &f64| BARS[((rate / highest * 7.0).round() as usize).min(7)];
    shown.iter().map(bar).collect()
}

fn percentiles(of: Percentiles) -> Vec<Item> {
    let Percentiles { p50: Some(p50), p90: Some(p90), p99: Some(p99) } = of else {
        return vec![item("nothing in the last seconds")];
    };
    [("p50", p50), ("p90", p90), ("p99", p99)].map(|(name, value)| item(format!("{name} {}", seconds(value)))).to_vec()
}

fn disk(view: &View) -> Vec<Item> {
    let mut items = vec![item(format!("{} free", size(view.free_bytes)))];
    items.push(item(format!("log {}", size(view.log_bytes))));
    if view.held_bytes > 0.0 {
        items.push(item(format!("{} held for consumers", size(view.held_bytes))));
    }
    let segments = view.segments as u64;
    items.push(item(format!("{} made", counted(segments, "segment"))));
    if view.deleted_segments > 0.0 {
        items.push(item(format!("{} deleted", thousands(view.deleted_segments as u64))));
    }
    if view.failed_segments > 0.0 {
        items.push(bad_if(true, item(format!("{} failed", thousands(view.failed_segments as u64)))));
    }
    if view.awaiting_archive > 0.0 {
        items.push(item(format!("{} await the archive", thousands(view.awaiting_archive as u64))));
    }
    if view.undelivered_records > 0.0 {
        let records = counted(view.undelivered_records as u64, "record");
        items.push(bad_if(true, item(format!("{records} deleted undelivered"))));
    }
    if view.retention_failures > 0.0 {
        let failures = counted(view.retention_failures as u64, "failure");
        items.push(bad_if(true, item(format!("{failures} of retention"))));
    }
    if view.set_aside > 0.0 {
        items.push(item(format!("{} in quarantine", counted(view.set_aside as u64, "file"))));
    }
    if view.unusable > 0.0 {
        let batches = if view.unusable == 1.0 { "batch" } else { "batches" };
        items.push(item(format!("{} {batches} kept unusable", thousands(view.unusable as u64))));
    }
    items
}

/// Each core's part of the records: whether all take theirs.
fn cores(view: &View) -> Vec<Item> {
    /// A loop turns many times a second, unless its core is stuck.
    const SILENT_SECONDS: f64 = 5.0;
    let all: f64 = view.cores.iter().map(|core| core.records).sum();
    let items = view.cores.iter().map(|core| {
        let number = plain(&core.number, 8);
        let is_stuck = core.silent >= SILENT_SECONDS;
        let mut text = match core.state.as_str() {
            "open" => format!("{number}: {}/s", rate(core.records)),
            state => format!("{number}: {}, {}/s", plain(state, 16), rate(core.records)),
        };
        if all > 0.0 {
            text += &format!(" {:.0} %", core.records / all * 100.0);
        }
        if is_stuck {
            text += &format!(", stuck for {}", seconds(core.silent));
        }
        bad_if(is_stuck || core.state != "open", item(text))
    });
    bad_first(items)
}

fn refusals(view: &View) -> Vec<Item> {
    if view.refusals.is_empty() {
        return vec![item("none since the start")];
    }
    let items = view.refusals.iter().map(|refusal| {
        let now = if refusal.rate > 0.0 { format!("{}/s, ", rate(refusal.rate)) } else { String::new() };
        let text = format!("{} {now}{} in all", plain(&refusal.reason, 32), thousands(refusal.total as u64));
        bad_if(refusal.rate > 0.0 && is_loss(&refusal.reason), item(text))
    });
    bad_first(items)
}

/// Whether a request that is refused so should have been stored: see the alerts in docs/metrics.md.
fn is_loss(reason: &str) -> bool {
    matches!(
        reason,
        "log_not_ready" | "disk_full" | "log_failed" | "bytes_in_flight" | "busy" | "connections" | "internal"
    )
}

fn couriers(view: &View) -> Vec<Item> {
    if view.couriers.is_empty() {
        return vec![item("none: records stay in the log")];
    }
    bad_first(view.couriers.iter().map(courier))
}

fn courier(report: &CourierReport) -> Item {
    let mut text = format!("{} {}", plain(&report.name, 32), plain(&report.state, 16));
    if let Some(trouble) = report.trouble.as_deref().filter(|_| report.state == "waiting") {
        text += &format!(" ({})", plain(trouble, 32));
    }
    match report.lag {
        Some(lag) if lag.records > 0 || lag.bytes > 0 => {
            text += &format!(", {} behind", counted(lag.records, "record"));
            text += &format!(", {}", length_ms((lag.seconds * 1e3) as u64));
        }
        Some(_) => text += ", all delivered",
        None => text += ", lag not known",
    }
    bad_if(matches!(report.state.as_str(), "waiting" | "ended"), line(text))
}
