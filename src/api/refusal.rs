//! Refusals: the status and the text for the client, and the reason that is counted.
//!
//! A refusal goes out as `{"error":"<text>"}`, the one shape that OpenReplay's clients look into.

use std::borrow::Cow;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)*) => {
        /// Why a request or a connection was turned away.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// The label of each reason, as metrics name it. The order is that of the enum.
            pub const LABELS: &'static [&'static str] = &[$($text,)*];

            /// Its position in [`Reason::LABELS`].
            pub const fn index(self) -> usize {
                self as usize
            }
        }
    };
}

reasons! {
    /// The head or the framing breaks the rules of HTTP/1.1.
    Framing => "framing",
    /// The head, or its number of fields, is over the limit.
    HeadTooLarge => "head_too_large",
    /// The request target is over the limit.
    TargetTooLong => "target_too_long",
    /// The body is over the limit, as sent or inflated.
    BodyTooLarge => "body_too_large",
    /// An expectation that is not `100-continue`.
    Expectation => "expectation",
    /// A transfer coding or a version that is not spoken here.
    Unsupported => "unsupported",
    /// No such route.
    NotFound => "not_found",
    /// The route does not take this method.
    Method => "method",
    /// No bearer token.
    TokenMissing => "token_missing",
    /// A token of the wrong form.
    TokenFormat => "token_format",
    /// A token that none of the secrets signed.
    TokenSignature => "token_signature",
    /// An expired token.
    TokenExpired => "token_expired",
    /// A body that cannot be inflated.
    Compression => "compression",
    /// A body that is not the JSON asked for.
    Json => "json",
    /// A body that is not the form asked for.
    Form => "form",
    /// A parameter that is missing or out of range.
    Parameter => "parameter",
    /// A tracker that is too old.
    TrackerVersion => "tracker_version",
    /// No project key, or one of no active project.
    Project => "project",
    /// The project is of another platform.
    Platform => "platform",
    /// A user agent that is no browser.
    UserAgent => "user_agent",
    /// Not recorded, by the project's sample rate.
    Sampled => "sampled",
    /// Too many connections on this core.
    Connections => "connections",
    /// A connection that came past the trusted proxies.
    ProxyPeer => "proxy_peer",
    /// A connection without a good PROXY header.
    ProxyHeader => "proxy_header",
    /// Over the limit of its session, its address or its project.
    RateLimited => "rate_limited",
    /// Too many bytes in flight on this core.
    BytesInFlight => "bytes_in_flight",
    /// There was too much to inflate ahead of this request.
    Busy => "busy",
    /// The log was not ready in time.
    LogNotReady => "log_not_ready",
    /// No space left for the log.
    DiskFull => "disk_full",
    /// The log failed, or is poisoned.
    LogFailed => "log_failed",
    /// Something at the start was not ready in time.
    StartingUp => "starting_up",
    /// The head did not come in time.
    HeadTimeout => "head_timeout",
    /// The body came too slowly.
    BodyTimeout => "body_timeout",
    /// A fault of the server's own.
    Internal => "internal",
}

/// A refusal: who is at fault stands in the status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// What it is counted as.
    pub reason: Reason,
    /// What is wrong, for the client and the log line.
    pub text: Cow<'static, str>,
    /// Seconds after which a client may try again; 0 if it may not, or not with this request.
    pub retry_after_seconds: u32,
}

impl Refusal {
    /// A refusal with its text.
    pub fn new(status: u16, reason: Reason, text: impl Into<Cow<'static, str>>) -> Self {
        let retry_after_seconds = if status == 503 { RETRY_AFTER_SECONDS } else { 0 };
        let mut text = text.into();
        if text.len() > ERROR_BYTES_MAX {
            cut(text.to_mut());
        }
        Self { status, reason, text, retry_after_seconds }
    }

    /// The same, with another `Retry-After`.
    pub fn retry_after(self, retry_after_seconds: u32) -> Self {
        Self { retry_after_seconds, ..self }
    }
}

/// The longest text of an error, inclusive. Some repeat what the client sent, which must not make them long.
pub const ERROR_BYTES_MAX: usize = 1024;

/// Cuts a text to what an error may hold.
pub fn cut(text: &mut String) {
    if text.len() > ERROR_BYTES_MAX {
        let end = start_of(text, ERROR_BYTES_MAX - MORE.len()).len();
        text.truncate(end);
        text.push_str(MORE);
        text.shrink_to_fit();
    }
}

/// As much of a text as fits into `bytes_max` bytes, cut at the end of a character.
pub fn start_of(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

/// Marks where a text was cut.
const MORE: &str = "\u{2026}";

/// Seconds after which a client may try again when we could not store.
const RETRY_AFTER_SECONDS: u32 = 1;
