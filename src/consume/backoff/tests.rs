use super::*;

#[test]
fn pauses_double_up_to_the_cap_and_begin_anew_after_a_success() {
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(5));
    let pauses: Vec<u64> = (0..5).map(|_| backoff.failed().as_secs()).collect();
    assert_eq!(pauses, [1, 2, 4, 5, 5]);
    backoff.reset();
    assert_eq!(backoff.failed().as_secs(), 1);
}
