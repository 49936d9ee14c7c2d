use std::path::Path;

use bytes::Bytes;
use uuid::Uuid;

use super::*;

const LOG: Uuid = Uuid::from_u128(0xb7ed_44a2_a986_497d_a879_cb86_2554_e15c);

fn options(dir: &Path) -> FileOptions {
    let log_dir = dir.join("log");
    fs::create_dir_all(&log_dir).unwrap();
    fs::write(log_dir.join("log.json"), format!(r#"{{"version":1,"log":"{LOG}"}}"#)).unwrap();
    FileOptions { dir: dir.join("out"), log_dir, rotate_bytes: 1 << 20, rotate_age: Duration::from_secs(3600) }
}

fn line(offset: u64) -> FileLine {
    let id = RecordId { log: LOG, core: 0, segment: 7, offset };
    FileLine { id, line: Bytes::from(format!("{{\"id\":\"{id}\",\"body\":\"\"}}\n")) }
}

fn lines(offsets: std::ops::Range<u64>) -> Vec<FileLine> {
    offsets.map(line).collect()
}

/// The names of the files, and all lines in their order.
fn read(dir: &Path) -> (Vec<String>, Vec<String>) {
    let mut names: Vec<String> =
        fs::read_dir(dir.join("out")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    // The running file is the newest.
    names.sort_by_key(|name| (name.ends_with(".part"), name.clone()));
    let text = |name: &String| fs::read_to_string(dir.join("out").join(name)).unwrap();
    let all = names.iter().flat_map(|name| text(name).lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    (names, all)
}

fn texts(offsets: std::ops::Range<u64>) -> Vec<String> {
    lines(offsets).iter().map(|line| String::from_utf8_lossy(&line.line).trim_end().to_owned()).collect()
}

fn part(dir: &Path) -> PathBuf {
    let (names, _) = read(dir);
    dir.join("out").join(names.last().filter(|name| name.ends_with(".part")).unwrap())
}

#[test]
fn after_a_restart_the_running_file_goes_on_without_repeats_and_without_a_torn_line() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path());
    let mut files = Files::new(options.clone());
    files.write(&lines(0..5)).unwrap();
    drop(files);
    let mut torn = OpenOptions::new().append(true).open(part(dir.path())).unwrap();
    torn.write_all(&line(5).line[..20]).unwrap();

    let mut files = Files::new(options);
    files.write(&lines(3..7)).unwrap();
    files.write(&lines(7..8)).unwrap();
    let (names, all) = read(dir.path());
    assert_eq!(names.len(), 1, "{names:?}");
    assert_eq!(all, texts(0..8));
}

#[test]
fn what_a_power_cut_left_of_zeros_is_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path());
    let mut files = Files::new(options.clone());
    files.write(&lines(0..2)).unwrap();
    drop(files);
    let mut torn = OpenOptions::new().append(true).open(part(dir.path())).unwrap();
    let mut hole = line(2).line.to_vec();
    hole[50..55].fill(0);
    torn.write_all(&hole).unwrap();
    torn.write_all(&[0; 500]).unwrap();

    let mut files = Files::new(options);
    files.write(&lines(2..4)).unwrap();
    assert_eq!(read(dir.path()).1, texts(0..4));
}

#[test]
fn a_full_file_is_finished_and_its_records_are_not_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let options = FileOptions { rotate_bytes: 1, ..options(dir.path()) };
    let mut files = Files::new(options.clone());
    files.write(&lines(0..3)).unwrap();
    assert!(read(dir.path()).0[0].ends_with(".part"));
    files.look_after().unwrap();
    let (names, _) = read(dir.path());
    assert!(names.len() == 1 && names[0].ends_with(".ndjson"), "{names:?}");
    drop(files);

    let mut files = Files::new(options);
    files.write(&lines(1..5)).unwrap();
    let (names, all) = read(dir.path());
    assert_eq!((names.len(), all), (2, texts(0..5)));
}

