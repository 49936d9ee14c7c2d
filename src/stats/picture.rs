//! The result as an SVG.

use jiff::Timestamp;

use crate::base::units::{bytes, counted, length_us, thousands};
use crate::chart::scale::{count_label, size_label, time_label};
use crate::chart::{Bar, Bars, Chart, Page, Scale, Series, percentiles};

use super::distribution::Distribution;
use super::report::{Group, Report};
use super::sums::Sums;

/// More steps than this can't be told apart in a chart's width.
const STEPS_MAX: u64 = 240;

/// The most bars.
const BARS_MAX: usize = 20;

/// Where the first chart begins.
const TOP: f64 = 104.0;

/// What a chart says that has nothing to show.
const EMPTY: &str = "nothing was recorded";

/// The steps of a time axis, in seconds.
const TIME_STEPS_S: [u64; 19] = [
    1,
    5,
    15,
    60,
    300,
    900,
    1_800,
    3_600,
    10_800,
    21_600,
    43_200,
    86_400,
    172_800,
    604_800,
    2_592_000,
    7_776_000,
    31_536_000,
    315_360_000,
    3_153_600_000,
];

/// The most labels on a time axis.
const TIMES_MAX: u64 = 8;

/// Draws a report: what arrived over time, sizes and gaps by percentile, and the largest groups.
pub fn svg(report: &Report) -> String {
    if report.sums.records == 0 {
        return nothing(report);
    }
    let bars = bars(report);
    let count = bars.as_ref().map_or(0, |bars| bars.bars.len());
    let below = if bars.is_some() { Bars::height(count) } else { 0.0 };
    let described = format!("Recorded sessions: {}", counted(report.sums.sessions, "session"));
    let mut page = Page::new(&described, TOP + 4.0 * Chart::TALL + below);
    head(&mut page, report);
    over_time(&mut page, report);
    sizes(&mut page, report, TOP + 2.0 * Chart::TALL);
    times(&mut page, report, TOP + 3.0 * Chart::TALL);
    if let Some(bars) = bars {
        bars.draw(&mut page);
    }
    page.finish()
}

/// A picture that says that there is nothing.
fn nothing(report: &Report) -> String {
    let mut page = Page::new("Recorded sessions: none", TOP + Chart::TALL);
    head(&mut page, report);
    let (x, y) = (Scale::linear(0.0, 1.0), Scale::linear(0.0, 1.0));
    let (title, x_ticks, series) = ("Sessions and batches".to_owned(), Vec::new(), Vec::new());
    Chart { title, top: TOP, x, x_ticks, y, y_label: count_label, series, column: None, empty: EMPTY }.draw(&mut page);
    page.finish()
}

fn head(page: &mut Page, report: &Report) {
    let sums = &report.sums;
    page.text(24.0, 34.0, "title", "Recorded sessions");
    let line = format!(
        "{}, {}, {} stored, {} inflated",
        counted(sums.sessions, "session"),
        if sums.batches == 1 { "1 batch".to_owned() } else { format!("{} batches", thousands(sums.batches)) },
        bytes(sums.stored_bytes),
        bytes(sums.inflated_bytes)
    );
    page.text(24.0, 56.0, "dim", &line);
    if let Some((first, last)) = report.first_us.zip(report.last_us) {
        let line =
            format!("received from {} to {} UTC", clock(first, "%Y-%m-%d %H:%M:%S"), clock(last, "%Y-%m-%d %H:%M:%S"));
        page.text(24.0, 78.0, "dim", &line);
    }
}

