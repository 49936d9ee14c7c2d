use super::*;

#[test]
fn the_template_is_one() {
    style();
}

#[test]
fn times_have_three_digits_and_their_unit() {
    assert_eq!(
        [0, 999, 1_234, 12_345, 123_456, 1_234_567, 12_345_678].map(time),
        ["0 µs", "999 µs", "1.23 ms", "12.3 ms", "123 ms", "1.23 s", "12.3 s"]
    );
}
