use crate::tracker::catalogue::FieldKind;
use crate::tracker::primitive::{Cursor, Value};

use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn numbers_are_written_as_recorded() {
    for (value, bytes) in [
        (0, "00"),
        (127, "7f"),
        (128, "8001"),
        (300, "ac02"),
        (16_383, "ff7f"),
        (16_384, "808001"),
        (1_710_417_074_000, "d0aeb5e6e331"),
        (u64::MAX, "ffffffffffffffffff01"),
    ] {
        let mut out = Vec::new();
        write_uint(&mut out, value);
        assert_eq!(hex(&out), bytes);
    }
}

#[test]
fn what_is_written_is_read() {
    let numbers = [0, 1, -1, 63, -64, 64, 1_710_417_074_000, i64::MAX, i64::MIN];
    for value in numbers {
        let mut out = Vec::new();
        write_uint(&mut out, value.cast_unsigned());
        write_int(&mut out, value);
        write_string(&mut out, &value.to_le_bytes());
        let mut cursor = Cursor::new(&out, 0);
        assert_eq!(cursor.value(FieldKind::Uint), Ok(Value::Uint(value.cast_unsigned())));
        assert_eq!(cursor.value(FieldKind::Int), Ok(Value::Int(value)));
        assert_eq!(cursor.value(FieldKind::Str), Ok(Value::Str(&value.to_le_bytes())));
        assert!(cursor.at_end());
    }
}
