//! A command that runs to its end, or until it is stopped.

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How much is kept of what a command prints for programs. The receipt of an erasure names up to 10,000 places, each with a path.
const STDOUT_BYTES_MAX: usize = 4 << 20;

/// How much is kept of what it prints for people.
const STDERR_BYTES_MAX: usize = 16 << 10;

/// How often to look whether it has ended.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// Its priority is lower by this much. Threads that follow the log are lower still.
const NICE: i32 = 10;

/// The beginning of what was printed.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub bytes: Vec<u8>,
    /// There was more.
    pub is_cut: bool,
}

/// What came of a command.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// The exit code; none after a signal, or if it could not be started.
    pub exit: Option<i32>,
    pub stdout: Output,
    pub stderr: Output,
}

impl Ended {
    fn failed(text: &str) -> Self {
        let stderr = Output { bytes: text.as_bytes().to_vec(), is_cut: false };
        Self { stderr, ..Self::default() }
    }
}

/// Runs a command, which reads `input`: no more than a pipe holds, so that nobody waits until it does. When the other end of `stop` goes away, the command is killed: those of takeup leave nothing behind that they can't go on with.
///
/// This changes the priority of the thread, which the command inherits.
pub(super) fn run(mut command: Command, input: &[u8], stop: &Receiver<()>) -> Ended {
    let _ = rustix::process::nice(NICE);
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return Ended::failed(&format!("the command can't be started: {error}")),
    };
    if let Some(mut pipe) = child.stdin.take() {
        // If it has ended already, its exit code says more.
        let _ = pipe.write_all(input);
    }
    let stdout = child.stdout.take().map(|pipe| collect(pipe, STDOUT_BYTES_MAX));
    let stderr = child.stderr.take().map(|pipe| collect(pipe, STDERR_BYTES_MAX));
    let (Some(Ok(stdout)), Some(Ok(stderr))) = (stdout, stderr) else {
        end(&mut child);
        return Ended::failed("the command's output can't be read: no thread can be started");
    };
    let status = wait(&mut child, stop);
    let output = |thread: JoinHandle<Output>| thread.join().unwrap_or_default();
    Ended { exit: status.and_then(|status| status.code()), stdout: output(stdout), stderr: output(stderr) }
}

fn wait(child: &mut Child, stop: &Receiver<()>) -> Option<ExitStatus> {
    loop {
        match stop.recv_timeout(LOOK_PAUSE) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return end(child),
        }
        match child.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => return Some(status),
            Err(_) => return end(child),
        }
    }
}

fn end(child: &mut Child) -> Option<ExitStatus> {
    // It may have ended by itself.
    let _ = child.kill();
    child.wait().ok()
}

/// Reads a pipe to its end, so that who writes is never held up, and keeps the beginning.
fn collect(mut pipe: impl Read + Send + 'static, bytes_max: usize) -> std::io::Result<JoinHandle<Output>> {
    let read = move || {
        let mut output = Output::default();
        let mut buffer = vec![0; 16 << 10];
        loop {
            match pipe.read(&mut buffer) {
                Ok(0) => return output,
                Ok(length) => {
                    let room = bytes_max - output.bytes.len();
                    output.is_cut |= length > room;
                    output.bytes.extend_from_slice(&buffer[..length.min(room)]);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => {
                    output.is_cut = true;
                    return output;
                }
            }
        }
    };
    std::thread::Builder::new().name("job-output".into()).spawn(read)
}
