use super::*;

#[test]
fn ids_agree_with_the_recorded_ones() {
    let cases = [
        (0, 1_550_000_000_001, 1, 16_777_216),
        (65_535, 1_710_417_074_000, 1, 2_691_351_900_602_760_960),
        (12_345, 1_710_417_074_000, 3, 2_691_351_900_589_144_322),
        (0, 1_784_806_389_123, 1, 3_939_397_508_496_621_568),
        (77, 2_649_511_627_775, 1, 18_446_744_073_692_794_112),
    ];
    for (shard, ms, call, id) in cases {
        let flakes = FlakeIds::new(shard);
        let last = (0..call).map(|_| flakes.next(ms).unwrap()).last().unwrap();
        assert_eq!(last, SessionId(id));
        assert_eq!((last.start_ms(), last.shard()), (ms, shard));
    }
}

#[test]
fn times_outside_the_forty_bits_are_refused() {
    let flakes = FlakeIds::new(5);
    assert_eq!(flakes.next(EPOCH_MS), Err(FlakeError::BeforeEpoch));
    assert_eq!(flakes.next(i64::MIN), Err(FlakeError::BeforeEpoch));
    assert_eq!(flakes.next(2_649_511_627_776), Err(FlakeError::AfterEnd));
    flakes.start_after(i64::MAX);
    assert_eq!(flakes.next(2_649_511_627_775), Err(FlakeError::AfterEnd));
}

#[test]
fn a_full_millisecond_borrows_from_the_next_and_the_sequence_starts_anew() {
    let flakes = FlakeIds::new(9);
    let ids: Vec<_> = (0..600).map(|_| flakes.next(1_784_806_389_123).unwrap()).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(ids[256].start_ms(), 1_784_806_389_124);
    assert_eq!(flakes.next(1_784_806_389_200).unwrap().0 & 0xff, 0);
}

#[test]
fn a_clock_set_back_never_repeats_an_id() {
    let flakes = FlakeIds::new(9);
    flakes.start_after(1_784_806_389_200);
    let first = flakes.next(1_784_806_389_123).unwrap();
    assert!(first.start_ms() > 1_784_806_389_200);
    assert!(flakes.next(1_784_806_000_000).unwrap() > first);
}

#[test]
fn ids_find_back_from_a_time_that_is_years_ahead() {
    let now_ms = 1_784_806_389_123;
    let year_ms = 365 * 24 * 3600 * 1000;
    // The newest record is from two years ahead, from 2060, or from beyond what an id can express.
    for ahead_ms in [2 * year_ms, 34 * year_ms, i64::MAX - now_ms] {
        let flakes = FlakeIds::new(9);
        flakes.start_after(now_ms + ahead_ms);
        let first = flakes.next(now_ms).unwrap();
        assert_eq!(first.start_ms(), now_ms);
        assert!(flakes.next(now_ms).unwrap() > first);
    }
    // The clock was wrong while the server ran.
    let flakes = FlakeIds::new(9);
    flakes.next(now_ms + 2 * year_ms).unwrap();
    assert_eq!(flakes.next(now_ms).unwrap().start_ms(), now_ms);
    // After the clock was set back by up to a day, ids borrow.
    let ahead = flakes.next(now_ms + 24 * 3600 * 1000).unwrap();
    assert!(flakes.next(now_ms).unwrap() > ahead);
}

#[test]
fn threads_never_share_an_id() {
    let flakes = FlakeIds::new(1);
    let mut ids: Vec<SessionId> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..2_000).map(|_| flakes.next(1_784_806_389_123).unwrap()).collect::<Vec<_>>()))
            .collect();
        workers.into_iter().flat_map(|w| w.join().unwrap()).collect()
    });
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 8_000);
}
