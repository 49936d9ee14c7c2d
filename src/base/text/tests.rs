use super::*;

fn cleaned(text: &str, chars_max: usize) -> String {
    let mut text = text.to_owned();
    clean(&mut text, chars_max);
    text
}

fn cleaned_bytes(text: &str, bytes_max: usize) -> String {
    let mut text = text.to_owned();
    clean_bytes(&mut text, bytes_max);
    text
}

#[test]
fn a_text_of_exactly_the_limit_is_kept_whole() {
    assert_eq!(cleaned("\u{fc}\u{fc}\u{fc}", 3), "\u{fc}\u{fc}\u{fc}");
    assert_eq!(cleaned("\u{fc}\u{fc}\u{fc}", 2), "\u{fc}\u{fc}");
    assert_eq!(cleaned_bytes("abc", 3), "abc");
    assert_eq!(cleaned_bytes("abc", 2), "ab");
}

#[test]
fn no_character_is_cut_in_two() {
    assert_eq!(cleaned_bytes("\u{fc}\u{fc}", 3), "\u{fc}");
    assert_eq!(cleaned_bytes("\u{1f600}", 3), "");
}

#[test]
fn nul_characters_are_removed_before_anything_is_counted() {
    assert_eq!(cleaned("\0a\0b\0", 2), "ab");
    assert_eq!(cleaned_bytes("\0a\0b\0", 2), "ab");
}
