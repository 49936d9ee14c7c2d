//! Faults of Postgres as causes.

use crate::courier::{Cause, Trouble};
use crate::postgres::{PgCause, PgFault};

/// The cause that an operator sees.
pub fn cause(fault: &PgFault) -> Cause {
    let code = fault.sqlstate().unwrap_or_default().to_owned();
    Cause::new(trouble(fault.cause()), code, format!("{}; {}", fault.text(), fault.hint()))
}

/// The kind of trouble.
pub const fn trouble(cause: PgCause) -> Trouble {
    match cause {
        PgCause::Unreachable => Trouble::Unreachable,
        PgCause::TimedOut => Trouble::TimedOut,
        PgCause::Restarting => Trouble::NotReady,
        PgCause::TooManyConnections | PgCause::Locked => Trouble::Busy,
        PgCause::LoginRefused => Trouble::WrongCredentials,
        PgCause::NoDatabase | PgCause::NoTable => Trouble::Missing,
        PgCause::NoRight => Trouble::NoPermission,
        PgCause::ReadOnly => Trouble::ReadOnly,
        PgCause::DiskFull | PgCause::OutOfMemory => Trouble::Full,
        PgCause::NoColumn | PgCause::ChangedType | PgCause::Statement | PgCause::Tls => Trouble::Mismatch,
        PgCause::EnumValue | PgCause::NullValue | PgCause::Duplicate | PgCause::Reference | PgCause::Record => {
            Trouble::RefusesRecord
        }
        PgCause::Files => Trouble::Local,
        PgCause::Server | PgCause::Protocol => Trouble::Other,
    }
}
