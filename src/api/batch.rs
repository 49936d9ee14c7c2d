//! `POST /v1/web/i`: a browser sends a batch.
//!
//! The body is stored as received. What is looked at before the answer is only what decides where it
//! goes: the data type, and the `split` of a `visual` upload.

use std::borrow::Cow;
use std::num::IntErrorKind;

use crate::http::query;
use crate::log::record::{DataType, Encoding, Entry, ExtWriter, Flags, Kind, Label, Topic, ext_type};
use crate::session::SessionId;
use crate::session::gunzip::{BodyError, Gunzip, GunzipError};
use crate::telemetry::Refusal as Reason;

use super::reply::Refusal;

/// The first byte of every batch: type 81, `BatchMetadata`.
const BATCH_METADATA: u8 = 81;

/// The longest text kept of an unknown data type.
const TEXT_BYTES_MAX: usize = 200;

/// What the request brought. Header values are first values, as they came.
#[derive(Debug, Clone, Copy)]
pub struct BatchInput<'a> {
    /// The session that the token names.
    pub session: SessionId,
    /// Its project, 0 if not known.
    pub project: u32,
    /// The token has expired a moment ago: the batch is kept, the client is told.
    pub just_expired: bool,
    /// `DataType`.
    pub data_type: Option<&'a [u8]>,
    /// `Content-Encoding`; only exactly `gzip` means something.
    pub content_encoding: Option<&'a [u8]>,
    /// The query, without the question mark.
    pub query: Option<&'a [u8]>,
    /// The body as received.
    pub body: &'a [u8],
    /// Inflate every gzip body before the answer and refuse what is broken.
    pub inflate: bool,
    /// The largest inflated body.
    pub inflated_limit: usize,
}

/// Buffers for judging a batch, reused.
#[derive(Default)]
pub struct BatchScratch {
    /// The `batch` parameter, decoded; for the log line.
    pub batch: Vec<u8>,
    split: Vec<u8>,
    inflated: Vec<u8>,
    value: Vec<u8>,
    gunzip: Gunzip,
}

/// The record that a batch becomes; its extension is written to `ext`. `None`: there is nothing to store.
pub fn web_batch<'a>(
    input: &BatchInput<'a>,
    scratch: &mut BatchScratch,
    ext: &'a mut Vec<u8>,
) -> Result<Option<Entry<'a>>, Refusal> {
    let (data_type, other) = data_type(input.data_type);
    read_query(input.query, scratch);
    let encoding = match input.content_encoding {
        Some(b"gzip") => Encoding::Gzip,
        _ => Encoding::Identity,
    };
    let split = match data_type {
        DataType::Visual => parse_split(&scratch.split, input.inflated_limit)?,
        _ => 0,
    };
    // To look at the split, the bytes up to it are enough.
    let prefix = split as usize + 1;
    let limit = if input.inflate { input.inflated_limit } else { prefix.min(input.inflated_limit) };
    if encoding == Encoding::Gzip && (input.inflate || split > 0) {
        let BatchScratch { gunzip, inflated, .. } = &mut *scratch;
        match gunzip.inflate(input.body, limit, inflated) {
            Err(BodyError::Read(GunzipError::TooLarge)) if !input.inflate && inflated.len() >= prefix => {}
            inflated => inflated.map_err(|error| Refusal::new(413, Reason::Compression, error.to_string()))?,
        }
    }
    if split > 0 {
        check_split(split as usize, if encoding == Encoding::Gzip { &scratch.inflated } else { input.body })?;
    }
    if input.body.is_empty() {
        return Ok(None);
    }
    ext.clear();
    let mut writer = ExtWriter::new(ext);
    // Both are cut far below what an extension holds.
    if let Some(text) = other {
        let _ = writer.push(ext_type::DATA_TYPE, &text[..text.len().min(TEXT_BYTES_MAX)]);
    }
    if !scratch.batch.is_empty() {
        let _ = writer.push_query(&scratch.batch);
    }
    let mut flags = Flags::NONE;
    if input.just_expired {
        flags = flags.with(Flags::JUST_EXPIRED);
    }
    if split > 0 {
        flags = flags.with(Flags::MAY_BE_SPLIT);
    }
    Ok(Some(Entry {
        kind: Kind::Batch,
        topic: if data_type == DataType::Assets { Topic::RawAssets } else { Topic::Raw },
        data_type,
        encoding,
        session: input.session.0,
        project: input.project,
        split,
        label: label(&scratch.batch),
        flags,
        ext,
        payload: input.body,
    }))
}

