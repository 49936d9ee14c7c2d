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
mod tests {
    use super::*;

    #[test]
    fn known_names_are_taken_apart() {
        for (name, stream, at_ms) in [
            ("1710417074000_3_1710417074100.jpeg", "1710417074000_3.jpeg", 1_710_417_074_100),
            ("1710417074000_a-B9_18446744073709551615.webp", "1710417074000_a-B9.webp", u64::MAX),
            ("../../1_2_3.png", "1_2.png", 3),
            ("C:\\x\\1_2_3.avif", "1_2.avif", 3),
            ("./1_1_0003.jpg", "1_1.jpg", 3),
        ] {
            let expected = PictureName { stream: stream.to_owned(), at_ms };
            assert_eq!(picture(name.as_bytes()), Some(expected), "{name}");
        }
        assert_eq!(frames(b"1710417074000_3.webp.frames").as_deref(), Some("1710417074000_3.webp.frames"));
        assert_eq!(frames(b"/etc/1_2.jpeg.frames").as_deref(), Some("1_2.jpeg.frames"));
    }

    #[test]
    fn no_other_name_passes() {
        let long = format!("1_{}_3.jpeg", "a".repeat(65));
        for name in [
            "",
            "photo.jpeg",
            "../../etc/passwd",
            "a;rm -rf",
            "1_2_3",
            "1_2.jpeg",
            "1_2_3.tar.jpeg",
            "1_2_3.exe",
            "1_2_3.",
            "1_2_3.JPEG",
            "1__3.jpeg",
            "_2_3.jpeg",
            "1_2_.jpeg",
            "1_2_x.jpeg",
            "x_2_3.jpeg",
            "1_2_3_4.jpeg",
            "1_$(id)_3.jpeg",
            "1_;_3.jpeg",
            "1_2_18446744073709551616.jpeg",
            "1_2_+3.jpeg",
            "1_2 _3.jpeg",
            "1_.._3.jpeg",
            "1_2_3.jpeg\n",
            "1_\u{e9}_3.jpeg",
            "1_2_3.jpeg/",
            "1_2_3.jpeg.frames",
            &long,
        ] {
            assert_eq!(picture(name.as_bytes()), None, "{name}");
        }
        assert_eq!(picture(b"1_\xff_3.jpeg"), None);
        for name in
            ["1_2.jpeg", "1_2.frames", ".frames", "1_2_3.jpeg.frames", "1_2.tar.jpeg.frames", "1_`id`.jpeg.frames"]
        {
            assert_eq!(frames(name.as_bytes()), None, "{name}");
        }
    }
}
