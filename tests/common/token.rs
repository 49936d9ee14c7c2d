//! Tokens as a client of OpenReplay knows them: read, signed and spoiled here without the code
//! under test, so that both have to agree on the format.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// 2019-02-12T19:33:20Z, where the time inside a session id begins.
const ID_EPOCH_MS: u64 = 1_550_000_000_000;

/// The three numbers of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// The session id.
    pub session: u64,
    /// The server's clock minus the client's, ms.
    pub delay_ms: i64,
    /// When it ends, ms since the Unix epoch.
    pub expires_ms: i64,
}

impl Token {
    /// Reads the numbers of a token, without a check of its signature.
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let session = u64::from_str_radix(parts.next()?, 36).ok()?;
        let delay_ms = i64::from_str_radix(parts.next()?, 36).ok()?;
        let expires_ms = i64::from_str_radix(parts.next()?, 36).ok()?;
        Some(Self { session, delay_ms, expires_ms })
    }

    /// Signs the canonical form.
    pub fn sign(&self, secret: &str) -> String {
        let delay = match self.delay_ms {
            d if d < 0 => format!("-{}", base36(d.unsigned_abs())),
            d => base36(d.unsigned_abs()),
        };
        let expires = u64::try_from(self.expires_ms).expect("an expiry after 1970");
        sign(&format!("{}.{delay}.{}", base36(self.session), base36(expires)), secret)
    }
}

/// When a session with that id began, ms since the Unix epoch.
pub fn start_ms(session: u64) -> u64 {
    (session >> 24) + ID_EPOCH_MS
}

/// The id of a session that began then on that shard: the last of its millisecond, which no server here
/// gets to.
pub fn id(start_ms: u64, shard: u64) -> u64 {
    (start_ms - ID_EPOCH_MS) << 24 | shard << 8 | 0xff
}

/// The shard of the server that gave out this id.
pub fn shard(session: u64) -> u64 {
    (session >> 8) & 0xffff
}

/// Appends the signature to any text.
pub fn sign(head: &str, secret: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes any key");
    mac.update(head.as_bytes());
    format!("{head}.{}", bs58::encode(mac.finalize().into_bytes()).into_string())
}

/// Whether the text carries its own signature.
pub fn is_signed(text: &str, secret: &str) -> bool {
    text.rsplit_once('.').is_some_and(|(head, _)| sign(head, secret) == text)
}

/// The wall clock, ms since the Unix epoch.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(since.as_millis()).expect("a clock before the year 292,000,000")
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(b"0123456789abcdefghijklmnopqrstuvwxyz"[(number % 36) as usize]);
        number /= 36;
        if number == 0 {
            break;
        }
    }
    digits.iter().rev().map(|&digit| char::from(digit)).collect()
}
