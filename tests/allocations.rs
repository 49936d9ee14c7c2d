//! In steady state a core serves requests without the allocator: memory that is taken and given back
//! with every request costs time, and grows with numbers that it should not depend on.
//!
//! The server runs inside this test, in a process of its own, whose allocator counts what the core's
//! thread asks for. The places are kept as backtraces and shown.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use common::{Connection, Home, Request, finish, wait_for};
use rustix::process::{Signal, getpid, kill_process};

use takeup::config::Sources;
use takeup::node;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The thread whose allocations count; 0 while none does.
static WATCHED: AtomicI32 = AtomicI32::new(0);
static COUNT: AtomicU64 = AtomicU64::new(0);
static TRACES: Mutex<Vec<Backtrace>> = Mutex::new(Vec::new());
const TRACES_MAX: usize = 200;

thread_local! {
    // Without a destructor, so that the allocator may use them at any time in a thread's life.
    static THREAD: Cell<i32> = const { Cell::new(0) };
    static TRACING: Cell<bool> = const { Cell::new(false) };
}

/// The system's allocator, which counts for one thread.
struct Counting;

impl Counting {
    fn note() {
        let watched = WATCHED.load(Ordering::Relaxed);
        if watched == 0 || watched != this_thread() || TRACING.replace(true) {
            return;
        }
        COUNT.fetch_add(1, Ordering::Relaxed);
        // Nobody holds the lock while the thread is watched, so that it cannot wait for itself.
        if let Ok(mut traces) = TRACES.try_lock()
            && traces.len() < TRACES_MAX
        {
            traces.push(Backtrace::force_capture());
        }
        TRACING.set(false);
    }
}

fn this_thread() -> i32 {
    if THREAD.get() == 0 {
        THREAD.set(rustix::thread::gettid().as_raw_nonzero().get());
    }
    THREAD.get()
}

// SAFETY: every call goes to the system's allocator with the arguments as they came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::note();
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::note();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        Self::note();
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, new_size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }
}

/// Tells the inner process how batches are acknowledged.
const ACK: &str = "TAKEUP_ACK";

/// How long the inner process may take.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn with_ack_disk_a_core_serves_without_allocating() {
    run_inside("disk");
}

#[test]
fn with_ack_memory_a_core_serves_without_allocating() {
    run_inside("memory");
}

/// Runs the inner test in a process of its own, because it prints log lines and is ended by a signal.
fn run_inside(ack: &str) {
    let mut command = Command::new(std::env::current_exe().expect("this test has a file"));
    command
        .args(["--exact", "inner::a_core_serves_without_allocating", "--ignored", "--nocapture"])
        .env_clear()
        .env(ACK, ack)
        .stdin(Stdio::null());
    let finished = finish(command, PATIENCE);
    assert_eq!(finished.code, Some(0), "ack = {ack}:\n{}", finished.stderr);
}

mod inner {
    #[test]
    #[ignore = "runs in a process that another test starts"]
    fn a_core_serves_without_allocating() {
        super::serve_and_count();
    }
}

const CONNECTIONS: usize = 8;
const WARM_UP: usize = 3_000;
const MEASURED: usize = 2_000;

/// The allocations that a phase of thousands of requests may make. A queue that is longer than ever
/// before grows (of requests that wait for their group, for room, for memory), which for so few
/// connections is twice at most; turning to another segment takes a few, but no phase here fills one.
const ALLOWED: u64 = 4;

