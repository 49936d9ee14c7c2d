use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::admin::{CourierReport, LagReport};

use super::draw;
use super::page::{Page, between, quantile};
use super::sample::{Health, HealthCheck, Sample};
use super::view::{Recent, View};

const ADDR: &str = "127.0.0.1:8888";

/// A page of metrics as a server writes it: so many requests and records so far, spread over cores with these parts.
fn page(requests: f64, cores: &[(f64, &str)], refused: &[(&str, f64)]) -> String {
    let mut page = format!(
        "# HELP http_web_requests Requests answered.\n# TYPE http_web_requests counter\n\
         http_web_requests_total{{url=\"/v1/web/i\",response_code=\"200\"}} {requests}\n\
         takeup_build_info{{version=\"0.1.0\"}} 1\nprocess_start_time_seconds 1764000000\n\
         process_cpu_seconds_total {}\nprocess_resident_memory_bytes 734003200\n\
         takeup_received_bytes_total {}\ntakeup_sent_bytes_total {}\n\
         takeup_requests_waiting 12\ntakeup_connections_open 256\ntakeup_records_total {requests}\n\
         takeup_log_free_bytes 81604378624\ntakeup_log_size_bytes 2147483648\ntakeup_log_held_bytes 0\n\
         takeup_log_segments_made 9\ntakeup_log_failed_segments_total 0\n\
         takeup_log_set_aside_files 3\ntakeup_batches_unusable_total 5\n",
        requests / 1e5,
        requests * 1100.0,
        requests * 120.0,
    );
    for name in
        ["http_web_request_duration_seconds", "takeup_commit_duration_seconds", "takeup_group_sync_duration_seconds"]
    {
        for (bound, part) in [("0.001", 0.5), ("0.01", 0.9), ("0.1", 1.0), ("+Inf", 1.0)] {
            page += &format!("{name}_bucket{{le=\"{bound}\"}} {}\n", requests * part);
        }
    }
    page += &format!("takeup_group_records_sum {requests}\ntakeup_group_records_count {}\n", requests / 8.0);
    page += &format!(
        "takeup_group_size_bytes_sum {}\ntakeup_group_size_bytes_count {}\n",
        requests * 1100.0,
        requests / 8.0
    );
    for (number, (part, state)) in cores.iter().enumerate() {
        page += &format!("takeup_core_records_total{{core=\"{number}\"}} {}\n", requests * part);
        page += &format!("takeup_core_silent_seconds{{core=\"{number}\"}} 0.02\n");
        for known in ["open", "failed", "poisoned", "closed"] {
            page += &format!(
                "takeup_log_core_state{{core=\"{number}\",state=\"{known}\"}} {}\n",
                u8::from(known == *state)
            );
        }
    }
    for (reason, count) in refused {
        page += &format!("takeup_refusals_total{{reason=\"{reason}\"}} {count}\n");
    }
    page + "# EOF\n"
}

fn courier(name: &str, state: &str, records: u64) -> CourierReport {
    let lag = LagReport { records, bytes: records * 1100, seconds: records as f64 / 100.0 };
    let report = serde_json::json!({
        "name": name, "target": "redis://queue.internal:6379", "state": state, "trouble": "unreachable",
        "records": 1, "items": 1, "bytes": 1, "attempts_failed": 0, "dead_letters": 0, "deleted_unread": 0, "lag": lag,
    });
    serde_json::from_value(report).unwrap()
}

fn samples(pages: &[String], health: &Health, couriers: &[CourierReport]) -> View {
    let mut recent = Recent::default();
    let began = Instant::now();
    for (second, page) in pages.iter().enumerate() {
        let at = began + Duration::from_secs(second as u64);
        recent.add(Sample { at, page: Page::parse(page), health: health.clone(), couriers: couriers.to_vec() });
    }
    let view = recent.view(ADDR.parse().unwrap());
    // The clock of the machine has no part in what is compared.
    View { up_seconds: 7384.0, ..view }
}

fn healthy() -> Health {
    Health { status: "pass".to_owned(), ..Health::default() }
}

fn idle() -> View {
    let page = page(0.0, &[(0.5, "open"), (0.5, "open")], &[("rate_limited", 0.0)]);
    samples(&[page.clone(), page], &healthy(), &[])
}

fn busy() -> View {
    let reasons = |second: f64| [("rate_limited", second * 31.0), ("log_not_ready", second * 2.0), ("json", 17.0)];
    let cores = [(0.24, "open"), (0.26, "open"), (0.25, "open"), (0.25, "open")];
    let pages: Vec<String> = (0..20)
        .map(|second| {
            page(80_000.0 * f64::from(second) + 9000.0 * f64::from(second % 3), &cores, &reasons(second.into()))
        })
        .collect();
    let couriers = [courier("courier-rows", "ready", 0), courier("courier-redis", "waiting", 120_000)];
    samples(&pages, &healthy(), &couriers)
}

