use super::*;

use crate::tracker::{Era, message_spec};

#[test]
fn each_line_names_a_message_and_its_fields_as_the_catalogue_does() {
    for line in &MESSAGES {
        let spec = message_spec(line.id.into()).unwrap_or_else(|| panic!("{}: no such id", line.name));
        assert_eq!(spec.name(Era::Main), line.name);
        for (field, to) in line.fields {
            let known =
                [Era::Main, Era::Seed].into_iter().flat_map(|era| spec.fields(era)).any(|one| one.name == *field);
            // Not every message of a phone has a length.
            assert!(known || (*field, *to) == ("Length", To::Nowhere), "{}: no field {field}", line.name);
        }
    }
}

#[test]
fn each_id_finds_its_own_line() {
    assert!(MESSAGES.is_sorted_by(|one, next| one.id < next.id), "in the order of the ids, each once");
    for id in 0..300 {
        let found = mapping_of(id).map(|line| u64::from(line.id));
        assert_eq!(found, MESSAGES.iter().map(|line| u64::from(line.id)).find(|known| *known == id));
    }
    assert!(mapping_of(u64::MAX).is_none());
}

#[test]
fn a_value_that_can_be_masked_is_read_before_the_word_that_it_is() {
    for line in &MESSAGES {
        let place = |wanted: To| {
            let spec = message_spec(line.id.into()).unwrap();
            spec.fields(Era::Main).iter().position(|field| line.place_of(field.name) == wanted)
        };
        if let Some(masked) = place(To::Masked) {
            assert!(place(To::Value).is_some_and(|value| value < masked), "{}", line.name);
        }
    }
}
