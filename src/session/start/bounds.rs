//! The longest texts of a client that are kept, which are what the columns of OpenReplay's tables hold.

/// Longest `userID`, in bytes, where OpenReplay cuts it; here a cut never splits a character.
pub const USER_ID_BYTES_MAX: usize = 255;
/// Longest `trackerVersion`, in characters.
pub const TRACKER_CHARS_MAX: usize = 64;
/// Longest `revID`, in characters.
pub const REVISION_CHARS_MAX: usize = 4_000;
/// Longest `timezone`, in characters.
pub const TIMEZONE_CHARS_MAX: usize = 255;
/// Longest name or version of a device, a browser or an operating system, in characters.
pub const DEVICE_CHARS_MAX: usize = 255;
