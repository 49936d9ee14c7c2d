//! The codes of a record's header, each a byte with a text form. They are part of the format: never renumbered.

use std::fmt;
use std::str::FromStr;

/// Defines a byte-sized code of the format with its text form.
macro_rules! code {
    ($(#[$meta:meta])* $name:ident, $what:literal { $($(#[$vmeta:meta])* $variant:ident = $code:literal, $text:literal;)* }) => {
        $(#[$meta])*
        #[repr(u8)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$vmeta])* $variant = $code,)*
        }

        impl $name {
            /// Every value, in the order of the codes.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The value with this code, if there is one.
            pub const fn from_u8(code: u8) -> Option<$name> {
                match code {
                    $($code => Some($name::$variant),)*
                    _ => None,
                }
            }

            /// The stable text form.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownCode;

            fn from_str(text: &str) -> Result<$name, UnknownCode> {
                match text {
                    $($text => Ok($name::$variant),)*
                    _ => Err(UnknownCode { what: $what }),
                }
            }
        }
    };
}

/// A text that names no value of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what}")]
pub struct UnknownCode {
    /// Which code was asked for.
    pub what: &'static str,
}

code! {
    /// What a record is.
    Kind, "record kind" {
        /// A batch of tracker messages, as received.
        Batch = 1, "batch";
        /// The start of a session: its row (in the extension) and its first message (the payload).
        Start = 2, "start";
        /// An upload of images.
        Image = 3, "image";
        /// A batch of the analytics SDK.
        Sdk = 4, "sdk";
        /// Fills the rest of a page; carries nothing.
        Pad = 5, "pad";
        /// Takes the place of a record that was erased.
        Tombstone = 6, "tombstone";
        /// A row for a table that the extension names: JSON.
        Row = 7, "row";
        /// A part of a recording that was uploaded; its name and its place in the whole are in the extension.
        Recording = 8, "recording";
    }
}

code! {
    /// The queue topic that a record is bound for, by OpenReplay's default names.
    Topic, "topic" {
        /// Bound for no queue.
        None = 0, "none";
        /// Web batches.
        Raw = 1, "raw";
        /// Mobile batches.
        RawIos = 2, "raw-ios";
        /// Mobile screenshots.
        RawImages = 3, "raw-images";
        /// Canvas screenshots.
        CanvasImages = 4, "canvas-images";
        /// Assets to be fetched.
        RawAssets = 5, "raw-assets";
        /// Events of the analytics SDK.
        RawAnalytics = 6, "raw-analytics";
    }
}

code! {
    /// The data type that a client gave its batch.
    DataType, "data type" {
        /// No type given: everything in one batch.
        All = 0, "all";
        /// What the player needs.
        Player = 1, "player";
        /// Assets.
        Assets = 2, "assets";
        /// What the developer tools need.
        Devtools = 3, "devtools";
        /// Analytics.
        Analytics = 4, "analytics";
        /// Player and assets in one, cut at `split` when it is shipped.
        Visual = 5, "visual";
        /// Replay.
        Replay = 6, "replay";
        /// A type this build does not know; its text is in the extension.
        Other = 255, "other";
    }
}

code! {
    /// How the payload is compressed, as received.
    Encoding, "encoding" {
        /// Not at all.
        Identity = 0, "identity";
        /// gzip.
        Gzip = 1, "gzip";
        /// deflate.
        Deflate = 2, "deflate";
        /// Brotli.
        Br = 3, "br";
        /// Zstandard.
        Zstd = 4, "zstd";
    }
}
