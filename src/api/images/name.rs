//! The names of pictures: only these forms are accepted.
//!
//! Services behind the queue turn them into file names, and some into a command line. So a name is taken apart and rebuilt from digits,
//! letters, dashes and a few known endings only.

/// The longest name of a canvas.
const ID_BYTES_MAX: usize = 64;

/// The endings of the picture formats that trackers send.
const ENDINGS: [&str; 5] = ["jpeg", "jpg", "png", "webp", "avif"];

/// The ending of a file that holds a stream of frames.
const FRAMES: &str = ".frames";

/// The name of one picture: `<begin>_<id>_<time>.<ending>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureName {
    /// The name of the stream that it belongs to: `<begin>_<id>.<ending>`.
    pub stream: String,
    /// When it was taken, in Unix ms by the client's clock.
    pub at_ms: u64,
}

/// The last part of a path, which is all that OpenReplay's service reads of it.
fn base(name: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(name).ok()?;
    name.rsplit(['/', '\\']).next()
}

/// Reads the name of a picture; `None` if it is not of the form that trackers use.
pub fn picture(name: &[u8]) -> Option<PictureName> {
    let (stem, ending) = base(name)?.split_once('.')?;
    let (id, time) = stem.rsplit_once('_')?;
    let at_ms = digits(time)?;
    stream(id, ending).map(|stream| PictureName { stream, at_ms })
}

/// Reads the name of a file with a stream of frames, `<begin>_<id>.<ending>.frames`. The record gets the same name.
pub fn frames(name: &[u8]) -> Option<String> {
    let (stem, ending) = base(name)?.strip_suffix(FRAMES)?.split_once('.')?;
    stream(stem, ending).map(|stream| stream + FRAMES)
}

/// Whether the name is that of a stream of frames.
pub fn ends_as_frames(name: &[u8]) -> bool {
    name.ends_with(FRAMES.as_bytes())
}

fn stream(stem: &str, ending: &str) -> Option<String> {
    let (begin, id) = stem.split_once('_')?;
    digits(begin)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let known = !id.is_empty() && id.len() <= ID_BYTES_MAX && id.bytes().all(plain) && ENDINGS.contains(&ending);
    known.then(|| format!("{stem}.{ending}"))
}

/// A number of milliseconds, written in digits only.
fn digits(text: &str) -> Option<u64> {
    let all = (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if all { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
