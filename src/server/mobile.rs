//! `/v1/mobile/start`, `i` and `late` on a core.

use std::rc::Rc;

use crate::api::reply::Refusal;
use crate::telemetry::Refusal as Reason;

use super::answer::Seen;
use super::conn::Conn;
use super::core::Core;
use super::exchange::{Admitted, Next, body};
use super::io::Io;

/// Starts a session of a phone.
pub async fn start(io: &mut Io, core: &Rc<Core>, conn: &Rc<Conn>, seen: &mut Seen, legacy: bool) -> Next {
    let _ = legacy;
    let refusal = Refusal::new(501, Reason::NotFound, "not served");
    if let Err(next) = body(io, core, seen, 1024 * 1024, false).await {
        return next;
    }
    seen.refuse(io, core, &refusal, false).await;
    let _ = conn;
    Next::Linger
}

/// Stores a batch of a phone.
pub async fn batch(io: &mut Io, core: &Rc<Core>, conn: &Rc<Conn>, seen: &mut Seen, admitted: &Admitted) -> Next {
    let _ = admitted;
    let refusal = Refusal::new(501, Reason::NotFound, "not served");
    if let Err(next) = body(io, core, seen, 1024 * 1024, false).await {
        return next;
    }
    seen.refuse(io, core, &refusal, false).await;
    let _ = conn;
    Next::Linger
}
