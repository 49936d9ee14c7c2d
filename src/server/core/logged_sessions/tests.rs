use super::*;

#[test]
fn what_was_told_in_parts_is_found() {
    let logged = LoggedSessions::default();
    logged.add(vec![(SessionId(9), 1), (SessionId(3), 2)]);
    logged.add(vec![(SessionId(5), 3), (SessionId(9), 1)]);
    assert!(!logged.is_complete());
    logged.finish();
    let project = |session| logged.get(SessionId(session));
    assert_eq!((project(9), project(3), project(5), project(4)), (Some(1), Some(2), Some(3), None));
    assert!(logged.is_complete());
    for session in 0..100 {
        logged.add(vec![(SessionId(1000 + session), 1)]);
    }
    assert_eq!((project(1000), project(1099)), (Some(1), None), "the parts are bounded");
}
