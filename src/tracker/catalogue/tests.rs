use super::*;

#[test]
fn the_catalogue_is_complete_and_in_place() {
    let known: Vec<_> = (0..=300).filter_map(message_spec).collect();
    assert_eq!(known.len(), 123);
    for spec in &known {
        assert_eq!(message_spec(u64::from(spec.id)).map(|spec| spec.id), Some(spec.id));
        for era in [Era::Seed, Era::Main] {
            let mut names: Vec<_> = spec.fields(era).iter().map(|field| field.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), spec.fields(era).len(), "{}", spec.name(era));
        }
    }
    assert!(message_spec(2).is_none());
    assert!(message_spec(u64::MAX).is_none());
}

#[test]
fn the_two_reused_ids_follow_the_tracker() {
    let graphql = message_spec(48).expect("48 is in the catalogue");
    assert_eq!(graphql.fields(Era::Seed).len(), 4);
    assert_eq!(graphql.fields(Era::Main).len(), 5);
    let end = message_spec(3).expect("3 is in the catalogue");
    assert_eq!(end.name(Era::Seed), "SessionEndDeprecated");
    assert_eq!(end.name(Era::Main), "CleanSession");
    let location = message_spec(4).expect("4 is in the catalogue");
    assert_eq!(location.name(Era::Seed), location.name(Era::Main));
}

#[test]
fn eras_follow_the_trackers_version() {
    assert_eq!(Era::of_tracker("12.0.4"), Era::Seed);
    assert_eq!(Era::of_tracker("15.3.1"), Era::Seed);
    assert_eq!(Era::of_tracker("6.0.0"), Era::Seed);
    assert_eq!(Era::of_tracker("1.0.22"), Era::Main, "a phone's");
    assert_eq!(Era::of_tracker("18.0.7-beta.1"), Era::Main);
    assert_eq!(Era::of_tracker("20.0.0-beta.1"), Era::Main);
    for unknown in ["", "next", "-1", "99999999999999999999.0"] {
        assert_eq!(Era::of_tracker(unknown), Era::Main, "{unknown:?}");
    }
}
