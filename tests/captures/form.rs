//! The canvas uploads of the captures, read without the code under test.

/// What the log has to hold of an upload: the name of its canvas, and its frames (time in ms as u64, length as u32, both little-endian,
/// bytes), repeated.
pub fn frames(content_type: &str, body: &[u8]) -> (String, Vec<u8>) {
    let boundary = content_type.split("boundary=").nth(1).expect("a form names its boundary");
    let files: Vec<(String, &[u8])> = parts(body, boundary).into_iter().filter_map(file).collect();
    let (first, bytes) = files.first().expect("an upload has a file");
    if first.ends_with(".frames") {
        assert_eq!(files.len(), 1, "one file holds all frames");
        return (first.clone(), bytes.to_vec());
    }
    let mut stream = Vec::new();
    for (name, bytes) in &files {
        let (_, last) = name.rsplit_once('_').expect("a name has a time");
        let ms: u64 = last.split('.').next().and_then(|ms| ms.parse().ok()).expect("a name has a time");
        stream.extend_from_slice(&ms.to_le_bytes());
        stream.extend_from_slice(&u32::try_from(bytes.len()).expect("pictures are small").to_le_bytes());
        stream.extend_from_slice(bytes);
    }
    let (canvas, last) = first.rsplit_once('_').expect("a name has a time");
    let extension = last.split_once('.').expect("a name has an extension").1;
    (format!("{canvas}.{extension}"), stream)
}

fn parts<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let marker = format!("--{boundary}");
    let mut starts = Vec::new();
    let mut at = 0;
    while let Some(found) = find(&body[at..], marker.as_bytes()) {
        starts.push(at + found);
        at += found + marker.len();
    }
    // Between two markers: CRLF, the part, CRLF.
    starts.windows(2).map(|pair| &body[pair[0] + marker.len() + 2..pair[1] - 2]).collect()
}

/// The file name and the bytes of a part that is a file.
fn file(part: &[u8]) -> Option<(String, &[u8])> {
    let end = find(part, b"\r\n\r\n").expect("a part has a head");
    let head = String::from_utf8_lossy(&part[..end]).into_owned();
    let name = head.split("filename=\"").nth(1)?.split('"').next()?.to_owned();
    Some((name, &part[end + 4..]))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
