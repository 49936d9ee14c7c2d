use super::*;

#[test]
fn the_map_is_bounded_and_keeps_sessions_in_use() {
    let mut sessions = Sessions::new(100);
    sessions.insert(SessionId(1), 7);
    for n in 2..1000 {
        sessions.insert(SessionId(n), 8);
        assert_eq!(sessions.get(SessionId(1)), Some(7));
    }
    assert_eq!(sessions.get(SessionId(2)), None);
    assert_eq!(sessions.get(SessionId(999)), Some(8));
    assert!(sessions.young.len() + sessions.old.len() <= 100);
}
