//! Where in the archive's files an erased session stood: at the edges of row groups, alone in a dictionary, a file, an hour, a day. What is left is compared, byte
//! for byte, with an archive that has never had these sessions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::statistics::Statistics;
use takeup::archive::chunk::Chunk;
use takeup::archive::decode::EventDecoder;
use takeup::archive::payload::Payload;
use takeup::archive::place::Place;
use takeup::archive::store::{Archive, Rows};
use takeup::log::format::position::Place as CorePlace;
use takeup::log::format::record::{DataType, Encoding, Ext, Flags, Kind, Record, RecordId, Topic};
use takeup::log::read::merge::MergePosition;
use uuid::Uuid;

use crate::common::Home;
use crate::read::Archived;
use crate::readers;
use crate::recorded::compact;

use super::batches::Field::Text;
use super::batches::{batch, message};
use super::beside::check_verified;
use super::search::{Traces, files};
use super::stored::Stored;

/// An hour's beginning, in microseconds.
const BEGAN_US: u64 = 1_764_403_200_000_000;
const HOUR_US: u64 = 3_600_000_000;

/// The first of the sessions of the full hour. Those of an hour are sorted by it.
const FIRST: u64 = 2_691_351_900_602_760_960;

/// Sessions of the full hour. Each has a megabyte of payload, and one of events.
const SESSIONS: u64 = 38;

/// One that is erased everywhere, so that every file of the full hour is written again.
const SOMEBODY: u64 = FIRST + 1000;

/// Those that have an hour of a day, and all of another day, for themselves.
const ALONE: [u64; 2] = [FIRST + 2000, FIRST + 2001];

/// What is in all texts of a person, and of nobody else.
const PERSON: &str = "person-";

/// What a session sends. Only persons have events with names.
fn payload(session: u64, is_person: bool) -> Vec<u8> {
    let who = format!("{}{:04}", if is_person { PERSON } else { "others-" }, session - FIRST);
    let line = format!("{who} ").repeat(660);
    let mut messages = vec![message(28, &[Text(&who)])];
    if is_person {
        messages.push(message(27, &[Text(&who), Text(&who)]));
    }
    messages.extend((0..130).map(|at| message(22, &[Text("log"), Text(&format!("{at} {line}"))])));
    batch(&format!("https://example.org/{who}"), &messages)
}

/// An archive of these sessions, with the hour of each: every second one in a chunk of its own.
fn fill(data: &Path, sessions: &BTreeMap<u64, u64>, persons: &BTreeSet<u64>) {
    let (archive, _) = Archive::open(Place::in_data(data), &|| false).expect("a new archive");
    let mut from = None;
    for half in 0..2 {
        let (mut chunk, mut events) = (Chunk::default(), EventDecoder::default());
        for (&session, &hour) in sessions.iter().filter(|(session, _)| *session % 2 == half) {
            let payload = payload(session, persons.contains(&session));
            let record = Record {
                id: RecordId { log: Uuid::nil(), core: 0, segment: 1, offset: session - FIRST },
                order_us: BEGAN_US + hour * HOUR_US + (session - FIRST),
                kind: Kind::Batch,
                topic: Topic::Raw,
                data_type: DataType::All,
                encoding: Encoding::Identity,
                session,
                project: 7,
                split: 0,
                label: None,
                flags: Flags::NONE,
                payload_crc: 0,
                ext: Ext(&[]),
                payload: &payload,
            };
            chunk.add(&record, &Payload { bytes: &payload, kept: None }, &mut events);
        }
        let cores = BTreeMap::from([(0, CorePlace { segment: 1, offset: 1 + half })]);
        let to = MergePosition { log: Uuid::nil(), cores, behind: BTreeMap::new() };
        archive.commit(from.as_ref(), &to, &Rows::from(chunk), &|| false).expect("the disk takes it");
        from = Some(to);
    }
}

/// The smallest and the largest session of each row group, by the file's path.
fn edges(data: &Path) -> BTreeMap<String, Vec<(u64, u64)>> {
    let archive = data.join("archive");
    let mut all = BTreeMap::new();
    for path in Archived::paths(data) {
        let bytes = bytes::Bytes::from(fs::read(&path).expect("a file"));
        let reader = SerializedFileReader::new(bytes).expect("a Parquet file");
        let groups = reader.metadata().row_groups().iter().map(|group| match group.column(1).statistics() {
            Some(Statistics::Int64(values)) => {
                let both =
                    [values.min_opt(), values.max_opt()].map(|value| value.expect("it is known").cast_unsigned());
                (both[0], both[1])
            }
            other => panic!("{other:?}"),
        });
        let name = path.strip_prefix(&archive).expect("it is below").display().to_string();
        all.insert(name, groups.collect());
    }
    all
}

/// The files' hashes, by table, day and hour.
fn contents(data: &Path) -> Vec<(String, [u8; 32])> {
    let archive = data.join("archive");
    let mut all: Vec<_> = files(&archive)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ext| ext == "parquet"))
        .map(|path| {
            let folder = path.parent().and_then(|folder| folder.strip_prefix(&archive).ok()).expect("it is below");
            (folder.display().to_string(), *blake3::hash(&fs::read(&path).expect("a file")).as_bytes())
        })
        .collect();
    all.sort();
    all
}

