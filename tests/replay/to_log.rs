//! To another log, and back.

use std::fs;

use super::made::{contents, folder, lines, many, succeed, takeup, write};

/// A server wants to find its projects and secrets beside a log that is not new.
const PROJECTS: &str = "[[projects]]\nproject_id = 2\nproject_key = \"TkuPrjKey0123456abcd\"\nname = \"shop\"\nplatform = \"web\"\n\
                        active = true\nsample_rate = 100\n";

#[test]
fn a_log_that_was_copied_twice_is_whole_and_has_the_same_records_at_the_same_times() {
    let temp = folder();
    let [data, copy, back] = ["data", "copy", "back"].map(|name| temp.path().join(name));
    write(&data, &many(30, 40));
    let all = lines(&data, &[]);
    for (from, to) in [(&data, &copy), (&copy, &back)] {
        let to_text = format!("log:{}", to.display());
        let summary = succeed(from, &["replay", "--to", &to_text, "--json"]).lines().remove(0);
        assert_eq!((&summary["batches"], &summary["not_sent"]), (&all.len().into(), &0.into()), "{summary}");
        let verified = succeed(to, &["verify", "--json"]).lines();
        assert!(verified.iter().all(|line| line["ok"] != false), "{verified:?}");
    }
    let copied = lines(&back, &[]);
    assert!(contents(&copied) == contents(&all));
    assert!(copied.iter().zip(&all).all(|(copied, original)| copied.encoding == original.encoding), "as received");
    assert!(copied.iter().all(|line| !all.iter().any(|original| original.id == line.id)), "ids are new");
}

#[test]
fn folders_are_merged_and_filtered_into_a_log_that_a_server_takes_up() {
    let temp = folder();
    let [a, b] = ["a", "b"].map(|name| temp.path().join(name));
    let records = many(12, 20);
    let half = |of: u64| records.iter().filter(|record| record.session % 2 == of).cloned().collect::<Vec<_>>();
    write(&a, &half(0));
    write(&b, &half(1));
    let home = crate::common::Home::new();
    let to = format!("log:{}", home.data().display());
    succeed(&a, &["replay", a.to_str().unwrap(), b.to_str().unwrap(), "--to", &to, "--project", "2"]);
    let expected: Vec<_> = lines(&a, &[a.to_str().unwrap(), b.to_str().unwrap(), "--project", "2"]);
    assert!(!expected.is_empty() && contents(&lines(home.data(), &[])) == contents(&expected));
    home.write("projects.toml", PROJECTS);
    fs::create_dir(home.data().join("secrets")).unwrap();
    for secret in ["token", "forward"] {
        fs::write(home.data().join("secrets").join(secret), "0123456789abcdef0123456789abcdef").unwrap();
    }
    home.serve(&[]).stop();
    assert_eq!(home.takeup(&["verify"]).code, Some(0));
    assert!(contents(&lines(home.data(), &[])) == contents(&expected));
}

#[test]
fn a_folder_with_something_in_it_is_not_written_to() {
    let temp = folder();
    let [data, other] = ["data", "other"].map(|name| temp.path().join(name));
    write(&data, &many(2, 2));
    fs::create_dir(&other).unwrap();
    fs::write(other.join("notes"), "mine").unwrap();
    for to in [&other, &data] {
        let finished = takeup(&data, &["replay", "--to", &format!("log:{}", to.display())]);
        assert_eq!(finished.code, Some(1));
        assert!(finished.stderr.contains("is not empty"), "{}", finished.stderr);
    }
    assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
    assert_eq!(lines(&data, &[]).len(), 4);
}
