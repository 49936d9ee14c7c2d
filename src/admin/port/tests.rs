use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::admin::LagReport;
use crate::assets::Store;
use crate::telemetry::metrics::CoreMetrics;
use crate::telemetry::{LogOptions, Logger};

use super::*;

const ANY: &str = "127.0.0.1:0";

fn start(healthy: &Arc<AtomicBool>) -> AdminHandle {
    let metrics = Arc::new(Metrics::new(vec![Arc::new(CoreMetrics::new(&["/", "other"], &["framing"]))]));
    let (healthy, reopened) = (Arc::clone(healthy), Arc::clone(healthy));
    let checks = Box::new(move || {
        vec![Check::run("log", || healthy.load(Ordering::Relaxed).then_some(()).ok_or("disk full".to_owned()))]
    });
    let reopen = Box::new(move || {
        let before = if reopened.swap(true, Ordering::Relaxed) { "open" } else { "poisoned" };
        vec![ReopenedCore { core: 0, before: before.to_owned(), after: "open".to_owned(), reason: None }]
    });
    spawn(ANY.parse().unwrap(), Admin { checks, reopen, ..nothing(metrics) }).unwrap()
}

/// A port of a server without cores and couriers.
pub(super) fn nothing(metrics: Arc<Metrics>) -> Admin {
    Admin {
        metrics,
        checks: Box::new(Vec::new),
        live: Box::new(|| true),
        couriers: Box::new(Vec::new),
        measure: Box::new(|| ()),
        reopen: Box::new(Vec::new),
        seal: Box::new(Vec::new),
        reread: Box::new(Vec::new),
        commands: Commands {
            program: "/bin/sleep".into(),
            before: Vec::new(),
            after: Vec::new(),
            no_archive: Some("set archive = true"),
            logger: Logger::start(&LogOptions::default(), Box::new(std::io::sink())).unwrap().0,
        },
        logging: Box::new(Logging::default),
        set_logging: Box::new(|_| Ok(())),
        sessions: Sessions::new("/no/such/folder".into(), None),
        assets: Arc::new(Pages::new(Store::in_data("/no/such/folder".as_ref()))),
        access: AccessOptions::default(),
    }
}

