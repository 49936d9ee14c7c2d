use std::sync::Mutex;
use std::sync::mpsc;

use super::*;

/// A sink that exposes its bytes to the test and can be blocked by it.
#[derive(Clone, Default)]
struct Sink {
    bytes: Arc<Mutex<Vec<u8>>>,
    held: Option<Arc<Mutex<mpsc::Receiver<()>>>>,
    broken: bool,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.broken {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
        if let Some(held) = self.held.take() {
            let _ = held.lock().unwrap().recv();
        }
        self.bytes.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn lines(&self) -> Vec<serde_json::Map<String, serde_json::Value>> {
        let bytes = self.bytes.lock().unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn text(&self) -> String {
        String::from_utf8(self.bytes.lock().unwrap().clone()).unwrap()
    }
}

fn start(sink: &Sink, options: LogOptions) -> (Logger, Printer) {
    Logger::start(&LogOptions { utc: true, ..options }, Box::new(sink.clone())).unwrap()
}

fn wait_until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !what() {
        assert!(Instant::now() < deadline, "waited too long");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn nothing_that_a_client_wrote_drives_the_terminal_of_who_reads_the_log() {
    use crate::base::terminal::HOSTILE;
    let sink = Sink::default();
    let (logger, printer) = start(&sink, LogOptions::default());
    logger.request(LogRequests::All, 400, || RequestLine {
        tracker: Text::from("18.0.0\u{9b}31m"),
        url: Text::from(HOSTILE),
        batch: Text::from(HOSTILE),
        data_type: Text::from("a\u{202e}b"),
        error: Text::from(HOSTILE),
        ..RequestLine::new(crate::caller!(), "POST", 400)
    });
    logger.event(Level::Warn, crate::caller!(), HOSTILE, &[(HOSTILE, HOSTILE)]);
    assert!(printer.finish(Duration::from_secs(10)));
    let text = sink.text();
    assert!(!text.contains(|character| is_hostile(character) && character != '\n'), "{text:?}");
    let lines = sink.lines();
    assert!(lines.iter().any(|line| line["msg"] == HOSTILE && line[HOSTILE] == HOSTILE), "the same to who reads JSON");
    assert!(lines.iter().any(|line| line.get("batch").is_some_and(|batch| batch == HOSTILE)));
}

#[test]
fn a_request_line_has_its_keys_in_the_documented_order() {
    let sink = Sink::default();
    let (logger, printer) = start(&sink, LogOptions::default());
    logger.request(LogRequests::All, 401, || RequestLine {
        session: Some(42),
        project: Some(7),
        tracker: "19.0.1".into(),
        url: "/v1/web/i\r\n".into(),
        batch: "1_2".into(),
        data_type: "visual".into(),
        error: "token \"x\" expired".into(),
        ..RequestLine::new("api/web.rs:1", "POST", 401)
    });
    logger.request(LogRequests::All, 200, || RequestLine {
        url: "/".into(),
        ..RequestLine::new("api/web.rs:2", "GET", 200)
    });
    assert!(printer.finish(Duration::from_secs(5)));
    let text = sink.text();
    let mut lines = text.lines();
    let first = lines.next().unwrap();
    assert!(first.starts_with("{\"level\":\"error\",\"ts\":\"20"), "{first}");
    let tail = first.split_once("\",\"caller\"").unwrap().1;
    assert_eq!(
        tail,
        ":\"api/web.rs:1\",\"msg\":\"response error, code: 401, error: token \\\"x\\\" expired\",\
         \"sessionID\":\"42\",\"projectID\":\"7\",\"tracker\":\"19.0.1\",\"httpMethod\":\"POST\",\
         \"url\":\"/v1/web/i\",\"batch\":\"1_2\",\"type\":\"visual\"}"
    );
    let second = lines.next().unwrap();
    assert!(second.starts_with("{\"level\":\"info\",\"ts\":\"20"), "{second}");
    assert!(second.ends_with(",\"msg\":\"response ok\",\"httpMethod\":\"GET\",\"url\":\"/\"}"), "{second}");
    assert_eq!(lines.next(), None);
}

#[test]
fn whatever_a_client_sends_each_line_stays_one_json_object() {
    let sink = Sink::default();
    let (logger, printer) = start(&sink, LogOptions::default());
    let nasty: Vec<u8> = (0..=255).collect();
    for part in nasty.chunks(64) {
        logger.request(LogRequests::All, 200, || RequestLine {
            url: part.into(),
            ..RequestLine::new("a/b.rs:1", "GET", 200)
        });
    }
    logger.event(Level::Info, "a/b.rs:2", "line\nbreak\u{2028}", &[("k\"", "v\\\u{1}")]);
    assert!(printer.finish(Duration::from_secs(5)));
    let lines = sink.lines();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[0]["msg"], "line\nbreak\u{2028}");
    assert_eq!(lines[0]["k\""], "v\\\u{1}");
}

#[test]
fn only_errors_are_logged_when_so_asked_and_the_line_is_not_even_made() {
    let sink = Sink::default();
    let (logger, printer) = start(&sink, LogOptions::default());
    for _ in 0..100 {
        logger.request(LogRequests::Errors, 200, || unreachable!("not wanted"));
    }
    logger.request(LogRequests::Errors, 404, || RequestLine::new("a/b.rs:1", "GET", 404));
    assert!(printer.finish(Duration::from_secs(5)));
    assert_eq!(sink.lines().len(), 1);
}

#[test]
fn what_is_logged_can_change_for_every_clone() {
    let sink = Sink::default();
    let (logger, printer) = start(&sink, LogOptions::default());
    let of_a_core = logger.clone();
    let ok = |which| of_a_core.request(which, 200, || RequestLine::new("a/b.rs:1", "GET", 200));
    ok(LogRequests::Errors);
    of_a_core.event(Level::Debug, "a/b.rs:1", "unheard", &[]);
    logger.set_level(Level::Warn);
    ok(LogRequests::Sampled(u32::MAX));
    of_a_core.event(Level::Info, "a/b.rs:1", "unheard", &[]);
    logger.set_level(Level::Debug);
    ok(LogRequests::All);
    of_a_core.event(Level::Debug, "a/b.rs:1", "heard", &[]);
    assert!(printer.finish(Duration::from_secs(5)));
    let lines = sink.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines.iter().any(|line| line["msg"] == "heard"));
}

#[test]
fn one_in_n_is_logged_when_sampled_and_every_error() {
    let sink = Sink::default();
    let (logger, printer) = start(&sink, LogOptions::default());
    let sampled = LogRequests::Sampled(10);
    for _ in 0..100 {
        logger.request(sampled, 200, || RequestLine::new("a/b.rs:1", "GET", 200));
        logger.request(sampled, 500, || RequestLine::new("a/b.rs:1", "GET", 500));
    }
    assert!(printer.finish(Duration::from_secs(5)));
    let errors = sink.lines().iter().filter(|line| line["level"] == "error").count();
    assert_eq!((errors, sink.lines().len()), (100, 110));
}

#[test]
fn a_full_queue_drops_and_counts_and_says_so() {
    let (release, held) = mpsc::channel();
    let sink = Sink { held: Some(Arc::new(Mutex::new(held))), ..Sink::default() };
    let (logger, printer) = start(&sink, LogOptions { request_capacity: 4, ..LogOptions::default() });
    let push =
        |n| (0..n).for_each(|_| logger.request(LogRequests::All, 200, || RequestLine::new("a/b.rs:1", "GET", 200)));
    push(1);
    // The printer has taken the first line and is now blocked in its write.
    wait_until(|| logger.shared.requests.is_empty());
    push(10);
    assert_eq!(logger.dropped(), 6);
    // Events have their own queue: a flood of requests does not displace them.
    logger.event(Level::Warn, "a/b.rs:2", "look", &[]);
    release.send(()).unwrap();
    assert!(printer.finish(Duration::from_secs(5)));
    let lines = sink.lines();
    assert_eq!(lines.iter().filter(|line| line["msg"] == "response ok").count(), 5);
    assert!(lines.iter().any(|line| line["msg"] == "look"));
    let report = lines.iter().find(|line| line.contains_key("lines")).unwrap();
    assert_eq!(report["lines"], "6");
    assert_eq!(report["level"], "warn");
}

#[test]
fn a_held_output_does_not_hold_the_exit() {
    let (_release, held) = mpsc::channel();
    let sink = Sink { held: Some(Arc::new(Mutex::new(held))), ..Sink::default() };
    let (logger, printer) = start(&sink, LogOptions::default());
    logger.event(Level::Info, "a/b.rs:1", "hello", &[]);
    wait_until(|| logger.shared.events.is_empty());
    let began = Instant::now();
    assert!(!printer.finish(Duration::from_millis(50)));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_broken_output_is_counted_and_ends_nothing() {
    let sink = Sink { broken: true, ..Sink::default() };
    let (logger, printer) = start(&sink, LogOptions::default());
    logger.event(Level::Info, "a/b.rs:1", "one", &[]);
    wait_until(|| logger.dropped() == 1);
    logger.event(Level::Info, "a/b.rs:1", "two", &[]);
    wait_until(|| logger.dropped() == 2);
    assert!(printer.finish(Duration::from_secs(5)));
    assert_eq!(logger.dropped(), 2);
}

#[test]
fn events_below_the_level_are_not_printed() {
    let sink = Sink::default();
    let (logger, printer) = start(&sink, LogOptions::default());
    logger.event(Level::Debug, "a/b.rs:1", "detail", &[]);
    logger.event(Level::Info, "a/b.rs:1", "news", &[("port", "80")]);
    assert!(printer.finish(Duration::from_secs(5)));
    assert_eq!(sink.lines().len(), 1);
    assert_eq!(sink.lines()[0]["port"], "80");
}
