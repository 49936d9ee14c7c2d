use super::*;

#[test]
fn a_set_has_what_was_put_in_and_nothing_else() {
    let set = IdSet::NONE.with(0).with(63).with(64).with(127);
    let found: Vec<u64> = (0..300).filter(|&id| set.has(id)).collect();
    assert_eq!(found, [0, 63, 64, 127]);
    assert!([0, 127, 128, u64::MAX].into_iter().all(|id| IdSet::ALL.has(id) && !IdSet::NONE.has(id)));
}