#[test]
fn an_old_file_is_finished_even_if_nothing_comes() {
    let dir = tempfile::tempdir().unwrap();
    let options = FileOptions { rotate_age: Duration::from_millis(1), ..options(dir.path()) };
    let mut files = Files::new(options);
    files.write(&lines(0..1)).unwrap();
    let began = Instant::now();
    while read(dir.path()).0[0].ends_with(".part") {
        assert!(began.elapsed() < Duration::from_secs(30));
        files.look_after().unwrap();
    }
}

#[test]
fn a_running_file_that_somebody_took_away_is_theirs() {
    let dir = tempfile::tempdir().unwrap();
    let mut files = Files::new(options(dir.path()));
    files.write(&lines(0..2)).unwrap();
    fs::rename(part(dir.path()), dir.path().join("taken")).unwrap();
    files.write(&lines(2..4)).unwrap();
    assert_eq!(read(dir.path()).1, texts(2..4));
    assert_eq!(fs::read_to_string(dir.path().join("taken")).unwrap().lines().count(), 2);
}

#[test]
fn a_file_that_another_process_writes_is_left_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path());
    let mut first = Files::new(options.clone());
    first.write(&lines(0..2)).unwrap();
    let mut second = Files::new(options);
    second.write(&lines(2..4)).unwrap();
    first.write(&lines(4..6)).unwrap();
    let (names, mut all) = read(dir.path());
    all.sort_unstable();
    assert_eq!((names.len(), all), (2, texts(0..6)));
}

#[test]
fn a_write_that_failed_leaves_nothing_and_goes_through_once_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let mut files = Files::new(options(dir.path()));
    files.write(&lines(0..2)).unwrap();
    // Open for reading only, so that neither writing nor taking back is possible.
    files.running.as_mut().unwrap().file = File::open(part(dir.path())).unwrap();
    let cause = files.write(&lines(2..4)).unwrap_err();
    assert!(cause.text.contains("write "), "{cause}");
    files.write(&lines(2..4)).unwrap();
    assert_eq!(read(dir.path()).1, texts(0..4));
}

#[test]
fn what_is_wrong_with_the_folder_is_told_by_its_kind() {
    let dir = tempfile::tempdir().unwrap();
    let good = options(dir.path());
    let trouble_in = |at: PathBuf| {
        let mut files = Files::new(FileOptions { dir: at, ..good.clone() });
        files.write(&lines(0..1)).unwrap_err().trouble
    };
    assert_eq!(trouble_in(dir.path().join("not/there")), Trouble::Missing);
    fs::write(dir.path().join("file"), "").unwrap();
    assert_eq!(trouble_in(dir.path().join("file")), Trouble::Mismatch);
    assert_eq!(trouble_in(dir.path().join("file/below")), Trouble::Mismatch);
}

#[test]
fn a_running_file_that_somebody_cut_or_wrote_to_goes_on_behind_its_last_whole_line() {
    let dir = tempfile::tempdir().unwrap();
    let mut files = Files::new(options(dir.path()));
    files.write(&lines(0..4)).unwrap();
    let path = part(dir.path());
    let cut = line(0).line.len() as u64 + 9;
    OpenOptions::new().write(true).open(&path).unwrap().set_len(cut).unwrap();
    files.write(&lines(4..6)).unwrap();
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"something else").unwrap();
    files.write(&lines(6..7)).unwrap();
    assert_eq!(read(dir.path()).1, [texts(0..1), texts(4..7)].concat());
}

#[test]
fn links_pipes_and_folders_with_our_names_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path());
    let out = dir.path().join("out");
    fs::create_dir(&out).unwrap();
    let name = |second: i64, end: &str| {
        let name = FileName::new(1_795_581_300_000_000 + second, &line(0).id);
        out.join(format!("{}{end}", name.path(Path::new("")).display()))
    };
    let other = dir.path().join("other");
    fs::write(&other, "somebody's").unwrap();
    std::os::unix::fs::symlink(&other, name(1, ".part")).unwrap();
    std::os::unix::fs::symlink(&other, name(2, "")).unwrap();
    fs::create_dir(name(3, ".part")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, name(4, ".part"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0)
        .unwrap();
    let mut files = Files::new(options);
    files.write(&lines(0..3)).unwrap();
    assert_eq!(fs::read(&other).unwrap(), b"somebody's");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 5);
}
