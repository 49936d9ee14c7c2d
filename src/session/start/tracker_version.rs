//! Versions of trackers, read as leniently as their servers always have.

use semver::BuildMetadata;

/// The numbers of a tracker's version: what stands before the first `-`, read leniently (a `v` in front, one or two
/// parts, zeros in front, and build metadata are all right). Parts that are not given are 0.
pub fn numbers(text: &str) -> Option<[u64; 3]> {
    let text = text.split('-').next().unwrap_or_default();
    let text = text.strip_prefix('v').unwrap_or(text);
    let (numbers, build) = match text.split_once('+') {
        Some((numbers, build)) => (numbers, Some(build)),
        None => (text, None),
    };
    if build.is_some_and(|build| build.is_empty() || BuildMetadata::new(build).is_err()) {
        return None;
    }
    let mut found = [0; 3];
    for (at, part) in numbers.split('.').enumerate() {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let number = part.parse::<i64>().ok().filter(|_| digits)?;
        *found.get_mut(at)? = number.unsigned_abs();
    }
    Some(found)
}

/// Whether a tracker of version `text` is `oldest` or newer. What can't be read as a version is not.
pub fn at_least(text: &str, oldest: [u64; 3]) -> bool {
    numbers(text).is_some_and(|found| found >= oldest)
}

#[cfg(test)]
mod tests;
