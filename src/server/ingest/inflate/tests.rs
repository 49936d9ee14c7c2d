use crate::codec::inflate::Label;

use super::*;

#[test]
fn a_long_start_is_inflated_in_turns_however_much_room_there_is() {
    const BYTES: usize = 32 << 20;
    let body = zstd::bulk::compress(&vec![b'<'; BYTES], 1).unwrap();
    let reading = Cell::new(Reading { coding: Some(Coding::Zstd), label: Label::Right });
    let packed = CompressedJson::new(&reading, &body, BYTES as u64).unwrap();
    let (mut inflater, mut plain, mut turns) = (Inflater::default(), Vec::new(), 1);
    inflater.begin(packed.coding, packed.limit);
    while !packed.inflate_some(&mut inflater, &mut plain, BYTES + PIECE_BYTES).unwrap() {
        turns += 1;
    }
    assert_eq!(plain.len(), BYTES);
    assert!(turns > 1, "so much takes more than one turn");
}
