use proptest::prelude::*;

use crate::config::value::limit;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn rate(text: &str) -> Rate {
    Rate::new(limit(text).expect("valid").expect("a limit"), 1)
}

/// Uses one unit at each of these moments; how many of them did not have to wait.
fn taken(rate: Rate, moments: impl IntoIterator<Item = u64>) -> usize {
    let mut full_at = 0;
    let mut take = |now| {
        let charge = rate.charge(full_at, now, 1);
        if charge.wait_ns == 0 {
            full_at = charge.full_at_ns;
        }
        charge.wait_ns == 0
    };
    moments.into_iter().filter(|&now| take(now)).count()
}

#[test]
fn a_burst_is_there_at_once_and_the_rate_behind_it() {
    let rate = rate("2/s burst 5");
    assert_eq!(taken(rate, [SECOND; 9]), 5);
    assert_eq!(taken(rate, [SECOND; 9].into_iter().chain([2 * SECOND; 9])), 7);
    assert_eq!(taken(rate, [SECOND; 9].into_iter().chain([1000 * SECOND; 9])), 10, "no more than a burst gathers");
}

#[test]
fn the_wait_is_the_time_until_a_unit_is_there() {
    let rate = rate("2/s burst 1");
    let first = rate.charge(0, SECOND, 1);
    assert_eq!(first.wait_ns, 0);
    assert_eq!(rate.charge(first.full_at_ns, SECOND, 1).wait_ns, SECOND / 2);
    assert_eq!(rate.charge(first.full_at_ns, SECOND + SECOND / 2, 1).wait_ns, 0);
}

#[test]
fn more_than_the_bucket_holds_costs_all_of_it_and_no_more() {
    let rate = rate("1MiB/s burst 4MiB");
    let charge = rate.charge(0, SECOND, 1 << 40);
    assert_eq!((charge.wait_ns, charge.full_at_ns), (0, 5 * SECOND));
}

#[test]
fn cores_share_a_rate_and_each_has_a_unit_at_least() {
    let limit = limit("8/s burst 3").expect("valid").expect("a limit");
    let rate = Rate::new(limit, 4);
    assert_eq!(taken(rate, [SECOND; 9]), 1);
    assert_eq!(taken(rate, [SECOND, SECOND + SECOND / 2, SECOND * 2]), 3);
}

#[test]
fn great_rates_are_exact() {
    let rate = rate("4GiB/s burst 8GiB");
    let charge = rate.charge(0, SECOND, 4 << 30);
    assert!(charge.full_at_ns.abs_diff(2 * SECOND) < SECOND / 100_000, "{charge:?}");
    assert!(rate.charge(0, u64::MAX - 5, u64::MAX).full_at_ns > 0, "nothing overflows");
}

proptest! {
    /// Whatever the moments: in any span of time no more is taken than the burst and the rate allow.
    #[test]
    fn no_pattern_takes_more_than_burst_and_rate(steps in prop::collection::vec(0u64..2 * SECOND, 1..200)) {
        let rate = rate("3/s burst 7");
        let mut now = SECOND;
        let mut moments = Vec::new();
        for step in steps {
            now += step;
            moments.push(now);
        }
        let span = moments[moments.len() - 1] - moments[0];
        let most = 7 + (span as u128 * 3 / u128::from(SECOND)) as usize + 1;
        prop_assert!(taken(rate, moments) <= most);
    }
}
