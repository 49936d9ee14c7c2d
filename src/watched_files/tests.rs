use std::fs;
use std::time::{Duration, Instant};

use super::*;

#[test]
fn an_edit_in_place_with_the_same_size_and_time_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "one\n").unwrap();
    let mut watched = Watched::new(&path, 100);
    assert_eq!(watched.look().unwrap().unwrap(), b"one\n");
    assert!(watched.look().is_none());
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, "two\n").unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    assert_eq!(watched.look().unwrap().unwrap(), b"two\n");
    assert!(watched.look().is_none(), "the same text again is no change");
    fs::write(&path, "two\n").unwrap();
    assert!(watched.look().is_none());
    fs::write(&path, [b'x'; 101]).unwrap();
    assert!(watched.look().unwrap().unwrap_err().to_string().contains("more than 100 bytes"));
    fs::remove_file(&path).unwrap();
    assert_eq!(watched.look().unwrap().unwrap_err().kind(), std::io::ErrorKind::NotFound);
    assert!(watched.look().is_none(), "told once");
}

#[test]
fn what_is_missing_is_gone_after_the_grace_time_in_a_file_at_rest_alone() {
    let (grace, start) = (Duration::from_secs(60), Instant::now());
    let after = |seconds| start + Duration::from_secs(seconds);
    let mut losses = Losses::default();
    assert!(losses.note([1, 2], start));
    assert!(!losses.note([1, 2], after(30)), "nothing new");
    assert!(losses.certain(grace, REST_MAX, after(59)).is_empty());
    assert!(losses.certain(grace, Duration::from_secs(9), after(60)).is_empty(), "the file is still being written");
    // The second one was back for a while.
    losses.note([1], after(40));
    assert!(losses.note([1, 2], after(41)));
    assert_eq!(losses.certain(grace, REST_MAX, after(60)), [1]);
    losses.note([], after(70));
    assert!(losses.is_empty());
    assert_eq!(needed(grace, 1, 1), grace, "half of a rotation of one secret");
    assert_eq!(needed(grace, 2, 4), grace);
    assert_eq!(needed(grace, 3, 4), grace * 10, "a fraction of itself");
}

#[test]
fn a_kept_copy_is_replaced_as_a_whole_and_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let kept = Kept::new(folder.path(), "token", 10);
    assert!(kept.read().unwrap().is_none());
    kept.write(b"a").unwrap();
    // An open handle to the old file, and a power cut in the middle of the write, both leave the old text intact.
    let old = fs::File::open(kept.path()).unwrap();
    kept.write(b"bb").unwrap();
    assert_eq!(kept.read().unwrap().unwrap(), b"bb");
    assert_eq!(std::io::read_to_string(old).unwrap(), "a");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(kept.path()), mode(kept.path().parent().unwrap())), (0o600, 0o700));
    kept.write(&[0; 11]).unwrap();
    assert!(kept.read().is_err());
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_an_error_and_waits_for_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let refused = |error: std::io::Error| assert!(error.to_string().contains("it is a pipe"), "{error}");
    refused(Watched::new(&path, 100).look().unwrap().unwrap_err());
    refused(read_at_rest(&path, is_ended).unwrap_err());
    let kept = Kept::new(folder.path(), "copy", 100);
    kept.write(b"a").unwrap();
    fs::rename(&path, kept.path()).unwrap();
    refused(kept.read().unwrap_err());
    kept.write(b"b").unwrap();
    assert_eq!(kept.read().unwrap().unwrap(), b"b");
}

#[test]
fn a_thread_whose_file_system_does_not_answer_is_left_behind() {
    let (answer, asked) = crossbeam_channel::bounded::<()>(0);
    let thread = std::thread::spawn(move || assert!(asked.recv().is_err()));
    leave(thread);
    drop(answer);
}