fn ask_with(addr: SocketAddr, request: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(format!("{request} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_log_is_reopened_by_a_program_and_never_by_a_page() {
    let healthy = Arc::new(AtomicBool::new(false));
    let admin = start(&healthy);
    let reopen = "POST /log/reopen";
    for headers in [
        // A form, a script of another page, a script of a page that used DNS rebinding, and a link.
        "Host: 127.0.0.1:8888\r\nOrigin: http://evil.example\r\nContent-Type: text/plain\r\n",
        "Host: 127.0.0.1:8888\r\nX-Takeup-Admin: 1\r\nOrigin: http://evil.example\r\n",
        "Host: 127.0.0.1:8888\r\nX-Takeup-Admin: 1\r\nSec-Fetch-Site: same-origin\r\n",
        "Host: evil.example:8888\r\nX-Takeup-Admin: 1\r\n",
        "Host: 127.0.0.1:8888\r\n",
    ] {
        let answer = ask_with(admin.addr(), reopen, headers);
        assert!(answer.starts_with("HTTP/1.1 403 Forbidden"), "{headers}: {answer}");
        assert!(!answer.to_lowercase().contains("access-control"), "{answer}");
        assert!(!healthy.load(Ordering::Relaxed), "{headers}");
    }
    let preflight =
        "Host: 127.0.0.1\r\nOrigin: http://evil.example\r\nAccess-Control-Request-Headers: x-takeup-admin\r\n";
    let answer = ask_with(admin.addr(), "OPTIONS /log/reopen", preflight);
    assert!(answer.starts_with("HTTP/1.1 405") && !answer.to_lowercase().contains("access-control"), "{answer}");
    let mine = "Host: 127.0.0.1:8888\r\nX-Takeup-Admin: 1\r\n";
    assert!(ask_with(admin.addr(), "GET /log/reopen", mine).starts_with("HTTP/1.1 405"));
    assert!(!healthy.load(Ordering::Relaxed));

    let answer = ask_with(admin.addr(), reopen, mine);
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let body = "{\"cores\":[{\"core\":0,\"before\":\"poisoned\",\"after\":\"open\"}]}\n";
    assert!(answer.ends_with(body), "{answer}");
    assert!(healthy.load(Ordering::Relaxed));
}

fn ask(addr: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let head = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn each_page_answers_in_its_form() {
    let healthy = Arc::new(AtomicBool::new(true));
    let admin = start(&healthy);
    let metrics = ask(admin.addr(), "GET /metrics");
    assert!(metrics.starts_with("HTTP/1.1 200 OK"), "{metrics}");
    assert!(metrics.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(metrics.contains("takeup_cores 1\n") && metrics.ends_with("# EOF\n"));
    assert!(ask(admin.addr(), "GET /health/live").ends_with("\r\n\r\n{\"live\":true}\n"));
    assert!(ask(admin.addr(), "GET /health/ready").ends_with("\r\n\r\n{\"ready\":true}\n"));
    for method in ["GET", "POST"] {
        let health = ask(admin.addr(), &format!("{method} /health"));
        assert!(health.starts_with("HTTP/1.1 200 OK"), "{health}");
        assert!(health.contains("content-type: application/health+json"));
        assert!(health.contains("{\"status\":\"pass\",\"checks\":{\"log\":[{\"status\":\"pass\",\"time\":\""));
    }
    assert!(ask(admin.addr(), "GET /no/such/page").starts_with("HTTP/1.1 404 Not Found"));
    assert!(ask(admin.addr(), "DELETE /metrics").starts_with("HTTP/1.1 405 Method Not Allowed"));
}

#[test]
fn not_ready_says_why_and_stays_alive() {
    let healthy = Arc::new(AtomicBool::new(true));
    let admin = start(&healthy);
    healthy.store(false, Ordering::Relaxed);
    let ready = ask(admin.addr(), "GET /health/ready");
    assert!(ready.starts_with("HTTP/1.1 503 Service Unavailable"), "{ready}");
    assert!(ready.ends_with("{\"ready\":false,\"reason\":\"log: disk full\"}\n"), "{ready}");
    let health = ask(admin.addr(), "GET /health");
    assert!(health.starts_with("HTTP/1.1 503"), "{health}");
    assert!(health.contains("\"status\":\"fail\",\"output\":\"disk full\""), "{health}");
    assert!(ask(admin.addr(), "GET /health/live").starts_with("HTTP/1.1 200"));
    healthy.store(true, Ordering::Relaxed);
    assert!(ask(admin.addr(), "GET /health/ready").starts_with("HTTP/1.1 200"));
}

#[test]
fn an_address_in_use_is_said_plainly() {
    let admin = start(&Arc::new(AtomicBool::new(true)));
    let metrics = Arc::new(Metrics::new(Vec::new()));
    let error = spawn(admin.addr(), nothing(metrics)).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&admin.addr().to_string()) && text.contains("in use"), "{text}");
}

#[test]
fn a_stop_frees_the_port_even_if_a_client_holds_its_connection() {
    let admin = start(&Arc::new(AtomicBool::new(true)));
    let addr = admin.addr();
    let mut held = TcpStream::connect(addr).unwrap();
    held.write_all(b"GET /metrics HTTP/1.1\r\nHos").unwrap();
    let began = Instant::now();
    admin.stop();
    assert!(began.elapsed() < STOP_PATIENCE * 3);
    drop(TcpListener::bind(addr).unwrap());
}

/// A port for one connection at a time, with an answer and one that never ends.
async fn small_port(bounds: Bounds) -> std::net::SocketAddr {
    let inner = tokio::net::TcpListener::bind(ANY).await.unwrap();
    let addr = inner.local_addr().unwrap();
    let more = async |()| {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Some((Ok::<_, std::io::Error>("more\n"), ()))
    };
    let endless = move || axum::body::Body::from_stream(Box::pin(futures_util::stream::unfold((), more)));
    let router =
        Router::new().route("/", get(async || "here")).route("/endless", get(move || async move { endless() }));
    tokio::spawn(std::future::IntoFuture::into_future(axum::serve(GuardedListener::new(inner, bounds), router)));
    addr
}

/// Opens a connection that sends this, asks for an answer on another one, and returns the answer, if there is one within a second, and whether the
/// first one was closed.
async fn beside(addr: std::net::SocketAddr, first: &[u8]) -> (Option<String>, bool) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut held = tokio::net::TcpStream::connect(addr).await.unwrap();
    held.write_all(first).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut other = tokio::net::TcpStream::connect(addr).await.unwrap();
    other.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    let whole = tokio::time::timeout(Duration::from_secs(1), other.read_to_string(&mut answer)).await;
    let rest = tokio::time::timeout(Duration::from_millis(100), async {
        while held.read(&mut [0; 1000]).await.is_ok_and(|bytes| bytes > 0) {}
    });
    (whole.is_ok().then_some(answer), rest.await.is_ok())
}

fn inside<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

const ONE: Bounds = Bounds { connections_max: 1, ..Bounds::ADMIN };

#[test]
fn a_probe_gets_the_place_of_a_connection_that_waits_or_asks() {
    for first in [
        &b""[..],
        b"GET /",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx",
    ] {
        let (answer, closed) = inside(async { beside(small_port(ONE).await, first).await });
        assert!(answer.is_some_and(|answer| answer.starts_with("HTTP/1.1 200")), "{first:?}");
        assert!(closed, "{first:?}");
    }
}

#[test]
fn an_answer_that_is_under_way_keeps_its_place() {
    let endless = b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let (answer, closed) = inside(async { beside(small_port(ONE).await, endless).await });
    assert_eq!((answer, closed), (None, false));
}

#[test]
fn a_silent_connection_is_closed() {
    let bounds = Bounds { silence_max: Duration::from_millis(50), ..ONE };
    let closed = inside(async {
        let held = tokio::net::TcpStream::connect(small_port(bounds).await).await.unwrap();
        tokio::time::timeout(Duration::from_secs(5), held.readable()).await
    });
    assert!(closed.is_ok());
}

#[test]
fn a_request_that_comes_byte_by_byte_is_cut_off() {
    use tokio::io::AsyncWriteExt;
    let bounds = Bounds { request_max: Duration::from_millis(100), ..ONE };
    let sent = inside(async {
        let mut held = tokio::net::TcpStream::connect(small_port(bounds).await).await.unwrap();
        for sent in 0..200 {
            if held.write_all(b"G").await.is_err() {
                return sent;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        200
    });
    assert!((5..100).contains(&sent), "{sent} bytes");
}

#[test]
fn a_server_with_a_dead_core_is_not_live() {
    let metrics = Arc::new(Metrics::new(Vec::new()));
    let dead = Admin { live: Box::new(|| false), ..nothing(metrics) };
    let admin = spawn(ANY.parse().unwrap(), dead).unwrap();
    let answer = ask(admin.addr(), "GET /health/live");
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("{\"live\":false}"), "{answer}");
}

/// A port with one courier, whose lag is the number of measurements, each of which goes by `measure`.
fn with_a_courier(measure: impl Fn() + Send + Sync + 'static) -> AdminHandle {
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let couriers = move || {
        let count = count.load(Ordering::SeqCst);
        vec![CourierReport {
            name: "courier-redis".to_owned(),
            target: "redis://127.0.0.1:6379".to_owned(),
            state: "ready".to_owned(),
            trouble: None,
            code: None,
            error: None,
            advice: None,
            behind: None,
            since: None,
            seconds: None,
            attempts: None,
            lag: (count > 0).then_some(LagReport { records: count, bytes: 0, seconds: 0.0 }),
            records: 1,
            items: 2,
            bytes: 3,
            attempts_failed: 4,
            dead_letters: 5,
            dead_letters_in_file: None,
            deleted_unread: 6,
        }]
    };
    let measure = move || {
        measure();
        counted.fetch_add(1, Ordering::SeqCst);
    };
    let admin = Admin {
        couriers: Box::new(couriers),
        measure: Box::new(measure),
        ..nothing(Arc::new(Metrics::new(Vec::new())))
    };
    spawn(ANY.parse().unwrap(), admin).unwrap()
}

#[test]
fn couriers_are_an_array_of_objects_with_what_was_just_measured() {
    let admin = with_a_courier(|| ());
    let answer = ask(admin.addr(), "GET /couriers");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let expected = r#"[{"name":"courier-redis","target":"redis://127.0.0.1:6379","state":"ready","trouble":null,"code":null,"error":null,"advice":null,"behind":null,"since":null,"seconds":null,"attempts":null,"lag":{"records":1,"bytes":0,"seconds":0.0},"records":1,"items":2,"bytes":3,"attempts_failed":4,"dead_letters":5,"dead_letters_in_file":null,"deleted_unread":6}]"#;
    assert_eq!(body.trim_end(), expected);
}

#[test]
fn a_disk_that_hangs_holds_up_one_thread_and_no_page_for_ever() {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (held, begun) = (std::sync::Mutex::new(held), Arc::new(AtomicU64::new(0)));
    let beginning = Arc::clone(&begun);
    let admin = with_a_courier(move || {
        beginning.fetch_add(1, Ordering::SeqCst);
        let _ = held.lock().unwrap().recv();
    });
    for _ in 0..3 {
        assert!(ask(admin.addr(), "GET /health").starts_with("HTTP/1.1 200"));
    }
    let answer = ask(admin.addr(), "GET /couriers");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"lag\":null"), "{answer}");
    assert_eq!(begun.load(Ordering::SeqCst), 1);
    drop(release);
    admin.stop();
}
