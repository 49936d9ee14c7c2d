use super::*;

const CANONICAL: &str = "0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11";

fn settled(text: &str) -> (String, String) {
    let mut kept = text.to_owned();
    let uuid = settle(&mut kept);
    (kept, uuid.to_string())
}

#[test]
fn forms_that_every_stage_takes_are_kept_as_they_came() {
    for text in [
        CANONICAL,
        "0E37DFB5-3F5A-4C7A-9D3E-2F1F6F1B7C11",
        "0e37dfb53f5a4c7a9d3e2f1f6f1b7c11",
        "{0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11}",
    ] {
        assert_eq!(settled(text), (text.to_owned(), CANONICAL.to_owned()));
    }
}

#[test]
fn forms_that_postgres_refuses_are_made_canonical() {
    for text in [
        "urn:uuid:0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11",
        "URN:UUID:0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11",
        " 0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11 ",
        "[0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c11]",
    ] {
        assert_eq!(settled(text), (CANONICAL.to_owned(), CANONICAL.to_owned()));
    }
}

#[test]
fn anything_else_is_replaced_by_a_random_one() {
    for text in [
        "",
        "not-a-uuid",
        "0e37dfb5-3f5a-4c7a-9d3e-2f1f6f1b7c1g",
        "0e37dfb53f5a-4c7a-9d3e-2f1f6f1b7c1111",
        "0e37dfb5_3f5a_4c7a_9d3e_2f1f6f1b7c11",
    ] {
        let (kept, uuid) = settled(text);
        assert_eq!(kept, uuid);
        assert_ne!(uuid, CANONICAL);
        assert_eq!(Uuid::parse_str(&uuid).unwrap().get_version_num(), 4);
    }
}
