//! A service as a process: started, stopped, killed, paused. Nothing of it outlives the tests, even if they are killed.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, waitpid};

use super::install;
use crate::common::wait::{PATIENCE, wait_for};

/// How to run a server.
#[derive(Debug, Clone)]
pub struct Program {
    /// Its name in messages and of its log.
    pub name: &'static str,
    /// The file.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its variables, besides PATH and HOME.
    pub environment: Vec<(String, String)>,
    /// The user that runs it, if the tests run as root.
    pub user: Option<&'static str>,
    /// The folder it runs in. Its log is there, too.
    pub folder: PathBuf,
}

impl Program {
    /// A command that becomes the program and ends with this process.
    pub fn command(&self) -> Command {
        // It sets what a child can only set between fork and exec, and becomes the program: the process id stays.
        let mut command = Command::new(install::program("setpriv"));
        command.args(["--pdeathsig", "KILL"]);
        if let Some(user) = self.user.filter(|_| is_root()) {
            command.args(["--reuid", user, "--regid", user, "--init-groups"]);
        }
        command.arg("--").arg(&self.path).args(&self.arguments);
        command.env_clear().env("HOME", &self.folder).env("LC_ALL", "C.UTF-8");
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(&self.folder).stdin(Stdio::null());
        command
    }

    /// Runs it to its end and returns what it printed. Its failure fails the test.
    #[track_caller]
    pub fn finish(&self) -> String {
        let output = self.command().output().expect("the program runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}: {}: {}", self.name, output.status, text(&output.stderr));
        text(&output.stdout)
    }

    fn log(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name))
    }
}

/// Whether the tests run as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A server that runs, or does not. All calls may come from any thread.
#[derive(Debug)]
pub struct Process {
    program: Program,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    /// While it is paused.
    watch: Option<Watch>,
}

impl Process {
    /// One that does not run yet.
    pub fn new(program: Program) -> Process {
        Process { program, running: Mutex::new(None) }
    }

