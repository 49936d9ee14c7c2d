use super::*;

fn key(number: usize) -> Question {
    Question::Key(format!("key{number}"))
}

#[test]
fn a_project_is_looked_up_once_for_all_who_ask() {
    let questions = Questions::default();
    assert_eq!(
        (questions.ask(key(1)), questions.ask(key(1)), questions.ask(Question::Id(1))),
        (Ask::Waiting, Ask::Waiting, Ask::Waiting)
    );
    assert_eq!(questions.take(), [key(1), Question::Id(1)]);
    assert_eq!(questions.ask(key(1)), Ask::Waiting, "it is in hand");
    assert!(!questions.wait());
    let before = questions.answered();
    questions.answer(|question| Some(*question != key(1)));
    assert!(questions.answered() > before);
    assert_eq!(questions.ask(key(1)), Ask::Absent, "a miss is remembered");
    assert_eq!(questions.ask(Question::Id(1)), Ask::Waiting, "what was there is not");
}

#[test]
fn what_could_not_be_looked_up_waits_on_in_its_order() {
    let questions = Questions::default();
    for number in 0..3 {
        questions.ask(key(number));
    }
    questions.take();
    questions.answer(|question| (*question == key(1)).then_some(false));
    questions.put_back();
    questions.ask(key(9));
    assert_eq!(questions.take(), [key(0), key(2), key(9)]);
}

#[test]
fn any_number_of_unknown_keys_takes_bounded_memory_and_none_is_called_absent_unasked() {
    let questions = Questions::default();
    let mut full = 0;
    for number in 0..20_000 {
        match questions.ask(key(number)) {
            Ask::Waiting => {}
            Ask::Full => full += 1,
            Ask::Absent => panic!("nobody has looked {number} up"),
        }
    }
    assert_eq!(full, 20_000 - WAITING_MAX);
    for round in 0..40 {
        while !questions.take().is_empty() {
            questions.answer(|_| Some(false));
        }
        for number in 0..WAITING_MAX {
            questions.ask(key(100_000 * (round + 1) + number));
        }
    }
    let inner = questions.lock();
    assert!(inner.misses.len() <= MISSES_MAX && inner.missed.len() <= MISSES_MAX && inner.open.len() <= WAITING_MAX);
}

#[test]
fn what_no_database_can_hold_is_not_asked_for() {
    for key in ["", "a\0b", &"k".repeat(KEY_BYTES_MAX + 1)] {
        assert_eq!(Question::key(key), None);
    }
    assert!(Question::key("k").is_some());
}
