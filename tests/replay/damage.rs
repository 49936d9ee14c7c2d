//! Damaged logs and archives: what is whole is played, what is not is named.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::made::{contents, folder, lines, many, parsed, succeed, write};

#[test]
fn of_a_damaged_log_everything_else_is_played_and_the_place_is_named() {
    let temp = folder();
    let data = temp.path().join("data");
    write(&data, &many(10, 30));
    let all = lines(&data, &[]);
    let victim = &all[150];
    let parts: Vec<&str> = victim.id.split('/').collect();
    let path = data.join(format!("log/core-00/{:020}.seg", parts[2].parse::<u64>().unwrap()));
    let offset: usize = parts[3].parse().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[offset + 64] ^= 1;
    fs::write(&path, bytes).unwrap();
    let finished = succeed(&data, &["replay", "--to", "-"]);
    let played = parsed(&finished);
    let expected: Vec<_> = all.iter().filter(|line| line.id != victim.id).cloned().collect();
    assert!(contents(&played) == contents(&expected));
    assert!(
        finished.stderr.contains(path.to_str().unwrap()) && finished.stderr.contains(&format!("offset {offset}")),
        "{}",
        finished.stderr
    );
}

/// The files of table `batches`.
fn files(archive: &std::path::Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for date in fs::read_dir(archive.join("batches")).unwrap() {
        for hour in fs::read_dir(date.unwrap().path()).unwrap() {
            found.extend(fs::read_dir(hour.unwrap().path()).unwrap().map(|file| file.unwrap().path()));
        }
    }
    found.sort();
    found
}

#[test]
fn of_a_damaged_archive_whole_files_are_played_and_the_others_are_named() {
    let temp = folder();
    let data = temp.path().join("data");
    write(&data, &many(20, 80));
    succeed(&data, &["compact", "--chunk", "1", "--merge", "none"]);
    let all = lines(&data, &["--source", "archive"]);
    let archive = data.join("archive");
    let files = files(&archive);
    assert!(files.len() > 2, "{files:?}");
    let whole = fs::read(&files[1]).unwrap();
    let damages: [(&str, Vec<u8>); 4] = [
        ("a byte in the middle", {
            let mut bytes = whole.clone();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x10;
            bytes
        }),
        ("cut", whole[..whole.len() / 2].to_vec()),
        ("zeros", vec![0; whole.len()]),
        ("empty", Vec::new()),
    ];
    let is_of = |lines: &[super::made::Line]| lines.iter().map(|line| line.id.clone()).collect::<BTreeSet<_>>();
    let mut lost = None;
    for (what, bytes) in damages {
        fs::write(&files[1], bytes).unwrap();
        let finished = succeed(&data, &["replay", "--to", "-", "--source", "archive"]);
        let played = parsed(&finished);
        assert!(finished.stderr.contains(files[1].to_str().unwrap()), "{what}: {}", finished.stderr);
        assert!(played.len() < all.len() && !played.is_empty(), "{what}");
        let expected: Vec<_> = all.iter().filter(|line| is_of(&played).contains(&line.id)).cloned().collect();
        assert!(contents(&played) == contents(&expected), "{what}: what is whole is played in order");
        let missing = all.len() - played.len();
        assert_eq!(*lost.get_or_insert(missing), missing, "{what}: one file's records are left out, and no others");
        assert!(finished.stderr.contains(&format!("{missing} records")), "{what}: {}", finished.stderr);
        // What can't be read stays out, and is named by its row group or file; nothing ends the replay.
        let unproven = succeed(&data, &["replay", "--to", "-", "--source", "archive", "--unproven"]);
        assert!(parsed(&unproven).len() >= played.len() && unproven.stderr.contains("damaged"), "{what}");
    }
    fs::remove_file(&files[1]).unwrap();
    let finished = succeed(&data, &["replay", "--to", "-", "--source", "archive"]);
    assert_eq!(all.len() - parsed(&finished).len(), lost.unwrap());
    assert!(finished.stderr.contains("missing"), "{}", finished.stderr);
    // The summary has it, too.
    let copy = temp.path().join("copy");
    let to = format!("log:{}", copy.display());
    let summary = succeed(&data, &["replay", "--to", &to, "--source", "archive", "--json"]).lines().remove(0);
    assert_eq!(
        (&summary["damaged_places"], &summary["damaged"][0]["path"]),
        (&1.into(), &files[1].to_str().unwrap().into())
    );
}