    /// Starts it, and waits until `is_ready`.
    #[track_caller]
    pub fn start(&self, mut is_ready: impl FnMut() -> bool) {
        let log =
            OpenOptions::new().create(true).append(true).open(self.program.log()).expect("the folder takes files");
        let mut command = self.program.command();
        command.stdout(log.try_clone().expect("a second handle")).stderr(log);
        {
            let mut running = self.lock();
            assert!(running.is_none(), "{} runs already", self.program.name);
            *running = Some(Running { child: spawn(command).expect("setpriv runs"), watch: None });
        }
        // A busy machine takes its time to start a Java machine.
        let end = Instant::now() + 4 * PATIENCE;
        while !is_ready() {
            let ended = self.lock().as_mut().and_then(|running| running.child.try_wait().expect("a child"));
            let late = Instant::now() > end;
            assert!(ended.is_none() && !late, "{} does not start ({ended:?}):\n{}", self.program.name, self.said());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it in order, with the signal that asks for it.
    #[track_caller]
    pub fn stop(&self, signal: Signal) {
        let mut running = self.lock().take().unwrap_or_else(|| panic!("{} does not run", self.program.name));
        running.resume();
        send(running.pid(), signal);
        let ended = || running.child.try_wait().expect("a child");
        wait_for(&format!("{} to end", self.program.name), 2 * PATIENCE, ended);
    }

    /// Kills it and all of its processes, and waits until they are gone.
    #[track_caller]
    pub fn kill(&self) {
        self.lock().take().unwrap_or_else(|| panic!("{} does not run", self.program.name)).kill();
    }

    /// Stops the time for it and all of its processes: connections stay open and nothing answers.
    #[track_caller]
    pub fn pause(&self) {
        let mut running = self.lock();
        let running = running.as_mut().unwrap_or_else(|| panic!("{} does not run", self.program.name));
        assert!(running.watch.is_none(), "{} is paused already", self.program.name);
        running.watch = Some(Watch::over(freeze(running.pid())));
    }

    /// Lets it go on.
    #[track_caller]
    pub fn resume(&self) {
        let mut running = self.lock();
        let running = running.as_mut().unwrap_or_else(|| panic!("{} does not run", self.program.name));
        assert!(running.watch.is_some(), "{} is not paused", self.program.name);
        running.resume();
    }

    /// Whether it runs. One that is paused does.
    pub fn runs(&self) -> bool {
        self.lock().as_mut().is_some_and(|running| running.child.try_wait().expect("a child").is_none())
    }

    /// Its process id, if it was started.
    pub fn pid(&self) -> Option<u32> {
        self.lock().as_ref().map(|running| running.child.id())
    }

    /// What it has printed, in all its runs.
    pub fn said(&self) -> String {
        fs::read(self.program.log()).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(running) = self.lock().take() {
            running.kill();
        }
    }
}

impl Running {
    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn resume(&mut self) {
        if let Some(watch) = self.watch.take() {
            for &pid in watch.end().iter().rev() {
                send(pid, Signal::CONT);
            }
        }
    }

    fn kill(mut self) {
        let family = freeze(self.pid());
        for &pid in &family {
            send(pid, Signal::KILL);
        }
        let _ = self.child.wait();
        if let Some(watch) = self.watch.take() {
            watch.end();
        }
        // The others are children of this process now, and nobody else takes their exit status.
        let end = Instant::now() + PATIENCE;
        for &pid in &family[1..] {
            let is_there = || matches!(waitpid(Some(pid), WaitOptions::NOHANG), Ok(None)) || parent(pid).is_some();
            while is_there() && Instant::now() < end {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// Kills paused processes when the tests end without resuming them: only their first one ends with the tests by itself.
#[derive(Debug)]
struct Watch {
    pids: Vec<Pid>,
    child: Child,
}

impl Watch {
    fn over(pids: Vec<Pid>) -> Watch {
        let list: Vec<String> = pids.iter().map(|pid| pid.as_raw_pid().to_string()).collect();
        let mut command = Command::new("sh");
        // The end of its input is the end of this process.
        command.args(["-c", &format!("read -r _; kill -KILL {}", list.join(" "))]);
        let child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().expect("sh runs");
        Watch { pids, child }
    }

    fn end(mut self) -> Vec<Pid> {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.pids
    }
}

/// Starts a child from a thread that lives as long as the tests: what ends with its parent ends with the *thread* that started it, and each
/// test has a thread of its own.
fn spawn(command: Command) -> io::Result<Child> {
    type Order = (Command, Sender<io::Result<Child>>);
    static SPAWNER: LazyLock<Sender<Order>> = LazyLock::new(|| {
        let (sender, orders) = channel::<Order>();
        thread::spawn(move || {
            // Processes whose parent was killed become children of this one.
            set_child_subreaper(Some(getpid())).expect("a process may take in orphans");
            for (mut command, answer) in orders {
                let _ = answer.send(command.spawn());
            }
        });
        sender
    });
    let (sender, answer) = channel();
    SPAWNER.send((command, sender)).expect("the thread does not end");
    answer.recv().expect("the thread answers")
}

/// Stops a process and those it has started, so that it starts no more. The first one is the given one.
fn freeze(first: Pid) -> Vec<Pid> {
    let mut family = vec![first];
    send(first, Signal::STOP);
    let mut next = 0;
    while next < family.len() {
        for child in children(family[next]) {
            send(child, Signal::STOP);
            family.push(child);
        }
        next += 1;
    }
    family
}

fn children(of: Pid) -> Vec<Pid> {
    let entries = Path::new("/proc").read_dir().expect("/proc is there").flatten();
    let pids = entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    pids.filter(|&pid| parent(pid) == Some(of.as_raw_pid())).collect()
}

/// The parent of a process; none if it is gone or a zombie.
fn parent(pid: Pid) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).ok()?;
    // The name of the program is in parentheses and may hold any character.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    if state == "Z" { None } else { fields.next()?.parse().ok() }
}

fn send(pid: Pid, signal: Signal) {
    // It may be gone already.
    let _ = kill_process(pid, signal);
}
