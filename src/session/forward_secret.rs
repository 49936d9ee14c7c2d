//! How a takeup proves that it may hand records to another one: both have the same secret.
//!
//! `Authorization: Takeup <time>.<hash>.<mac>`: the time of signing in ms since the Unix epoch, the BLAKE3 hash of the body, and HMAC-SHA256, all
//! but the time in hexadecimal. The MAC covers the time, the body's length and its hash, so a request is refused by its head alone, and no other
//! body fits. The secret itself never goes over the wire.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How far the two clocks may be apart. A request that was overheard is of no use after this time.
const CLOCKS_APART_MAX_MS: i64 = 15 * 60 * 1000;

const SCHEME: &str = "Takeup ";
const PURPOSE: &[u8] = b"takeup forwarded records 1\n";

/// The secret that two takeups share.
#[derive(Clone)]
pub struct ForwardSecret(Hmac<Sha256>);

/// A body's length and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyDigest {
    /// Bytes.
    pub bytes: u64,
    /// BLAKE3.
    pub hash: [u8; 32],
}

impl BodyDigest {
    /// The digest of a body.
    pub fn of(body: &[u8]) -> Self {
        Self { bytes: body.len() as u64, hash: blake3::hash(body).into() }
    }
}

/// Why a request is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// There is no signature, or it has another form.
    #[error("the request is not signed by a takeup")]
    Form,
    /// It was made with another secret, or for another body.
    #[error("the signature does not fit: both takeups need the same forward_secret")]
    Signature,
    /// It is too old, or from the future.
    #[error("it was signed {0} s away from this machine's time: set both clocks right")]
    Clock(i64),
}

impl ForwardSecret {
    /// A secret.
    pub fn new(secret: &str) -> Self {
        // HMAC takes keys of any length.
        #[expect(clippy::expect_used, reason = "see above")]
        Self(Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length"))
    }

    /// The value of the header `Authorization` for a body, at this time.
    pub fn sign(&self, body: BodyDigest, now_ms: i64) -> String {
        let mac = self.mac(body, now_ms).finalize().into_bytes();
        let mut text = format!("{SCHEME}{now_ms}.");
        push_hex(&body.hash, &mut text);
        text.push('.');
        push_hex(&mac, &mut text);
        text
    }

    /// Checks the value of `Authorization` for a body of this length, and returns what the body must be.
    ///
    /// # Errors
    /// It is not to be believed.
    pub fn verify(&self, authorization: &[u8], bytes: u64, now_ms: i64) -> Result<BodyDigest, NotSigned> {
        let text = std::str::from_utf8(authorization).map_err(|_| NotSigned::Form)?;
        let mut parts = text.strip_prefix(SCHEME).ok_or(NotSigned::Form)?.splitn(3, '.');
        let (Some(time), Some(hash), Some(mac)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NotSigned::Form);
        };
        let time_ms: i64 = time.parse().map_err(|_| NotSigned::Form)?;
        let body = BodyDigest { bytes, hash: from_hex(hash).ok_or(NotSigned::Form)? };
        let mac = from_hex(mac).ok_or(NotSigned::Form)?;
        self.mac(body, time_ms).verify_slice(&mac).map_err(|_| NotSigned::Signature)?;
        let apart_ms = now_ms.saturating_sub(time_ms);
        match apart_ms.abs() > CLOCKS_APART_MAX_MS {
            true => Err(NotSigned::Clock(apart_ms / 1000)),
            false => Ok(body),
        }
    }

    fn mac(&self, body: BodyDigest, time_ms: i64) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(PURPOSE);
        mac.update(&time_ms.to_le_bytes());
        mac.update(&body.bytes.to_le_bytes());
        mac.update(&body.hash);
        mac
    }
}

fn push_hex(bytes: &[u8], text: &mut String) {
    for digit in bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
        text.extend(char::from_digit(u32::from(digit), 16));
    }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

impl fmt::Debug for ForwardSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ForwardSecret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_believed_with_the_same_secret_body_and_time_alone() {
        let (ours, theirs) = (ForwardSecret::new("one"), ForwardSecret::new("another"));
        let (body, now) = (BodyDigest::of(b"records"), 1_795_581_300_000);
        let text = ours.sign(body, now);
        let verify = |secret: &ForwardSecret, text: &str, bytes, at| secret.verify(text.as_bytes(), bytes, at);
        assert_eq!(verify(&ours, &text, 7, now + 60_000), Ok(body));
        assert_eq!(verify(&theirs, &text, 7, now), Err(NotSigned::Signature));
        assert_eq!(verify(&ours, &text, 8, now), Err(NotSigned::Signature));
        assert_eq!(verify(&ours, &text, 7, now + 1_000_000), Err(NotSigned::Clock(1000)));
        let later = text.replace("1795581300000", "1795581300001");
        assert_eq!(verify(&ours, &later, 7, now), Err(NotSigned::Signature));
        for bad in ["", "Bearer x", "Takeup 1.2", "Takeup a.b.c", &text[..text.len() - 1], "Takeup 1.2.\u{e4}"] {
            assert_eq!(verify(&ours, bad, 7, now), Err(NotSigned::Form), "{bad}");
        }
        assert!(!format!("{ours:?}").contains("one"));
    }
}
