//! Reads an object part by part, two at the same time.

use crate::courier::cause::Cause;
use crate::courier::stores::{PART_BYTES, Patient};

/// The next one or two parts of an object of this length, or of a version of it.
pub(super) async fn next_parts(
    store: &mut Patient<'_>,
    object: &str,
    version: Option<&str>,
    at: u64,
    bytes: u64,
) -> Result<Vec<Vec<u8>>, Cause> {
    let inner = store.store();
    let first = (PART_BYTES as u64).min(bytes - at) as usize;
    let then = at + first as u64;
    let second = (PART_BYTES as u64).min(bytes - then) as usize;
    if second == 0 {
        let one = store.patiently(async || inner.get_version(object, version, at, first).await).await?;
        return Ok(vec![one]);
    }
    let both = async || {
        let (one, two) = tokio::join!(
            inner.get_version(object, version, at, first),
            inner.get_version(object, version, then, second)
        );
        Ok(vec![one?, two?])
    };
    store.patiently(both).await
}
