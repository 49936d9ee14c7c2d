use super::*;

fn quarantine() -> Quarantine {
    let config = Config {
        unusable: Unusable::Keep,
        unusable_size_limit: 4_000,
        unusable_bytes_max: 10_000,
        ..Config::defaults("data".into())
    };
    Quarantine::new(&config, 1_000_000)
}

#[test]
fn what_is_kept_is_bounded_over_time() {
    let metrics = CoreMetrics::new(&["/"], Reason::LABELS);
    let quarantine = quarantine();
    let takes = |bytes, now_ms| quarantine.try_keep(Reason::Compression, bytes, now_ms, &metrics);
    assert!(!takes(4_001, 1));
    assert!(takes(4_000, 1) && takes(4_000, 1) && takes(2_000, 1));
    assert!(!takes(1_000, 1));
    assert_eq!(quarantine.body_limit(500, 1), 500);
    // A tenth of an hour earns a tenth, asked for as often as one likes.
    for now_ms in (1..=360_001).step_by(100) {
        quarantine.left(now_ms);
    }
    assert!(takes(990, 360_001) && !takes(100, 360_001));
    assert_eq!(quarantine.body_limit(500, 10 * HOUR_MS), 4_000);
    assert_eq!(quarantine.left.get(), 10_000);
    assert_eq!((metrics.unusable.get(), metrics.unusable_bytes.get()), (4, 10_990));
    assert_eq!(metrics.unusable_refused.get(), 3);
}

#[test]
fn only_faults_of_the_batch_are_kept() {
    let metrics = CoreMetrics::new(&["/"], Reason::LABELS);
    let quarantine = quarantine();
    for (reason, kept) in [
        (Reason::BodyTooLarge, true),
        (Reason::Compression, true),
        (Reason::Parameter, true),
        (Reason::TokenExpired, false),
        (Reason::DiskFull, false),
    ] {
        assert_eq!(quarantine.try_keep(reason, 10, 1, &metrics), kept, "{reason:?}");
    }
}
