use super::*;

fn item(text: &str) -> QueueItem {
    QueueItem { topic: Topic::Raw, session: 7, bytes: text.to_owned().into() }
}

fn items(texts: &str) -> Vec<QueueItem> {
    texts.split(' ').map(item).collect()
}

/// A flight whose items are as the letters say: delivered, pending, failed, open.
fn flight(texts: &str, states: &str) -> Flight {
    let mut flight = Flight::default();
    assert!(flight.take(&items(texts)));
    for (index, state) in states.chars().enumerate() {
        let state = match state {
            'd' => State::Delivered,
            'p' => State::Pending,
            'f' => State::Failed(RDKafkaErrorCode::MessageSizeTooLarge),
            _ => State::Open,
        };
        assert_eq!(flight.report(flight.position(index), state), Some(Topic::Raw));
    }
    flight
}

fn states(flight: &Flight) -> String {
    let letter = |entry: &Entry| match entry.state {
        State::Delivered => 'd',
        State::Pending => 'p',
        State::Failed(_) => 'f',
        State::Open => 'o',
    };
    flight.entries.iter().map(letter).collect()
}

#[test]
fn what_librdkafka_has_is_found_again_and_only_the_rest_is_open() {
    let mut flight = flight("a b c d", "dpdp");
    assert_eq!(flight.let_go(4), 1);
    assert!(flight.take(&items("b c d e")));
    assert_eq!(states(&flight), "pdpo");
    assert!(flight.report(1, State::Delivered).is_some());
    assert_eq!(flight.let_go(4), 2);
    assert_eq!((states(&flight), flight.position(0)), ("po".to_owned(), 3));
}

#[test]
fn a_call_for_fewer_items_forgets_nothing_of_the_others() {
    let mut flight = flight("a b c", "fdd");
    flight.reopen();
    assert!(flight.take(&items("a")));
    assert_eq!(states(&flight), "odd");
    flight.set(0, State::Delivered);
    assert_eq!(flight.let_go(1), 1);
    assert!(flight.take(&items("b c d")));
    assert_eq!(states(&flight), "ddo");
}

#[test]
fn a_dead_letter_leaves_and_what_was_delivered_behind_it_is_not_sent_again() {
    let mut flight = flight("dead b c", "fdp");
    assert!(!flight.is_delivered(3));
    assert_eq!(flight.failed(3).map(|(index, _)| index).collect::<Vec<_>>(), [0]);
    assert!(flight.take(&items("b c")));
    assert_eq!(states(&flight), "dp");
}

#[test]
fn other_items_than_librdkafka_has_are_noticed() {
    let mut flight = flight("a b", "pd");
    assert!(!flight.take(&items("x y")));
    assert_eq!(states(&flight), "oo");
}

#[test]
fn a_report_of_what_has_left_changes_nothing() {
    let mut flight = flight("a b", "do");
    assert_eq!(flight.let_go(2), 1);
    assert_eq!(flight.report(0, State::Pending), None);
    assert_eq!(flight.report(9, State::Pending), None);
    assert_eq!(states(&flight), "o");
}
