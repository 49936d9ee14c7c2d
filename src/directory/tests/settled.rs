//! What is taken over from a file while somebody is writing it.

use std::path::PathBuf;

use super::*;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(3600);

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(text: &str) -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        place.write(text);
        place
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("projects.toml")
    }

    fn write(&self, text: &str) {
        std::fs::write(self.path(), text).unwrap();
    }

    fn open(&self) -> (CurrentDirectory, Option<Report>) {
        CurrentDirectory::open(&self.path(), self.folder.path(), LONG).unwrap()
    }

    /// From now on the file is like this, and in force without delay.
    fn put(&self, shared: &CurrentDirectory, text: &str) {
        self.write(text);
        shared.set_grace(Duration::ZERO);
        shared.refresh().unwrap().unwrap();
        shared.set_grace(LONG);
    }
}

fn three(last: &str) -> String {
    let project = |id: u32, more: &str| format!("[[projects]]\nproject_id = {id}\nproject_key = \"key{id}\"\n{more}");
    project(1, "retain_days = 0\n") + &project(2, "") + &project(3, last)
}

const FOR_EVER: &str = "active = false\nretain_days = 0\n";

#[test]
fn a_file_cut_after_any_byte_takes_nothing_away() {
    let whole = three(FOR_EVER) + "[[tags]]\nproject_id = 2\nselector = \"a\"\nname = \"b\"\n";
    let before = Directory::parse(&whole).unwrap();
    let mut cuts = 0;
    for end in 0..whole.len() {
        let cut = &whole[..end];
        let Ok(latest) = Directory::parse(cut) else { continue };
        cuts += 1;
        let sure = cut.rfind('\n').filter(|&at| at + 1 < cut.len()).and_then(|at| Directory::parse(&cut[..=at]).ok());
        let pieces = merge::lacking(&before, &latest, sure.as_ref()).into_iter().collect();
        let merged = merge::merge(&before, &latest, &pieces);
        assert_eq!(merged.projects(), before.projects(), "{cut}");
    }
    assert!(cuts > 10, "{cuts}");
}

#[test]
fn from_projects_to_none_is_a_fault_unless_the_file_says_so() {
    let place = Place::new(&three(FOR_EVER));
    let (shared, _) = place.open();
    for empty in ["", "# nothing\n", "[[tags]]"] {
        place.write(empty);
        let error = shared.refresh().unwrap().unwrap_err().to_string();
        assert!(empty == "[[tags]]" || error.contains("no project any more, 3 were there"), "{error}");
        assert_eq!(shared.current().projects().len(), 3);
        shared.set_grace(Duration::ZERO);
        assert!(shared.refresh().is_none(), "no time makes it right");
        shared.set_grace(LONG);
    }
    drop(shared);
    let (shared, told) = place.open();
    assert!(told.unwrap().is_err(), "a restart knows it too");
    assert_eq!(shared.current().projects().len(), 3);
    place.write("projects = []\n");
    let taken = shared.refresh().unwrap().unwrap();
    assert_eq!((taken.missing, taken.needed), (vec![1, 2, 3], LONG * 10));
    assert_eq!(shared.current().projects().len(), 3);
    shared.set_grace(Duration::ZERO);
    let taken = shared.refresh().unwrap().unwrap();
    assert_eq!((taken.projects, taken.removed), (0, vec![1, 2, 3]));
    assert!(shared.current().projects().is_empty());
}

#[test]
fn a_removed_project_is_served_until_that_is_certain_and_then_named() {
    let place = Place::new(&three(FOR_EVER));
    let (shared, _) = place.open();
    // Additions take effect at once, whatever is missing.
    place.write(
        "[[projects]]\nproject_id = 1\nproject_key = \"other\"\n[[projects]]\nproject_id = 4\nproject_key = \"new\"\n",
    );
    let taken = shared.refresh().unwrap().unwrap();
    assert_eq!((taken.projects, &*taken.missing, &*taken.incomplete), (4, &[2, 3][..], &[1][..]));
    let now = shared.current();
    assert!(now.by_key("new").is_some() && now.by_key("key2").is_some() && now.by_key("key1").is_some());
    assert!(!now.by_id(3).unwrap().active);
    assert!(shared.refresh().is_none());
    // It was back in between, so the time starts again.
    place.write(&three(FOR_EVER));
    let taken = shared.refresh().unwrap().unwrap();
    assert_eq!((taken.missing, taken.removed), (vec![4], vec![]));
    place.put(&shared, "[[projects]]\nproject_id = 2\nproject_key = \"key2\"\n");
    assert_eq!(shared.current().projects().len(), 1);
}

