//! The session token of a request: whether the route accepts it, and what it says.

use crate::api::refusal::{Reason, Refusal};
use crate::api::route::TokenRule;
use crate::server::core::conn::Conn;
use crate::server::core::live::Live;
use crate::server::core::state::Core;
use crate::session::token::{Expiry, Token, TokenError};

use super::facts::RequestFacts;

/// A client with a token that the route accepts, before its body is read.
#[derive(Debug, Clone, Copy)]
pub struct Admitted {
    /// The client's token.
    pub token: Token,
    /// It expired within the grace period, and the route tells the client so.
    pub just_expired: bool,
    /// The session's project, 0 if unknown.
    pub project: u32,
    /// The largest body.
    pub limit: u64,
}

/// Checks the token. A 401 tells the client to start a new session, so it is used for token errors only.
pub fn admit(
    rule: TokenRule,
    authorization: Option<&[u8]>,
    core: &Core,
    live: &Live,
    conn: &Conn,
    facts: &mut RequestFacts,
) -> Result<Option<Admitted>, Refusal> {
    match rule {
        TokenRule::None => Ok(None),
        TokenRule::Optional => Ok(read_token(rule, authorization, core, live, conn, facts).ok()),
        TokenRule::Good | TokenRule::Grace | TokenRule::Late => {
            read_token(rule, authorization, core, live, conn, facts).map(Some)
        }
    }
}

fn read_token(
    rule: TokenRule,
    authorization: Option<&[u8]>,
    core: &Core,
    live: &Live,
    conn: &Conn,
    facts: &mut RequestFacts,
) -> Result<Admitted, Refusal> {
    let text = authorization
        .and_then(|value| value.strip_prefix(b"Bearer "))
        .ok_or_else(|| Refusal::new(401, Reason::TokenMissing, "missing token"))?;
    let secrets = &live.secrets;
    let known = conn.known_token(text, secrets.generation());
    let token = match known {
        Some(token) => token,
        None => {
            let token = secrets.verify(text).map_err(|error| {
                let reason = match error {
                    TokenError::Signature => Reason::TokenSignature,
                    _ => Reason::TokenFormat,
                };
                Refusal::new(401, reason, error.to_string())
            })?;
            conn.remember_token(text, secrets.generation(), token);
            token
        }
    };
    facts.session = Some(token.session.0);
    let just_expired = match (token.expiry(core.wall_ms_at(facts.began_us())), rule) {
        (Expiry::Valid, _) | (_, TokenRule::Late) => false,
        (Expiry::JustExpired, TokenRule::Grace) => true,
        (Expiry::JustExpired, _) => return Err(Refusal::new(401, Reason::TokenExpired, "token just expired")),
        (Expiry::Expired, _) => return Err(Refusal::new(401, Reason::TokenExpired, "token expired")),
    };
    facts.project = core.project_of(token.session);
    Ok(Admitted {
        token,
        just_expired,
        project: facts.project.unwrap_or(0),
        limit: core.batch_limit(live, facts.project),
    })
}
