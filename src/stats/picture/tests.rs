use crate::chart::page::WIDTH;
use crate::stats::by::{By, Client, Property};
use crate::stats::collector::{Arrival, Collector, What};
use crate::stats::range::Range;

use super::*;

/// 2026-11-25 04:35:00 UTC.
const BEGIN_US: u64 = 1_795_581_300_000_000;

/// So many sessions of ten batches or so, more of them by day than by night.
fn recorded(sessions: u64, browsers: &[&str]) -> Report {
    let mut collector = Collector::new(Range::ALL, By::Start(Property::Browser));
    let mut begin_us = BEGIN_US;
    for session in 1..=sessions {
        begin_us += if session % 3_000 < 2_000 { 5_000_000 } else { 26_000_000 };
        let browser = browsers[(spread(session) % browsers.len() as u64) as usize];
        let client = Client { browser, ..Client::default() };
        collector.describe(session, begin_us, &client, true).unwrap();
        let mut received_us = begin_us;
        for number in 0..2 + spread(session) % 17 {
            let spread = spread(session * 100 + number);
            received_us += (100_000 << (spread % 9)) + spread % 90_000;
            let stored_bytes = (60 << (spread % 11)) + spread % 700;
            let arrival = Arrival {
                project: 1,
                session,
                received_us,
                what: What::Batch,
                stored_bytes,
                inflated_bytes: stored_bytes * (2 + spread % 5),
            };
            collector.count(&arrival).unwrap();
        }
    }
    collector.report(10)
}

/// A number that looks like one by chance.
fn spread(number: u64) -> u64 {
    (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20).wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33
}

/// Writes a picture where a person can look at it, if they ask for it.
fn keep(name: &str, svg: &str) {
    if let Some(folder) = std::env::var_os("TAKEUP_LOOK_AT") {
        std::fs::write(std::path::Path::new(&folder).join(name), svg).unwrap();
    }
}

#[test]
fn no_session_one_and_ten_thousand_are_drawn_within_their_frame() {
    let browsers = [
        "Chrome",
        "Chrome",
        "Firefox",
        "Mobile Safari UI/WKWebView and more of it",
        "Edge",
        "Яндекс.Браузер",
        "漢".repeat(60).leak(),
    ];
    for (name, sessions) in
        [("stats-none.svg", 0), ("stats-one.svg", 1), ("stats-ten.svg", 10), ("stats-many.svg", 10_000)]
    {
        let svg = svg(&recorded(sessions, &browsers));
        keep(name, &svg);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && svg.len() < 200_000, "{name}: {}", svg.len());
        assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{name}");
        assert_eq!(svg.contains(EMPTY), sessions == 0, "{name}");
        for pair in svg.split("points=\"").skip(1).flat_map(|rest| rest.split('"').next().unwrap().split(' ')) {
            let (x, y) = pair.split_once(',').unwrap();
            let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
            assert!((0.0..=WIDTH).contains(&x) && (0.0..=TOP + 5.0 * Chart::TALL).contains(&y), "{name}: {pair}");
        }
    }
}

/// The picture of `docs/stats.md`; with `TAKEUP_WRITE_PAGES` set, it is drawn anew.
#[test]
fn the_page_shows_the_picture_as_it_is_drawn() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures/stats.svg");
    let drawn = svg(&recorded(10_000, &["Chrome", "Chrome", "Chrome", "Safari", "Firefox", "Safari", "Edge", "Opera"]));
    if std::env::var_os("TAKEUP_WRITE_PAGES").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &drawn).unwrap();
    }
    let shown = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(shown == drawn, "{}: run this test with TAKEUP_WRITE_PAGES=1", path.display());
}

#[test]
fn what_clients_call_themselves_is_text_and_nothing_else() {
    let svg = svg(&recorded(3, &["<script>alert(1)</script>\u{202e}"]));
    assert!(!svg.contains("<script") && !svg.contains('\u{202e}') && svg.contains("&lt;script&gt;"), "{svg}");
}

#[test]
fn times_are_labelled_at_round_times_however_long_the_axis_is() {
    for seconds in [1, 9, 75, 4_000, 86_400, 40 * 86_400, 20_000 * 86_400] {
        let ticks = time_ticks(BEGIN_US + 500_000, BEGIN_US + seconds * 1_000_000 + 500_000);
        assert!((1..=8).contains(&ticks.len()), "{seconds}: {ticks:?}");
    }
    let labels =
        |seconds: u64| time_ticks(BEGIN_US, BEGIN_US + seconds * 1_000_000).into_iter().map(|(_, label)| label);
    assert_eq!(labels(10).next().unwrap(), "04:35:00");
    assert_eq!(labels(4_000).next().unwrap(), "04:45");
    assert_eq!(labels(86_400).collect::<Vec<_>>()[..2], ["11-25 06:00", "11-25 12:00"]);
    assert_eq!(labels(3 * 86_400).next().unwrap(), "11-25 12:00");
    assert_eq!(labels(7 * 86_400).next().unwrap(), "2026-11-26");
}