/// A folder on which a server has run.
fn home() -> Home {
    let home = Home::new();
    home.serve(&[]).stop();
    home
}

#[track_caller]
fn erase(home: &Home, sessions: &BTreeSet<u64>) {
    let mut arguments = vec!["erase".to_owned(), "--yes".to_owned(), "--json".to_owned()];
    arguments.extend(sessions.iter().map(|session| format!("--session={session}")));
    let arguments: Vec<&str> = arguments.iter().map(|text| &**text).collect();
    let erased = home.takeup(&arguments);
    assert_eq!(erased.code, Some(0), "{erased:?}");
    let receipt = erased.lines().remove(0);
    let of_archive = receipt["places"].as_array().and_then(|all| all.iter().find(|place| place["place"] == "archive"));
    assert!(of_archive.expect("the archive").get("records").and_then(|rows| rows.as_u64()) > Some(0), "{receipt}");
}

#[test]
fn files_are_as_if_an_erased_session_had_never_been_there_wherever_it_stood() {
    // The full hour; two hours of others beside those of persons.
    let hours: BTreeMap<u64, u64> = (0..SESSIONS)
        .map(|at| (FIRST + at, 0))
        .chain([(SOMEBODY, 0), (SOMEBODY + 1, 0), (FIRST + 3000, 3), (FIRST + 3001, 50)])
        .collect();
    // Where row groups end, when nobody is a person.
    let draft = home();
    fill(draft.data(), &hours, &BTreeSet::new());
    let mut persons: BTreeSet<u64> = [FIRST, FIRST + SESSIONS / 2].into();
    let mut tables = BTreeSet::new();
    for (path, groups) in edges(draft.data()).iter().filter(|(_, groups)| groups.len() > 1) {
        tables.insert(path.split('/').next().expect("a table").to_owned());
        persons.extend([groups[0].1, groups[1].0]);
    }
    assert_eq!(tables.into_iter().collect::<Vec<_>>(), ["batches", "events"], "tables with several row groups");
    assert!(persons.len() >= 6 && persons.len() < 12, "{persons:?}");
    drop(draft);

    let (home, never) = (home(), home());
    let all: BTreeMap<u64, u64> =
        hours.iter().map(|(&id, &hour)| (id, hour)).chain([(ALONE[0], 2), (ALONE[1], 100)]).collect();
    persons.extend(ALONE);
    fill(home.data(), &all, &persons);
    let others: BTreeMap<u64, u64> = hours.into_iter().filter(|(session, _)| !persons.contains(session)).collect();
    fill(never.data(), &others, &BTreeSet::new());

    // Smallest of one row group, largest of another, of two tables; the only one of its files, its hour and its day.
    let edges = edges(home.data());
    let (firsts, lasts): (BTreeSet<u64>, BTreeSet<u64>) =
        edges.values().filter(|groups| groups.len() > 1).flatten().copied().unzip();
    assert!(
        persons.iter().any(|person| firsts.contains(person)) && persons.iter().any(|person| lasts.contains(person))
    );
    let alone: Vec<u64> = edges
        .values()
        .filter(|groups| groups.len() == 1 && groups[0].0 == groups[0].1)
        .map(|groups| groups[0].0)
        .collect();
    assert!(ALONE.iter().all(|session| alone.contains(session)), "{alone:?}");

    let mut traces = Traces::of(&[PERSON]);
    persons.iter().for_each(|&session| traces.session(session));
    assert!(traces.found(home.data()).len() >= 10, "the search finds what is there");
    let before = Stored::read(home.data());
    let untouched: Vec<_> =
        contents(home.data()).into_iter().filter(|(folder, _)| folder.contains("hour=11")).collect();
    assert_eq!(untouched.len(), 3, "batches, activity and events of an hour of others");

    let gone: BTreeSet<u64> = persons.iter().copied().chain([SOMEBODY, SOMEBODY + 1]).collect();
    erase(&home, &gone);
    erase(&never, &[SOMEBODY, SOMEBODY + 1].into());
    assert_eq!(traces.found(home.data()), Vec::<String>::new());
    before.without(|session, _| gone.contains(&session)).check_same(&Stored::read(home.data()));
    let after = contents(home.data());
    assert!(untouched.iter().all(|file| after.contains(file)), "files without a person are as they were");
    // Pages, dictionaries, statistics, Bloom filters, indexes, footers.
    assert_eq!(after, contents(never.data()));
    assert!(edges_of_two(home.data()), "there still is a file of several row groups");
    check_verified(&home);
    let archived = Archived::read(home.data());
    for reader in ["duckdb", "pyarrow", "pandas"] {
        archived.check_seen(reader, &readers::read(reader, &home.data().join("archive")));
    }

    // What is merged later is the same, too.
    for home in [&home, &never] {
        assert!(compact(home.data(), &["--merge", "all"])["merged_files"].as_u64() > Some(0));
    }
    assert_eq!(traces.found(home.data()), Vec::<String>::new());
    assert_eq!(contents(home.data()), contents(never.data()));
}

fn edges_of_two(data: &Path) -> bool {
    edges(data).values().any(|groups| groups.len() > 1)
}