#[test]
fn a_project_that_is_named_as_removed_is_gone_at_once() {
    let place = Place::new(&three(FOR_EVER));
    let (shared, _) = place.open();
    place.write("removed = [1, 3]\n[[projects]]\nproject_id = 2\nproject_key = \"key2\"\n");
    let taken = shared.refresh().unwrap().unwrap();
    assert_eq!((taken.projects, taken.removed), (1, vec![1, 3]));
    let both = "removed = [2]\n[[projects]]\nproject_id = 2\nproject_key = \"key2\"\n";
    assert!(Directory::parse(both).unwrap_err()[0].text.contains("in `removed`"));
    assert!(Directory::parse("removed = [0]\n").unwrap_err()[0].text.contains("integers from 1"));
}

#[test]
fn an_age_is_shortened_by_words_alone_and_across_restarts() {
    let place = Place::new(&three(FOR_EVER));
    let (shared, _) = place.open();
    assert_eq!(shared.ages(), [(1, 0), (3, 0)].into());
    // The line stays away, and so does the third project, indefinitely.
    place.put(&shared, "[[projects]]\nproject_id = 1\nproject_key = \"key1\"\n");
    assert!(shared.current().by_id(3).is_none());
    drop(shared);
    let (shared, _) = place.open();
    assert_eq!(shared.ages(), [(1, 0), (3, 0)].into());
    let one = |age: &str| format!("[[projects]]\nproject_id = 1\nproject_key = \"key1\"\nretain_days = {age}\n");
    place.write(&one("30"));
    shared.refresh();
    assert_eq!(shared.ages()[&1], 0, "a shorter age waits until the file is at rest");
    place.put(&shared, &one("31"));
    assert_eq!(shared.ages()[&1], 31);
    place.write(&one("60"));
    shared.refresh();
    assert_eq!(shared.ages()[&1], 60, "a longer one does not");
    place.put(&shared, &("removed = [3]\n".to_owned() + &one("\"server\"")));
    assert!(shared.ages().is_empty());
    drop(shared);
    assert!(place.open().0.ages().is_empty());
    std::fs::write(place.folder.path().join("kept/ages.json"), "{\"3\":").unwrap();
    let error = CurrentDirectory::open(&place.path(), place.folder.path(), LONG).unwrap_err().to_string();
    assert!(error.contains("ages.json") && error.contains("remove this file"), "{error}");
}

#[test]
fn the_first_age_of_a_project_makes_nothing_old_before_the_file_is_at_rest() {
    let one = |rest: &str| format!("[[projects]]\nproject_id = 1\nproject_key = \"key1\"\n{rest}");
    let place = Place::new(&one(""));
    let (shared, _) = place.open();
    assert!(shared.ages().is_empty());
    // The beginning of 3650; the server's own age may be closer to that.
    place.write(&one("retain_days = 3"));
    assert!(shared.refresh().is_some(), "told to the deleter");
    assert_eq!(shared.ages(), [(1, 0)].into());
    drop(shared);
    let (shared, _) = place.open();
    assert_eq!(shared.ages(), [(1, 0)].into(), "nor does a restart");
    place.write(&one("retain_days = 3650\n"));
    shared.refresh();
    assert_eq!(shared.ages(), [(1, 0)].into());
    // It was a mistake: the project goes back to the server's setting.
    place.write(&one(""));
    shared.refresh();
    assert!(shared.ages().is_empty());
    place.put(&shared, &one("retain_days = 3650\n"));
    assert_eq!(shared.ages(), [(1, 3650)].into());
    drop(shared);
    assert_eq!(place.open().0.ages(), [(1, 3650)].into());
}

#[test]
fn a_restart_with_a_cut_file_serves_the_last_projects() {
    let whole = three(FOR_EVER);
    let place = Place::new(&whole);
    drop(place.open());
    place.write(&whole[..whole.find("key3").unwrap()]);
    let (shared, told) = place.open();
    assert!(told.unwrap().is_err(), "it is no TOML");
    assert_eq!(shared.current().projects().len(), 3);
    place.write(&whole[..whole.find("active").unwrap()]);
    let (shared, told) = place.open();
    assert_eq!(told.unwrap().unwrap().incomplete, [3]);
    assert!(!shared.current().by_id(3).unwrap().active);
    assert_eq!(shared.ages(), [(1, 0), (3, 0)].into());
    place.write(&whole);
    assert!(shared.refresh().unwrap().unwrap().incomplete.is_empty());
    std::fs::remove_file(place.path()).unwrap();
    assert!(CurrentDirectory::open(&place.path(), place.folder.path(), LONG).unwrap_err().is_missing());
}
