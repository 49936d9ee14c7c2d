//! Parquet's `RLE` encoding of numbers of few bits: what repeats is a run, all else is packed, eight numbers at a time.

/// From so many equal numbers on, a run is shorter than packed ones.
const RUN_MIN: usize = 8;

/// How many bits the numbers up to this one take.
pub(super) fn width_of(largest: u32) -> u8 {
    // At most 32.
    (u32::BITS - largest.leading_zeros()) as u8
}

/// Appends numbers, each of at most `width` bits.
pub(super) fn put(numbers: &[u32], width: u8, out: &mut Vec<u8>) {
    // Of no bits there is but one number.
    if width == 0 {
        return put_run(0, numbers.len(), width, out);
    }
    let (mut packed_from, mut at) = (0, 0);
    while at < numbers.len() {
        let number = numbers[at];
        let equal = numbers[at..].iter().take_while(|&&next| next == number).count();
        // Numbers are packed in eights, so the first of a run may have to fill one up.
        let fill = (at - packed_from).next_multiple_of(8) - (at - packed_from);
        if equal >= fill + RUN_MIN {
            put_packed(&numbers[packed_from..at + fill], width, out);
            put_run(number, equal - fill, width, out);
            packed_from = at + equal;
        }
        at += equal;
    }
    put_packed(&numbers[packed_from..], width, out);
}

fn put_run(number: u32, count: usize, width: u8, out: &mut Vec<u8>) {
    put_uint((count as u64) << 1, out);
    out.extend_from_slice(&number.to_le_bytes()[..usize::from(width).div_ceil(8)]);
}

/// Appends numbers in eights; the last may lack some.
fn put_packed(numbers: &[u32], width: u8, out: &mut Vec<u8>) {
    if numbers.is_empty() {
        return;
    }
    put_uint((numbers.len().div_ceil(8) as u64) << 1 | 1, out);
    for eight in numbers.chunks(8) {
        let (mut bits, mut count) = (0_u64, 0);
        for at in 0..8 {
            // Fewer than 8 bits are left from before, and a number has at most 32.
            bits |= u64::from(eight.get(at).copied().unwrap_or_default()) << count;
            count += width;
            while count >= 8 {
                out.push(bits as u8);
                bits >>= 8;
                count -= 8;
            }
        }
    }
}

fn put_uint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests;
