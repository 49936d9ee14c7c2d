//! Which trouble an error of Redis stands for: by its first word, or by the kind that the client gives to errors of its own.

use redis::{ErrorKind, RedisError};

use crate::courier::cause::{Cause, Trouble};

/// The cause that an error stands for. Its text never holds credentials, because Redis does not repeat them.
pub(super) fn cause_of(error: &RedisError) -> Cause {
    let code = error.code().unwrap_or_default().to_owned();
    let text = error.detail().map_or_else(|| error.to_string(), str::to_owned);
    Cause::new(trouble_of(error), code, text)
}

fn trouble_of(error: &RedisError) -> Trouble {
    match error.kind() {
        ErrorKind::Io if error.is_timeout() => Trouble::TimedOut,
        ErrorKind::Io | ErrorKind::ClusterConnectionNotFound => Trouble::Unreachable,
        ErrorKind::AuthenticationFailed => Trouble::WrongCredentials,
        ErrorKind::MasterNameNotFoundBySentinel => Trouble::Missing,
        ErrorKind::NoValidReplicasFoundBySentinel => Trouble::NotReady,
        ErrorKind::InvalidClientConfig | ErrorKind::EmptySentinelList | ErrorKind::RESP3NotSupported => {
            Trouble::Mismatch
        }
        _ => error.code().map_or(Trouble::Other, trouble_of_code),
    }
}

/// The trouble that the first word of an error stands for.
fn trouble_of_code(code: &str) -> Trouble {
    match code {
        "OOM" | "MISCONF" => Trouble::Full,
        "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "NOREPLICAS" | "UNKILLABLE" | "BUSY" => {
            Trouble::NotReady
        }
        "READONLY" => Trouble::ReadOnly,
        "NOAUTH" | "WRONGPASS" => Trouble::WrongCredentials,
        "NOPERM" => Trouble::NoPermission,
        // A cluster, which is spoken to as if it were one server; or a key that holds something else than a stream.
        "MOVED" | "ASK" | "CROSSSLOT" | "WRONGTYPE" => Trouble::Mismatch,
        _ => Trouble::Other,
    }
}

/// Whether the connection can't be used any more.
pub(super) fn breaks_connection(error: &RedisError) -> bool {
    // A server that has become a replica stays one: the next connection may find the new master.
    let is_demoted = matches!(error.code(), Some("READONLY" | "MASTERDOWN" | "NOAUTH"));
    is_demoted || error.code().is_none()
}
