//! Makes an archive of many small batches, without a server and a log behind it: for questions that need millions of them.
//!
//!     cargo bench --bench archive -- --data /mnt/disk/made --batches 10000000 --sessions 100000 --hours 24
//!
//! The batches are random and hold no events, so the archive is as small as that many batches can be. They arrive evenly over the hours, those
//! of a session within some minutes. The hours are merged as `takeup compact` does it. Prints a line of JSON: the number of batches, and the
//! session of the batch in the middle with its number of batches and bytes of payload.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::exit;
use std::time::Duration;

use takeup::archive::compactor::{CHUNK_BYTES, ChunkBounds, Compactor};
use takeup::archive::error::ArchiveError;
use takeup::archive::merge_files::merge_next;
use takeup::archive::place::Place;
use takeup::log::format::record::{DataType, Encoding, Ext, Flags, Kind, Label, Record, RecordId, Topic};
use takeup::log::read::merge::{MergePosition, Place as LogPlace};
use uuid::Uuid;

/// When the first batch arrives: 2026-01-01, in µs.
const BEGIN_US: u64 = 1_767_225_600_000_000;

/// How many sessions are going on at once.
const AT_ONCE: u64 = 500;

/// The smallest payload, and how much larger the largest is.
const PAYLOAD_BYTES: (u64, u64) = (120, 240);

struct Plan {
    data: PathBuf,
    batches: u64,
    sessions: u64,
    hours: u64,
}

fn main() {
    // `cargo bench` and `cargo test --benches` add options of their own, such as `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let made = plan(&words).and_then(|plan| make(&plan).map_err(|error| error.to_string()));
    if let Err(error) = made {
        eprintln!("benches/archive: {error}");
        exit(1);
    }
}

fn plan(words: &[String]) -> Result<Plan, String> {
    let mut plan = Plan { data: PathBuf::new(), batches: 10_000_000, sessions: 100_000, hours: 24 };
    for pair in words.chunks(2) {
        let [name, value] = pair else { return Err(format!("{}: expected a value", pair[0])) };
        let number = || {
            let number = value.parse::<u64>().ok().filter(|number| (1..=1_000_000_000).contains(number));
            number.ok_or_else(|| format!("{name} {value}: expected a number from 1 to 1000000000"))
        };
        match name.as_str() {
            "--data" => plan.data = PathBuf::from(value),
            "--batches" => plan.batches = number()?,
            "--sessions" => plan.sessions = number()?,
            "--hours" => plan.hours = number()?,
            _ => return Err(format!("{name}: expected --data, --batches, --sessions or --hours")),
        }
    }
    if plan.data.as_os_str().is_empty() {
        return Err("--data is missing: a new folder for the archive".to_owned());
    }
    std::fs::create_dir(&plan.data).map_err(|error| format!("{}: {error}", plan.data.display()))?;
    Ok(plan)
}

fn make(plan: &Plan) -> Result<(), ArchiveError> {
    let bounds = ChunkBounds { bytes: CHUNK_BYTES, age: Duration::MAX, inflated_max: 1 << 20 };
    let mut compactor = Compactor::open(Place::in_data(&plan.data), bounds, &|| false)?;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let middle = session_of(plan, plan.batches / 2, &mut Random(1));
    let (mut payload, mut of_middle, mut bytes_of_middle) = (Vec::new(), 0, 0);
    let mut position = MergePosition { log: Uuid::nil(), cores: BTreeMap::new(), behind: BTreeMap::new() };
    for batch in 0..plan.batches {
        let session = session_of(plan, batch, &mut random);
        write_payload(batch, &mut random, &mut payload);
        if session == middle {
            of_middle += 1;
            bytes_of_middle += payload.len();
        }
        let record = Record {
            id: RecordId { log: Uuid::nil(), core: 0, segment: 1, offset: batch * 512 },
            order_us: BEGIN_US + batch * (plan.hours * 3_600_000_000 / plan.batches),
            kind: Kind::Batch,
            topic: Topic::Raw,
            data_type: DataType::All,
            encoding: Encoding::Identity,
            session,
            project: 1,
            split: 0,
            label: Some(Label { page: 0, number: (batch % 1_000_000) as u32 }),
            flags: Flags::NONE,
            payload_crc: random.next() as u32,
            ext: Ext(&[]),
            payload: &payload,
        };
        compactor.add(&record);
        if compactor.is_due() || batch + 1 == plan.batches {
            position.cores.insert(0, LogPlace { segment: 1, offset: (batch + 1) * 512 });
            compactor.flush(&position, &|| false)?;
        }
    }
    while merge_next(compactor.archive(), u64::MAX, &|| false)?.is_some() {}
    println!(
        r#"{{"batches":{},"session":{middle},"session_batches":{of_middle},"session_bytes":{bytes_of_middle}}}"#,
        plan.batches
    );
    Ok(())
}

/// The session of a batch: one of those that are going on. Ids grow with time, as those of OpenReplay do, and leave gaps.
fn session_of(plan: &Plan, batch: u64, random: &mut Random) -> u64 {
    let began = u64::try_from(u128::from(batch) * u128::from(plan.sessions) / u128::from(plan.batches)).unwrap_or(0);
    3_000_000_000_000_000 + (began + random.next() % AT_ONCE) * 7_919
}

/// A batch with sizes: metadata, the time, and moves of the mouse.
fn write_payload(batch: u64, random: &mut Random, payload: &mut Vec<u8>) {
    payload.clear();
    payload.extend_from_slice(b"\x51\x01\x00\x01\x80\xbc\xb4\x9e\xd6\x67\x16https://shop.example/a");
    let size = PAYLOAD_BYTES.0 + random.next() % PAYLOAD_BYTES.1;
    let mut at = batch;
    while (payload.len() as u64) < size {
        at = at.wrapping_add(random.next() % 40);
        // Two numbers of two bytes each.
        let [x, y] =
            [at % 0x3fff, random.next() % 0x3fff].map(|value| [value as u8 & 0x7f | 0x80, (value >> 7) as u8 & 0x7f]);
        payload.extend_from_slice(&[20, 4, 0, 0, x[0], x[1], y[0], y[1]]);
    }
}

/// Numbers that look random and are the same in each run (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
