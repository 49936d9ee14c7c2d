//! Hands lines to a thread that writes: a disk can hang, and other couriers must not notice.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::courier::cause::{Cause, Trouble};
use crate::courier::destination::{Destination, ShipError};

use super::files::{FileOptions, Files};
use super::line::FileLine;

/// How long a write may take before it counts as hanging. It goes on all the same.
const WRITE_MAX: Duration = Duration::from_secs(60);

/// Lines to be written; none to look after the files.
struct Job {
    lines: Vec<FileLine>,
    done: oneshot::Sender<Result<(), Cause>>,
}

/// A folder of files.
#[derive(Debug)]
pub struct FileDestination {
    options: FileOptions,
    /// To the thread, once there is one. It ends when this is dropped.
    jobs: Option<SyncSender<Job>>,
}

impl FileDestination {
    /// Touches nothing yet.
    pub fn new(options: FileOptions) -> Self {
        Self { options, jobs: None }
    }

    async fn ask(&mut self, lines: Vec<FileLine>) -> Result<(), Cause> {
        let jobs = match &self.jobs {
            Some(jobs) => jobs,
            None => self.jobs.insert(start(self.options.clone())?),
        };
        let (done, answer) = oneshot::channel();
        match jobs.try_send(Job { lines, done }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(hangs()),
            Err(TrySendError::Disconnected(_)) => return Err(self.ended()),
        }
        match timeout(WRITE_MAX, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(self.ended()),
            Err(_) => Err(hangs()),
        }
    }

    /// The thread has ended, which only a panic makes it do. The next call starts another one.
    fn ended(&mut self) -> Cause {
        self.jobs = None;
        Cause::new(Trouble::Other, "", "the thread that writes has ended")
    }
}

fn hangs() -> Cause {
    Cause::new(Trouble::TimedOut, "", "an earlier write has not ended yet")
}

/// Starts the thread.
fn start(options: FileOptions) -> Result<SyncSender<Job>, Cause> {
    let (jobs, to_do) = sync_channel(1);
    let thread = std::thread::Builder::new().name("courier-write".into());
    let started = thread.spawn(move || run(&to_do, Files::new(options)));
    started.map_err(|error| Cause::new(Trouble::Local, "", format!("start a thread: {error}")))?;
    Ok(jobs)
}

fn run(to_do: &Receiver<Job>, mut files: Files) {
    for Job { lines, done } in to_do {
        let result = if lines.is_empty() { files.look_after() } else { files.write(&lines) };
        if let Err(Ok(())) = done.send(result) {
            // Nobody waits any more, so the same lines will come again.
            files.remember(&lines);
        }
    }
}

impl Destination for FileDestination {
    type Item = FileLine;

    async fn ship(&mut self, items: &[FileLine]) -> Result<(), ShipError> {
        self.ask(items.to_vec()).await.map_err(ShipError::destination)
    }

    /// A thread that hangs stays, so that nothing is written twice.
    fn disconnect(&mut self) {}

    async fn idle(&mut self) -> Result<(), Cause> {
        self.ask(Vec::new()).await
    }
}
