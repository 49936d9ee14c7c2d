use std::time::Duration;

use crate::load::plan::{Plan, Rate, Tracker};
use crate::load::summary::Record;
use crate::load::tally::Tally;
use crate::load::target::Target;

use crate::chart::page::WIDTH;

use super::*;

/// A run of so many seconds, with so many batches in each.
fn run(seconds: u64, batches: u64) -> Summary {
    let plan = Plan {
        target: Target::parse("http://127.0.0.1:1/a&b").unwrap(),
        project: "key".to_owned(),
        users: 1,
        ramp: Duration::ZERO,
        duration: Duration::from_secs(seconds.max(1)),
        grace: Duration::ZERO,
        rate: Rate::Speed(1.0),
        tracker: Tracker::V19,
        connections: None,
        threads: 1,
        preflights: true,
        ledger: None,
    };
    let mut record = Record::new();
    for second in 0..seconds {
        let mut tally = Tally::default();
        tally.counts.requests = batches + second % 7;
        tally.counts.statuses.insert(if second % 50 == 9 { 503 } else { 200 }, batches);
        for number in 0..batches {
            let us = 300 + number * number * 7 + (second % 13) * 40;
            tally.batches.record(Duration::from_micros(us));
            tally.exchanges.record(Duration::from_micros(us / 3));
            tally.starts.record(Duration::from_micros(2 * us));
            tally.preflights.record(Duration::from_micros(us / 4));
        }
        record.add(second, &tally);
    }
    record.summary(&plan, "run", 1.0, 5.0, Duration::from_secs(seconds))
}

/// A run of so many seconds, of which the first ones are repeated: adding up ten thousand histograms takes a debug build minutes.
fn long(seconds: u64) -> Summary {
    let mut summary = run(30, 40);
    let points = summary.seconds.clone();
    let again = (0..seconds).zip(points.iter().cycle());
    summary.seconds = again.map(|(second, point)| Point { second, ..point.clone() }).collect();
    summary
}

/// Writes a picture where a person can look at it, if they ask for it.
fn keep(name: &str, svg: &str) {
    if let Some(folder) = std::env::var_os("TAKEUP_LOOK_AT") {
        std::fs::write(std::path::Path::new(&folder).join(name), svg).unwrap();
    }
}

#[test]
fn a_run_of_no_one_and_many_seconds_is_drawn_within_its_frame() {
    for (name, seconds, summary) in [
        ("none.svg", 0, run(0, 0)),
        ("one.svg", 1, run(1, 1)),
        ("few.svg", 30, run(30, 40)),
        ("many.svg", 10_000, long(10_000)),
    ] {
        let svg = svg(&summary);
        keep(name, &svg);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && svg.len() < 200_000, "{name}: {}", svg.len());
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}");
        assert_eq!(svg.contains("nothing was measured"), seconds == 0, "{name}");
        assert_eq!(svg.contains("<circle"), seconds == 1, "{name}");
        for pair in svg.split("points=\"").skip(1).flat_map(|rest| rest.split('"').next().unwrap().split(' ')) {
            let (x, y) = pair.split_once(',').unwrap();
            let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
            assert!((0.0..=WIDTH).contains(&x) && (0.0..=HEIGHT).contains(&y), "{name}: {pair}");
        }
    }
}

#[test]
fn texts_of_others_are_escaped() {
    let svg = svg(&run(1, 1));
    assert!(svg.contains("/a&amp;b") && !svg.contains("/a&b"));
}

#[test]
fn a_peak_survives_when_neighbours_become_one_point() {
    let mut summary = long(10_000);
    summary.seconds[7777].batch_max = 9_000_000;
    summary.seconds[7777].errors = 1;
    let points = thinned(&summary.seconds);
    assert!(points.len() <= POINTS_MAX);
    assert!(points.iter().any(|point| point.batch_max == 9_000_000));
    assert!(points.iter().filter(|point| point.errors > 0).count() >= 1);
}
