//! A full disk: requests are refused and nothing else happens, and when there is space again
//! the server goes on by itself.
//!
//! Each test makes a small file system of its own, for which it needs root; without it, it says so and passes.
#![allow(clippy::disallowed_methods, reason = "what would hurt a server is harmless in a test")]

mod common;

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use common::{Disk, Home, Request, Response, Server, wait_for};

/// Small segments on a small disk, and short waits.
const SETTINGS: &[(&str, &str)] = &[
    ("segment_bytes", "8MiB"),
    ("window_bytes", "2MiB"),
    ("group_bytes_max", "1MiB"),
    ("reserve_bytes", "8MiB"),
    ("beacon_size_limit", "500000"),
    ("patience", "500ms"),
];

/// How long a refusal may take: the patience, and what a busy machine adds.
const REFUSED_WITHIN: Duration = Duration::from_secs(5);

/// How soon the server must accept requests again once there is space.
const BACK_WITHIN: Duration = Duration::from_secs(5);

/// Takes space from the disk: as much as this, or all that there is.
fn take_space(path: &Path, bytes: usize) {
    let mut file = File::create(path).expect("the disk takes a file");
    let piece = vec![b'b'; 64 * 1024];
    for _ in 0..bytes / piece.len() {
        if file.write_all(&piece).is_err() {
            break;
        }
    }
    // On a full disk this may fail, but the space is taken nevertheless.
    let _ = file.sync_all();
}

/// One client's batches, all different, and what became of them.
#[derive(Default)]
struct Ledger {
    sent: u64,
    acknowledged: Vec<Vec<u8>>,
    refused: Vec<Response>,
}

impl Ledger {
    /// Sends batches until `enough`.
    fn send_until(&mut self, home: &Home, server: &Server, session: u64, enough: impl Fn(&Ledger) -> bool) {
        let token = home.token(session);
        let mut client = server.connect();
        while !enough(self) {
            self.sent += 1;
            let mut body = format!("{session}/{} ", self.sent).into_bytes();
            body.resize(20_000 + (self.sent as usize * 7_919 + session as usize) % 60_000, b'x');
            let began = Instant::now();
            let answer = client.exchange(Request::batch(&token, &body));
            assert!(began.elapsed() < REFUSED_WITHIN, "{:?}: {}", began.elapsed(), answer.text());
            match answer.status {
                200 => self.acknowledged.push(body),
                503 => self.refused.push(answer),
                _ => panic!("{}", answer.text()),
            }
        }
    }
}

const CLIENTS: u64 = 4;

/// Lets several clients send at once, each until `enough`.
fn load(ledgers: &mut [Ledger], home: &Home, server: &Server, enough: impl Fn(&Ledger) -> bool + Sync) {
    let enough = &enough;
    thread::scope(|scope| {
        for (session, ledger) in (1..).zip(ledgers) {
            // A `Home` belongs to one thread; the token needs only the data folder.
            let home = Home::with_data(home.data());
            scope.spawn(move || ledger.send_until(&home, server, session, enough));
        }
    });
}

fn ledgers() -> Vec<Ledger> {
    (0..CLIENTS).map(|_| Ledger::default()).collect()
}

/// Sends until each client has been refused three times in a row, and then checks the server.
fn fill(ledgers: &mut [Ledger], home: &Home, server: &mut Server) {
    load(ledgers, home, server, |ledger| ledger.refused.len() >= 3 || ledger.sent > 3_000);
    for ledger in ledgers.iter() {
        assert!(ledger.refused.len() >= 3, "{} batches found room on a small disk", ledger.sent);
        for answer in &ledger.refused {
            let text = answer.text();
            assert!(answer.json()["error"].as_str().is_some_and(|error| error.contains("try again")), "{text}");
            assert!(answer.header("retry-after").is_some_and(|after| after.parse::<u32>().is_ok()), "{text}");
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{text}");
            assert!(!answer.closes(), "a client that keeps its connection repeats on it: {text}");
        }
    }
    assert!(server.runs(), "{}", server.said());
    assert_eq!(server.admin_page("/health/live").status, 200);
    let ready = server.admin_page("/health/ready");
    assert_eq!(ready.status, 503, "{}", ready.text());
    assert!(ready.json()["reason"].as_str().is_some_and(|reason| reason.len() > 10), "{}", ready.text());
    let page = server.admin_page("/metrics").text();
    let counted: Vec<&str> =
        page.lines().filter(|line| line.starts_with("takeup_refusals_total") && !line.ends_with(" 0")).collect();
    let refused = server.metric("takeup_refusals_total{reason=\"disk_full\"}");
    assert!(refused >= 3.0 * CLIENTS as f64, "{counted:?}: {}", ready.text());
}

/// Waits until batches are accepted again, now that there is space.
fn wait_until_it_goes_on(home: &Home, server: &Server) {
    let mut client = server.connect();
    let request = Request::batch(&home.token(99), b"is there space again?");
    wait_for("batches to be taken again", BACK_WITHIN, || (client.exchange(&request).status == 200).then_some(()));
    wait_for("the server to be ready", BACK_WITHIN, || {
        (server.admin_page("/health/ready").status == 200).then_some(())
    });
}

