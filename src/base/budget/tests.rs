use super::*;

#[test]
fn work_beyond_the_share_is_answered_by_a_pause() {
    let mut budget = Budget::new(5);
    let began = thread_time();
    while thread_time() - began < Duration::from_millis(20) {
        std::hint::spin_loop();
    }
    let pause = budget.pause().expect("20 ms of work at 5 % take 400 ms");
    assert!(pause > Duration::from_millis(50), "{pause:?}");
    assert!(Budget::new(5).pause().is_none());
}