fn over_time(page: &mut Page, report: &Report) {
    let timeline = report.timeline.clone().within(STEPS_MAX);
    let step_us = timeline.step_us();
    let steps: Vec<(u64, Sums)> = timeline.steps().collect();
    let first = steps.first().map_or(0, |(at, _)| *at);
    let last = steps.last().map_or(0, |(at, _)| *at) + step_us;
    /// What is counted, its name in the legend, its class of style, and the count.
    type Counted = (&'static str, &'static str, &'static str, fn(&Sums) -> u64);
    let charts: [Counted; 2] = [
        ("Sessions begun", "sessions", "a", |sums| sums.sessions),
        ("Batches received", "batches", "b", |sums| sums.batches),
    ];
    for (at, (what, name, class, count)) in charts.into_iter().enumerate() {
        let points: Vec<_> = steps.iter().map(|(at, sums)| (*at as f64, count(sums) as f64)).collect();
        Chart {
            title: format!("{what}, {}", step_name(step_us / 1_000_000)),
            top: TOP + at as f64 * Chart::TALL,
            x: Scale::linear(first as f64, last as f64),
            x_ticks: time_ticks(first, last),
            y: Scale::from_zero(points.iter().map(|&(_, count)| count)),
            y_label: count_label,
            series: vec![Series { name, class, points }],
            column: Some(step_us as f64),
            empty: EMPTY,
        }
        .draw(page);
    }
}

fn sizes(page: &mut Page, report: &Report, top: f64) {
    let series = vec![
        by_percentile("batch as received", "a", &report.batch_stored_bytes),
        by_percentile("batch inflated", "b", &report.batch_inflated_bytes),
        by_percentile("session as received", "c", &report.session_stored_bytes),
    ];
    let y = Scale::logarithmic(values(&series));
    percentile_chart(page, "Sizes by percentile", top, y, size_label, series);
}

fn times(page: &mut Page, report: &Report, top: f64) {
    let series = vec![
        by_percentile("between batches of a session", "a", &report.batch_gap_us),
        by_percentile("length of a session", "b", &report.session_length_us),
    ];
    let y = Scale::times(values(&series));
    percentile_chart(page, "Times by percentile", top, y, time_label, series);
}

fn by_percentile(name: &'static str, class: &'static str, distribution: &Distribution) -> Series {
    let points = match distribution.count {
        0 => Vec::new(),
        _ => distribution.quantiles().iter().map(|&(at, value)| (percentiles::nines(at), value as f64)).collect(),
    };
    Series { name, class, points }
}

fn values(series: &[Series]) -> impl Iterator<Item = f64> {
    series.iter().flat_map(|series| series.points.iter().map(|&(_, value)| value))
}

fn percentile_chart(page: &mut Page, title: &str, top: f64, y: Scale, y_label: fn(f64) -> String, series: Vec<Series>) {
    Chart {
        title: title.to_owned(),
        top,
        x: percentiles::axis(),
        x_ticks: percentiles::ticks(),
        y,
        y_label,
        series,
        column: None,
        empty: EMPTY,
    }
    .draw(page);
}

/// The groups; `None` if sessions are not told apart, or by the hour, which the first charts show.
fn bars(report: &Report) -> Option<Bars> {
    if matches!(report.by, "none" | "hour") {
        return None;
    }
    let mut bars: Vec<Bar> = report.groups.iter().take(BARS_MAX).map(|group| bar(report, group)).collect();
    let mut others = report.others;
    for group in report.groups.iter().skip(BARS_MAX) {
        others.groups += 1;
        others.sums.add(&group.sums);
    }
    if others.groups > 0 {
        let value = Some(format!("({} others)", thousands(others.groups)));
        bars.push(bar(report, &Group { value, sums: others.sums }));
    }
    Some(Bars { title: format!("Sessions by {}", report.by), top: TOP + 4.0 * Chart::TALL, bars, empty: EMPTY })
}

fn bar(report: &Report, group: &Group) -> Bar {
    let sessions = group.sums.sessions;
    let share = 100.0 * sessions as f64 / report.sums.sessions.max(1) as f64;
    Bar {
        name: group.value.clone().unwrap_or_else(|| "unknown".to_owned()),
        value: sessions as f64,
        shown: format!("{}  ({share:.1} %, {})", thousands(sessions), bytes(group.sums.stored_bytes)),
    }
}

/// `per second`, `per 5 s`, `per hour`.
fn step_name(seconds: u64) -> String {
    match seconds {
        1 => "per second".to_owned(),
        60 => "per minute".to_owned(),
        3_600 => "per hour".to_owned(),
        86_400 => "per day".to_owned(),
        604_800 => "per week".to_owned(),
        seconds if seconds < 60 => format!("per {seconds} seconds"),
        seconds if seconds < 3_600 => format!("per {} minutes", seconds / 60),
        seconds if seconds < 86_400 => format!("per {} hours", seconds / 3_600),
        seconds => format!("per {} days", seconds / 86_400),
    }
}

/// Labels of a time axis in microseconds, at round times of the day in UTC.
fn time_ticks(first_us: u64, last_us: u64) -> Vec<(f64, String)> {
    let span_s = (last_us - first_us) / 1_000_000;
    let fits = |step: &&u64| span_s / **step < TIMES_MAX;
    let step_s = TIME_STEPS_S.iter().find(fits).copied().unwrap_or(TIME_STEPS_S[TIME_STEPS_S.len() - 1]);
    let step_us = step_s * 1_000_000;
    let many_days = clock(first_us, "%Y-%m-%d") != clock(last_us, "%Y-%m-%d");
    let format = match step_s {
        86_400.. => "%Y-%m-%d",
        60.. if many_days => "%m-%d %H:%M",
        60.. => "%H:%M",
        _ => "%H:%M:%S",
    };
    let ticks = (first_us.div_ceil(step_us)..=last_us / step_us).map(|at| at * step_us);
    ticks.map(|at| (at as f64, clock(at, format))).collect()
}

fn clock(us: u64, format: &str) -> String {
    let time = i64::try_from(us).ok().and_then(|us| Timestamp::from_microsecond(us).ok());
    time.map_or_else(|| length_us(us), |time| time.strftime(format).to_string())
}

#[cfg(test)]
mod tests;
