//! The couriers as a table, and below it what keeps one from delivering.

use crate::admin::CourierReport;
use crate::courier::{Cause, Trouble};
use crate::node::what_waits;

use super::super::error::CliError;
use super::super::output::{Align, Out, Table, bytes, counted, length_ms, plain, thousands};
use super::source::Line;

/// The most characters shown of an address, and of an error.
const TARGET_CHARACTERS_MAX: usize = 80;
const ERROR_CHARACTERS_MAX: usize = 300;

/// Prints all lines, with or without the column of rates.
pub(super) fn print(lines: &[Line], with_rate: bool, out: &mut Out) -> Result<(), CliError> {
    if lines.is_empty() {
        return out.line("no couriers: no destination is configured, so records stay in the log");
    }
    table(lines, with_rate).print(out)?;
    for line in lines {
        explain(&line.report, out)?;
    }
    Ok(())
}

fn table(lines: &[Line], with_rate: bool) -> Table {
    use Align::{Left, Right};
    let mut columns = vec![
        ("COURIER", Left),
        ("STATE", Left),
        ("SINCE", Left),
        ("RECORDS", Right),
        ("BYTES", Right),
        ("OLDEST", Right),
        ("RATE", Right),
        ("DEAD LETTERS", Right),
        ("TARGET", Left),
    ];
    if !with_rate {
        columns.remove(RATE);
    }
    let mut table = Table::new(&columns);
    for line in lines {
        let mut row = cells(line);
        if !with_rate {
            row.remove(RATE);
        }
        table.row(row);
    }
    table
}

/// The place of the column of rates.
const RATE: usize = 6;

fn cells(line: &Line) -> Vec<String> {
    let report = &line.report;
    let or_dash = |text: Option<String>| text.filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned());
    vec![
        plain(&report.name, 64),
        plain(&report.state, 16),
        or_dash(report.since.as_deref().map(|since| plain(&since.replacen('T', " ", 1), 32))),
        or_dash(report.lag.map(|lag| thousands(lag.records))),
        or_dash(report.lag.map(|lag| bytes(lag.bytes))),
        or_dash(report.lag.filter(|lag| lag.bytes > 0).map(|lag| seconds(lag.seconds))),
        or_dash(line.rate.map(|rate| format!("{}/s", thousands(rate.round() as u64)))),
        or_dash(report.dead_letters_in_file.map(thousands)),
        or_dash(Some(plain(&report.target, TARGET_CHARACTERS_MAX))),
    ]
}

/// A line for logs: one courier at one moment.
pub(super) fn one_line(line: &Line) -> String {
    let report = &line.report;
    let mut text = format!("{}  {}", plain(&report.name, 64), plain(&report.state, 16));
    if let Some(cause) = cause(report) {
        text += &format!("  {}", plain(&cause.to_string(), ERROR_CHARACTERS_MAX));
    }
    if let Some(first) = report.behind.as_deref().filter(|_| cause(report).is_none()) {
        text += &format!("  held up by {}", plain(first, 64));
    }
    if let Some(seconds_waited) = report.seconds {
        text += &format!("  for {}", seconds(seconds_waited));
    }
    if let Some(lag) = report.lag {
        text += &format!("  behind {} {}", counted(lag.records, "record"), bytes(lag.bytes));
        if lag.bytes > 0 {
            text += &format!(" {}", seconds(lag.seconds));
        }
    }
    if let Some(rate) = line.rate {
        text += &format!("  {}/s", thousands(rate.round() as u64));
    }
    text
}

/// For one that does not deliver: what is wrong, since when, what waits, and what to do.
fn explain(report: &CourierReport, out: &mut Out) -> Result<(), CliError> {
    if let Some(cause) = cause(report) {
        let what = format!("{}: {} {cause}", report.name, report.target);
        out.line("")?;
        out.line(&out.red(&plain(&what, ERROR_CHARACTERS_MAX)))?;
        // None has failed while the first one is under way.
        let attempts = report.attempts.filter(|&attempts| attempts > 0);
        let attempts =
            attempts.map(|attempts| format!(", {} failed", counted(attempts, "attempt"))).unwrap_or_default();
        let waited = report.seconds.map(seconds).unwrap_or_default();
        out.line(&format!("  for {waited}{attempts}; it is tried again by itself, until it works"))?;
        out.line(&format!("  {}; clients get their answers as ever", what_waits(report)))?;
        if let Some(advice) = &report.advice {
            out.line(&format!("  to do: {}", plain(advice, ERROR_CHARACTERS_MAX)))?;
        }
    } else if report.state == "ended" {
        out.line("")?;
        out.line(
            &out.red(&format!("{}: ended, because its cursor was removed while it ran", plain(&report.name, 64))),
        )?;
        out.line(&format!("  {}", what_waits(report)))?;
        out.line("  to do: restart the server")?;
    } else if let Some(first) = &report.behind {
        let (name, first) = (plain(&report.name, 64), plain(first, 64));
        out.line("")?;
        out.line(&format!("{name}: held up by {first}, since no session's records go before its row"))?;
        out.line(&format!("  {}; clients get their answers as ever", what_waits(report)))?;
        out.line(&format!("  to do: see {first}"))?;
    } else if let Some(error) = &report.error {
        out.line("")?;
        out.line(&out.red(&plain(&format!("{}: {error}", report.name), ERROR_CHARACTERS_MAX)))?;
    }
    if let Some(count) = report.dead_letters_in_file.filter(|count| *count > 0) {
        let name = plain(&report.name, 64);
        let were = if count == 1 { "was" } else { "were" };
        out.line("")?;
        out.line(&format!(
            "{name}: {} {were} refused for good and kept; look with: takeup dead-letters list {name}",
            counted(count, "record")
        ))?;
    }
    Ok(())
}

/// Why a courier waits, if it does.
fn cause(report: &CourierReport) -> Option<Cause> {
    if report.state != "waiting" {
        return None;
    }
    let trouble = report.trouble.as_deref().and_then(Trouble::named).unwrap_or(Trouble::Other);
    let code = report.code.clone().unwrap_or_default();
    Some(Cause::new(trouble, code, report.error.clone().unwrap_or_default()))
}

fn seconds(seconds: f64) -> String {
    length_ms((seconds * 1000.0) as u64)
}