fn serve_and_count() {
    let home = Home::new();
    let [_, _, high, low] = getpid().as_raw_nonzero().get().to_be_bytes();
    // A loopback address that no other process uses: its ports are ours.
    let addr = SocketAddr::from(([127, 77, high, low.max(1)], 8080));
    let admin = SocketAddr::new(addr.ip(), 8888);
    let set = [
        ("segment_bytes", "512MiB"),
        ("format_ahead", "false"),
        ("insist_file_system", "true"),
        ("log_requests", "all"),
        // Lines say when the disk is slow, and who is over a limit: on a slow machine they would be counted.
        ("slow_sync", "1m"),
        ("limit_uploads_session", "1000000/s burst 1000000"),
        ("limit_bytes_session", "1TiB/s burst 1TiB"),
        ("limit_uploads_address", "off"),
        ("limit_bytes_address", "off"),
        ("limit_uploads_project", "off"),
        ("limit_bytes_project", "off"),
    ];
    let (listen, admin_addr) = (addr.to_string(), admin.to_string());
    let set = set.into_iter().chain([("listen", &*listen), ("admin", &*admin_addr), ("cores", "1")]);
    let mut sources = Sources::of_process(home.data());
    sources.options = set.map(|(key, value)| (key.to_owned(), key.to_owned(), value.to_owned())).collect();
    let server = thread::spawn(move || node::run(sources).map_err(|error| error.to_string()));
    let core = wait_for("the server to listen", PATIENCE, || {
        assert!(!server.is_finished(), "the server has ended");
        TcpStream::connect(addr).ok().and_then(|_| thread_named("core-00"))
    });
    let token = home.token(1 << 60);
    let small = batch(&token, 1024);
    // A buffer of another size is needed for each.
    let mixed = [small.clone(), batch(&token, 30_000), preflight()];
    let phases = [("batches", vec![small]), ("preflights", vec![preflight()]), ("requests of a mix", mixed.to_vec())];
    let mut clients: Vec<Connection> = (0..CONNECTIONS).map(|_| Connection::open(addr)).collect();
    for (_, requests) in &phases {
        exchange(&mut clients, requests, WARM_UP);
    }
    for (name, requests) in &phases {
        let count = watch(core, || {
            exchange(&mut clients, requests, MEASURED);
            // The pauses of a connection are steady state as well.
            thread::sleep(Duration::from_millis(300));
        });
        assert!(count <= ALLOWED, "{MEASURED} {name} made {count} allocations:\n{}", traces());
    }
    // A new connection needs memory: if the count missed that, the checks above would prove nothing.
    let count = watch(core, || exchange(&mut [Connection::open(addr)], &[preflight()], 1));
    assert!(count > 0, "the count does not work");

    kill_process(getpid(), Signal::TERM).expect("this process takes a signal");
    let code = server.join().expect("no panic").expect("the server ends in order");
    assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS));
}

/// What the thread allocates while `work` goes on.
fn watch(thread: i32, work: impl FnOnce()) -> u64 {
    TRACES.lock().expect("no panic").clear();
    COUNT.store(0, Ordering::SeqCst);
    WATCHED.store(thread, Ordering::SeqCst);
    work();
    WATCHED.store(0, Ordering::SeqCst);
    COUNT.load(Ordering::SeqCst)
}

/// The places that allocated, the busiest first: the frames of this crate and of its runtime.
fn traces() -> String {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for trace in TRACES.lock().expect("no panic").iter() {
        let text = trace.to_string();
        let lines: Vec<&str> = text.lines().collect();
        let ours = |line: &str| line.contains("takeup::") || line.contains("monoio::") || line.contains("io_uring::");
        let frames = lines.windows(2).filter(|pair| ours(pair[0])).take(10);
        let place = frames.map(|pair| format!("{} {}", pair[0].trim(), pair[1].trim())).collect::<Vec<_>>().join("\n");
        *places.entry(place).or_default() += 1;
    }
    let mut places: Vec<_> = places.into_iter().collect();
    places.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    places.iter().map(|(place, count)| format!("{count} times:\n{place}\n")).collect()
}

/// The id of the thread with this name.
fn thread_named(name: &str) -> Option<i32> {
    let tasks = fs::read_dir("/proc/self/task").expect("a process sees its threads");
    let named =
        |task: &fs::DirEntry| fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim() == name);
    tasks.flatten().find(named)?.file_name().to_str()?.parse().ok()
}

/// What a browser sends with everything.
const HEADERS: [&str; 7] = [
    "Connection: keep-alive",
    "Accept: */*",
    "Origin: https://shop.example",
    "Referer: https://shop.example/",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/122.0.0.0",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-US",
];

fn batch(token: &str, bytes: usize) -> Vec<u8> {
    let request = Request::post(&format!("/v1/web/i?batch=1_17_{bytes}_kno")).headers(HEADERS).token(token);
    request.header("DataType", "player").body(vec![b'x'; bytes]).bytes()
}

fn preflight() -> Vec<u8> {
    let request = Request::options("/v1/web/i?batch=1_17_1024_kno").headers(HEADERS);
    let asks = ["Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization,datatype"];
    request.headers(asks).bytes()
}

/// Sends `count` requests, shared by the connections, and reads their answers, which have no body.
fn exchange(clients: &mut [Connection], requests: &[Vec<u8>], count: usize) {
    let each = count.div_ceil(clients.len());
    thread::scope(|scope| {
        for client in clients {
            scope.spawn(move || {
                for request in requests.iter().cycle().take(each) {
                    let answer = client.exchange(request);
                    assert_eq!((answer.status, answer.body.len()), (200, 0), "{}", answer.text());
                }
            });
        }
    });
}
