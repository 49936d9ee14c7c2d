//! `PUT /v1/web/uxt/recording/{token}` on a core: the recording of a test with users.

use std::rc::Rc;

use crate::api::reply::Refusal;
use crate::telemetry::Refusal as Reason;

use super::answer::Seen;
use super::conn::Conn;
use super::core::Core;
use super::exchange::{Next, body};
use super::io::Io;

/// Takes a recording.
pub async fn take(io: &mut Io, core: &Rc<Core>, conn: &Rc<Conn>, seen: &mut Seen) -> Next {
    let refusal = Refusal::new(501, Reason::NotFound, "not served");
    if let Err(next) = body(io, core, seen, 1024 * 1024, false).await {
        return next;
    }
    seen.refuse(io, core, &refusal, false).await;
    let _ = conn;
    Next::Linger
}
