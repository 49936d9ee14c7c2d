use super::*;

#[test]
fn a_text_within_the_limit_is_borrowed_whole() {
    let whole = "ü".repeat(TEXT_BYTES_MAX / 2);
    assert!(matches!(text(whole.as_bytes()), (Cow::Borrowed(found), false) if found == whole));
    assert_eq!(text(b""), (Cow::Borrowed(""), false));
}

#[test]
fn a_long_text_is_cut_between_two_characters() {
    for character in ["a", "ü", "€", "🦀"] {
        for shift in 0..4 {
            let long = "x".repeat(shift) + &character.repeat(TEXT_BYTES_MAX + 1);
            let (found, cut) = text(long.as_bytes());
            assert!(cut && long.starts_with(&*found) && matches!(found, Cow::Borrowed(_)));
            assert!(found.len() <= TEXT_BYTES_MAX && found.len() + character.len() > TEXT_BYTES_MAX);
        }
    }
}

#[test]
fn bytes_that_are_not_text_are_marked_and_never_longer_than_the_limit() {
    assert_eq!(text(b"a\xffb"), (Cow::Borrowed("a\u{fffd}b"), false));
    for junk in [0xff, 0x80, 0xc3] {
        for length in [TEXT_BYTES_MAX, TEXT_BYTES_MAX + 1, 3 * TEXT_BYTES_MAX] {
            let junk = vec![junk; length];
            let (found, cut) = text(&junk);
            assert!(cut && found.len() <= TEXT_BYTES_MAX && found.chars().all(|one| one == '\u{fffd}'));
        }
    }
}
