//! A core whose loop does not turn any more: it is seen, and the server's end does not wait for it.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::common::{Home, PATIENCE, Server, batch_request};

/// Has `io_uring_enter` of the first core do as strace's `inject` says, from now on.
struct Injected(Child);

impl Injected {
    fn into(server: &Server, how: &str) -> Injected {
        let tasks = PathBuf::from(format!("/proc/{}/task", server.pid()));
        let thread = std::fs::read_dir(tasks)
            .expect("the server runs")
            .map(|entry| entry.expect("an entry").path())
            .find(|task| std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "core-00"))
            .expect("a core");
        let thread = thread.file_name().expect("a number").to_owned();
        let mut command = Command::new("strace");
        command.args(["-o", "/dev/null", "-e", &format!("inject=io_uring_enter:{how}"), "-p"]).arg(thread);
        Injected(command.stderr(Stdio::null()).spawn().expect("strace is there: apt-get install strace"))
    }
}

impl Drop for Injected {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server on io_uring with one core, which has stored one batch.
fn serve(home: &Home) -> Server {
    let server = home.serve(&[("runtime", "io_uring"), ("cores", "1"), ("drain_timeout", "500ms")]);
    assert_eq!(server.connect().exchange(batch_request(&home.token(7), b"a body")).status, 200);
    assert_eq!(server.admin_page("/health/ready").status, 200);
    server
}

/// What was acknowledged is there, and the log is whole.
fn expect_whole(home: &Home) {
    home.serve(&[]).stop();
    assert_eq!(home.stored().len(), 1);
    assert_eq!(home.takeup(&["verify"]).code, Some(0));
}

#[test]
fn a_core_that_is_held_up_is_seen_and_does_not_hold_up_the_end() {
    let home = Home::new();
    let mut server = serve(&home);
    let held = Injected::into(&server, "delay_enter=120000000");
    server.wait_for_line(&["a core does not answer"], PATIENCE);
    let ready = server.admin_page("/health/ready");
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("core 0 does not answer"), "{}", ready.text());
    assert!(server.admin_page("/health").text().contains("\"loop\":[{\"status\":\"fail\""));
    assert!(server.metric("takeup_core_silent_seconds") >= 5.0);
    assert_eq!(server.admin_page("/health/live").status, 200, "it may pass");
    server.signal(Signal::TERM);
    server.wait_for_line(&["a core did not end within drain_timeout"], PATIENCE);
    server.wait_for_line(&["a writer has not been dropped"], PATIENCE);
    // The tracer would hold a process that has ended.
    drop(held);
    assert!(!server.wait(PATIENCE).success());
    drop(server);
    expect_whole(&home);
}

#[test]
fn a_ring_that_fails_for_good_ends_the_server() {
    let home = Home::new();
    let mut server = serve(&home);
    let _failing = Injected::into(&server, "error=EPERM");
    let status = server.wait(Duration::from_secs(120));
    assert!(!status.success());
    let said = server.stdout();
    assert!(said.contains("a core does not answer"), "{said}");
    assert!(said.contains("a core turns without end"), "{said}");
    drop(server);
    expect_whole(&home);
}
