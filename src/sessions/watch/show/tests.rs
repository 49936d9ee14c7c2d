use crate::export::clean::Assets;
use crate::sessions::collect::tests::pictures;

use super::*;

fn wanted(form: Form) -> Wanted {
    Wanted { session: 1, form, follow: false, soon: false, from: None }
}

fn shower(wanted: &Wanted) -> Shower<'_> {
    Shower::new(wanted, Room::of(1 << 20), Batches::new(tempfile::tempfile().unwrap()))
}

#[test]
fn pictures_of_a_time_that_does_not_come_are_no_more_however_often_some_arrive() {
    let wanted = wanted(Form::Events(Box::new(|_| Assets::WITHHELD), None));
    let mut shower = shower(&wanted);
    let form = shower.form(&Collector::new(1 << 20));
    for _ in 0..3 {
        shower.add_pictures(pictures(PICTURES_MAX / 4, u64::MAX, usize::MAX), &form);
    }
    assert_eq!(shower.pictures.len(), PICTURES_MAX);
    // Those that come first are kept.
    shower.add_pictures(pictures(1, 1, usize::MAX), &form);
    assert_eq!(shower.pictures.peek().map(|picture| picture.at_ms), Some(1));
    assert_eq!(shower.pictures.len(), PICTURES_MAX);
}

#[test]
fn where_none_is_shown_no_picture_waits() {
    let wanted = wanted(Form::Timeline);
    let mut shower = shower(&wanted);
    let form = shower.form(&Collector::new(1 << 20));
    shower.add_pictures(pictures(1, 1, usize::MAX), &form);
    assert!(shower.pictures.peek().is_none());
}
