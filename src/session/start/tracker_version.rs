//! Versions of trackers, read as leniently as OpenReplay reads them.

use semver::BuildMetadata;

/// The numbers of a tracker's version, up to the first `-`. A leading `v`, fewer than three parts, leading zeros and build metadata are
/// accepted. Missing parts are 0.
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

/// Whether the version `text` is `oldest` or newer. A text that is not a version is not.
pub fn at_least(text: &str, oldest: [u64; 3]) -> bool {
    numbers(text).is_some_and(|found| found >= oldest)
}

#[cfg(test)]
mod tests;
