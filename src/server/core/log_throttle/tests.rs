use super::*;

#[test]
fn what_is_left_out_is_counted() {
    let sparse = LogThrottle::default();
    assert_eq!(sparse.due(5), Some(0));
    assert_eq!((sparse.due(6), sparse.due(10_004)), (None, None));
    assert_eq!(sparse.due(10_005), Some(2));
    assert_eq!(sparse.due(99_999), Some(0));
}
