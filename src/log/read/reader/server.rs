//! Whether a server holds the log.

use std::path::Path;

use crate::log::disk::lock;
use crate::log::format::control::ControlSnapshot;
use crate::log::names::LOCK_FILE_NAME;

/// Whether a server holds a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::log) enum Server {
    /// None does: everything is as it was left.
    Absent,
    /// One does.
    Present {
        /// Its process id as it wrote it down itself; None while it is starting.
        pid: Option<u32>,
    },
}

/// Whether a server holds the log in a folder now.
///
/// The lock tells, and not a process id: in a container a dead server's id is soon another's, and one in another container cannot be
/// seen. A server that starts just now waits for the instant in which this looks.
pub(super) fn server_of(log_dir: &Path) -> Server {
    match lock::share(log_dir) {
        None => Server::Present { pid: lock::taken_up_by(&log_dir.join(LOCK_FILE_NAME)) },
        Some(_) => Server::Absent,
    }
}

impl Server {
    /// Whether a control page is this server's, and not one that an earlier server left.
    pub(in crate::log) fn owns(self, page: &ControlSnapshot) -> bool {
        self == Server::Present { pid: Some(page.pid) }
    }
}
