//! Settings that offer a choice of a few words.

use std::fmt;
use std::str::FromStr;

macro_rules! modes {
    ($( $(#[$meta:meta])* $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $text:literal ),+ $(,)? } )+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $( $(#[$variant_meta])* $variant ),+ }

        impl $name {
            /// Its word in files, variables and options.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text ),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                $( if text.eq_ignore_ascii_case($text) { return Ok(Self::$variant); } )+
                Err(format!("expected one of {}", [$($text),+].join(", ")))
            }
        }
    )+};
}

modes! {
    /// What a 200 promises.
    Ack {
        /// The record is durable: it survives the machine.
        Disk = "disk",
        /// The record is in the page cache: it survives the process.
        Memory = "memory",
    }

    /// What happens to requests over their limits.
    AdmissionMode {
        /// Nothing, and nothing is counted.
        Off = "off",
        /// They are counted, but still served.
        Shadow = "shadow",
        /// They are delayed, then refused.
        On = "on",
    }

    /// How messages to Kafka are compressed.
    KafkaCompression {
        /// Not at all.
        None = "none",
        /// Slow, small.
        Gzip = "gzip",
        /// Fast, large.
        Snappy = "snappy",
        /// Fast, large.
        Lz4 = "lz4",
        /// Fast, small.
        Zstd = "zstd",
    }

    /// When the contents of a batch are checked.
    CheckBodies {
        /// After it is logged: broken batches are counted and marked.
        Background = "background",
        /// Before the answer: broken batches are refused.
        Inline = "inline",
        /// Never.
        Off = "off",
    }

    /// What is deleted when the disk is nearly full.
    FullDisk {
        /// Nothing is deleted.
        Hold = "hold",
        /// The oldest segments that every registered consumer has read.
        DropDelivered = "drop-delivered",
        /// The oldest segments, delivered ones first.
        DropOldest = "drop-oldest",
    }

    /// When records leave the log.
    RetainLog {
        /// When a setting by age or size says so.
        UntilExpired = "until expired",
        /// Also once they are in the archive.
        UntilArchived = "until archived",
    }

    /// When entries are removed from Redis streams.
    RedisTrim {
        /// Once every consumer group has acknowledged them.
        Safe = "safe",
        /// As OpenReplay's service does: by length or age, read or not.
        OpenReplay = "openreplay",
        /// Never.
        Off = "off",
    }

    /// Which requests get a log line.
    LogRequests {
        /// Every one.
        All = "all",
        /// Refused ones.
        Errors = "errors",
        /// Refused ones, and one in `log_sample` of the others.
        Sampled = "sampled",
    }

    /// Whether proxies announce the client's address before the first request.
    ProxyProtocol {
        /// They do not.
        Off = "off",
        /// Every connection begins with a PROXY header.
        On = "on",
    }

    /// The least severity at which lines about the service are logged.
    LogLevel {
        /// Everything, for debugging.
        Debug = "debug",
        /// One line per service event.
        Info = "info",
        /// What needs attention soon.
        Warn = "warn",
        /// Data or service at risk.
        Error = "error",
    }

    /// The runtime's I/O driver.
    Runtime {
        /// io_uring where the kernel allows it, epoll elsewhere.
        Auto = "auto",
        /// io_uring, or the server does not start.
        IoUring = "io_uring",
        /// epoll.
        Legacy = "legacy",
    }

    /// What happens to a batch that can't be used.
    Unusable {
        /// It is refused, and its tracker retries ten times.
        Refuse = "refuse",
        /// It is stored and marked, and its tracker continues.
        Keep = "keep",
    }

    /// How records are written to disk.
    Writer {
        /// Whichever is cheaper here.
        Auto = "auto",
        /// Through the page cache, by a memory mapping.
        Mapped = "mapped",
        /// Bypassing the page cache.
        Direct = "direct",
    }
}
