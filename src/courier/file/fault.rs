//! Which trouble an error of the system stands for.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::courier::cause::{Cause, Trouble};

/// The cause that an error stands for. `doing` says what was done to `path`.
pub(super) fn cause_of(error: &io::Error, doing: &str, path: &Path) -> Cause {
    Cause::new(trouble_of(error.kind()), code_of(error), format!("{doing} {}: {error}", path.display()))
}

fn code_of(error: &io::Error) -> String {
    format!("{:?}", error.kind())
}

fn trouble_of(kind: ErrorKind) -> Trouble {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Trouble::Full,
        ErrorKind::PermissionDenied => Trouble::NoPermission,
        ErrorKind::ReadOnlyFilesystem => Trouble::ReadOnly,
        ErrorKind::NotFound => Trouble::Missing,
        ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::AlreadyExists => Trouble::Mismatch,
        ErrorKind::TimedOut => Trouble::TimedOut,
        ErrorKind::StaleNetworkFileHandle
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::NotConnected => Trouble::Unreachable,
        ErrorKind::OutOfMemory => Trouble::Local,
        _ => Trouble::Other,
    }
}