fn data_type(text: Option<&[u8]>) -> (DataType, Option<&[u8]>) {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return (DataType::All, None);
    };
    let known = match text {
        b"all" => DataType::All,
        b"player" => DataType::Player,
        b"assets" => DataType::Assets,
        b"devtools" => DataType::Devtools,
        b"analytics" => DataType::Analytics,
        b"visual" => DataType::Visual,
        b"replay" => DataType::Replay,
        _ => return (DataType::Other, Some(text)),
    };
    (known, None)
}

/// Fills `batch` and `split` of the scratch; the first pair of each name counts.
fn read_query(text: Option<&[u8]>, scratch: &mut BatchScratch) {
    let text = text.unwrap_or_default();
    scratch.batch.clear();
    if let Some(value) = query::find(text, "batch", &mut scratch.value) {
        scratch.batch.extend_from_slice(value);
    }
    scratch.split.clear();
    if let Some(value) = query::find(text, "split", &mut scratch.value) {
        scratch.split.extend_from_slice(value);
    }
}

/// Where a `visual` upload is cut, in inflated bytes; at most `limit`. Judged before anything is inflated for it.
fn parse_split(text: &[u8], limit: usize) -> Result<u32, Refusal> {
    if text.is_empty() {
        return Err(bad_split("split value is empty"));
    }
    let text = String::from_utf8_lossy(text);
    let split = text.parse::<i64>().map_err(|error| {
        let fault = match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        bad_split(format!("strconv.Atoi: parsing {text:?}: {fault}"))
    })?;
    let usable = u32::try_from(split).ok().filter(|&split| split > 0 && (split as usize) < limit);
    usable.ok_or_else(|| bad_split("split value is out of range"))
}

/// The second batch of a `visual` upload begins at its split.
fn check_split(at: usize, plain: &[u8]) -> Result<(), Refusal> {
    match plain.get(at) {
        None => Err(bad_split("split value is out of range")),
        Some(&BATCH_METADATA) => Ok(()),
        Some(_) => Err(bad_split("split does not point at the start of a batch")),
    }
}

fn bad_split(text: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new(400, Reason::Parameter, text)
}

/// The label `<page>_<number>` at the start of the `batch` parameter.
fn label(batch: &[u8]) -> Option<Label> {
    let mut parts = batch.splitn(3, |&b| b == b'_');
    let page = number(parts.next()?)?;
    let number = number(parts.next()?)?;
    Some(Label { page, number })
}

