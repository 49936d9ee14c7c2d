//! `/v1/web/uxt/…`: tests with users.

use crate::directory::Directory;
use crate::session::SessionId;
use crate::telemetry::Refusal as Reason;

use super::reply::Refusal;

/// The answer to `GET /v1/web/uxt/test/{id}`. `param` is the id as the path has it.
pub fn test(param: &[u8], directory: &Directory, project: Option<u32>) -> Result<Vec<u8>, Refusal> {
    let _ = (param, directory, project);
    Err(Refusal::new(501, Reason::NotFound, "not served"))
}

/// The answer to `GET /v1/web/uxt/upload-url`.
pub fn upload_url(session: Option<SessionId>) -> Result<Vec<u8>, Refusal> {
    let _ = session;
    Err(Refusal::new(501, Reason::NotFound, "not served"))
}
