use proptest::prelude::*;

use super::*;

/// As the format's description has it: <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.
fn read(mut bytes: &[u8], width: u8, count: usize) -> Vec<u32> {
    let mut numbers = Vec::new();
    let byte = |bytes: &mut &[u8]| {
        let (first, rest) = bytes.split_first().expect("more bytes");
        *bytes = rest;
        *first
    };
    while !bytes.is_empty() {
        let (mut header, mut shift) = (0_usize, 0);
        loop {
            let next = byte(&mut bytes);
            header |= usize::from(next & 0x7f) << shift;
            shift += 7;
            if next < 0x80 {
                break;
            }
        }
        if header & 1 == 0 {
            let mut number = 0;
            for at in 0..width.div_ceil(8) {
                number |= u32::from(byte(&mut bytes)) << (8 * at);
            }
            numbers.extend(std::iter::repeat_n(number, header >> 1));
            continue;
        }
        let (packed, rest) = bytes.split_at((header >> 1) * usize::from(width));
        bytes = rest;
        for at in 0..(header >> 1) * 8 {
            let bit = |bit: usize| u32::from(packed[bit / 8] >> (bit % 8) & 1);
            numbers.push((0..usize::from(width)).map(|place| bit(at * usize::from(width) + place) << place).sum());
        }
    }
    assert!(numbers.len() >= count && numbers.len() < count + 8 && numbers[count..].iter().all(|&number| number == 0));
    numbers.truncate(count);
    numbers
}

#[test]
fn the_width_is_that_of_the_largest_number() {
    let widths = [0, 1, 2, 3, 4, 255, 256, u32::MAX].map(width_of);
    assert_eq!(widths, [0, 1, 2, 2, 3, 8, 9, 32]);
}

#[test]
fn what_repeats_takes_a_few_bytes() {
    let mut out = Vec::new();
    put(&[1; 100_000], 1, &mut out);
    assert_eq!(out, [0xc0, 0x9a, 0x0c, 1]);
}

proptest! {
    #[test]
    fn numbers_are_read_back(runs in proptest::collection::vec((any::<u32>(), 1_usize..40), 0..60), width in 0_u8..=32) {
        let mask = ((1_u64 << width) - 1) as u32;
        let numbers: Vec<u32> = runs.iter().flat_map(|&(number, count)| std::iter::repeat_n(number & mask, count)).collect();
        let mut out = Vec::new();
        put(&numbers, width, &mut out);
        prop_assert_eq!(read(&out, width, numbers.len()), numbers);
    }
}
