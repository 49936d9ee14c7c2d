//! The names of pictures: the only forms that pass.
//!
//! Services behind the queue make file names of them, and some a command line. So a name is taken apart and put together
//! again, and only from digits, letters and a few known endings.

/// The longest name of a canvas.
const ID_BYTES_MAX: usize = 64;

/// The kinds of pictures that trackers send.
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

/// The last part of a path, as upstream takes it: what stands before it never matters.
fn base(name: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(name).ok()?;
    name.rsplit(['/', '\\']).next()
}

/// Reads the name of a picture; `None`: it is none that a tracker gives.
pub fn picture(name: &[u8]) -> Option<PictureName> {
    let (stem, ending) = base(name)?.split_once('.')?;
    let (id, time) = stem.rsplit_once('_')?;
    let at_ms = digits(time)?;
    stream(id, ending).map(|stream| PictureName { stream, at_ms })
}

/// Reads the name of a file with a stream of frames, `<begin>_<id>.<ending>.frames`: the record has the same name.
pub fn frames(name: &[u8]) -> Option<String> {
    let (stem, ending) = base(name)?.strip_suffix(FRAMES)?.split_once('.')?;
    stream(stem, ending).map(|stream| stream + FRAMES)
}

/// Whether the name says that the file is a stream of frames.
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

/// A number of milliseconds, in digits alone.
fn digits(text: &str) -> Option<u64> {
    let all = (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if all { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
