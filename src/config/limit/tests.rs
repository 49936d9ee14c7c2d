use super::{Limit, Period};
use crate::config::value;

#[test]
fn a_limit_is_a_rate_and_a_burst() {
    let limit = |units, per, burst| Ok(Some(Limit { units, per, burst }));
    for (text, read) in [
        ("20/s burst 600", limit(20, Period::Second, 600)),
        ("5/m burst 1", limit(5, Period::Minute, 1)),
        ("1/h burst 2", limit(1, Period::Hour, 2)),
        ("1MiB/s burst 64MiB", limit(1 << 20, Period::Second, 64 << 20)),
        ("off", Ok(None)),
        ("0", Ok(None)),
    ] {
        assert_eq!(value::limit(text), read, "{text}");
    }
    for text in
        ["", "20", "20/s", "20 burst 5", "20/d burst 5", "0/s burst 5", "5/s burst 0", "x/s burst 5", "-1/s burst 5"]
    {
        assert!(value::limit(text).is_err(), "{text}");
    }
    let limit = value::limit("5/m burst 7").expect("valid").expect("is one");
    assert_eq!(value::limit(&limit.to_string()), Ok(Some(limit)));
}
