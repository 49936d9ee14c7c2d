use std::io::Write;

use flate2::Compression;

use crate::codec::inflate::DecodeFault;

use super::*;

fn pack(coding: Coding, text: &[u8]) -> Vec<u8> {
    match coding {
        Coding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        Coding::Deflate => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        Coding::Brotli => {
            let mut packed = Vec::new();
            let mut encoder = ::brotli::CompressorWriter::new(&mut packed, 4096, 5, 22);
            encoder.write_all(text).unwrap();
            drop(encoder);
            packed
        }
        Coding::Zstd => ::zstd::bulk::compress(text, 3).unwrap(),
    }
}

fn inflate(coding: Coding, body: &[u8], limit: usize) -> Result<Vec<u8>, InflateError> {
    let mut out = b"left from before".to_vec();
    Inflater::new().inflate(coding, body, limit, &mut out).map(|()| out)
}

/// Text that compresses to about half its size.
fn text(bytes: usize) -> Vec<u8> {
    let mut x = 1_u32;
    let mut next = || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b"0123456789abcdef"[(x >> 28) as usize]
    };
    (0..bytes).map(|_| next()).collect()
}

#[test]
fn every_coding_gives_back_what_was_packed() {
    for coding in Coding::ALL {
        for bytes in [0, 1, 31, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 200_000] {
            let text = text(bytes);
            let packed = pack(coding, &text);
            assert_eq!(inflate(coding, &packed, bytes).as_deref(), Ok(&*text), "{coding} {bytes}");
        }
    }
}

#[test]
fn deflate_is_read_with_and_without_its_wrapping() {
    let text = text(100_000);
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&text).unwrap();
    assert_eq!(inflate(Coding::Deflate, &encoder.finish().unwrap(), 100_000).as_deref(), Ok(&*text));
}

#[test]
fn an_inflater_starts_afresh_with_each_body() {
    let mut inflater = Inflater::new();
    let mut out = Vec::new();
    let text = text(200_000);
    for coding in Coding::ALL.into_iter().chain(Coding::ALL) {
        let packed = pack(coding, &text);
        assert!(inflater.inflate(coding, &packed[..packed.len() / 2], 200_000, &mut out).is_err());
        inflater.inflate(coding, &packed, 200_000, &mut out).unwrap();
        assert_eq!(out, text, "{coding}");
    }
}

#[test]
fn a_bomb_stops_at_the_limit_and_never_fills_more_than_a_piece() {
    for coding in Coding::ALL {
        let packed = pack(coding, &vec![0; 4 << 20]);
        assert!(packed.len() < 100_000, "{coding}");
        let mut inflater = Inflater::new();
        let mut made = 0;
        let error = inflater.pieces::<InflateError>(coding, &packed, 1_000_000, |piece| {
            assert!(piece.len() <= PIECE_BYTES);
            made += piece.len();
            Ok(())
        });
        assert!(error.unwrap_err().is_too_large(), "{coding}");
        assert!(made <= 1_000_000, "{coding}");
    }
}

#[test]
fn the_limit_is_exact() {
    for coding in Coding::ALL {
        let packed = pack(coding, &text(50_000));
        assert!(inflate(coding, &packed, 50_000).is_ok(), "{coding}");
        let error = inflate(coding, &packed, 49_999).unwrap_err();
        assert!(error.is_too_large(), "{coding}");
        assert!(error.to_string().ends_with("body: http: request body too large"), "{error}");
    }
}

#[test]
fn what_is_cut_or_goes_on_is_refused() {
    for coding in Coding::ALL {
        let packed = pack(coding, b"a body that is long enough to have several bytes inside");
        for length in 0..packed.len() {
            assert!(inflate(coding, &packed[..length], 1000).is_err(), "{coding} cut at {length}");
        }
        for tail in [&b"\0"[..], b"garbage behind"] {
            let body = [&packed[..], tail].concat();
            assert!(inflate(coding, &body, 1000).is_err(), "{coding} {tail:?}");
        }
    }
}

#[test]
fn damage_never_panics_and_never_passes_the_limit() {
    let mut inflater = Inflater::new();
    let mut out = Vec::new();
    for coding in Coding::ALL {
        let packed = pack(coding, &text(3_000));
        for at in 0..packed.len() {
            for flip in [1, 0x10, 0x80, 0xff] {
                let mut damaged = packed.clone();
                damaged[at] ^= flip;
                let _ = inflater.inflate(coding, &damaged, 10_000, &mut out);
                assert!(out.len() <= 10_000);
            }
        }
    }
}

#[test]
fn a_window_beyond_what_http_allows_is_refused() {
    // 16 MiB and a long-distance match: valid, but a decoder would have to keep all of it.
    let mut encoder = ::zstd::stream::raw::Encoder::new(1).unwrap();
    encoder.set_parameter(::zstd::zstd_safe::CParameter::WindowLog(24)).unwrap();
    let mut writer = ::zstd::stream::zio::Writer::new(Vec::new(), encoder);
    writer.write_all(&text(100_000)).unwrap();
    writer.finish().unwrap();
    let packed = writer.into_inner().0;
    let error = InflateError::Other { coding: Coding::Zstd, fault: DecodeFault::Corrupt };
    assert_eq!(inflate(Coding::Zstd, &packed, 1 << 20), Err(error));
}

#[test]
fn only_one_exact_name_is_a_coding() {
    for (header, coding) in [
        ("gzip", Some(Coding::Gzip)),
        ("  gzip ", Some(Coding::Gzip)),
        ("deflate", Some(Coding::Deflate)),
        ("br", Some(Coding::Brotli)),
        ("zstd", Some(Coding::Zstd)),
        ("GZIP", None),
        ("x-gzip", None),
        ("gzip, br", None),
        ("identity", None),
        ("", None),
    ] {
        assert_eq!(Coding::of_header(Some(header.as_bytes())), coding, "{header:?}");
    }
    assert_eq!(Coding::of_header(None), None);
}
