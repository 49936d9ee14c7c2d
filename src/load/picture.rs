//! A run as a picture.

use crate::base::units::counted;
use crate::chart::scale::{count_label, time_label};
use crate::chart::{Chart, Page, Scale, Series, percentiles};

use super::summary::{Point, Summary};

const HEIGHT: f64 = 890.0;

/// More points than this can't be told apart in a chart's width.
const POINTS_MAX: usize = 400;

/// What a chart says that has nothing to show.
const EMPTY: &str = "nothing was measured";

/// Draws a run: percentiles of latency, latency over time, and answers over time.
pub fn svg(summary: &Summary) -> String {
    let mut page = Page::new(&format!("Load on {}: {} requests", summary.url, summary.counts.requests), HEIGHT);
    head(&mut page, summary);
    latency(&mut page, summary);
    let points = thinned(&summary.seconds);
    latencies(&mut page, &points);
    rates(&mut page, &points);
    page.finish()
}

fn head(page: &mut Page, summary: &Summary) {
    let counts = &summary.counts;
    let title: String = summary.url.chars().take(80).collect();
    page.text(24.0, 34.0, "title", &format!("Load on {title}"));
    let line = format!(
        "tracker {}, {}, {} requests a second planned, {} answered; {} errors",
        summary.tracker,
        counted(u64::from(summary.users), "user"),
        count_label(summary.requests_per_second_planned),
        count_label(summary.requests_per_second),
        counts.errors(),
    );
    page.text(24.0, 56.0, "dim", &line);
    let lost = format!("trackers lost: {}", counts.trackers_lost);
    page.text(24.0, 78.0, if counts.trackers_lost > 0 { "alarm" } else { "dim" }, &lost);
    if summary.generator_behind {
        page.text(200.0, 78.0, "alarm", "the generator fell behind its schedule: latencies are partly its own");
    }
}

fn latency(page: &mut Page, summary: &Summary) {
    let kinds = [
        ("batch, from due", "a", &summary.batch),
        ("start, from due", "b", &summary.start),
        ("preflight, from due", "c", &summary.preflight),
        ("any request, from sent", "d", &summary.exchange),
    ];
    let series = kinds.into_iter().filter(|(_, _, latency)| latency.count > 0).map(|(name, class, latency)| Series {
        name,
        class,
        points: latency.quantiles().iter().map(|&(quantile, us)| (percentiles::nines(quantile), us as f64)).collect(),
    });
    let series: Vec<_> = series.collect();
    Chart {
        title: "Latency by percentile".to_owned(),
        top: 104.0,
        x: percentiles::axis(),
        x_ticks: percentiles::ticks(),
        y: Scale::times(series.iter().flat_map(|series| series.points.iter().map(|&(_, us)| us))),
        y_label: time_label,
        series,
        column: None,
        empty: EMPTY,
    }
    .draw(page);
}

fn latencies(page: &mut Page, points: &[Point]) {
    let of = |name, class, us: fn(&Point) -> u64| Series {
        name,
        class,
        // A second without batches has no latency.
        points: points.iter().filter(|p| p.batch_max > 0).map(|p| (p.second as f64, us(p) as f64)).collect(),
    };
    let series =
        vec![of("median", "a", |p| p.batch_p50), of("99 %", "b", |p| p.batch_p99), of("longest", "c", |p| p.batch_max)];
    let y = Scale::times(series.iter().flat_map(|series| series.points.iter().map(|&(_, us)| us)));
    over_time(points, "Latency of batches over time, by when they were answered", 366.0, y, time_label, series)
        .draw(page);
}

fn rates(page: &mut Page, points: &[Point]) {
    let of = |name, class, count: fn(&Point) -> u64| Series {
        name,
        class,
        points: points.iter().map(|p| (p.second as f64, count(p) as f64)).collect(),
    };
    let series = vec![of("answers a second", "a", |p| p.requests), of("errors a second", "c", |p| p.errors)];
    let y = Scale::from_zero(series.iter().flat_map(|series| series.points.iter().map(|&(_, count)| count)));
    over_time(points, "Answers and errors over time", 628.0, y, count_label, series).draw(page);
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
    Chart { title: title.to_owned(), top, x, x_ticks, y, y_label, series, column: None, empty: EMPTY }
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
