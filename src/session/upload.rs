//! The token in the URL that a recording of a test with users is put to.
//!
//! `base36(session) "." base36(expiry) "." base58(mac)`. A browser sends no bearer token with such an upload, so the URL itself has to say
//! whose it is. The mac is HMAC-SHA256 with the secrets of session tokens over `upload:` and the first two parts: a colon never
//! stands in what a session's token signs, and a session's token has four parts, so neither is ever good for the other.

use super::SessionId;
use super::token::{Head, Secrets, TokenError, parse_i64, parse_u64};

/// How long the URL of an upload is good, in ms: that of OpenReplay's pre-signed URLs.
pub const LIFE_MS: i64 = 15 * 60 * 1000;

const PURPOSE: &[u8] = b"upload:";

/// What an upload's token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadToken {
    /// Whose recording it is.
    pub session: SessionId,
    /// Until when an upload may begin, in ms since the Unix epoch.
    pub expires_ms: i64,
}

impl UploadToken {
    /// A token of a session, made at `now_ms`.
    pub fn new(session: SessionId, now_ms: i64) -> Self {
        Self { session, expires_ms: now_ms.saturating_add(LIFE_MS) }
    }

    /// Its text.
    pub fn sign(&self, secrets: &Secrets) -> String {
        let mut head = Head::new();
        head.number(self.session.0, false);
        head.byte(b'.');
        head.number(self.expires_ms.unsigned_abs(), self.expires_ms < 0);
        let mut text = String::with_capacity(80);
        text.extend(head.bytes().iter().map(|&byte| char::from(byte)));
        text.push('.');
        secrets.sign_text(PURPOSE, head.bytes(), &mut text);
        text
    }

    /// Reads a token. Whether it has expired is another question.
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
mod tests {
    use crate::session::token::Token;

    use super::*;

    fn secrets(texts: &[&str]) -> Secrets {
        Secrets::new(texts.iter().map(|text| text.as_bytes().to_vec()).collect()).unwrap()
    }

    #[test]
    fn an_uploads_token_says_what_was_signed() {
        let (old, both) = (secrets(&["a"]), secrets(&["b", "a"]));
        let token = UploadToken::new(SessionId(u64::MAX), 1_795_571_000_000);
        assert_eq!(token.expires_ms, 1_795_571_900_000);
        let text = token.sign(&old);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.'), "fits into a path: {text}");
        assert_eq!(UploadToken::verify(text.as_bytes(), &old), Ok(token));
        assert_eq!(UploadToken::verify(text.as_bytes(), &both), Ok(token), "every secret verifies");
        assert_eq!(UploadToken::verify(text.as_bytes(), &secrets(&["b"])), Err(TokenError::Signature));
    }

    #[test]
    fn a_token_of_one_kind_is_never_good_for_the_other() {
        let secrets = secrets(&["a"]);
        let session = Token { session: SessionId(7), delay_ms: 0, expires_ms: 4_102_444_800_000 };
        let session = secrets.sign(&session);
        assert_eq!(UploadToken::verify(session.as_bytes(), &secrets), Err(TokenError::Format));
        let upload = UploadToken::new(SessionId(7), 0).sign(&secrets);
        assert_eq!(secrets.verify(upload.as_bytes()), Err(TokenError::Format));
        // Nor does the mac of one fit the other's parts.
        let (head, mac) = session.rsplit_once('.').unwrap();
        let (id, rest) = head.split_once('.').unwrap();
        let (_, expires) = rest.split_once('.').unwrap();
        let forged = format!("{id}.{expires}.{mac}");
        assert_eq!(UploadToken::verify(forged.as_bytes(), &secrets), Err(TokenError::Signature));
        let (head, mac) = upload.rsplit_once('.').unwrap();
        assert!(secrets.signed_text(PURPOSE, head.as_bytes(), mac.as_bytes()));
        assert!(!secrets.signed_text(b"", head.as_bytes(), mac.as_bytes()), "signed for its purpose alone");
        let (id, expires) = head.split_once('.').unwrap();
        let forged = format!("{id}.0.{expires}.{mac}");
        assert_eq!(secrets.verify(forged.as_bytes()), Err(TokenError::Signature));
    }

    #[test]
    fn a_changed_text_is_refused() {
        let secrets = secrets(&["a"]);
        let text = UploadToken::new(SessionId(7), 0).sign(&secrets);
        for bad in ["", "7", "7.7", "...", &text.replacen('7', "8", 1), &text[..text.len() - 1], &format!("{text}1")] {
            assert!(UploadToken::verify(bad.as_bytes(), &secrets).is_err(), "{bad}");
        }
    }
}
