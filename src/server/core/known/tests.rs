use super::*;

#[test]
fn what_was_told_in_parts_is_found() {
    let known = Known::default();
    known.add(vec![(SessionId(9), 1), (SessionId(3), 2)]);
    known.add(vec![(SessionId(5), 3), (SessionId(9), 1)]);
    assert!(!known.is_whole());
    known.finish();
    let project = |session| known.get(SessionId(session));
    assert_eq!((project(9), project(3), project(5), project(4)), (Some(1), Some(2), Some(3), None));
    assert!(known.is_whole());
    for session in 0..100 {
        known.add(vec![(SessionId(1000 + session), 1)]);
    }
    assert_eq!((project(1000), project(1099)), (Some(1), None), "the parts are bounded");
}
