//! What is measured: all of it is explained, and gauges show their cause while it lasts.

use std::collections::BTreeSet;

use crate::common::{Home, PATIENCE, Request, wait_for};

/// Each page of metrics that is printed, by its name without suffixes.
fn printed(page: &str) -> BTreeSet<String> {
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let names = types.filter_map(|line| line.split(' ').next()).filter(|name| !name.starts_with("process_"));
    names.map(|name| name.trim_end_matches("_total").to_owned()).collect()
}

/// Each that `docs/metrics.md` explains: what stands first in a row or a line, in backticks.
fn explained(text: &str) -> BTreeSet<String> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ").unwrap_or(line).strip_prefix('`'));
    let cells = rows.filter_map(|row| row.split('|').next()).flat_map(|cell| cell.split(['`', ',', ' ', '{', '}']));
    let names = cells.filter(|name| name.starts_with("takeup_") || name.starts_with("http_web_"));
    names.map(|name| name.trim_end_matches("_total").trim_end_matches("_info").to_owned()).collect()
}

#[test]
fn every_metric_is_explained_and_everything_explained_is_there() {
    let home = Home::new();
    // Those of the archive are there if one is kept.
    let server = home.serve(&[("archive", "true")]);
    let mut printed = printed(&server.admin_page("/metrics").text());
    // An info is printed without its suffix by one format, and with it by the other.
    if printed.remove("takeup_build_info") {
        printed.insert("takeup_build".to_owned());
    }
    let tables = include_str!("../../docs/metrics.md").split("## Alerts").next().expect("a text").to_owned();
    let explained = explained(&tables);
    let missing: Vec<_> = printed.symmetric_difference(&explained).collect();
    assert!(printed.len() > 50 && missing.is_empty(), "printed or explained, and not both: {missing:?}");
}

#[test]
fn gauges_of_requests_show_their_cause_while_it_lasts() {
    let home = Home::new();
    let server = home.serve(&[
        ("inflight_bytes_max", "1MiB"),
        ("project_share_percent", "100"),
        ("beacon_size_limit", "100000"),
        ("json_size_limit", "100000"),
        ("patience", "60s"),
        ("body_grace", "60s"),
    ]);
    let mut clients: Vec<_> = (0..12).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(Request::batch_head(&home.token(7), 100_000));
        client.send(vec![b'x'; 90_000]);
    }
    let gauge = |name: &str| server.metric(name);
    wait_for("who waits for memory to be seen", PATIENCE, || (gauge("takeup_requests_waiting") >= 4.0).then_some(()));
    assert!(gauge("takeup_buffer_bytes") > 700_000.0);
    assert_eq!(gauge("takeup_connections_open"), 12.0);
    // It goes on showing them.
    for _ in 0..5 {
        std::thread::sleep(std::time::Duration::from_millis(60));
        assert!(gauge("takeup_requests_waiting") >= 4.0);
    }
    drop(clients);
    wait_for("all to be gone", PATIENCE, || {
        let names = ["takeup_requests_waiting", "takeup_buffer_bytes", "takeup_connections_open"];
        names.iter().all(|name| gauge(name) == 0.0).then_some(())
    });
    assert!(gauge("takeup_buffer_kept_bytes") > 0.0);
}
