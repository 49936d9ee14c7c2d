//! A run as a picture: an SVG that is readable on light and on dark pages, without scripts or fonts of its own.

use std::fmt::Write as _;

use super::summary::{Point, Summary};

mod chart;
mod escape;
mod scale;

use chart::{Chart, Series};
use escape::escaped;
use scale::{Scale, count_label, time_label};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 890.0;

/// More points than this can't be told apart in a chart's width.
const POINTS_MAX: usize = 400;

const STYLE: &str = "\
    .load{font:13px system-ui,sans-serif;--ink:#1b1f24;--dim:#59636e;--grid:#d8dee4;--page:#fff;--a:#0a5fc2;--b:#8a4b00;--c:#b3261e;--d:#5b6b7a}\
    @media (prefers-color-scheme:dark){.load{--ink:#e6edf3;--dim:#9aa5b1;--grid:#30363d;--page:#0d1117;--a:#6cb2ff;--b:#f0b060;--c:#ff7b72;--d:#a9b7c6}}\
    .page{fill:var(--page)}text{fill:var(--ink)}.dim{fill:var(--dim)}.title{font-size:17px;font-weight:600}.alarm{fill:var(--c);font-weight:600}\
    .grid{stroke:var(--grid);stroke-width:1}.line{fill:none;stroke-width:2;stroke-linejoin:round}\
    .a{stroke:var(--a)}.b{stroke:var(--b)}.c{stroke:var(--c)}.d{stroke:var(--d)}\
    .dot.a{fill:var(--a)}.dot.b{fill:var(--b)}.dot.c{fill:var(--c)}.dot.d{fill:var(--d)}\
    .b{stroke-dasharray:7 4}.c{stroke-dasharray:2 3}.d{stroke-dasharray:9 3 2 3}";

/// Draws a run: percentiles of latency, latency over time, and answers over time.
pub fn svg(summary: &Summary) -> String {
    let mut out = String::with_capacity(32 * 1024);
    let described = format!("Load on {}: {} requests", summary.url, summary.counts.requests);
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"load\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
         height=\"{HEIGHT}\" role=\"img\"><title>{}</title><style>{STYLE}</style>\
         <rect class=\"page\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>",
        escaped(&described)
    );
    head(&mut out, summary);
    percentiles(&mut out, summary);
    let points = thinned(&summary.seconds);
    latencies(&mut out, &points);
    rates(&mut out, &points);
    out.push_str("</svg>\n");
    out
}

fn head(out: &mut String, summary: &Summary) {
    let counts = &summary.counts;
    let title: String = summary.url.chars().take(80).collect();
    text(out, 24.0, 34.0, "title", &format!("Load on {title}"));
    let line = format!(
        "tracker {}, {} users, {} requests a second planned, {} answered; {} errors",
        summary.tracker,
        summary.users,
        count_label(summary.requests_per_second_planned),
        count_label(summary.requests_per_second),
        counts.errors(),
    );
    text(out, 24.0, 56.0, "dim", &line);
    let lost = format!("trackers lost: {}", counts.trackers_lost);
    text(out, 24.0, 78.0, if counts.trackers_lost > 0 { "alarm" } else { "dim" }, &lost);
    if summary.generator_behind {
        text(out, 200.0, 78.0, "alarm", "the generator fell behind its schedule: latencies are partly its own");
    }
}

fn text(out: &mut String, x: f64, y: f64, class: &str, text: &str) {
    let _ = write!(out, "<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{}</text>", escaped(text));
}

