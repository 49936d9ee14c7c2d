use super::*;

#[test]
fn a_clients_time_is_one_that_every_reader_can_hold_or_none() {
    assert_eq!(client_time_us(1_795_569_658_189), Some(1_795_569_658_189_000));
    for impossible in [0, -1, i64::MIN, i64::MAX, MS_END] {
        assert_eq!(client_time_us(impossible), None);
    }
    let last = client_time_us(MS_END - 1).unwrap();
    assert!(last.checked_mul(1000).is_some(), "nanoseconds in 64 bits");
    assert_eq!(jiff::Timestamp::from_microsecond(last).unwrap().to_string(), "2261-12-31T23:59:59.999Z");
}