/// Every acknowledged batch is in the log once, and nothing is there that was not sent.
fn check_log(ledgers: &[Ledger], home: &Home) {
    let mut stored: HashMap<Vec<u8>, u32> = HashMap::new();
    for batch in home.stored().into_iter().filter(|batch| batch.session <= CLIENTS) {
        *stored.entry(batch.body).or_default() += 1;
    }
    let acknowledged: HashSet<&Vec<u8>> = ledgers.iter().flat_map(|ledger| &ledger.acknowledged).collect();
    let missing = acknowledged.iter().filter(|body| !stored.contains_key(**body)).count();
    assert_eq!((missing, acknowledged.len()), (0, acknowledged.len()), "missing, of the acknowledged ones");
    assert!(stored.values().all(|&times| times == 1), "a batch that was sent once is stored twice");
    let refused: usize = ledgers.iter().map(|ledger| ledger.refused.len()).sum();
    let extra = stored.len() - acknowledged.len();
    assert!(extra <= refused, "{extra} batches more than acknowledged, {refused} refused");
}

fn stop_and_verify(mut server: Server, home: &Home) {
    server.signal(rustix::process::Signal::TERM);
    let status = server.wait(common::PATIENCE);
    assert!(status.success(), "{status}: {}", server.said());
    let verified = home.takeup(&["verify"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

#[test]
fn a_disk_filled_by_the_log_refuses_batches_and_goes_on_when_there_is_space() {
    let Some(disk) = Disk::new() else { return };
    take_space(&disk.path("ballast"), 24 << 20);
    let home = Home::with_data(&disk.path("data"));
    let mut server = home.serve(SETTINGS);
    let mut ledgers = ledgers();
    fill(&mut ledgers, &home, &mut server);
    // The end of the window is reserved for starts: a session that can begin will send its batches again.
    let start = server.connect().exchange(Request::start(&home.project_key()));
    assert_eq!(start.status, 200, "{}", start.text());

    fs::remove_file(disk.path("ballast")).expect("the ballast is there");
    wait_until_it_goes_on(&home, &server);
    let before: Vec<usize> = ledgers.iter().map(|ledger| ledger.acknowledged.len()).collect();
    assert!(before.iter().sum::<usize>() > 100, "too little was taken to mean anything: {before:?}");
    let more = before.iter().max().expect("there are some") + 10;
    load(&mut ledgers, &home, &server, |ledger| ledger.acknowledged.len() >= more || ledger.refused.len() > 3);
    assert!(ledgers.iter().all(|ledger| ledger.refused.len() == 3), "refused with space on the disk");
    check_log(&ledgers, &home);
    stop_and_verify(server, &home);
    check_log(&ledgers, &home);
}

#[test]
fn a_disk_filled_to_the_last_byte_by_others_costs_no_acknowledged_batch() {
    let Some(disk) = Disk::new() else { return };
    let home = Home::with_data(&disk.path("data"));
    let mut server = home.serve(SETTINGS);
    let mut ledgers = ledgers();
    load(&mut ledgers, &home, &server, |ledger| ledger.acknowledged.len() >= 10);
    let mut fullest = Vec::new();
    thread::scope(|scope| {
        let filler = scope.spawn(|| take_space(&disk.path("ballast"), 64 << 20));
        fill(&mut ledgers, &home, &mut server);
        filler.join().expect("no panic");
        take_space(&disk.path("crumbs"), 1 << 20);
        fullest.push(server.connect().exchange(Request::start(&home.project_key())).status);
    });
    assert_eq!(fullest, [503], "with nothing left, starts are refused too");
    assert!(server.runs());
    // A server still shuts down in order on a full disk, and the next one starts when there is space.
    server.signal(rustix::process::Signal::TERM);
    let status = server.wait(common::PATIENCE);
    assert!(status.success(), "{status}: {}", server.said());

    for name in ["ballast", "crumbs"] {
        fs::remove_file(disk.path(name)).expect("it is there");
    }
    let server = home.serve(SETTINGS);
    wait_until_it_goes_on(&home, &server);
    check_log(&ledgers, &home);
    stop_and_verify(server, &home);
    check_log(&ledgers, &home);
}

/// Processor time of the threads that prepare segments and windows, in ticks.
fn ticks(server: &Server) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).expect("the server runs");
    let of = |task: fs::DirEntry| {
        let stat = fs::read_to_string(task.path().join("stat")).ok()?;
        let (name, rest) = stat.rsplit_once(')')?;
        let mine = name.contains("takeup-prepare") || name.contains("takeup-keeper");
        let fields = || rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
        Some(if mine { fields().sum() } else { 0 })
    };
    tasks.filter_map(|task| of(task.ok()?)).sum()
}

#[test]
fn without_inodes_nothing_spins_and_it_passes_by_itself() {
    let Some(disk) = Disk::made_with(&["-N", "128"]) else { return };
    let home = Home::with_data(&disk.path("data"));
    let mut server = home.serve(SETTINGS);
    let mut ledgers = ledgers();
    load(&mut ledgers, &home, &server, |ledger| ledger.acknowledged.len() >= 3);
    let taken: Vec<_> = (0..10_000)
        .map(|number| disk.path(&format!("taken-{number}")))
        .take_while(|path| File::create(path).is_ok())
        .collect();
    assert!(taken.len() < 10_000, "the file system has no end of inodes");
    fill(&mut ledgers, &home, &mut server);
    // Refused clients keep trying.
    let (before, began) = (ticks(&server), Instant::now());
    load(&mut ledgers[..1], &home, &server, |_| began.elapsed() > Duration::from_secs(2));
    let spent_ms = (ticks(&server) - before) * 10;
    let percent = u128::from(spent_ms) * 100 / began.elapsed().as_millis();
    assert!(percent < 25, "{percent} % of a processor are spent on asking for a file");

    for path in &taken {
        fs::remove_file(path).expect("it is there");
    }
    wait_until_it_goes_on(&home, &server);
    assert_eq!(server.metric("takeup_log_failed_segments_total"), 0.0, "no disk has failed");
    check_log(&ledgers, &home);
    stop_and_verify(server, &home);
    check_log(&ledgers, &home);
}
