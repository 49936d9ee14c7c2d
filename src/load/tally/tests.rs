use super::*;

fn times(all: impl IntoIterator<Item = u64>) -> Times {
    let mut times = Times::default();
    all.into_iter().for_each(|us| times.record(Duration::from_micros(us)));
    times
}

#[test]
fn percentiles_of_none_of_one_and_of_many_times() {
    let none = times([]);
    assert_eq!((none.count(), none.at(0.5), none.at(1.0), none.max()), (0, 0, 0, 0));
    let one = times([1500]);
    assert_eq!((one.count(), one.at(0.0), one.at(0.5), one.at(0.999), one.max()), (1, 1500, 1500, 1500, 1500));
    let many = times(1..=10_000);
    for (quantile, exact) in [(0.5, 5000.0), (0.9, 9000.0), (0.99, 9900.0), (0.999, 9990.0), (1.0, 10_000.0)] {
        let told = many.at(quantile) as f64;
        assert!((told - exact).abs() <= exact / 1000.0 + 1.0, "{quantile}: {told}");
    }
}

#[test]
fn times_beyond_the_bounds_are_counted_at_the_bounds() {
    let mut times = times([0, u64::MAX]);
    times.record(Duration::MAX);
    assert_eq!(times.count(), 3);
    assert_eq!(times.at(0.0), 1);
    assert!(times.max() >= LONGEST_US);
}

#[test]
fn sums_have_what_each_part_had() {
    let mut one = Tally::default();
    one.counts.statuses.insert(200, 2);
    one.counts.faults.insert("broken answer", 1);
    one.counts.requests = 2;
    one.batches.record(Duration::from_millis(1));
    let mut sum = one.clone();
    sum.add(&one);
    sum.counts.statuses.insert(503, 5);
    assert_eq!((sum.counts.requests, sum.counts.statuses[&200], sum.batches.count()), (4, 4, 2));
    assert_eq!(sum.counts.errors(), 7);
    // Every count is added, not only those named above.
    let one = serde_json::to_value(Counts { visits: 1, ..Counts::default() }).unwrap();
    let fields = one.as_object().unwrap().iter().filter(|(_, value)| value.is_number());
    let ones: serde_json::Map<_, _> = fields.map(|(name, _)| (name.clone(), 1.into())).collect();
    assert_eq!(ones.len(), 18);
}
