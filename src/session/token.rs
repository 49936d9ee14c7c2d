//! The bearer token of a session.
//!
//! `base36(id) "." base36(delay) "." base36(expiry) "." base58(mac)`; the MAC is HMAC-SHA256 over the first three parts and the dots between
//! them. A token carries no project. A client recognises a resumed session by being answered the same token again.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::SessionId;

/// How long an expired token counts as just expired, in ms.
pub const GRACE_MS: i64 = 30_000;

const MAC_BYTES: usize = 32;
/// More base 58 digits than a MAC ever needs; anything longer is refused without decoding.
const MAC_DIGITS_MAX: usize = 64;
// A base 58 digit holds more than 5.8 bits.
const _: () = assert!(MAC_BYTES * 80 < MAC_DIGITS_MAX * 58, "every MAC fits");
/// 13 digits hold any u64, a sign and 13 digits any i64, and dots separate the parts.
const HEAD_BYTES_MAX: usize = 13 + 1 + 14 + 1 + 14;
/// Longer than anything that is ever signed, even with a purpose and some leading zeros; longer texts are refused without computing a MAC.
const SIGNED_BYTES_MAX: usize = 256;
const _: () = assert!(36_u128.pow(13) > u64::MAX as u128, "13 digits of base 36 hold any u64");
const _: () = assert!(HEAD_BYTES_MAX < SIGNED_BYTES_MAX, "every token of ours is read");

/// What a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// The session.
    pub session: SessionId,
    /// Server clock minus client clock when the session started, in ms.
    pub delay_ms: i64,
    /// When it expires, in ms since the Unix epoch.
    pub expires_ms: i64,
}

impl Token {
    /// Whether the token is still valid at `now_ms` (ms since the Unix epoch).
    pub fn expiry(&self, now_ms: i64) -> Expiry {
        if self.expires_ms > now_ms {
            Expiry::Valid
        } else if self.expires_ms.saturating_add(GRACE_MS) > now_ms {
            Expiry::JustExpired
        } else {
            Expiry::Expired
        }
    }
}

/// Whether a token has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// It has not expired.
    Valid,
    /// It expired less than [`GRACE_MS`] ago: what comes with it is still stored.
    JustExpired,
    /// It expired longer ago.
    Expired,
}

/// Why a token is refused. The texts are OpenReplay's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenError {
    /// Not four parts.
    Format,
    /// None of our secrets made the MAC.
    Signature,
    /// Signed by us, but a part is not a number. The text is cut to 64 characters.
    Number {
        /// The function of Go's `strconv` that would have refused it.
        function: &'static str,
        /// The part as received.
        text: String,
        /// Digits only, but too many.
        out_of_range: bool,
    },
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format => f.write_str("wrong token format"),
            Self::Signature => f.write_str("wrong token sign"),
            Self::Number { function, text, out_of_range } => {
                let fault = if *out_of_range { "value out of range" } else { "invalid syntax" };
                write!(f, "strconv.{function}: parsing {text:?}: {fault}")
            }
        }
    }
}

impl std::error::Error for TokenError {}

/// A secret that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// No secret at all.
    #[error("there is no token secret; without one no token can be verified")]
    Missing,
    /// The secret with this number, counted from 1, is empty: anyone could sign with it.
    #[error("token secret {0} is empty; anyone could sign with it")]
    Empty(usize),
}

/// Which of the secrets a token was signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretIndex(usize);

/// The secrets: the first signs, all of them verify.
#[derive(Clone)]
pub struct Secrets {
    /// Each HMAC's state after its key, so that no request computes it again.
    keyed: Vec<Hmac<Sha256>>,
    generation: u64,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets")
            .field("count", &self.keyed.len())
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

impl Secrets {
    /// Takes the secrets; the first signs. An empty list is refused, and so is an empty secret.
    pub fn new(secrets: Vec<Vec<u8>>) -> Result<Self, SecretsError> {
        if secrets.is_empty() {
            return Err(SecretsError::Missing);
        }
        if let Some(at) = secrets.iter().position(Vec::is_empty) {
            return Err(SecretsError::Empty(at + 1));
        }
        Ok(Self::keyed(&secrets))
    }

    fn keyed(secrets: &[Vec<u8>]) -> Self {
        static GENERATION: AtomicU64 = AtomicU64::new(1);
        let keyed = secrets
            .iter()
            .map(|secret| Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length"))
            .collect();
        Self { keyed, generation: GENERATION.fetch_add(1, Ordering::Relaxed) }
    }

    /// A number that no other set of secrets in this process has. A cached verification of a token stays valid while it does not change.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The text of a token, signed with the first secret.
    pub fn sign(&self, token: &Token) -> String {
        let mut text = String::with_capacity(96);
        self.sign_onto(token, SecretIndex(0), &mut text);
        text
    }

    /// Appends the text of a token. A token that is sent back to its client is signed with the secret that it came with, because a client
    /// takes a changed text for a new session.
    pub fn sign_onto(&self, token: &Token, signer: SecretIndex, text: &mut String) {
        let mut head = SignedPart::new();
        head.number(token.session.0, false);
        head.byte(b'.');
        head.number(token.delay_ms.unsigned_abs(), token.delay_ms < 0);
        head.byte(b'.');
        head.number(token.expires_ms.unsigned_abs(), token.expires_ms < 0);
        let mut mac = self.keyed[signer.0].clone();
        mac.update(head.bytes());
        let mac = mac.finalize().into_bytes();
        text.extend(head.bytes().iter().map(|&byte| char::from(byte)));
        text.push('.');
        let mut digits = [0; MAC_DIGITS_MAX];
        let length = bs58::encode(&mac[..]).onto(&mut digits[..]).expect("32 bytes are at most 44 digits of base 58");
        text.extend(digits[..length].iter().map(|&byte| char::from(byte)));
    }

    /// The secret that signs new tokens.
    pub fn first(&self) -> SecretIndex {
        SecretIndex(0)
    }

    /// Verifies a token's signature and reads it. [`Token::expiry`] tells whether it has expired.
    pub fn verify(&self, text: &[u8]) -> Result<Token, TokenError> {
        self.verify_signer(text).map(|(token, _)| token)
    }

    /// Like [`Secrets::verify`], and also returns which secret signed it.
    pub fn verify_signer(&self, text: &[u8]) -> Result<(Token, SecretIndex), TokenError> {
        let mut parts = text.split(|&byte| byte == b'.');
        let (Some(id), Some(delay), Some(expires), Some(mac), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::Format);
        };
        let head = &text[..text.len() - mac.len() - 1];
        let signer = self.signer_of(head, mac).ok_or(TokenError::Signature)?;
        let token =
            Token { session: SessionId(parse_u64(id)?), delay_ms: parse_i64(delay)?, expires_ms: parse_i64(expires)? };
        Ok((token, signer))
    }

