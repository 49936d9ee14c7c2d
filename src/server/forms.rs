//! Small JSON requests on a core: what leaves a row, and feature flags.

use std::rc::Rc;

use crate::api::reply::Refusal;
use crate::telemetry::Refusal as Reason;

use super::answer::Seen;
use super::conn::Conn;
use super::core::Core;
use super::exchange::{Admitted, Next, body};
use super::io::Io;

/// Stores why a browser does not record.
pub async fn not_started(io: &mut Io, core: &Rc<Core>, conn: &Rc<Conn>, seen: &mut Seen) -> Next {
    let refusal = Refusal::new(501, Reason::NotFound, "not served");
    if let Err(next) = body(io, core, seen, 1024 * 1024, false).await {
        return next;
    }
    seen.refuse(io, core, &refusal, false).await;
    let _ = conn;
    Next::Linger
}

/// Answers the flags of a project.
pub async fn feature_flags(
    io: &mut Io,
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    seen: &mut Seen,
    admitted: Option<&Admitted>,
) -> Next {
    let _ = admitted;
    let refusal = Refusal::new(501, Reason::NotFound, "not served");
    if let Err(next) = body(io, core, seen, 1024 * 1024, false).await {
        return next;
    }
    seen.refuse(io, core, &refusal, false).await;
    let _ = conn;
    Next::Linger
}

/// Stores that a test has begun or ended.
pub async fn test_signal(io: &mut Io, core: &Rc<Core>, conn: &Rc<Conn>, seen: &mut Seen, admitted: &Admitted) -> Next {
    let _ = admitted;
    let refusal = Refusal::new(501, Reason::NotFound, "not served");
    if let Err(next) = body(io, core, seen, 1024 * 1024, false).await {
        return next;
    }
    seen.refuse(io, core, &refusal, false).await;
    let _ = conn;
    Next::Linger
}

/// Stores that a task has begun or ended.
pub async fn task_signal(io: &mut Io, core: &Rc<Core>, conn: &Rc<Conn>, seen: &mut Seen, admitted: &Admitted) -> Next {
    let _ = admitted;
    let refusal = Refusal::new(501, Reason::NotFound, "not served");
    if let Err(next) = body(io, core, seen, 1024 * 1024, false).await {
        return next;
    }
    seen.refuse(io, core, &refusal, false).await;
    let _ = conn;
    Next::Linger
}
