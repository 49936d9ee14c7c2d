//! The token in the URL that a usability test's recording is uploaded to.
//!
//! `base36(session) "." base36(expiry) "." base58(mac)`. A browser sends no bearer token with such an upload, so the URL itself has to
//! identify the session. The MAC is HMAC-SHA256 over `upload:` and the first two parts, with the secrets of session tokens. The signed part
//! of a session token never contains a colon, and a session token has four parts, so neither is ever valid as the other.

use super::SessionId;
use super::token::{Secrets, SignedPart, TokenError, parse_i64, parse_u64};

/// How long an upload URL is valid, in ms: as long as OpenReplay's pre-signed URLs.
pub const LIFE_MS: i64 = 15 * 60 * 1000;

const PURPOSE: &[u8] = b"upload:";

/// What an upload token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadToken {
    /// The recording's session.
    pub session: SessionId,
    /// The time by which the upload must begin, in ms since the Unix epoch.
    pub expires_ms: i64,
}

impl UploadToken {
    /// A token for a session, made at `now_ms`.
    pub fn new(session: SessionId, now_ms: i64) -> Self {
        Self { session, expires_ms: now_ms.saturating_add(LIFE_MS) }
    }

    /// Its text.
    pub fn sign(&self, secrets: &Secrets) -> String {
        let mut head = SignedPart::new();
        head.number(self.session.0, false);
        head.byte(b'.');
        head.number(self.expires_ms.unsigned_abs(), self.expires_ms < 0);
        let mut text = String::with_capacity(80);
        text.extend(head.bytes().iter().map(|&byte| char::from(byte)));
        text.push('.');
        secrets.sign_text(PURPOSE, head.bytes(), &mut text);
        text
    }

    /// Verifies a token's signature and reads it, expired or not.
    pub fn verify(text: &[u8], secrets: &Secrets) -> Result<Self, TokenError> {
        let mut parts = text.split(|&byte| byte == b'.');
        let (Some(session), Some(expires), Some(mac), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::Format);
        };
        let head = &text[..text.len() - mac.len() - 1];
        if !secrets.signed_text(PURPOSE, head, mac) {
            return Err(TokenError::Signature);
        }
        Ok(Self { session: SessionId(parse_u64(session)?), expires_ms: parse_i64(expires)? })
    }
}

#[cfg(test)]
mod tests;