fn failing() -> View {
    let check = |part: &str, status: &str, output: &str| HealthCheck {
        component_id: part.to_owned(),
        status: status.to_owned(),
        output: output.to_owned(),
    };
    let health = Health {
        status: "warn".to_owned(),
        checks: [(
            "core".to_owned(),
            vec![
                check("0", "pass", ""),
                check("1", "warn", "poisoned: sync of core-01/00001764042067000000.seg: Input/output error"),
            ],
        )]
        .into(),
    };
    let cores = [(0.7, "open"), (0.3, "poisoned")];
    let pages = [page(1000.0, &cores, &[("log_failed", 3.0)]), page(2000.0, &cores, &[("log_failed", 40.0)])];
    samples(&pages, &health, &[])
}

/// What a terminal of this size shows.
fn shown(view: &View, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw::draw(view, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let rows = buffer.content.chunks(usize::from(width));
    rows.map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned() + "\n")
        .collect()
}

#[test]
fn a_frame_of_any_size_says_what_matters_most() {
    for (width, height) in [(80, 24), (40, 12), (200, 60)] {
        for (name, view, expected) in [
            ("idle", idle(), &["healthy", "REQUESTS  0/s", "CORES", "none since the start"][..]),
            ("busy", busy(), &["healthy", "REQUESTS  89,000/s", "p50 1.00 ms", "log_not_ready", "courier-r"][..]),
            ("failing", failing(), &["limited", "core 1: poisoned", "1: poisoned", "log_failed"][..]),
        ] {
            let shown = shown(&view, width, height);
            println!("{name} {width}x{height}\n{shown}");
            for text in expected {
                assert!(shown.contains(text), "{name} {width}x{height}: no {text} in\n{shown}");
            }
        }
    }
}

#[test]
fn no_size_of_a_terminal_is_too_small() {
    for view in [idle(), busy(), failing()] {
        for width in 1..130 {
            for height in 1..30 {
                shown(&view, width, height);
            }
        }
    }
}

#[test]
fn a_frame_as_text_leaves_nothing_out() {
    let text = draw::text(&busy()).join("\n");
    println!("{text}");
    for expected in [
        "REQUESTS  89,000/s",
        "LATENCY   p50 1.00 ms   p90 10.0 ms   p99 91.0 ms",
        "GROUPS    11,125/s   8.0 records each   8.6 KiB each   89,000 records/s",
        "0: 21,360/s 24 %",
        "log_not_ready 2.0/s, 38 in all",
        "rate_limited 31/s, 589 in all",
        "json 17 in all",
        "3 files in quarantine",
        "5 batches kept unusable",
        "courier-rows ready, all delivered",
        "courier-redis waiting (unreachable), 120,000 records behind, 20m00s",
    ] {
        assert!(text.contains(expected), "no {expected} in\n{text}");
    }
    assert!(text.is_ascii(), "{text}");
}

#[test]
fn what_a_destination_says_can_not_change_the_terminal() {
    let mut view = busy();
    view.couriers[0].name = crate::base::terminal::HOSTILE.to_owned();
    view.faults.push(super::view::Fault { of: "x".to_owned(), text: crate::base::terminal::HOSTILE.to_owned() });
    let text = draw::text(&view).join("");
    assert!(!text.contains(crate::base::terminal::is_hostile), "{text:?}");
}

#[test]
fn rates_begin_anew_with_another_process() {
    let other =
        |page: String| page.replace("process_start_time_seconds 1764000000", "process_start_time_seconds 1764000009");
    let cores = [(1.0, "open")];
    let pages = [page(1000.0, &cores, &[]), page(2000.0, &cores, &[]), other(page(5.0, &cores, &[]))];
    assert_eq!(samples(&pages, &healthy(), &[]).requests, 0.0);
    assert_eq!(samples(&pages[..2], &healthy(), &[]).requests, 1000.0);
}

#[test]
fn labels_with_quotes_commas_and_braces_are_read_whole() {
    let page = Page::parse(
        "a_total{x=\"1\",y=\"a \\\"b\\\", {c}\\\\\\n\"} 2.5 1764000000\na_total{x=\"2\"} 1e3\nb 7\n# a_total 9\nnonsense\n",
    );
    assert_eq!(page.sum("a_total"), Some(1002.5));
    assert_eq!(page.label("a_total", "y"), Some("a \"b\", {c}\\\n"));
    assert_eq!((page.sum("b"), page.sum("c")), (Some(7.0), None));
}

#[test]
fn a_percentile_is_that_of_what_came_between_two_readings() {
    let before = [(1.0, 100.0), (2.0, 100.0), (f64::INFINITY, 100.0)];
    let now = [(1.0, 100.0), (2.0, 200.0), (f64::INFINITY, 200.0)];
    let between = between(&before, &now);
    assert_eq!(quantile(0.5, &between), Some(1.5));
    assert_eq!(quantile(0.5, &[]), None);
    assert_eq!(quantile(0.5, &super::page::between(&now, &now)), None);
    assert_eq!(quantile(0.99, &[(1.0, 0.0), (f64::INFINITY, 5.0)]), Some(1.0), "nothing is known above the last bound");
}