fn percentiles(out: &mut String, summary: &Summary) {
    let kinds = [
        ("batch, from due", "a", &summary.batch),
        ("start, from due", "b", &summary.start),
        ("preflight, from due", "c", &summary.preflight),
        ("any request, from sent", "d", &summary.exchange),
    ];
    let series = kinds.into_iter().filter(|(_, _, latency)| latency.count > 0).map(|(name, class, latency)| Series {
        name,
        class,
        points: latency.quantiles().iter().map(|&(quantile, us)| (nines(quantile), us as f64)).collect(),
    });
    let series: Vec<_> = series.collect();
    let ticks = [(0.5, "50 %"), (0.9, "90"), (0.99, "99"), (0.999, "99.9"), (0.9999, "99.99"), (1.0, "max")];
    Chart {
        title: "Latency by percentile",
        top: 104.0,
        x: Scale::linear(nines(0.5), nines(1.0)),
        x_ticks: ticks.iter().map(|&(quantile, label)| (nines(quantile), label.to_owned())).collect(),
        y: Scale::logarithmic(series.iter().flat_map(|series| series.points.iter().map(|&(_, us)| us))),
        y_label: time_label,
        series,
    }
    .draw(out);
}

/// The number of nines of a quantile, so that each gets the same room; the last one stands for the maximum.
fn nines(quantile: f64) -> f64 {
    if quantile >= 1.0 { 5.0 } else { -(1.0 - quantile).log10() }
}

fn latencies(out: &mut String, points: &[Point]) {
    let of = |name, class, us: fn(&Point) -> u64| Series {
        name,
        class,
        // A second without batches has no latency.
        points: points.iter().filter(|p| p.batch_max > 0).map(|p| (p.second as f64, us(p) as f64)).collect(),
    };
    let series =
        vec![of("median", "a", |p| p.batch_p50), of("99 %", "b", |p| p.batch_p99), of("longest", "c", |p| p.batch_max)];
    let y = Scale::logarithmic(series.iter().flat_map(|series| series.points.iter().map(|&(_, us)| us)));
    over_time(points, "Latency of batches over time, by when they were answered", 366.0, y, time_label, series)
        .draw(out);
}

fn rates(out: &mut String, points: &[Point]) {
    let of = |name, class, count: fn(&Point) -> u64| Series {
        name,
        class,
        points: points.iter().map(|p| (p.second as f64, count(p) as f64)).collect(),
    };
    let series = vec![of("answers a second", "a", |p| p.requests), of("errors a second", "c", |p| p.errors)];
    let y = Scale::from_zero(series.iter().flat_map(|series| series.points.iter().map(|&(_, count)| count)));
    over_time(points, "Answers and errors over time", 628.0, y, count_label, series).draw(out);
}

fn over_time(
    points: &[Point],
    title: &'static str,
    top: f64,
    y: Scale,
    y_label: fn(f64) -> String,
    series: Vec<Series>,
) -> Chart {
    let last = points.last().map_or(0, |point| point.second).max(1) as f64;
    let x = Scale::linear(0.0, last);
    let x_ticks = x.ticks().into_iter().map(|second| (second, format!("{second} s"))).collect();
    Chart { title, top, x, x_ticks, y, y_label, series }
}

/// At most as many points as can be told apart: of neighbours, the worst latency and the mean rate.
fn thinned(points: &[Point]) -> Vec<Point> {
    let group = points.len().div_ceil(POINTS_MAX).max(1);
    let merged = points.chunks(group).map(|chunk| {
        let count = chunk.len() as u64;
        let mean = |of: fn(&Point) -> u64| chunk.iter().map(of).sum::<u64>() / count;
        let most = |of: fn(&Point) -> u64| chunk.iter().map(of).max().unwrap_or(0);
        Point {
            second: chunk[0].second,
            requests: mean(|p| p.requests),
            errors: chunk.iter().map(|p| p.errors).sum::<u64>().div_ceil(count),
            bytes: mean(|p| p.bytes),
            trackers_lost: chunk.iter().map(|p| p.trackers_lost).sum(),
            batch_p50: most(|p| p.batch_p50),
            batch_p99: most(|p| p.batch_p99),
            batch_max: most(|p| p.batch_max),
        }
    });
    merged.collect()
}

#[cfg(test)]
mod tests;
