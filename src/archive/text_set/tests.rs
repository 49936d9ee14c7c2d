use super::*;

#[test]
fn each_text_has_one_number_however_often_it_is_added() {
    let mut texts = TextSet::default();
    let all: Vec<String> = (0..3000).map(|number| "x".repeat(number % 7) + &number.to_string()).collect();
    for _ in 0..2 {
        for (number, text) in (0..).zip(&all) {
            assert_eq!(texts.add(text), number);
        }
    }
    assert_eq!((texts.add(""), texts.add(""), texts.len()), (3000, 3000, 3001));
    for (number, text) in (0..).zip(&all) {
        assert_eq!(texts.get(number), text);
    }
    assert_eq!(texts.get(3000), "");
}
