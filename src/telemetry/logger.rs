//! JSON log lines, one object a line, written by a thread of their own.
//!
//! A line has these keys in this order: `level`, `ts`, `caller`, `msg`, then whichever are known of `sessionID`, `projectID`, `tracker`,
//! `httpMethod`, `url`, `batch`, `type`; lines about the service itself have their own keys after `msg`. All values are strings.
//!
//! Lines pass through two bounded queues: one for requests, one for the service's own events, so that a burst of requests cannot displace
//! the line that explains it. A line that finds its queue full is dropped and counted, and the number is logged once a second. The printer
//! polls its queues every few milliseconds instead of being woken, because a wake-up would cost the core a system call.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;
use rustix::time::{ClockId, clock_gettime};

use crate::base::terminal::{is_hostile, write_json_escape};

use super::line::{RequestLine, Text};
use super::timestamp::TimestampFormat;

/// The printer's polling interval: after an idle period, a line is printed within this time; during a burst, lines are printed at once.
const IDLE_WAIT: Duration = Duration::from_millis(20);
/// How often dropped lines are reported.
const DROP_REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// How many bytes are formatted before they are written out.
const WRITE_BYTES: usize = 64 << 10;

/// Severity of a line, by what the operator must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For debugging.
    Debug,
    /// Once per service event.
    Info,
    /// Needs attention soon.
    Warn,
    /// Data or service at risk, or a request refused.
    Error,
}

impl Level {
    /// The value of the `level` key.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Which answered requests are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogRequests {
    /// Every one.
    All,
    /// Those with status 400 or above.
    Errors,
    /// Those with status 400 or above, and one in this many of the others on each core (0 counts as 1).
    Sampled(u32),
}

/// Logger options.
#[derive(Clone, Copy, Debug)]
pub struct LogOptions {
    /// The minimum level of service events that are printed.
    pub level: Level,
    /// How many request lines may wait for the printer; each takes about 600 bytes, allocated at start-up.
    pub request_capacity: usize,
    /// How many service events may wait for the printer.
    pub event_capacity: usize,
    /// Show times in UTC regardless of `TZ`.
    pub utc: bool,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { level: Level::Info, request_capacity: 8192, event_capacity: 1024, utc: false }
    }
}

#[derive(Debug)]
struct Event {
    unix_ms: i64,
    level: Level,
    caller: &'static str,
    message: String,
    fields: Vec<(String, String)>,
}

#[derive(Debug)]
struct Shared {
    requests: ArrayQueue<(i64, RequestLine)>,
    events: ArrayQueue<Event>,
    printed: AtomicU64,
    dropped: AtomicU64,
    stop: AtomicBool,
    /// The minimum level of events that are printed.
    level: AtomicU8,
}

/// The producer side of the log. Cheap to clone; each core has its own clone and samples independently.
#[derive(Debug)]
pub struct Logger {
    shared: Arc<Shared>,
    /// Requests since the last sample; a clone starts at zero.
    since_sample: AtomicU32,
}

impl Clone for Logger {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), since_sample: AtomicU32::new(0) }
    }
}

impl Logger {
    /// Starts the printer on `sink`, normally standard output.
    pub fn start(options: &LogOptions, sink: Box<dyn Write + Send>) -> std::io::Result<(Self, Printer)> {
        let shared = Arc::new(Shared {
            requests: ArrayQueue::new(options.request_capacity.max(1)),
            events: ArrayQueue::new(options.event_capacity.max(1)),
            printed: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            level: AtomicU8::new(options.level as u8),
        });
        let time = if options.utc { TimestampFormat::utc() } else { TimestampFormat::local() };
        let work = PrinterWork {
            shared: Arc::clone(&shared),
            sink,
            time,
            out: Vec::with_capacity(WRITE_BYTES + 4096),
            reported: 0,
            report_at: Instant::now(),
        };
        let thread = std::thread::Builder::new().name("log-printer".into()).spawn(move || work.run())?;
        let printer = Printer { shared: Arc::clone(&shared), thread: Some(thread) };
        let since_sample = AtomicU32::new(0);
        Ok((Self { shared, since_sample }, printer))
    }

    /// Changes the minimum level of events that are printed, for all clones and starting with the next line.
    pub fn set_level(&self, level: Level) {
        self.shared.level.store(level as u8, Ordering::Relaxed);
    }

