//! Starting on a log of any size: only what was not sealed is read.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::table::{Table, median};
use crate::{PATIENCE, Run, append, batch, options, process_time, settle, waker};

use takeup::log::format::sidecar::Sidecar;
use takeup::log::{Log, Options};

/// As many cores as the machine of the goal has.
const CORES: u16 = 2;

const SEGMENT_BYTES: u64 = 64 << 20;

/// The size of the sealed log, and of what each core left unsealed.
const LOGS: [(u64, u64); 6] =
    [(0, 0), (1 << 30, 0), (10 << 30, 0), (50 << 30, 0), (0, SEGMENT_BYTES), (50 << 30, SEGMENT_BYTES)];

pub fn run(run: &Run) -> io::Result<Vec<Table>> {
    let columns =
        ["sealed", "unsealed tail", "`Log::open` ms", "cpu ms", "first record durable ms", "server: first answer ms"];
    let mut table = Table::new(
        format!(
            "Starting, {CORES} cores, the tail read from the disk. Sealed segments are sparse files with sidecars of 4,096 sessions. The \
             server's time is from its start as a process to its first answer."
        ),
        &columns,
    );
    let server = option_env!("CARGO_BIN_EXE_takeup").map(Path::new).filter(|path| path.exists());
    for (sealed, tail) in LOGS.into_iter().filter(|log| !run.quick || log.0 <= 1 << 30) {
        let (mut open, mut cpu, mut first, mut answer) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..run.rounds {
            let data = run.dir.join("data");
            let log = data.join("log");
            make(&log, sealed, tail)?;
            let (cpu_before, begun) = (process_time(), Instant::now());
            let (opened, recovery) = Log::open(Options { cores: CORES, ..options(&log) }).expect("the log opens");
            open.push(ms(begun.elapsed()));
            cpu.push(ms(process_time() - cpu_before));
            assert!(recovery.problems.is_empty() && recovery.damage.is_empty(), "{recovery:?}");
            assert_eq!(recovery.segments > 0, tail > 0, "{recovery:?}");
            let (mut writer, waker) = (opened.writer(0).expect("the core has a writer"), waker());
            let seq = append(&mut writer, &waker, &batch(7, b"the first"));
            settle(&mut writer, &waker, seq);
            first.push(ms(begun.elapsed()));
            drop(writer);
            opened.close().expect("the log closes");
            fs::remove_dir_all(&data)?;
            if let Some(server) = server {
                make(&log, sealed, tail)?;
                answer.push(ms(first_answer(server, &data)?));
                fs::remove_dir_all(&data)?;
            }
        }
        let answer = if answer.is_empty() { "not built".to_owned() } else { median(answer, 0) };
        let tail_text = if tail == 0 { "none".to_owned() } else { format!("{CORES} x {} MB", tail >> 20) };
        let (open, cpu, first) = (median(open, 1), median(cpu, 1), median(first, 1));
        table.row(vec![format!("{} GB", sealed >> 30), tail_text, open, cpu, first, answer]);
    }
    Ok(vec![table])
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Makes a log as a killed server leaves it, and drops it from memory.
fn make(dir: &Path, sealed: u64, tail: u64) -> io::Result<()> {
    let template = dir.with_extension("template");
    fs::create_dir_all(dir)?;
    let (log, _) = Log::open(Options { cores: CORES, ..options(&template) }).expect("the log opens");
    let payload = vec![5; 16 << 10];
    let waker = waker();
    let mut writers = Vec::new();
    for core in 0..CORES {
        let mut writer = log.writer(core).expect("the core has a writer");
        let mut last = append(&mut writer, &waker, &batch(7, b"small"));
        let mut bytes = 0;
        while bytes + (4 << 20) < tail {
            last = append(&mut writer, &waker, &batch(1 + bytes % 4_999, &payload));
            bytes += payload.len() as u64 + 64;
        }
        settle(&mut writer, &waker, last);
        writers.push(writer);
    }
    // The files of a log that is in use are what a kill leaves.
    if tail > 0 {
        copy(&template, dir)?;
    }
    drop(writers);
    log.close().expect("the log closes");
    if tail == 0 {
        copy(&template, dir)?;
    }
    if sealed > 0 {
        add_sealed(&template, dir, sealed)?;
    }
    fs::remove_dir_all(&template)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else if entry.file_name() != "lock" {
            fs::copy(entry.path(), &target)?;
            let file = File::open(&target)?;
            file.sync_all()?;
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
        }
    }
    File::open(to)?.sync_all()
}

/// Sealed segments, older than all others: their sidecars are real, their files are as long as they say and take no room.
fn add_sealed(template: &Path, dir: &Path, sealed: u64) -> io::Result<()> {
    let segments = fs::read_dir(template.join("core-00"))?.filter_map(|entry| Some(entry.ok()?.path()));
    let one = segments.filter(|path| path.extension().is_some_and(|extension| extension == "seg")).min();
    let one = one.ok_or_else(|| io::Error::other("no sealed segment to copy"))?;
    let described = Sidecar::read(&one).ok().flatten().ok_or_else(|| io::Error::other("no sidecar to copy"))?;
    for number in 0..sealed / SEGMENT_BYTES {
        let core = (number % u64::from(CORES)) as u16;
        let id = 1_700_000_000_000_000 + number;
        let path = dir.join(format!("core-{core:02}/{id:020}.seg"));
        let session_ids = (1..=4_096_u64).map(|session| (session << 40 | number).to_string()).collect();
        let sidecar = Sidecar { core, segment: id, bytes: SEGMENT_BYTES, session_ids, ..described.clone() };
        File::create(&path)?.set_len(SEGMENT_BYTES)?;
        serde_json::to_writer(File::create(path.with_extension("json"))?, &sidecar)?;
    }
    Ok(())
}

/// The time from the start of a server's process to its first answer.
fn first_answer(server: &Path, data: &Path) -> io::Result<Duration> {
    let (listen, admin) = (free_port(12_000)?, free_port(22_000)?);
    let mut command = Command::new(server);
    command.arg("--data").arg(data).args(["serve", "--cores", &CORES.to_string()]);
    command.args(["--listen", &listen.to_string(), "--admin", &admin.to_string()]);
    let begun = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let result = loop {
        if ask(listen).is_ok() {
            break Ok(begun.elapsed());
        }
        if begun.elapsed() > PATIENCE || child.try_wait()?.is_some() {
            break Err(io::Error::other("the server gives no answer"));
        }
        std::thread::sleep(Duration::from_micros(500));
    };
    child.kill()?;
    child.wait()?;
    result
}

/// A free port from `from` on: below the range that the system gives to connections.
fn free_port(from: u16) -> io::Result<SocketAddr> {
    let free = (from..from + 5_000).find_map(|port| TcpListener::bind(("127.0.0.1", port)).ok());
    free.ok_or_else(|| io::Error::other("no port is free"))?.local_addr()
}

fn ask(server: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(server)?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(io::Error::other(answer)) }
}
