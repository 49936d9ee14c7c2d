//! The thread that reads projects from Postgres: by interval, and at once for projects that requests ask for.

use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio_postgres::types::Type;

use crate::postgres::{Link, PgFault, PostgresUrl, Transaction};

use super::DirectoryError;
use super::database::{Columns, LOOK_UP, LeftOut, Question, Questions, Standing, assemble, read};
use super::settling::Report;
use super::watch::{CurrentDirectory, Watcher};

/// How long one statement may take.
const LIMIT: Duration = Duration::from_secs(10);
/// The least time between two statements for projects that are asked for. It bounds what unknown keys cost the database.
const LOOK_UP_PAUSE: Duration = Duration::from_millis(100);
/// How long until a failure is tried again, at first and at most.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// How long a stop waits for a look-up of the host's name.
const STOP_LIMIT: Duration = Duration::from_millis(100);

/// What an operator should know.
#[derive(Debug)]
pub enum News {
    /// The projects have changed.
    Projects(Report),
    /// They can't be read, by a fault that is new. The last ones are served.
    Fault(String, &'static str),
    /// They are read again, after this time.
    Back(Duration),
    /// Rows that can't be used; these are others than before.
    LeftOut(Vec<LeftOut>),
}

/// Starts the thread. Dropping the result ends it.
pub fn follow(
    shared: Arc<CurrentDirectory>,
    url: PostgresUrl,
    interval: Duration,
    mut tell: impl FnMut(News) + Send + 'static,
) -> Result<Watcher, std::io::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(2).build()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let work = move || {
        let Some((questions, standing)) = shared.database() else { return };
        let follower = Follower {
            shared: &shared,
            questions,
            standing,
            url,
            interval,
            tell: &mut tell,
            link: None,
            pause: RETRY_FIRST,
            left_out: Vec::new(),
        };
        runtime.block_on(until(stopped, follower.run()));
        runtime.shutdown_timeout(STOP_LIMIT);
    };
    let thread = thread::Builder::new().name("directory".to_owned()).spawn(work)?;
    Ok(Watcher::new(stop, thread))
}

/// Runs `work` until the other end of `stopped` is dropped.
async fn until(stopped: oneshot::Receiver<()>, work: impl Future<Output = ()>) {
    let (mut stopped, mut work) = (pin!(stopped), pin!(work));
    poll_fn(|context| match stopped.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(()),
        Poll::Pending => work.as_mut().poll(context),
    })
    .await;
}

struct Follower<'f> {
    shared: &'f CurrentDirectory,
    questions: &'f Questions,
    standing: &'f Standing,
    url: PostgresUrl,
    interval: Duration,
    tell: &'f mut (dyn FnMut(News) + Send),
    link: Option<Link>,
    pause: Duration,
    left_out: Vec<LeftOut>,
}

impl Follower<'_> {
    async fn run(mut self) {
        let (mut read_at, mut ask_at) = (Instant::now(), Instant::now());
        loop {
            if self.questions.take_read() {
                read_at = Instant::now();
            }
            if self.questions.wait() && ask_at <= Instant::now() {
                match self.look_up().await {
                    Ok(found) => {
                        ask_at = Instant::now() + LOOK_UP_PAUSE;
                        if found {
                            read_at = Instant::now();
                        }
                    }
                    Err(fault) => {
                        let pause = self.failed(&fault);
                        (read_at, ask_at) = (Instant::now() + pause, Instant::now() + pause);
                    }
                }
            }
            if read_at <= Instant::now() {
                match self.read().await {
                    Ok(()) => read_at = Instant::now() + self.interval,
                    Err(fault) => {
                        let pause = self.failed(&fault);
                        (read_at, ask_at) = (Instant::now() + pause, Instant::now() + pause);
                    }
                }
            }
            let next = if self.questions.wait() { read_at.min(ask_at) } else { read_at };
            // Woken for a question that has to wait for its turn: the loop comes back here.
            let _ = tokio::time::timeout_at(next.into(), self.questions.woken()).await;
        }
    }

    async fn link(&mut self) -> Result<&mut Link, PgFault> {
        let open = self.link.take().filter(Link::is_open);
        let link = match open {
            Some(link) => link,
            None => Link::open(&self.url, LIMIT).await?,
        };
        Ok(self.link.insert(link))
    }

    /// Looks up those who are asked for. Returns whether any is there and not known yet.
    async fn look_up(&mut self) -> Result<bool, DirectoryError> {
        let asked = self.questions.take();
        let known = self.shared.current();
        let (mut keys, mut ids) = (Vec::new(), Vec::new());
        for question in asked.iter().filter(|question| !question.is_known(&known)) {
            match question {
                Question::Key(key) => keys.push(&**key),
                Question::Id(id) => ids.push(i64::from(*id)),
            }
        }
        let mut found = HashSet::new();
        if !keys.is_empty() || !ids.is_empty() {
            let mut transaction = Transaction::begin(self.link().await?).await?;
            let values = [(&keys as _, Type::TEXT_ARRAY), (&ids as _, Type::INT8_ARRAY)];
            let rows = transaction.query(LOOK_UP, &values).await?;
            transaction.roll_back().await?;
            if rows.is_empty() && !known.projects().is_empty() {
                return Err(DirectoryError::EmptiedTable { projects: known.projects().len() });
            }
            for row in rows {
                found.extend(row.try_get(0).ok().map(Question::Key));
                found.extend(row.try_get(1).ok().and_then(|id: i64| id.try_into().ok()).map(Question::Id));
            }
        }
        self.questions.answer(|question| match (question.is_known(&known), found.contains(question)) {
            (true, _) => Some(true),
            (false, true) => None,
            (false, false) => Some(false),
        });
        Ok(asked.iter().any(|question| found.contains(question)))
    }

    /// Reads everything, and answers those who have waited for that.
    async fn read(&mut self) -> Result<(), DirectoryError> {
        let link = self.link().await?;
        let columns = Columns::of(&link.simple(Columns::QUERY).await?);
        let sql = read(&columns, LIMIT).ok_or(DirectoryError::NoProjectsTable)?;
        // An error leaves the transaction open: `failed` ends the connection.
        let reading = assemble(&link.simple(&sql).await?)?;
        let left_out = reading.left_out.clone();
        if let Some(report) = self.shared.take(reading) {
            (self.tell)(News::Projects(Ok(report?)));
        }
        let known = self.shared.current();
        self.questions.answer(|question| Some(question.is_known(&known)));
        if let Some(after) = self.standing.read(left_out.len()) {
            (self.tell)(News::Back(after));
        }
        if left_out != self.left_out {
            self.left_out.clone_from(&left_out);
            (self.tell)(News::LeftOut(left_out));
        }
        self.pause = RETRY_FIRST;
        Ok(())
    }

    /// Notes a fault. Returns how long to wait.
    fn failed(&mut self, fault: &DirectoryError) -> Duration {
        self.link = None;
        self.questions.put_back();
        self.shared.doubt();
        let (code, hint) = fault.code_and_hint();
        if self.standing.failed(code, fault.to_string(), hint) {
            (self.tell)(News::Fault(fault.to_string(), hint));
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(RETRY_MAX);
        pause.min(self.interval.max(RETRY_FIRST)) + jitter(pause)
    }
}

/// Up to a quarter more, so that many servers do not come back at once.
fn jitter(pause: Duration) -> Duration {
    let mut byte = [0u8];
    // Without randomness there is none.
    let _ = getrandom::fill(&mut byte);
    pause / 4 * u32::from(byte[0]) / 255
}
