//! A record's header, its extension and its name: what decodes is what was encoded, and nothing else decodes.

use takeup::log::format::record::{Ext, ExtWriter, HEADER_BYTES, Kind, RecordHeader, RecordId};

pub fn check(input: &[u8]) {
    if let Some((header, rest)) = input.split_first_chunk::<HEADER_BYTES>() {
        check_header(*header, rest.first().copied().unwrap_or(0));
        check_extension(rest);
    }
    if let Ok(text) = std::str::from_utf8(input)
        && let Ok(id) = text.parse::<RecordId>()
    {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
}

fn check_header(mut bytes: [u8; HEADER_BYTES], choice: u8) {
    let marker = u64::from_le_bytes(*bytes.first_chunk().expect("eight bytes"));
    let _ = RecordHeader::decode(&bytes, marker);
    // A checksum is hard to guess, so it is put right: what stands behind it must hold by itself.
    bytes[8..12].fill(0);
    let crc = crc32c::crc32c(&bytes);
    bytes[8..12].copy_from_slice(&crc.to_le_bytes());
    let Ok(header) = RecordHeader::decode(&bytes, marker) else { return };
    assert_eq!(header.to_bytes(), bytes);
    assert!(header.stored_bytes() >= HEADER_BYTES as u64 && header.stored_bytes() % 64 == 0);
    assert!(header.body_bytes() as u64 + HEADER_BYTES as u64 <= header.stored_bytes());
    assert!(header.kind != Kind::Pad || header.body_bytes() == 0);
    assert!(RecordHeader::decode(&bytes, !marker).is_err());
    bytes[usize::from(choice) % HEADER_BYTES] ^= 1 << (choice >> 6);
    assert!(RecordHeader::decode(&bytes, marker).is_err(), "a flipped bit is noticed");
}

fn check_extension(bytes: &[u8]) {
    let mut again = Vec::new();
    let mut writer = ExtWriter::new(&mut again);
    let mut whole = true;
    for (ext_type, value) in Ext(bytes) {
        whole &= writer.push(ext_type, value).is_ok();
    }
    assert!(!whole || bytes.starts_with(&again), "what is read is what stands there");
    let _ = Ext(bytes).wall_time_ms();
}
