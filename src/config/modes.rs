//! Settings that are a choice between a few words.

use std::fmt;
use std::str::FromStr;

macro_rules! modes {
    ($( $(#[$meta:meta])* $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $text:literal ),+ $(,)? } )+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $( $(#[$variant_meta])* $variant ),+ }

        impl $name {
            /// The word for it in files, variables and options.
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
        /// They are counted, and served all the same.
        Shadow = "shadow",
        /// They are held, then refused.
        On = "on",
    }

    /// When the inside of a batch is looked at.
    CheckBodies {
        /// Behind the log: what is broken is counted and marked.
        Background = "background",
        /// Before the answer: what is broken is refused.
        Inline = "inline",
        /// Never.
        Off = "off",
    }

    /// What is done when the disk is nearly full.
    FullDisk {
        /// Nothing is deleted.
        Hold = "hold",
        /// The oldest segments go that every registered consumer has read.
        DropDelivered = "drop-delivered",
        /// The oldest segments go, delivered ones first.
        DropOldest = "drop-oldest",
    }

    /// Which requests get a log line.
    LogRequests {
        /// Every one.
        All = "all",
        /// Those that were refused.
        Errors = "errors",
        /// Those that were refused, and one in `log_sample` of the others.
        Sampled = "sampled",
    }

    /// Whether proxies tell the client's address ahead of the first request.
    ProxyProtocol {
        /// They do not.
        Off = "off",
        /// Every connection begins with a PROXY header.
        On = "on",
    }

    /// How grave a line about the service must be to be logged.
    LogLevel {
        /// Everything, for those who look for a fault.
        Debug = "debug",
        /// Once per event of the service.
        Info = "info",
        /// What should be looked at soon.
        Warn = "warn",
        /// Data or service at risk.
        Error = "error",
    }

    /// The runtime's driver.
    Runtime {
        /// io_uring where the kernel allows it, epoll elsewhere.
        Auto = "auto",
        /// io_uring, or no start.
        IoUring = "io_uring",
        /// epoll.
        Legacy = "legacy",
    }

    /// What becomes of a batch that can't be used.
    Unusable {
        /// It is refused, and its tracker tries ten times more.
        Refuse = "refuse",
        /// It is stored and marked, and its tracker goes on.
        Keep = "keep",
    }

    /// How records get from memory to the disk.
    Writer {
        /// Whichever is cheaper here.
        Auto = "auto",
        /// Through the page cache, by a mapping.
        Mapped = "mapped",
        /// Past the page cache.
        Direct = "direct",
    }
}
