use super::*;

#[test]
fn codes_and_codings_have_the_same_names() {
    for &encoding in Encoding::ALL {
        let name = coding_of(encoding).map_or("identity", Coding::as_str);
        assert_eq!(encoding.as_str(), name);
        assert_eq!(Coding::named(encoding.as_str()), coding_of(encoding));
    }
    for coding in Coding::ALL {
        assert_eq!(coding_of(encoding_of(Some(coding))), Some(coding));
    }
}
