//! `/v1/web/uxt/…`: usability tests. A browser asks what a test consists of, and reports that its user began or ended the test or a task.
//!
//! Where OpenReplay answers with an error text of its database, the same text is used, because some operators search logs for it.

use crate::base::text::clean;
use crate::codec::json::{
    Fields, JsonScratch, Mismatch, ObjectWriter, Value, read, set_integer, set_text, write_string,
};
use crate::directory::{Directory, Project, Test};
use crate::records::TestSignalRow;
use crate::session::SessionId;

use super::refusal::{Reason, Refusal};

/// How much of a user's answer to a task is stored, in characters.
const ANSWER_CHARS_MAX: usize = 10_000;

/// The values that the table's status column takes.
const STATUSES: [&str; 3] = ["begin", "done", "skipped"];

/// The answer to `GET /v1/web/uxt/test/{id}`. `param` is the id as written in the path.
///
/// A test that is not open, or has no tasks, counts as missing.
pub fn test(param: &[u8], directory: &Directory, project: Option<u32>) -> Result<Vec<u8>, Refusal> {
    let Some(project) = project else {
        let text = "failed to get session from postgres: no rows in result set";
        return Err(Refusal::new(403, Reason::Project, text));
    };
    let test_id: i32 = str::from_utf8(param).ok().and_then(|text| text.trim().parse().ok()).ok_or_else(|| {
        let shown: String = String::from_utf8_lossy(param).chars().take(64).collect();
        let text = format!("ERROR: invalid input syntax for type integer: \"{shown}\" (SQLSTATE 22P02)");
        Refusal::new(500, Reason::Parameter, text)
    })?;
    let found = u32::try_from(test_id).ok().and_then(|id| directory.test(id));
    let open =
        |(_, test): &(&Project, &Test)| matches!(&*test.status, "preview" | "in-progress") && !test.tasks.is_empty();
    let (owner, test) =
        found.filter(open).ok_or_else(|| Refusal::new(500, Reason::Parameter, "no rows in result set"))?;
    if owner.project_id != project {
        return Err(mismatch());
    }
    Ok(answer(test))
}

fn mismatch() -> Refusal {
    Refusal::new(403, Reason::Project, "project mismatch")
}

fn answer(test: &Test) -> Vec<u8> {
    let mut tasks = b"[".to_vec();
    for (at, task) in test.tasks.iter().enumerate() {
        if at > 0 {
            tasks.push(b',');
        }
        let mut json = ObjectWriter::new(&mut tasks);
        json.bool("allow_typing", task.allow_typing);
        json.text("description", &task.description);
        json.integer("task_id", task.task_id);
        json.text("title", &task.title);
        json.end();
    }
    tasks.push(b']');
    let mut out = br#"{"test":"#.to_vec();
    let mut json = ObjectWriter::new(&mut out);
    json.text("title", &test.title);
    json.text("description", &test.description);
    json.text("startingPath", &test.starting_path);
    json.text("status", &test.status);
    json.bool("reqMic", test.require_mic);
    json.bool("reqCamera", test.require_camera);
    json.text("guidelines", &test.guidelines);
    json.text("conclusion", &test.conclusion_message);
    json.raw("tasks", &tasks);
    json.end();
    out.push(b'}');
    out
}

/// The answer to `GET /v1/web/uxt/upload-url`.
pub fn upload_url(url: &str) -> Vec<u8> {
    let mut out = br#"{"url":"#.to_vec();
    write_string(&mut out, url);
    out.push(b'}');
    out
}

/// What a user has begun or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The test as a whole.
    Test,
    /// One of its tasks.
    Task,
}

/// A signal as the tracker sends it. Its keys differ in case from those that OpenReplay reads, and one differs in name: the tracker sends
/// `taskAnswer` where OpenReplay expects `answer`.
#[derive(Debug, Default)]
struct Signal {
    test_id: i64,
    task_id: i64,
    status: String,
    answer: String,
    timestamp: u64,
    duration: u64,
}

