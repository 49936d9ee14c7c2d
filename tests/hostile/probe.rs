//! A server under bad clients, and a good client that watches it.
//!
//! The machine may be busy with other things, so a slow answer alone proves nothing. What the probe counts is the processor time that the
//! server's core takes from the moment a small request is sent to its answer: what the core did for others while the probe
//! waited. The server has one core here, so nobody is better placed than the probe.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::common::{Home, PATIENCE, Request, Server, wait_for};

/// The longest time for which a core may belong to others, of whatever number. The decoder of brotli is made of generics: a debug build
/// compiles it without any optimisation, and it takes a hundred times as long.
const TURN_MS_MAX: u64 = if cfg!(debug_assertions) { 500 } else { 50 };

/// By how much memory may have grown once the bad clients have gone: what the allocator keeps, and pools.
const GROWTH_KB_MAX: u64 = 64 * 1024;

/// A server and its probe.
pub struct Siege {
    /// Its data folder.
    pub home: Home,
    /// The server.
    pub server: Option<Server>,
    /// The token of a session of the project for browsers.
    pub token: String,
    pid: u32,
    before: Usage,
    done: Arc<AtomicBool>,
    probe: Option<JoinHandle<io::Result<Vec<Ping>>>>,
}

/// What a process holds.
#[derive(Debug, Clone, Copy)]
struct Usage {
    anonymous_kb: u64,
    descriptors: usize,
}

/// One exchange of the probe.
#[derive(Debug, Clone, Copy)]
struct Ping {
    waited: Duration,
    core_busy: Duration,
}

impl Siege {
    /// Starts a server on one core.
    pub fn begin(settings: &[(&str, &str)]) -> Siege {
        let home = Home::with_projects(super::routes::PROJECTS);
        let server = home.serve(&[settings, &[super::routes::FORWARD_SECRET]].concat());
        let pid = server.pid();
        // Whatever is made ready on first use is not growth.
        for _ in 0..3 {
            assert_eq!(server.connect().exchange(Request::get("/")).status, 200);
        }
        let token = server.start_session(super::routes::KEY);
        let before = at_rest(pid);
        let done = Arc::new(AtomicBool::new(false));
        let probe = Some(watch(&server, pid, Arc::clone(&done)));
        Siege { home, server: Some(server), token, pid, before, done, probe }
    }

    /// The server.
    pub fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs until the end")
    }

    /// Bytes of memory of its own that the server holds now, in KiB.
    pub fn anonymous_kb(&self) -> u64 {
        usage(self.pid).anonymous_kb
    }

    /// The bad clients have gone: checks that the server is as it was, stops it, and gives its folder.
    pub fn end(mut self) -> Home {
        self.done.store(true, Ordering::SeqCst);
        let pings = self.probe.take().expect("a probe").join().expect("the probe does not panic");
        let mut server = self.server.take().expect("a server");
        assert!(server.runs(), "{}", server.said());
        let pings = pings.expect("the probe is answered, always");
        assert_eq!(server.metric("takeup_panics_total"), 0.0, "{}", server.said());
        assert!(!server.said().contains("panicked"), "{}", server.said());
        let before = self.before;
        let after = wait_for("descriptors to be closed", Duration::from_secs(10), || {
            let after = usage(self.pid);
            (after.descriptors <= before.descriptors + 4).then_some(after)
        });
        assert!(after.anonymous_kb < before.anonymous_kb + GROWTH_KB_MAX, "{before:?} became {after:?}");
        let worst = pings.iter().map(|ping| ping.core_busy).max().expect("pings");
        let mut waits: Vec<Duration> = pings.iter().map(|ping| ping.waited).collect();
        waits.sort_unstable();
        let slow = waits[waits.len() * 99 / 100];
        println!("{} pings, 99th percentile {slow:?}, the core's longest turn {worst:?}, {after:?}", pings.len());
        assert!(worst < Duration::from_millis(TURN_MS_MAX), "a request kept the core for {worst:?}");
        server.stop();
        let verdict = self.home.takeup(&["verify"]);
        assert_eq!(verdict.code, Some(0), "{}{}", verdict.stdout, verdict.stderr);
        self.home
    }
}

/// Asks for nothing, again and again, on one connection.
fn watch(server: &Server, pid: u32, done: Arc<AtomicBool>) -> JoinHandle<io::Result<Vec<Ping>>> {
    let mut client = server.connect();
    let schedstat = core_thread(pid) + "/schedstat";
    thread::spawn(move || {
        let mut pings = Vec::new();
        while !done.load(Ordering::SeqCst) {
            let (began, ran) = (Instant::now(), run_time(&schedstat)?);
            client.try_send(Request::get("/"))?;
            assert_eq!(client.try_read()?.status, 200);
            pings.push(Ping { waited: began.elapsed(), core_busy: run_time(&schedstat)?.saturating_sub(ran) });
            thread::sleep(Duration::from_millis(2));
        }
        Ok(pings)
    })
}

/// The folder in `/proc` of the thread of the only core.
fn core_thread(pid: u32) -> String {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("the server runs");
    let mut threads = threads.flatten().map(|entry| entry.path());
    let found = threads.find(|path| fs::read_to_string(path.join("comm")).is_ok_and(|name| name.starts_with("core-")));
    found.expect("a core has its thread").display().to_string()
}

/// The time for which a thread has run.
fn run_time(schedstat: &str) -> io::Result<Duration> {
    let text = fs::read_to_string(schedstat)?;
    let ran = text.split_whitespace().next().and_then(|number| number.parse().ok());
    ran.map(Duration::from_nanos).ok_or_else(|| io::Error::other(format!("no run time in {text:?}")))
}

/// What a server has once it has made its segments ready: its descriptors stay as many for half a second.
fn at_rest(pid: u32) -> Usage {
    let (mut seen, mut since) = (usage(pid), Instant::now());
    wait_for("the server to rest", PATIENCE, || {
        let now = usage(pid);
        if now.descriptors != seen.descriptors {
            since = Instant::now();
        }
        seen = now;
        (since.elapsed() >= Duration::from_millis(500)).then_some(seen)
    })
}

fn usage(pid: u32) -> Usage {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the server runs");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("a size");
    let anonymous_kb = line.trim().trim_end_matches(" kB").parse().expect("a number");
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("the server runs").count();
    Usage { anonymous_kb, descriptors }
}
