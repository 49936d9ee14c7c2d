//! Prints the numbers.

use serde::Serialize;

use crate::cli::error::CliError;
use crate::cli::output::{Align, Out, Table, bytes, counted, length_us, plain, thousands, time_us};
use crate::stats::LeftOut;
use crate::stats::distribution::Distribution;
use crate::stats::report::{Group, Report};
use crate::stats::sums::Sums;

use super::args::StatsArgs;
use super::read::ReadOf;

/// How many files that were left out are named.
const NAMED_MAX: usize = 20;

/// How much of a reason is shown, in characters.
const REASON_MAX: usize = 500;

/// The numbers, as `--json` prints them.
#[derive(Debug, Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    of: &'a ReadOf,
    project_id: Option<u32>,
    from_us: Option<u64>,
    until_us: Option<u64>,
    #[serde(flatten)]
    report: &'a Report,
    elapsed_ms: u64,
}

/// Prints a report.
pub(super) fn report(
    args: &StatsArgs,
    report: &Report,
    of: &ReadOf,
    elapsed_ms: u64,
    out: &mut Out,
) -> Result<(), CliError> {
    if args.json {
        return out.json(&Line {
            of,
            project_id: args.project,
            from_us: args.from,
            until_us: args.until,
            report,
            elapsed_ms,
        });
    }
    sums(report, out)?;
    left_out(&of.left_out, out)?;
    if report.sums.records == 0 {
        return Ok(());
    }
    out.line("")?;
    distributions(report, out)?;
    if report.by != "none" {
        out.line("")?;
        groups(report, out)?;
    }
    if !report.largest_sessions.is_empty() {
        out.line("")?;
        sessions(report, out)?;
    }
    Ok(())
}

fn sums(report: &Report, out: &mut Out) -> Result<(), CliError> {
    let sums = &report.sums;
    let ratio = match sums.stored_bytes {
        0 => String::new(),
        stored => format!(" ({:.1} times)", sums.inflated_bytes as f64 / stored as f64),
    };
    out.line(&format!("sessions  {}", thousands(sums.sessions)))?;
    out.line(&format!("records   {}", thousands(sums.records)))?;
    out.line(&format!("batches   {}", thousands(sums.batches)))?;
    out.line(&format!("images    {}", thousands(sums.images)))?;
    out.line(&format!("stored    {}", bytes(sums.stored_bytes)))?;
    out.line(&format!("inflated  {}{ratio}", bytes(sums.inflated_bytes)))?;
    match report.first_us.zip(report.last_us) {
        Some((first, last)) => out.line(&format!("received  {} to {}", time_us(first), time_us(last))),
        None => out.line("received  nothing"),
    }
}

/// What the numbers lack.
fn left_out(left_out: &LeftOut, out: &mut Out) -> Result<(), CliError> {
    if left_out.files == 0 {
        return Ok(());
    }
    let files = counted(left_out.files, "file");
    out.line(&out.red(&format!("LEFT OUT  {files} of the archive, missing or damaged:")))?;
    for file in left_out.named.iter().take(NAMED_MAX) {
        out.line(&format!("  {} ({})", plain(&file.reason, REASON_MAX), counted(file.rows, "row")))?;
    }
    if left_out.files > NAMED_MAX as u64 {
        out.line(&format!("  and {} more", counted(left_out.files - NAMED_MAX as u64, "file")))?;
    }
    Ok(())
}

fn distributions(report: &Report, out: &mut Out) -> Result<(), CliError> {
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("", Left),
        ("MEAN", Right),
        ("MIN", Right),
        ("P50", Right),
        ("P90", Right),
        ("P99", Right),
        ("P99.9", Right),
        ("MAX", Right),
    ]);
    /// How a value is written.
    type Shown = fn(u64) -> String;
    let rows: [(&str, &Distribution, Shown); 6] = [
        ("batch, as received", &report.batch_stored_bytes, bytes),
        ("batch, inflated", &report.batch_inflated_bytes, bytes),
        ("between batches of a session", &report.batch_gap_us, length_us),
        ("batches of a session", &report.session_batches, thousands),
        ("session, as received", &report.session_stored_bytes, bytes),
        ("length of a session", &report.session_length_us, length_us),
    ];
    for (name, values, shown) in rows {
        let shown = |value| if values.count == 0 { "-".to_owned() } else { shown(value) };
        table.row(vec![
            name.to_owned(),
            shown(values.mean.round() as u64),
            shown(values.min),
            shown(values.p50),
            shown(values.p90),
            shown(values.p99),
            shown(values.p999),
            shown(values.max),
        ]);
    }
    table.print(out)
}

fn groups(report: &Report, out: &mut Out) -> Result<(), CliError> {
    use Align::{Left, Right};
    let heading = match report.by {
        "project" => "PROJECT",
        "browser" => "BROWSER",
        "country" => "COUNTRY",
        "hour" => "HOUR",
        "os" => "OS",
        "device" => "DEVICE",
        "tracker" => "TRACKER",
        _ => "USER",
    };
    let mut table = Table::new(&[
        (heading, Left),
        ("SESSIONS", Right),
        ("SHARE", Right),
        ("BATCHES", Right),
        ("IMAGES", Right),
        ("STORED", Right),
        ("INFLATED", Right),
    ]);
    let row = |name: String, sums: &Sums| {
        let share = 100.0 * sums.sessions as f64 / report.sums.sessions.max(1) as f64;
        vec![
            name,
            thousands(sums.sessions),
            format!("{share:.1} %"),
            thousands(sums.batches),
            thousands(sums.images),
            bytes(sums.stored_bytes),
            bytes(sums.inflated_bytes),
        ]
    };
    for Group { value, sums } in &report.groups {
        table.row(row(value.as_deref().map_or_else(|| "-".to_owned(), |value| plain(value, 40)), sums));
    }
    if report.others.groups > 0 {
        table.row(row(format!("({})", counted(report.others.groups, "other")), &report.others.sums));
    }
    table.print(out)
}

fn sessions(report: &Report, out: &mut Out) -> Result<(), CliError> {
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("LARGEST SESSIONS", Right),
        ("PROJECT", Right),
        ("FIRST RECORD", Left),
        ("LENGTH", Right),
        ("BATCHES", Right),
        ("STORED", Right),
        ("INFLATED", Right),
    ]);
    for session in &report.largest_sessions {
        table.row(vec![
            session.session_id.clone(),
            if session.project_id == 0 { "-".to_owned() } else { session.project_id.to_string() },
            time_us(session.first_us),
            length_us(session.length_us),
            thousands(session.batches),
            bytes(session.stored_bytes),
            bytes(session.inflated_bytes),
        ]);
    }
    table.print(out)
}
