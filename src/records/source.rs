//! The kinds of clients.

/// The kind of client that a record came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// A tracker in a browser.
    Web,
    /// A tracker in an app: iOS, Android or React Native.
    Mobile,
    /// The analytics SDK.
    Sdk,
}
