//! Fixed-size fields in byte slices, for code that runs with each record.
//!
//! `copy_from_slice` does the same, but may be a call of a function that calls memcpy: some 25 instructions for each field.

/// Stores `field` in `bytes` at `at`.
#[inline]
pub(in crate::log) fn put_at<const N: usize>(bytes: &mut [u8], at: usize, field: [u8; N]) {
    *bytes[at..].first_chunk_mut().expect("a field ends within the bytes") = field;
}

/// The `N` bytes of `bytes` at `at`.
#[inline]
pub(in crate::log) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    *bytes[at..].first_chunk().expect("a field ends within the bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_back_where_it_was_put_and_touches_nothing_else() {
        let mut bytes = [0xff; 8];
        put_at(&mut bytes, 2, 0x0403_0201_u32.to_le_bytes());
        assert_eq!(bytes, [0xff, 0xff, 1, 2, 3, 4, 0xff, 0xff]);
        assert_eq!(array_at(&bytes, 2), [1, 2, 3, 4]);
        assert_eq!(array_at(&bytes, 7), [0xff]);
    }

    #[test]
    #[should_panic(expected = "within the bytes")]
    fn a_field_beyond_the_end_is_not_put() {
        put_at(&mut [0; 4], 1, [0; 4]);
    }
}
