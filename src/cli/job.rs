//! How a command begins that a server runs for its admin page.

use std::fs;

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::admin::JOB_OF;

/// The first descriptor that is not one of the three of every command.
const FIRST: i32 = 3;

/// Gives back what was inherited from the server, and ends with it. Does nothing for other commands. To be called before anything is opened.
pub fn begin() {
    let Some(server) = std::env::var(JOB_OF).ok().and_then(|server| server.parse::<i32>().ok()) else { return };
    close_inherited();
    // It is crash-safe at any moment, so it may as well be killed.
    let asked = set_parent_process_death_signal(Some(Signal::KILL));
    let parent = getppid().map(Pid::as_raw_nonzero);
    if asked.is_err() || parent.is_none_or(|parent| parent.get() != server) {
        // It has ended before the signal was asked for.
        std::process::exit(1);
    }
}

/// Connections of clients are accepted without close-on-exec on io_uring: one that the server closes would stay open.
fn close_inherited() {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else { return };
    let names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    for descriptor in names.iter().filter_map(|name| name.to_str()?.parse::<i32>().ok()) {
        if descriptor >= FIRST {
            // The one of the folder itself is closed already.
            let _ = nix::unistd::close(descriptor);
        }
    }
}