    /// Appends the MAC of a text that is not a session token, made with the first secret. `purpose` ends in a byte that no token contains,
    /// so that neither can pass for the other.
    pub(super) fn sign_text(&self, purpose: &[u8], text: &[u8], out: &mut String) {
        let mut mac = self.keyed[0].clone();
        mac.update(purpose);
        mac.update(text);
        let mac = mac.finalize().into_bytes();
        let mut digits = [0; MAC_DIGITS_MAX];
        let length = bs58::encode(&mac[..]).onto(&mut digits[..]).expect("32 bytes are at most 44 digits of base 58");
        out.extend(digits[..length].iter().map(|&byte| char::from(byte)));
    }

    /// Whether one of the secrets signed the text for this purpose.
    pub(super) fn signed_text(&self, purpose: &[u8], text: &[u8], mac: &[u8]) -> bool {
        self.signer_for(&[purpose, text], mac).is_some()
    }

    fn signer_of(&self, head: &[u8], mac: &[u8]) -> Option<SecretIndex> {
        self.signer_for(&[head], mac)
    }

    fn signer_for(&self, parts: &[&[u8]], mac: &[u8]) -> Option<SecretIndex> {
        // A start request may hold a token of any length, and each secret would have to hash all of it.
        if mac.len() > MAC_DIGITS_MAX || parts.iter().map(|part| part.len()).sum::<usize>() > SIGNED_BYTES_MAX {
            return None;
        }
        let mut bytes = [0; MAC_DIGITS_MAX];
        let length = bs58::decode(mac).onto(&mut bytes[..]).ok()?;
        if length != MAC_BYTES {
            return None;
        }
        self.keyed
            .iter()
            .position(|keyed| {
                let mut ours = keyed.clone();
                parts.iter().for_each(|part| ours.update(part));
                ours.verify_slice(&bytes[..length]).is_ok()
            })
            .map(SecretIndex)
    }
}

/// The signed part of a token, built without an allocation.
pub(super) struct SignedPart {
    bytes: [u8; HEAD_BYTES_MAX],
    length: usize,
}

impl SignedPart {
    pub(super) fn new() -> Self {
        Self { bytes: [0; HEAD_BYTES_MAX], length: 0 }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    pub(super) fn number(&mut self, mut value: u64, negative: bool) {
        let mut digits = [0; 13];
        let mut first = digits.len();
        loop {
            first -= 1;
            digits[first] = b"0123456789abcdefghijklmnopqrstuvwxyz"[(value % 36) as usize];
            value /= 36;
            if value == 0 {
                break;
            }
        }
        if negative {
            self.byte(b'-');
        }
        for &digit in &digits[first..] {
            self.byte(digit);
        }
    }
}

/// Base 36 as Go's `ParseUint` reads it: letters of both cases, no sign.
pub(super) fn parse_u64(text: &[u8]) -> Result<u64, TokenError> {
    digits(text, u64::MAX).map_err(|fault| fault.into_error("ParseUint", text))
}

/// Base 36 as Go's `ParseInt` reads it: with `+` or `-`.
pub(super) fn parse_i64(text: &[u8]) -> Result<i64, TokenError> {
    let (negative, magnitude) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let max = i64::MAX as u64 + u64::from(negative);
    let value = digits(magnitude, max).map_err(|fault| fault.into_error("ParseInt", text))?;
    Ok(if negative { 0_i64.wrapping_sub_unsigned(value) } else { value as i64 })
}

enum DigitFault {
    Syntax,
    Range,
}

impl DigitFault {
    fn into_error(self, function: &'static str, text: &[u8]) -> TokenError {
        TokenError::Number {
            function,
            text: String::from_utf8_lossy(text).chars().take(64).collect(),
            out_of_range: matches!(self, Self::Range),
        }
    }
}

fn digits(text: &[u8], max: u64) -> Result<u64, DigitFault> {
    if text.is_empty() {
        return Err(DigitFault::Syntax);
    }
    let mut value = Some(0_u64);
    for &byte in text {
        let digit = char::from(byte).to_digit(36).ok_or(DigitFault::Syntax)?;
        value = value
            .and_then(|value| value.checked_mul(36))
            .and_then(|value| value.checked_add(u64::from(digit)))
            .filter(|&value| value <= max);
    }
    value.ok_or(DigitFault::Range)
}

#[cfg(test)]
mod tests;
