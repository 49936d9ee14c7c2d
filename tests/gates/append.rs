//! The append path takes no page fault and makes no system call.

use std::io;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::*;

/// Small segments and windows, so that both move many times.
fn moving(dir: &Path) -> Options {
    Options { segment_bytes: 8 << 20, window_bytes: 2 << 20, group_bytes_max: 1 << 20, ..options(dir) }
}

const RECORDS: u64 = 40_000;

/// Page faults of this thread so far, minor and major.
fn faults() -> i64 {
    // SAFETY: all zero is a valid value of this plain data, and getrusage fills it in.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_THREAD, &mut usage), 0);
        usage
    };
    usage.ru_minflt + usage.ru_majflt
}

#[test]
fn an_append_takes_no_page_fault_while_windows_and_segments_move() {
    let _alone = alone();
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (log, _) = Log::open(moving(dir.path())).unwrap();
    let mut clients = Clients::new(&log, 64);
    let payload = vec![5; 1024];
    // The first segment, and pages that the thread touches only once.
    clients.send_plainly(2_000, &payload);
    let mut taken = 0;
    clients.send(RECORDS, &payload, |append| {
        let before = faults();
        append();
        taken += faults() - before;
    });
    let segments = log.stats().segments;
    assert!(segments > 4, "only {segments} segments: nothing has moved");
    // 40,000 records touch some 11,000 pages. A few faults have other causes: a page of the stack, of a queue, of the program.
    println!("{taken} faults");
    assert!(taken <= 16, "{taken} faults in {RECORDS} appends");
}

/// The system calls that a core's turn may make: waking another thread and sleeping (futex), and the time where the kernel does not lend it.
const ALLOWED: [libc::c_long; 5] =
    [libc::SYS_futex, libc::SYS_clock_gettime, libc::SYS_sched_yield, libc::SYS_exit_group, libc::SYS_rt_sigreturn];

static FORBIDDEN: AtomicI32 = AtomicI32::new(-1);

/// Notes the number of the call, and ends the process.
extern "C" fn on_forbidden(_signal: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: for SIGSYS the kernel hands a valid siginfo; the number of the call lies behind the address of the call and has 32 bits. `_exit`
    // is async-signal-safe.
    unsafe {
        let number = *info.cast::<u8>().add(24).cast::<i32>();
        FORBIDDEN.store(number, Ordering::SeqCst);
        libc::_exit(100);
    }
}

/// From here on this thread may make no other system calls than the allowed ones.
fn forbid_the_rest() -> io::Result<()> {
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let mut program = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0)];
    for (at, &call) in ALLOWED.iter().enumerate() {
        let to_allow = (ALLOWED.len() - at) as u8;
        let code = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
        program.push(libc::sock_filter { code, jt: to_allow, jf: 0, k: call as u32 });
    }
    program.push(statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_TRAP));
    program.push(statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW));
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the action is plain data, filled in before use; the filter and its program outlive the call, which copies them.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_forbidden as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        if libc::sigaction(libc::SIGSYS, &action, std::ptr::null_mut()) != 0
            || libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
            || libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &filter) != 0
        {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// The process whose appending thread is watched by the kernel. Does nothing in an ordinary run of the tests.
#[test]
fn child_appends_without_system_calls() {
    let Some(dir) = child_dir() else { return };
    let (log, _) = Log::open(moving(&dir)).unwrap();
    let mut clients = Clients::new(&log, 64);
    let payload = vec![5; 1024];
    clients.send_plainly(2_000, &payload);
    let before = log.stats();
    forbid_the_rest().unwrap();
    clients.send_plainly(RECORDS, &payload);
    // Still under the filter: no other call was made on the way here. The log is left as it is.
    let stats = log.stats();
    let enough = stats.segments > before.segments + 4 && stats.groups > before.groups + 100;
    // SAFETY: ends the process; nothing of it is needed any more.
    unsafe { libc::_exit(if enough { 42 } else { 43 }) }
}

/// The same watch, and a call that it must see. Does nothing in an ordinary run of the tests.
#[test]
fn child_makes_a_file_system_call() {
    let Some(dir) = child_dir() else { return };
    forbid_the_rest().unwrap();
    let _ = std::fs::metadata(dir);
    // SAFETY: ends the process.
    unsafe { libc::_exit(42) }
}

#[test]
fn an_append_makes_no_file_system_call() {
    let _alone = alone();
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (status, _) = run_child("gates::append::child_makes_a_file_system_call", dir.path(), |_| {});
    assert_eq!(status.code(), Some(100), "the watch sees nothing: {status}");
    let (status, said) = run_child("gates::append::child_appends_without_system_calls", dir.path(), |_| {});
    assert_eq!(status.code(), Some(42), "100: a forbidden call, 43: too few segments and groups; {status}: {said}");
}