impl Signal {
    fn set(&mut self, step: Step, key: &str, value: Value<'_>) -> Result<(), Mismatch> {
        match key {
            "testid" => set_integer(&mut self.test_id, value, "testID", "int"),
            "status" => set_text(&mut self.status, value, "status"),
            "timestamp" => set_integer(&mut self.timestamp, value, "timestamp", "uint64"),
            "duration" => set_integer(&mut self.duration, value, "duration", "uint64"),
            "taskid" if step == Step::Task => set_integer(&mut self.task_id, value, "taskID", "int"),
            "answer" | "taskanswer" if step == Step::Task => set_text(&mut self.answer, value, "answer"),
            _ => Ok(()),
        }
    }
}

/// The two kinds of signals have types of their own, because error texts name the type and a test's signal lacks the fields of a task.
#[derive(Default)]
struct TestSignal(Signal);

#[derive(Default)]
struct TaskSignal(Signal);

impl Fields for TestSignal {
    const PACKAGE: &'static str = "uxtesting";
    const TYPE: &'static str = "TestSignal";

    fn clear(&mut self) {
        self.0 = Signal::default();
    }

    fn set(&mut self, key: &str, value: Value<'_>) -> Result<(), Mismatch> {
        self.0.set(Step::Test, key, value)
    }
}

impl Fields for TaskSignal {
    const PACKAGE: &'static str = "uxtesting";
    const TYPE: &'static str = "TaskSignal";

    fn clear(&mut self) {
        self.0 = Signal::default();
    }

    fn set(&mut self, key: &str, value: Value<'_>) -> Result<(), Mismatch> {
        self.0.set(Step::Task, key, value)
    }
}

/// Judges a signal and writes its row for [`Table::TestSignals`](crate::records::Table) to `row`, which is cleared first. Returns the project.
///
/// The session is the token's, whatever the body says. What the database would refuse is refused, in the order of its checks: an unknown
/// status, then a session, test or task that does not exist.
pub fn signal(
    step: Step,
    body: &[u8],
    session: SessionId,
    directory: &Directory,
    project: Option<u32>,
    row: &mut Vec<u8>,
) -> Result<u32, Refusal> {
    let mut scratch = JsonScratch::default();
    let read = match step {
        Step::Test => {
            let mut signal = TestSignal::default();
            read(body, &mut signal, &mut scratch).map(|()| signal.0)
        }
        Step::Task => {
            let mut signal = TaskSignal::default();
            read(body, &mut signal, &mut scratch).map(|()| signal.0)
        }
    };
    let mut signal = read.map_err(|error| Refusal::new(400, Reason::Json, error.to_string()))?;
    if !STATUSES.contains(&&*signal.status) {
        let shown: String = signal.status.chars().take(64).collect();
        let text = format!("ERROR: invalid input value for enum ut_signal_status: \"{shown}\" (SQLSTATE 22P02)");
        return Err(Refusal::new(400, Reason::Parameter, text));
    }
    let project = project.ok_or_else(|| missing("session_id"))?;
    let (owner, test) =
        u32::try_from(signal.test_id).ok().and_then(|id| directory.test(id)).ok_or_else(|| missing("test_id"))?;
    let task = test.tasks.iter().find(|task| i64::from(task.task_id) == signal.task_id);
    if step == Step::Task && task.is_none() {
        return Err(missing("task_id"));
    }
    if project != owner.project_id {
        return Err(mismatch());
    }
    clean(&mut signal.answer, ANSWER_CHARS_MAX);

    row.clear();
    TestSignalRow {
        session_id: session.0,
        test_id: test.test_id,
        task_id: task.filter(|_| step == Step::Task).map(|task| task.task_id),
        status: &*signal.status,
        comment: &signal.answer,
        timestamp: bigint(signal.timestamp),
        duration: bigint(signal.duration),
    }
    .write(row);
    Ok(owner.project_id)
}

fn missing(column: &str) -> Refusal {
    let text = format!(
        "ERROR: insert or update on table \"ut_tests_signals\" violates foreign key constraint \
         \"ut_tests_signals_{column}_fkey\" (SQLSTATE 23503)"
    );
    Refusal::new(400, Reason::Parameter, text)
}

/// Limits a number to what a `bigint` column holds.
fn bigint(number: u64) -> u64 {
    number.min(i64::MAX as u64)
}

#[cfg(test)]
mod tests;
