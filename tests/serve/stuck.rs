//! A core whose loop does not turn any more: it is seen, and the server's end does not wait for it.

use std::io::Read;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::common::{Home, PATIENCE, Request, Server, wait_for};

/// Has a system call of one thread do as strace's `inject` says, from now on.
struct Injected(Child);

impl Injected {
    /// `None`, and a line that says so, where the system lets nobody trace the server.
    fn into(server: &Server, name: &str, what: &str) -> Option<Injected> {
        let tasks = PathBuf::from(format!("/proc/{}/task", server.pid()));
        let task = std::fs::read_dir(tasks)
            .expect("the server runs")
            .map(|entry| entry.expect("an entry").path())
            .find(|task| std::fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name))
            .expect("a thread of that name");
        let mut command = Command::new("strace");
        command
            .args(["-o", "/dev/null", "-e", &format!("inject={what}"), "-p"])
            .arg(task.file_name().expect("a number"));
        let mut tracer =
            Injected(command.stderr(Stdio::piped()).spawn().expect("strace is there: apt-get install strace"));
        let attached = wait_for("strace to attach, or to be refused", PATIENCE, || {
            let status = std::fs::read_to_string(task.join("status")).expect("the thread runs");
            let traced = status.lines().any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0"));
            if traced { Some(true) } else { tracer.0.try_wait().expect("a child").map(|_| false) }
        });
        if attached {
            return Some(tracer);
        }
        let mut why = String::new();
        let _ = tracer.0.stderr.take().expect("a pipe").read_to_string(&mut why);
        assert!(why.contains("Operation not permitted"), "strace could not attach: {why}");
        eprintln!("skipped: ptrace is not allowed here: {why}");
        None
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
    assert_eq!(server.connect().exchange(Request::batch(&home.token(7), b"a body")).status, 200);
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
    let Some(held) = Injected::into(&server, "core-00", "io_uring_enter:delay_enter=120000000") else { return };
    server.wait_for_line(&["a core does not answer"], PATIENCE);
    let ready = server.admin_page("/health/ready");
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("core 0 does not answer"), "{}", ready.text());
    assert!(server.admin_page("/health").text().contains("\"loop\":[{\"status\":\"fail\""));
    assert!(server.metric("takeup_core_silent_seconds") >= 5.0);
    assert_eq!(server.admin_page("/health/live").status, 200, "it may pass");
    let asks_for_a_restart = || (server.admin_page("/health/live").status == 503).then_some(());
    wait_for("a restart to be asked for", Duration::from_secs(60), asks_for_a_restart);
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
fn a_thread_beside_the_cores_that_is_held_up_does_not_hold_up_the_end() {
    let home = Home::new();
    let mut server = serve(&home);
    let Some(held) = Injected::into(&server, "admin", "epoll_wait:delay_enter=120000000") else { return };
    // Wakes it, should it have waited since before: it is held up when it waits again.
    drop(TcpStream::connect(server.admin));
    server.signal(Signal::TERM);
    let line = server.wait_for_line(&["a thread did not end in time"], PATIENCE);
    assert!(line.contains("admin"), "{line}");
    server.wait_for_line(&["stopped, everything is on disk"], PATIENCE);
    drop(held);
    assert_eq!(server.wait(PATIENCE).code(), Some(1));
    drop(server);
    expect_whole(&home);
}

#[test]
fn a_process_that_stood_still_has_no_stuck_core() {
    let home = Home::new();
    let server = serve(&home);
    server.signal(Signal::STOP);
    // Longer than a core may be silent.
    std::thread::sleep(Duration::from_secs(6));
    server.signal(Signal::CONT);
    assert_eq!(server.connect().exchange(Request::batch(&home.token(7), b"another")).status, 200);
    assert_eq!(server.admin_page("/health/ready").status, 200);
    assert!(!server.stdout().contains("a core does not answer"), "{}", server.said());
    server.stop();
}

#[test]
fn a_ring_that_fails_for_good_ends_the_server() {
    let home = Home::new();
    let mut server = serve(&home);
    let Some(_failing) = Injected::into(&server, "core-00", "io_uring_enter:error=EPERM") else { return };
    let status = server.wait(Duration::from_secs(120));
    assert!(!status.success());
    let said = server.stdout();
    assert!(said.contains("a core does not answer"), "{said}");
    assert!(said.contains("a core turns without end"), "{said}");
    drop(server);
    expect_whole(&home);
}
