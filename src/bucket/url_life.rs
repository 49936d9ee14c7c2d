//! How long browsers have for an upload.

use std::time::Duration;

/// How long a signed URL is good.
pub const URL_LIFE: Duration = Duration::from_secs(15 * 60);
