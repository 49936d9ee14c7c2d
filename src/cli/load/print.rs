//! The summary of a run.

use crate::cli::error::CliError;
use crate::cli::output::{Align, Out, Table, bytes, counted, length_ms, length_us, thousands};
use crate::load::{Latency, Summary};

/// Prints a summary.
pub fn summary(summary: &Summary, json: bool, out: &mut Out) -> Result<(), CliError> {
    if json {
        return out.json(summary);
    }
    let counts = &summary.counts;
    if counts.trackers_lost > 0 {
        let text = format!(
            "TRACKERS LOST: {}; they stopped recording ({} of them were refused their start)",
            thousands(counts.trackers_lost),
            thousands(counts.starts_refused)
        );
        out.line(&out.red(&text))?;
    } else {
        out.line("trackers lost  0")?;
    }
    out.line(&format!(
        "requests       {} in {}: {} a second of {} planned, {}/s",
        thousands(counts.requests),
        length_ms(summary.took_ms),
        thousands(summary.requests_per_second.round() as u64),
        thousands(summary.requests_per_second_planned.round() as u64),
        bytes(summary.bytes_per_second as u64),
    ))?;
    out.line(&format!(
        "batches        {} acknowledged of {} due ({})",
        thousands(counts.batches_acknowledged),
        thousands(counts.batches_due),
        bytes(counts.batch_bytes_acknowledged),
    ))?;
    lost(summary, out)?;
    answers(summary, out)?;
    latencies(summary, out)?;
    generator(summary, out)
}

/// What did not reach the server, if there is anything.
fn lost(summary: &Summary, out: &mut Out) -> Result<(), CliError> {
    let counts = &summary.counts;
    for (count, what) in [
        (counts.batches_lost, "given up, or thrown away by a restart"),
        (counts.batches_unanswered, "still waiting for an answer at the end"),
        (counts.batches_not_recorded, "not recorded, because their tracker had stopped"),
        (counts.batches_lost_at_leave, "lost as their page was left"),
    ] {
        if count > 0 {
            out.line(&format!("               {} {what}", counted_batches(count)))?;
        }
    }
    for (count, what) in [
        (counts.retries, "tries after a refusal"),
        (counts.restarts, "restarts after a 401"),
        (counts.browser_repeats, "repeats by the browser, after a connection was closed"),
        (counts.preflights_refused, "preflights that did not allow the request"),
    ] {
        if count > 0 {
            out.line(&format!("               {} {what}", thousands(count)))?;
        }
    }
    Ok(())
}

fn counted_batches(count: u64) -> String {
    format!("{} {}", thousands(count), if count == 1 { "batch" } else { "batches" })
}

fn answers(summary: &Summary, out: &mut Out) -> Result<(), CliError> {
    let statuses = summary.counts.statuses.iter().map(|(status, count)| format!("{status} × {}", thousands(*count)));
    let faults = summary.counts.faults.iter().map(|(fault, count)| format!("{fault} × {}", thousands(*count)));
    let all: Vec<_> = statuses.chain(faults).collect();
    out.line(&format!("answers        {}", if all.is_empty() { "none".to_owned() } else { all.join(", ") }))
}

fn latencies(summary: &Summary, out: &mut Out) -> Result<(), CliError> {
    // Without the 75 %, which `--json` has, a line fits a terminal of 80 columns.
    let times = ["COUNT", "P50", "P90", "P95", "P99", "P99.9", "P99.99", "MAX"].map(|name| (name, Align::Right));
    let columns: Vec<_> = [("LATENCY", Align::Left)].into_iter().chain(times).collect();
    let mut table = Table::new(&columns);
    for (name, latency) in [
        ("batch, from due", &summary.batch),
        ("start, from due", &summary.start),
        ("preflight, from due", &summary.preflight),
        ("any, from sent", &summary.exchange),
        ("generator's lag", &summary.lag),
    ] {
        table.row(row(name, latency));
    }
    table.print(out)
}

fn row(name: &str, latency: &Latency) -> Vec<String> {
    let shown = |us| if latency.count == 0 { "-".to_owned() } else { length_us(us) };
    let times = latency.quantiles().into_iter().filter(|(quantile, _)| *quantile != 0.75).map(|(_, us)| shown(us));
    [name.to_owned(), thousands(latency.count)].into_iter().chain(times).collect()
}

/// Whether the figures are those of the server.
fn generator(summary: &Summary, out: &mut Out) -> Result<(), CliError> {
    let counts = &summary.counts;
    if summary.generator_behind {
        let text = format!(
            "THE GENERATOR FELL BEHIND its schedule: 1 % of its wake-ups were more than {} late, and its busiest thread used {:.0} % of a \
             processor; the latencies above are partly its own. Use more --threads, fewer --users or a lower --rate, or another machine.",
            length_us(summary.lag.p99),
            summary.busiest * 100.0
        );
        out.line(&out.red(&text))?;
    } else {
        out.line(&format!(
            "generator      on schedule; its busiest thread used {:.0} % of a processor",
            summary.busiest * 100.0
        ))?;
    }
    if counts.connection_waits > 0 {
        let text = format!(
            "{} waited for one of the --connections; latencies from due include the wait",
            counted(counts.connection_waits, "request")
        );
        out.line(&text)?;
    }
    if counts.visits_held_back > 0 {
        let text = format!(
            "{} did not begin, because twice as many as users were open already: the server answers too slowly",
            counted(counts.visits_held_back, "visit")
        );
        out.line(&text)?;
    }
    Ok(())
}
