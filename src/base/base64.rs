//! Base64 at the speed of the processor's vector instructions, where it has them.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::PAD;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static ENGINE: LazyLock<base64::engine::Simd> = LazyLock::new(|| base64::engine::Simd::standard(PAD));

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static ENGINE: LazyLock<base64::engine::GeneralPurpose> =
    LazyLock::new(|| base64::engine::GeneralPurpose::new(&base64::alphabet::STANDARD, PAD));

/// Appends bytes as base64: the standard alphabet, with padding.
pub fn push_base64(bytes: &[u8], out: &mut Vec<u8>) {
    let from = out.len();
    out.resize(from + bytes.len().div_ceil(3) * 4, 0);
    // The room is exactly what base64 needs, so this cannot fail.
    let written = ENGINE.encode_slice(bytes, &mut out[from..]);
    debug_assert_eq!(written.ok(), Some(out.len() - from));
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn bytes_of_every_length_become_the_same_text_as_without_vectors() {
        let bytes: Vec<u8> = (0..1000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for length in 0..bytes.len() {
            let mut text = b"before".to_vec();
            push_base64(&bytes[..length], &mut text);
            assert_eq!(text, [&b"before"[..], STANDARD.encode(&bytes[..length]).as_bytes()].concat());
        }
    }
}
