//! Refusals: the status and the text for the client, and the reason under which metrics count them.
//!
//! A refusal is sent as `{"error":"<text>"}`, the only form that OpenReplay's clients read.

use std::borrow::Cow;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)*) => {
        /// Why a request or a connection was refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// Each reason's label in metrics, in the order of the enum.
            pub const LABELS: &'static [&'static str] = &[$($text,)*];

            /// Its index in [`Reason::LABELS`].
            pub const fn index(self) -> usize {
                self as usize
            }
        }
    };
}

reasons! {
    /// The head or the framing breaks the rules of HTTP/1.1.
    Framing => "framing",
    /// The head, or its number of fields, exceeds the limit.
    HeadTooLarge => "head_too_large",
    /// The request target exceeds the limit.
    TargetTooLong => "target_too_long",
    /// The body exceeds the limit, as sent or inflated.
    BodyTooLarge => "body_too_large",
    /// An expectation other than `100-continue`.
    Expectation => "expectation",
    /// A transfer coding or an HTTP version that is not supported.
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
    /// Records of another takeup that are not signed with our secret.
    ForwardSignature => "forward_signature",
    /// Records of another takeup that can't be read.
    ForwardForm => "forward_form",
    /// Records that have been here: a chain of takeups leads back to its beginning.
    ForwardLoop => "forward_loop",
    /// A body that cannot be inflated.
    Compression => "compression",
    /// A body that is not the expected JSON.
    Json => "json",
    /// A body that is not the expected form.
    Form => "form",
    /// A parameter that is missing or out of range.
    Parameter => "parameter",
    /// A tracker that is too old.
    TrackerVersion => "tracker_version",
    /// No project key, or one that belongs to no active project.
    Project => "project",
    /// The project is not known, and could not be looked up.
    ProjectsUnread => "projects_unread",
    /// The project is for another platform.
    Platform => "platform",
    /// A user agent that is not a browser's.
    UserAgent => "user_agent",
    /// The session was not sampled.
    Sampled => "sampled",
    /// Too many connections on this core.
    Connections => "connections",
    /// A connection whose peer is not one of the trusted proxies.
    ProxyPeer => "proxy_peer",
    /// A connection without a valid PROXY header.
    ProxyHeader => "proxy_header",
    /// Over the rate limit of its session, its address or its project.
    RateLimited => "rate_limited",
    /// Too many bytes in flight on this core.
    BytesInFlight => "bytes_in_flight",
    /// Too much was waiting to be inflated ahead of this request.
    Busy => "busy",
    /// The log was not ready in time.
    LogNotReady => "log_not_ready",
    /// No space left for the log.
    DiskFull => "disk_full",
    /// The log failed or is poisoned.
    LogFailed => "log_failed",
    /// Something that is prepared at startup was not ready in time.
    StartingUp => "starting_up",
    /// The head did not arrive in time.
    HeadTimeout => "head_timeout",
    /// The body arrived too slowly.
    BodyTimeout => "body_timeout",
    /// The server's own fault.
    Internal => "internal",
}

/// A refusal. Its status says who is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// What it is counted as.
    pub reason: Reason,
    /// What is wrong, for the client and the log line.
    pub text: Cow<'static, str>,
    /// Seconds after which the client may retry; 0 if retrying this request is pointless.
    pub retry_after_seconds: u32,
}

impl Refusal {
    /// A refusal. Its text is cut to [`ERROR_BYTES_MAX`]; a 503 gets a `Retry-After`.
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

/// The longest text of an error, inclusive. Some texts repeat what the client sent, which may be of any length.
pub const ERROR_BYTES_MAX: usize = 1024;

/// Cuts a text to [`ERROR_BYTES_MAX`].
pub fn cut(text: &mut String) {
    if text.len() > ERROR_BYTES_MAX {
        let end = start_of(text, ERROR_BYTES_MAX - MORE.len()).len();
        text.truncate(end);
        text.push_str(MORE);
        text.shrink_to_fit();
    }
}

/// The beginning of a text: at most `bytes_max` bytes, ending on a character boundary.
pub fn start_of(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

/// Marks where a text was cut.
const MORE: &str = "\u{2026}";

/// Seconds after which a client may retry a request that could not be stored.
const RETRY_AFTER_SECONDS: u32 = 1;
