//! Runs an example as a person does: pastes it into a shell, and looks at what it prints.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::common::wait_for;
use crate::stage::Stage;

/// How long an example may take: a load of some seconds, by a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);

/// Options whose value is a file or folder that the command makes.
const MAKES: [&str; 5] = ["--svg", "--payload", "--out", "--ledger", "--mob"];

/// Runs an example; says what is wrong with what came of it.
pub fn run(stage: &Stage, example: &str) -> Result<(), String> {
    let text = stage.fit(example);
    let (out, err) = (stage.path().join(".stdout"), stage.path().join(".stderr"));
    let file = |path| File::create(path).expect("a file for the output");
    let mut shell = Command::new("sh");
    // Ctrl-C is for the command, and a pipe's other end ends with it. In a group of its own, the test gets none of it.
    shell.args(["-c", &format!("trap '' INT; {text}")]).current_dir(stage.path()).env_clear();
    shell.envs(stage.environment().iter().map(|(name, value)| (name, value)));
    shell.stdin(Stdio::null()).stdout(file(&out)).stderr(file(&err)).process_group(0);
    let mut shell = shell.spawn().expect("there is a shell");
    if lasts(&text) {
        wait_for(&format!("{text} to show something"), PATIENCE, || {
            stage.go_on();
            let has_shown = has_printed(&shell) || shell.try_wait().expect("a child").is_some();
            has_shown.then_some(())
        });
        let _ = kill_process_group(Pid::from_child(&shell), Signal::INT);
    }
    let status = wait_for(&text, PATIENCE, || shell.try_wait().expect("a child"));
    let (out, err) = (fs::read_to_string(&out).expect("UTF-8"), fs::read_to_string(&err).expect("UTF-8"));
    let wrong = if status.code() != Some(0) {
        format!("{status}")
    } else if out.trim().is_empty() && err.trim().is_empty() {
        "it prints nothing".to_owned()
    } else if out.lines().any(|line| line == "null") {
        "it prints null".to_owned()
    } else if let Some(missing) = missing(stage, &text) {
        format!("it makes no {missing}")
    } else {
        return Ok(());
    };
    Err(format!("{text}\n{wrong}\nstdout: {out}\nstderr: {err}"))
}

/// Whether a command goes on until it is interrupted.
fn lasts(text: &str) -> bool {
    text.starts_with("takeup serve") || text.starts_with("takeup tail") || text.contains(" --watch")
}

/// Whether the command that lasts, a child of the shell or the shell's own process, has written more than a pipe's other end has read: any output
/// at all.
fn has_printed(shell: &Child) -> bool {
    let id = shell.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    let processes = children.split_whitespace().map(str::to_owned).chain([id.to_string()]);
    let is_takeup =
        |id: &String| fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name.trim() == "takeup");
    let has_written = |id: String| {
        let counts = fs::read_to_string(format!("/proc/{id}/io")).unwrap_or_default();
        let written = counts.lines().find_map(|line| line.strip_prefix("wchar: ")?.parse::<u64>().ok());
        written.is_some_and(|bytes| bytes > 200)
    };
    processes.filter(is_takeup).any(has_written)
}

/// What an example says it makes, and does not.
fn missing(stage: &Stage, text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let made = words.windows(2).filter(|pair| MAKES.contains(&pair[0])).map(|pair| pair[1]);
    made.into_iter().find(|path| !stage.path().join(path).exists()).map(str::to_owned)
}
