//! How long browsers have to make an upload.

use std::time::Duration;

/// How long a signed URL is valid.
pub const URL_LIFE: Duration = Duration::from_secs(15 * 60);