fn number(digits: &[u8]) -> Option<u32> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    if !plain {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input<'a>(data_type: &'a str, query: &'a str, body: &'a [u8]) -> BatchInput<'a> {
        BatchInput {
            session: SessionId(5),
            project: 7,
            just_expired: false,
            data_type: Some(data_type.as_bytes()),
            content_encoding: None,
            query: Some(query.as_bytes()),
            body,
            inflate: false,
            inflated_limit: 1 << 20,
        }
    }

    fn refusal(input: &BatchInput<'_>) -> (u16, String) {
        let error = web_batch(input, &mut BatchScratch::default(), &mut Vec::new()).expect_err("is refused");
        (error.status, error.text.to_string())
    }

    #[test]
    fn a_batch_goes_where_its_data_type_says() {
        for (text, topic, data_type) in [
            ("", Topic::Raw, DataType::All),
            ("player", Topic::Raw, DataType::Player),
            ("assets", Topic::RawAssets, DataType::Assets),
            ("Assets", Topic::Raw, DataType::Other),
            ("analytics", Topic::Raw, DataType::Analytics),
        ] {
            let (mut scratch, mut ext) = (BatchScratch::default(), Vec::new());
            let input = input(text, "", b"Q");
            let entry = web_batch(&input, &mut scratch, &mut ext).expect("is taken").expect("is stored");
            assert_eq!((entry.topic, entry.data_type), (topic, data_type), "{text}");
            assert_eq!(entry.label, None);
        }
    }

    #[test]
    fn the_label_is_read_from_every_form_of_the_batch_parameter() {
        for (query, expected) in [
            ("batch=3_14&keepalive=no", Some((3, 14))),
            ("batch=3_14_1002_kyes&split=1", Some((3, 14))),
            ("batch=0_2_network%3A500_$3", Some((0, 2))),
            ("batch=a_2", None),
            ("batch=1", None),
            ("batch=1_99999999999", None),
            ("keepalive=no", None),
        ] {
            let (mut scratch, mut ext) = (BatchScratch::default(), Vec::new());
            let input = input("player", query, b"Q");
            let entry = web_batch(&input, &mut scratch, &mut ext).expect("is taken").expect("is stored");
            assert_eq!(entry.label.map(|l| (l.page, l.number)), expected, "{query}");
        }
    }

    #[test]
    fn a_visual_upload_is_one_record_cut_at_the_start_of_a_batch() {
        let body = b"Qaaa\x51bbb";
        let (mut scratch, mut ext) = (BatchScratch::default(), Vec::new());
        let good = input("visual", "batch=1_1_8_kno&split=4", body);
        let entry = web_batch(&good, &mut scratch, &mut ext).expect("is taken").expect("is stored");
        assert_eq!((entry.split, entry.topic), (4, Topic::Raw));
        assert!(entry.flags.contains(Flags::MAY_BE_SPLIT));
        for (query, text) in [
            ("", "split value is empty"),
            ("split=", "split value is empty"),
            ("split=4;x=1", "split value is empty"),
            ("split=x", "strconv.Atoi: parsing \"x\": invalid syntax"),
            ("split=9223372036854775808", "strconv.Atoi: parsing \"9223372036854775808\": value out of range"),
            ("split=0", "split value is out of range"),
            ("split=-1", "split value is out of range"),
            ("split=8", "split value is out of range"),
            ("split=3", "split does not point at the start of a batch"),
        ] {
            assert_eq!(refusal(&input("visual", query, body)), (400, text.to_owned()), "{query}");
        }
        assert!(web_batch(&input("visual", "split=%2B4", body), &mut scratch, &mut ext).is_ok());
    }

    #[test]
    fn an_empty_body_is_answered_and_leaves_nothing() {
        let (mut scratch, mut ext) = (BatchScratch::default(), Vec::new());
        assert!(web_batch(&input("player", "", b""), &mut scratch, &mut ext).expect("is taken").is_none());
    }

    #[test]
    fn broken_gzip_is_refused_only_where_it_is_looked_at() {
        let mut broken = input("player", "", b"not gzip");
        broken.content_encoding = Some(b"gzip");
        let (mut scratch, mut ext) = (BatchScratch::default(), Vec::new());
        let entry = web_batch(&broken, &mut scratch, &mut ext).expect("is taken").expect("is stored");
        assert_eq!(entry.encoding, Encoding::Gzip);
        broken.inflate = true;
        assert_eq!(refusal(&broken).0, 413);
        broken.inflate = false;
        broken.data_type = Some(b"visual");
        broken.query = Some(b"split=3");
        assert_eq!(refusal(&broken).0, 413);
    }

    #[test]
    fn the_split_of_a_compressed_upload_is_looked_at_without_inflating_the_rest() {
        let plain = [&b"Qaaa\x51"[..], &[b'b'; 100_000]].concat();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, &plain).expect("memory takes it");
        let packed = encoder.finish().expect("memory takes it");
        for inflate in [false, true] {
            let mut packed =
                BatchInput { content_encoding: Some(b"gzip"), inflate, ..input("visual", "split=4", &packed) };
            let mut scratch = BatchScratch::default();
            let split = |input: &BatchInput<'_>, scratch: &mut BatchScratch| {
                web_batch(input, scratch, &mut Vec::new()).map(|entry| entry.expect("is stored").split)
            };
            assert_eq!(split(&packed, &mut scratch).expect("is taken"), 4);
            assert_eq!(scratch.inflated.len() > 50_000, inflate);
            for (query, text) in [
                ("split=5", "split does not point at the start of a batch"),
                ("split=200000", "split value is out of range"),
            ] {
                packed.query = Some(query.as_bytes());
                assert_eq!(refusal(&packed), (400, text.to_owned()), "{query} {inflate}");
            }
        }
    }
}
