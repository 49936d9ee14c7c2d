//! Commands of the binary that run to their end.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// The binary.
pub const TAKEUP: &str = env!("CARGO_BIN_EXE_takeup");

/// What came of a command.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; none after a signal.
    pub code: Option<i32>,
    /// What it printed for programs.
    pub stdout: String,
    /// What it printed for people.
    pub stderr: String,
}

impl Finished {
    /// The lines of its output, as JSON.
    pub fn lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("NDJSON")).collect()
    }
}

/// The binary on this data folder, with no environment.
pub fn takeup(data: &Path) -> Command {
    let mut command = Command::new(TAKEUP);
    command.env_clear().stdin(Stdio::null()).arg("--data").arg(data);
    command
}

/// Runs a command to its end. One that does not end in time is killed, and fails the test.
pub fn finish(mut command: Command, patience: Duration) -> Finished {
    let file = || tempfile::tempfile().expect("a temporary file");
    let (mut stdout, mut stderr) = (file(), file());
    let handle = |file: &File| file.try_clone().expect("a second handle");
    let mut child = command.stdout(handle(&stdout)).stderr(handle(&stderr)).spawn().expect("the binary runs");
    let end = Instant::now() + patience;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if Instant::now() > end {
            child.kill().and_then(|()| child.wait()).expect("a child can be killed");
            panic!("{command:?} does not end: {}", text(&mut stderr));
        }
        thread::sleep(Duration::from_millis(5));
    };
    Finished { code: status.code(), stdout: text(&mut stdout), stderr: text(&mut stderr) }
}

fn text(file: &mut File) -> String {
    let mut text = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut text)).expect("the output is UTF-8");
    text
}
