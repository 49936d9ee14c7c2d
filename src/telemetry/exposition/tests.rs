use super::*;

const ROUTES: &[&str] = &["/v1/web/start", "/v1/web/i", "other"];
const REASONS: &[&str] = &["framing", "disk_full"];

fn metrics() -> (Arc<CoreMetrics>, Arc<CoreMetrics>, Metrics) {
    let (one, two) = (Arc::new(CoreMetrics::new(ROUTES, REASONS)), Arc::new(CoreMetrics::new(ROUTES, REASONS)));
    let metrics = Metrics::new(vec![Arc::clone(&one), Arc::clone(&two)]);
    (one, two, metrics)
}

fn render(metrics: Metrics) -> String {
    Exposition::new(Arc::new(metrics)).render(Format::OpenMetrics).unwrap()
}

#[track_caller]
fn has(page: &str, line: &str) {
    assert!(page.lines().any(|one| one == line), "no line {line:?} in\n{page}");
}

#[test]
fn the_cores_are_summed_under_upstreams_names_and_buckets() {
    let (one, two, metrics) = metrics();
    one.request(1, 200, 700, 6_000);
    two.request(1, 200, 0, 2_000_000);
    two.request(0, 418, 10, 1);
    two.request(99, 404, 0, 1);
    let page = render(metrics);
    has(&page, "# TYPE http_web_requests counter");
    has(&page, "http_web_requests_total{url=\"/v1/web/i\",response_code=\"200\"} 2");
    has(&page, "http_web_requests_total{url=\"/v1/web/start\",response_code=\"other\"} 1");
    has(&page, "http_web_requests_total{url=\"other\",response_code=\"404\"} 1");
    has(&page, "# UNIT http_web_request_size_bytes bytes");
    let i = "url=\"/v1/web/i\",response_code=\"200\"";
    has(&page, &format!("http_web_request_size_bytes_count{{{i}}} 1"));
    has(&page, &format!("http_web_request_size_bytes_sum{{{i}}} 700.0"));
    has(&page, &format!("http_web_request_size_bytes_bucket{{le=\"500.0\",{i}}} 0"));
    has(&page, &format!("http_web_request_size_bytes_bucket{{le=\"1000.0\",{i}}} 1"));
    has(&page, &format!("http_web_request_duration_seconds_count{{{i}}} 2"));
    has(&page, &format!("http_web_request_duration_seconds_bucket{{le=\"0.005\",{i}}} 0"));
    has(&page, &format!("http_web_request_duration_seconds_bucket{{le=\"0.01\",{i}}} 1"));
    has(&page, &format!("http_web_request_duration_seconds_bucket{{le=\"+Inf\",{i}}} 2"));
    assert!(!page.contains("url=\"/v1/web/start\",response_code=\"200\""), "a series that never occurred");
    assert!(page.ends_with("# EOF\n"));
}

#[test]
fn every_refusal_has_its_series_from_the_start() {
    let (one, _, metrics) = metrics();
    one.refused(1);
    let page = render(metrics);
    has(&page, "takeup_refusals_total{reason=\"framing\"} 0");
    has(&page, "takeup_refusals_total{reason=\"disk_full\"} 1");
}

#[test]
fn commits_groups_and_gauges_are_shown() {
    let (one, two, metrics) = metrics();
    one.committed(250);
    two.group(3, 5_000, 250);
    one.connections.set(5);
    two.connections.inc();
    two.received_bytes.add(1 << 40);
    let page = render(metrics);
    has(&page, "takeup_commit_duration_seconds_bucket{le=\"0.0002\"} 0");
    has(&page, "takeup_commit_duration_seconds_bucket{le=\"0.0003\"} 1");
    has(&page, "takeup_group_sync_duration_seconds_count 1");
    has(&page, "takeup_group_records_bucket{le=\"4.0\"} 1");
    has(&page, "takeup_group_size_bytes_sum 5000.0");
    has(&page, "takeup_connections_open 6");
    has(&page, &format!("takeup_received_bytes_total {}", 1u64 << 40));
    has(&page, "takeup_cores 2");
}

#[test]
fn what_is_asked_at_a_scrape_is_shown_as_of_the_scrape() {
    let cell = Arc::new(Cell::new());
    let (gauge, count) = (Arc::clone(&cell), Arc::clone(&cell));
    let metrics = Metrics::new(vec![Arc::new(CoreMetrics::new(ROUTES, REASONS))])
        .gauge("takeup_log_free_bytes", "Free space.", move || gauge.get() as f64)
        .counter("takeup_batches_checked", "Batches looked at.", move || count.get() as f64);
    let page = Exposition::new(Arc::new(metrics));
    cell.set(7);
    let shown = page.render(Format::OpenMetrics).unwrap();
    has(&shown, "takeup_log_free_bytes 7.0");
    has(&shown, "takeup_batches_checked_total 7.0");
}

#[test]
fn no_metric_is_described_twice_and_every_name_is_a_legal_one() {
    let (one, _, metrics) = metrics();
    one.request(0, 200, 1, 1);
    let page = render(metrics);
    let mut seen = std::collections::HashSet::new();
    for name in page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).filter_map(|line| line.split(' ').next()) {
        assert!(seen.insert(name.to_owned()), "{name} twice");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        assert!(!name.ends_with("_total"), "{name}");
    }
    assert!(seen.contains("process_resident_memory_bytes"));
    assert!(seen.contains("takeup_build"));
}

#[test]
fn the_older_text_format_is_given_to_those_who_ask_for_it_alone() {
    assert_eq!(Format::of_accept(None), Format::OpenMetrics);
    assert_eq!(Format::of_accept(Some("*/*")), Format::OpenMetrics);
    assert_eq!(Format::of_accept(Some("text/plain;version=0.0.4")), Format::Prometheus);
    let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3";
    assert_eq!(Format::of_accept(Some(prometheus)), Format::OpenMetrics);
    let (one, _, metrics) = metrics();
    one.request(0, 200, 1, 1);
    let page = Exposition::new(Arc::new(metrics)).render(Format::Prometheus).unwrap();
    has(&page, "# TYPE http_web_requests_total counter");
    assert!(!page.contains("# EOF"));
}