    /// Logs the request that `line` describes, if `which` selects answers with this `status`. Never blocks, never allocates; `line` is only
    /// called if the line is wanted.
    #[inline]
    pub fn request(&self, which: LogRequests, status: u16, line: impl FnOnce() -> RequestLine) {
        if !self.wants(which, status) {
            return;
        }
        if self.shared.requests.push((now_ms(), line())).is_err() {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[inline]
    fn wants(&self, which: LogRequests, status: u16) -> bool {
        if status >= 400 {
            return true;
        }
        match which {
            LogRequests::All => true,
            LogRequests::Errors => false,
            LogRequests::Sampled(one_in) => {
                let passed = self.since_sample.load(Ordering::Relaxed) + 1;
                let take = passed >= one_in;
                self.since_sample.store(if take { 0 } else { passed }, Ordering::Relaxed);
                take
            }
        }
    }

    /// Logs a service event. Never blocks, but allocates: for rare events, not for every request.
    pub fn event(&self, level: Level, caller: &'static str, message: &str, fields: &[(&str, &str)]) {
        if (level as u8) < self.shared.level.load(Ordering::Relaxed) {
            return;
        }
        let fields = fields.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let event = Event { unix_ms: now_ms(), level, caller, message: message.to_owned(), fields };
        if self.shared.events.push(event).is_err() {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many lines were dropped because their queue was full or the sink no longer accepts any.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// How many lines have been printed.
    pub fn printed(&self) -> u64 {
        self.shared.printed.load(Ordering::Relaxed)
    }
}

/// The wall clock at the kernel's last tick, a few milliseconds coarse: a mere memory read.
fn now_ms() -> i64 {
    let now = clock_gettime(ClockId::RealtimeCoarse);
    now.tv_sec * 1000 + now.tv_nsec / 1_000_000
}

/// The printer thread. Dropping it prints the queued lines, like [`Printer::finish`] with two seconds.
#[derive(Debug)]
pub struct Printer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Printer {
    /// Prints the queued lines and ends the thread. Gives up after `patience` (a paused terminal, a pipe that nobody reads), and returns
    /// whether everything was printed.
    pub fn finish(mut self, patience: Duration) -> bool {
        self.stop(patience)
    }

    fn stop(&mut self, patience: Duration) -> bool {
        let Some(thread) = self.thread.take() else { return true };
        self.shared.stop.store(true, Ordering::Release);
        thread.thread().unpark();
        let deadline = Instant::now() + patience;
        while !thread.is_finished() {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        thread.join().is_ok()
    }
}

impl Drop for Printer {
    fn drop(&mut self) {
        self.stop(Duration::from_secs(2));
    }
}

struct PrinterWork {
    shared: Arc<Shared>,
    sink: Box<dyn Write + Send>,
    time: TimestampFormat,
    out: Vec<u8>,
    reported: u64,
    report_at: Instant,
}

impl PrinterWork {
    fn run(mut self) {
        loop {
            // Read before the queues, so that this pass sees everything pushed before the stop.
            let stop = self.shared.stop.load(Ordering::Acquire);
            let printed = self.turn(stop);
            if stop {
                return;
            }
            if printed == 0 {
                std::thread::park_timeout(IDLE_WAIT);
            }
        }
    }

    /// Prints what is queued, at most as much as at the beginning of the call, and returns the number of lines.
    fn turn(&mut self, last: bool) -> u64 {
        let mut printed = 0;
        for _ in 0..self.shared.events.len() {
            let Some(event) = self.shared.events.pop() else { break };
            event.write(&mut self.time, &mut self.out);
            printed += 1;
            self.write_if(WRITE_BYTES);
        }
        for _ in 0..self.shared.requests.len() {
            let Some((unix_ms, line)) = self.shared.requests.pop() else { break };
            write_request(unix_ms, &line, &mut self.time, &mut self.out);
            printed += 1;
            self.write_if(WRITE_BYTES);
        }
        self.report_drops(last);
        self.write_if(1);
        self.shared.printed.fetch_add(printed, Ordering::Relaxed);
        printed
    }

    fn report_drops(&mut self, last: bool) {
        let dropped = self.shared.dropped.load(Ordering::Relaxed);
        if dropped == self.reported || (!last && Instant::now() < self.report_at) {
            return;
        }
        let event = Event {
            unix_ms: now_ms(),
            level: Level::Warn,
            caller: crate::caller!(),
            message: "log lines dropped, because they came faster than they could be written".to_owned(),
            fields: vec![("lines".to_owned(), (dropped - self.reported).to_string())],
        };
        event.write(&mut self.time, &mut self.out);
        self.reported = dropped;
        self.report_at = Instant::now() + DROP_REPORT_INTERVAL;
    }

    fn write_if(&mut self, at_least: usize) {
        if self.out.len() < at_least {
            return;
        }
        let written = self.sink.write_all(&self.out).and_then(|()| self.sink.flush());
        if written.is_err() {
            // A closed pipe or a full disk: the server continues without its log. The report of these drops is not itself counted, or it
            // would trigger another one.
            let lines = self.out.iter().filter(|byte| **byte == b'\n').count() as u64;
            self.shared.dropped.fetch_add(lines, Ordering::Relaxed);
            self.reported += lines;
        }
        self.out.clear();
        // A single huge event must not keep its memory allocated for ever.
        self.out.shrink_to(WRITE_BYTES * 2);
    }
}

impl Event {
    fn write(&self, time: &mut TimestampFormat, out: &mut Vec<u8>) {
        begin(self.level, self.unix_ms, self.caller, time, out);
        string(out, self.message.as_bytes());
        for (key, value) in &self.fields {
            out.push(b',');
            string(out, key.as_bytes());
            out.push(b':');
            string(out, value.as_bytes());
        }
        out.extend_from_slice(b"}\n");
    }
}

fn begin(level: Level, unix_ms: i64, caller: &str, time: &mut TimestampFormat, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"level\":\"");
    out.extend_from_slice(level.as_str().as_bytes());
    out.extend_from_slice(b"\",\"ts\":\"");
    time.write(unix_ms, out);
    out.extend_from_slice(b"\",\"caller\":");
    string(out, caller.as_bytes());
    out.extend_from_slice(b",\"msg\":");
}

fn write_request(unix_ms: i64, line: &RequestLine, time: &mut TimestampFormat, out: &mut Vec<u8>) {
    if line.status < 400 {
        begin(Level::Info, unix_ms, line.caller, time, out);
        out.extend_from_slice(b"\"response ok\"");
    } else {
        begin(Level::Error, unix_ms, line.caller, time, out);
        string(out, format!("response error, code: {}, error: {}", line.status, line.error).as_bytes());
    }
    if let Some(session) = line.session {
        field(out, "sessionID", session.to_string().as_bytes());
    }
    if let Some(project) = line.project {
        field(out, "projectID", project.to_string().as_bytes());
    }
    field(out, "tracker", line.tracker.as_bytes());
    field(out, "httpMethod", line.method.as_bytes());
    let url = line.url.as_bytes();
    if url.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        let url: Vec<u8> = url.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
        field(out, "url", &url);
    } else {
        field(out, "url", url);
    }
    field(out, "batch", line.batch.as_bytes());
    field(out, "type", line.data_type.as_bytes());
    out.extend_from_slice(b"}\n");
}

/// Appends a field unless it is empty.
fn field(out: &mut Vec<u8>, key: &str, value: &[u8]) {
    if value.is_empty() {
        return;
    }
    out.extend_from_slice(b",\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
    string(out, value);
}

/// Appends a JSON string; invalid UTF-8 becomes U+FFFD, and characters that could control a terminal are escaped.
fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let mut plain = 0;
    let text = String::from_utf8_lossy(bytes);
    let bytes = text.as_bytes();
    for (at, character) in text.char_indices() {
        if !matches!(character, '"' | '\\') && !is_hostile(character) {
            continue;
        }
        out.extend_from_slice(&bytes[plain..at]);
        plain = at + character.len_utf8();
        match character {
            '"' | '\\' => out.extend([b'\\', bytes[at]]),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            _ => {
                let mut escape = Text::<12>::EMPTY;
                // The longest escape takes twelve bytes: two units of six.
                let _ = write_json_escape(character, &mut escape);
                out.extend_from_slice(escape.as_bytes());
            }
        }
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests;
