use std::fs;

use crate::courier::DEAD_LETTERS_DIR_NAME;

use super::*;

fn targets() -> Targets {
    let mut targets = Targets::default();
    targets.add(7).unwrap();
    targets.projects.insert(2);
    targets
}

fn line(session: u64, project: u32) -> String {
    format!("{{\"session_id\":\"{session}\",\"project_id\":{project},\"payload_base64\":\"of {session}\"}}\n")
}

#[test]
fn lines_go_by_session_and_project_and_all_others_stay_byte_for_byte() {
    let data = tempfile::tempdir().unwrap();
    let letters = data.path().join(DEAD_LETTERS_DIR_NAME).join("courier-redis.ndjson");
    fs::create_dir(letters.parent().unwrap()).unwrap();
    let text = [line(7, 1), line(8, 1), "not a letter\n".to_owned(), line(9, 2), line(10, 3)].concat();
    let rest = [line(8, 1), "not a letter\n".to_owned(), line(10, 3)].concat();
    fs::write(&letters, &text).unwrap();
    for (dry_run, left) in [(true, &text), (false, &rest)] {
        let mut findings = Findings::default();
        erase_dead_letters(data.path(), &targets(), dry_run, &mut findings).unwrap();
        let place = &findings.places[0];
        assert_eq!((place.files, place.files_changed, place.records), (1, 1, 2));
        assert_eq!(findings.not_reached_count, 1, "the line that can't be read is told");
        assert_eq!(&fs::read_to_string(&letters).unwrap(), left);
    }
}

#[test]
fn both_lists_of_broken_batches_lose_the_lines_and_what_a_crash_cut_off() {
    let data = tempfile::tempdir().unwrap();
    let [newer, older] = broken_list::paths(data.path());
    fs::write(&newer, [line(8, 1), line(7, 1), "{\"session_id\":\"7\",".to_owned()].concat()).unwrap();
    fs::write(&older, [line(7, 9), line(8, 1)].concat()).unwrap();
    let mut findings = Findings::default();
    erase_broken_lists(data.path(), &targets(), true, &mut findings).unwrap();
    assert!(fs::read_to_string(&older).unwrap().contains("\"7\""));
    erase_broken_lists(data.path(), &targets(), false, &mut findings).unwrap();
    assert_eq!(findings.places[0], findings.places[1], "a dry run tells what is done");
    assert_eq!((findings.places[0].files, findings.places[0].records), (2, 3));
    for path in [newer, older] {
        assert_eq!(fs::read_to_string(path).unwrap(), line(8, 1));
    }
}
