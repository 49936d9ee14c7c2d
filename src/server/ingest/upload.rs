//! Where the recording of a usability test is to be uploaded: to a bucket, or to takeup itself.

use crate::api::refusal::{Reason, Refusal};
use crate::api::uxt;
use crate::server::core::state::Core;
use crate::server::request::facts::RequestFacts;
use crate::server::request::head::RequestHead;
use crate::session::SessionId;
use crate::session::token::TokenError;
use crate::session::upload_token::UploadToken;

/// The path of the route that asks for the upload URL.
const ASKED: &[u8] = b"/v1/web/uxt/upload-url";

/// The path of the route that receives a recording, up to its token.
const TAKEN: &str = "/v1/web/uxt/recording/";

/// Answers where to upload the recording of a session. `path` is the request's decoded path.
pub fn url(head: RequestHead<'_>, path: &[u8], session: Option<SessionId>, core: &Core) -> Result<Vec<u8>, Refusal> {
    let session = session.ok_or_else(|| Refusal::new(401, Reason::TokenMissing, "missing token"))?;
    if let Some(bucket) = &core.common.bucket {
        let signed = bucket.upload_url(session.0);
        let url = signed.map_err(|error| Refusal::new(500, Reason::Internal, error.to_string()))?;
        return Ok(uxt::upload_url(&url));
    }
    let token = UploadToken::new(session, core.wall_ms()).sign(&core.live().secrets);
    let base = match &core.live().config.public_url {
        Some(base) => base.clone(),
        None => base_of(head.header("x-forwarded-proto"), head.header("host"), path),
    };
    Ok(uxt::upload_url(&format!("{base}{TAKEN}{token}")))
}

/// The URL by which the client has reached the routes: from its own headers, and the part of the path before the route's own. Only the
/// client itself is told, so a lie in a header misleads nobody else.
fn base_of(forwarded_proto: Option<&[u8]>, host: Option<&[u8]>, path: &[u8]) -> String {
    let first = forwarded_proto.unwrap_or_default().split(|&byte| byte == b',').next().unwrap_or_default();
    let scheme = if first.trim_ascii().eq_ignore_ascii_case(b"https") { "https" } else { "http" };
    let host = String::from_utf8_lossy(host.unwrap_or_default());
    let before = String::from_utf8_lossy(path.strip_suffix(ASKED).unwrap_or_default());
    format!("{scheme}://{host}{before}")
}

/// The session that a recording is uploaded for, if the token in the path is valid.
pub fn token(param: &[u8], core: &Core, facts: &mut RequestFacts) -> Result<UploadToken, Refusal> {
    let token = UploadToken::verify(param, &core.live().secrets).map_err(|error| {
        let reason = if error == TokenError::Signature { Reason::TokenSignature } else { Reason::TokenFormat };
        Refusal::new(403, reason, error.to_string())
    })?;
    facts.session = Some(token.session.0);
    facts.project = core.project_of(token.session);
    if token.expires_ms <= core.wall_ms() {
        return Err(Refusal::new(403, Reason::TokenExpired, "the URL has expired"));
    }
    Ok(token)
}

#[cfg(test)]
mod tests;
