//! A session and its token: an earlier session that is resumed, or a new one.

use crate::api::refusal::Reason;
use crate::directory::Project;
use crate::session::token::{Expiry, SecretIndex, Token};

use super::outcome::{Halt, refuse};
use super::request::StartDeps;

/// A token and the secret that signs it.
pub struct Grant {
    /// The token.
    pub token: Token,
    /// Its secret.
    pub signer: SecretIndex,
    /// It is the token that the client sent.
    pub resumed: bool,
}

impl Grant {
    /// Replaces the content of `out` with the token's text.
    pub fn write_token(&self, deps: &StartDeps<'_>, out: &mut String) {
        out.clear();
        deps.secrets.sign_onto(&self.token, self.signer, out);
    }
}

/// Resumes the session of the client's token if the token is still valid. A session that is known to belong to another project is not
/// resumed: tokens carry no project, so nothing else keeps projects apart.
pub fn resumed(token: &str, project: &Project, deps: &StartDeps<'_>) -> Option<Grant> {
    if token.is_empty() {
        return None;
    }
    let (token, signer) = deps.secrets.verify_signer(token.as_bytes()).ok()?;
    if token.expiry(deps.now_ms) != Expiry::Valid {
        return None;
    }
    let other = (deps.project_of)(token.session).is_some_and(|id| id != project.project_id);
    (!other).then_some(Grant { token, signer, resumed: true })
}

/// Decides whether a new session is recorded: by the capture rate of the condition that the client names, if the project has a condition
/// with that name, and otherwise by the project's own rate.
pub fn sample(project: &Project, condition: &str, dice: u8) -> Result<(), Halt> {
    let met = project.conditions.iter().find(|known| !condition.is_empty() && known.name == condition);
    let rate = met.map_or(project.sample_rate, |condition| condition.capture_rate);
    if dice >= rate {
        let text = format!("capture rate miss, rate: {rate}");
        return Err(refuse(403, Reason::Sampled, text));
    }
    Ok(())
}

/// A new session whose token is valid for `lifetime_ms`. `delay_ms` is how far the client's clock is behind ours.
pub fn new(delay_ms: i64, lifetime_ms: i64, deps: &StartDeps<'_>) -> Result<Grant, Halt> {
    let session = deps.flakes.next(deps.now_ms).map_err(|error| refuse(500, Reason::Internal, error.to_string()))?;
    let token = Token { session, delay_ms, expires_ms: deps.now_ms.saturating_add(lifetime_ms) };
    Ok(Grant { token, signer: deps.secrets.first(), resumed: false })
}
