use super::*;

fn uint(bytes: &[u8]) -> Result<u64, FaultKind> {
    let mut cursor = Cursor::new(bytes, 0);
    let value = cursor.uint().map_err(|fault| fault.kind)?;
    assert!(cursor.at_end());
    Ok(value)
}

#[test]
fn numbers_match_the_known_encodings() {
    let max = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    for (bytes, value) in [
        (&[0x00][..], 0),
        (&[0x7f], 127),
        (&[0x80, 0x01], 128),
        (&[0xac, 0x02], 300),
        (&[0xff, 0x7f], 16_383),
        (&[0x80, 0x80, 0x01], 16_384),
        (&[0xd0, 0xae, 0xb5, 0xe6, 0xe3, 0x31], 1_710_417_074_000),
        (&max, u64::MAX),
    ] {
        assert_eq!(uint(bytes), Ok(value));
    }
    for (bytes, value) in [
        (&[0x00][..], 0),
        (&[0x01], -1),
        (&[0x02], 1),
        (&[0x7e], 63),
        (&[0x7f], -64),
        (&[0x80, 0x01], 64),
        (&[0xa0, 0xdd, 0xea, 0xcc, 0xc7, 0x63], 1_710_417_074_000),
        (&max, i64::MIN),
        (&[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], i64::MAX),
    ] {
        assert_eq!(uint(bytes).map(zigzag), Ok(value));
    }
}

#[test]
fn numbers_beyond_64_bits_are_refused() {
    let tenth = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
    assert_eq!(uint(&tenth), Err(FaultKind::UintOverflow));
    assert_eq!(uint(&[0x80; 11]), Err(FaultKind::UintOverflow));
    assert_eq!(uint(&[0x80; 9]), Err(FaultKind::Truncated));
    assert_eq!(uint(&[]), Err(FaultKind::Truncated));
}

#[test]
fn a_claimed_length_allocates_nothing_and_is_refused() {
    // 10,000,001 in LEB128, and a length that fits the limit but not the batch.
    let mut long = Cursor::new(&[0x81, 0xad, 0xe2, 0x04], 0);
    assert_eq!(long.value(FieldKind::Str), Err(FaultKind::StringTooLong { bytes: 10_000_001 }.at(0)));
    let mut short = Cursor::new(&[0x05, b'a'], 0);
    assert_eq!(short.value(FieldKind::Str), Err(FaultKind::Truncated.at(0)));
}

#[test]
fn only_one_is_true() {
    for (byte, truth) in [(0, false), (1, true), (2, false), (255, false)] {
        let bytes = [byte];
        assert_eq!(Cursor::new(&bytes, 0).value(FieldKind::Bool), Ok(Value::Bool(truth)));
    }
}
