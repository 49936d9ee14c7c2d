//! The hash in the text of `manifest.json`: its last field, of all bytes before that field.
//!
//! A position or a number in which a bit has flipped is still JSON. Believed, it would leave out records or repeat them.

/// What comes before the hash.
const FIELD: &[u8] = br#","blake3":""#;

/// What comes after it.
const END: &[u8] = br#""}"#;

/// A JSON object with its hash.
pub fn sealed(mut text: Vec<u8>) -> Vec<u8> {
    if text.pop() == Some(b'}') {
        let hash = blake3::hash(&text).to_hex();
        text.extend([FIELD, hash.as_bytes(), END].concat());
    }
    text
}

/// Whether the hash is right. An older takeup has written none.
pub fn is_whole(text: &[u8]) -> bool {
    let parts = || {
        let (text, hash) = text.strip_suffix(END)?.split_last_chunk::<64>()?;
        Some((text.strip_suffix(FIELD)?, hash))
    };
    match parts() {
        Some((text, hash)) => blake3::hash(text).to_hex().as_bytes() == hash,
        // The field of a day's list is not the last one of the object.
        None => text.ends_with(b"]}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bit_of_a_sealed_text_can_flip_unnoticed() {
        let text = sealed(br#"{"version":2,"to":{"cores":{"0":[7,64]}},"days":[]}"#.to_vec());
        assert!(is_whole(&text) && is_whole(br#"{"version":2,"days":[]}"#));
        assert!(serde_json::from_slice::<serde_json::Value>(&text).unwrap()["blake3"].is_string());
        for at in 0..text.len() * 8 {
            let mut flipped = text.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            assert!(!is_whole(&flipped), "bit {at}");
        }
    }
}
