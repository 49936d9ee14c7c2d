//! Batches: their bounds, and what a handler may ask for after one.

use super::*;

#[test]
fn a_batch_is_bounded_by_its_bytes_and_by_its_time() {
    let written = Written::new(8);
    let batches = |batch: BatchBounds, work: Duration| {
        let consumer = Consumer { batch, name: "bounds".parse().unwrap(), ..written.consumer() };
        let mut batches = Vec::new();
        run(&consumer, |batch| {
            let mut records = 0;
            while batch.next().is_some() {
                records += 1;
                thread::sleep(work);
            }
            batches.push(records);
            if batches.iter().sum::<u64>() < 8 { AfterBatch::Continue } else { AfterBatch::End }
        });
        Cursors::of(&LogReader::open(&consumer.log_dir).unwrap()).remove(&consumer.name).unwrap();
        batches
    };
    // The third record reaches the limit.
    let bytes = 2 * RECORD_BYTES + 1;
    assert_eq!(batches(BatchBounds { bytes, time: HOUR }, Duration::ZERO), [3, 3, 2]);
    let time = Duration::from_millis(50);
    let by_time = batches(BatchBounds { bytes: u64::MAX, time }, Duration::from_millis(20));
    // On a slow machine the time may be over after one record; it is certainly over after three.
    assert!(by_time.len() > 2 && by_time.iter().all(|records| (1..=3).contains(records)), "{by_time:?}");
    assert_eq!(batches(BatchBounds { bytes: 0, time: Duration::ZERO }, Duration::ZERO), [1; 8]);
}

#[test]
fn a_stop_ends_a_batch() {
    let written = Written::new(10);
    let handle = Handle::default();
    let mut taken = Vec::new();
    let take = |batch: &mut Batch<'_>| {
        taken.extend(some(batch, 2));
        handle.stop();
        assert!(batch.is_stopping());
        taken.extend(all(batch));
        AfterBatch::Continue
    };
    follow(&written.consumer(), &handle, &mut Closure { take, failures: Vec::new() }).unwrap();
    assert_eq!(taken, [1, 2]);
    assert_eq!(written.kept_number(), Some(3));
}

#[test]
fn a_batch_that_is_retried_comes_again_after_pauses_that_grow() {
    let written = Written::new(4);
    let (first, max) = (Duration::from_millis(20), Duration::from_millis(300));
    let consumer = Consumer { backoff_first: first, backoff_max: max, ..written.consumer() };
    let mut taken = Vec::new();
    let mut times = Vec::new();
    run(&consumer, |batch| {
        times.push(Instant::now());
        taken.push(some(batch, 2));
        match taken.len() {
            2..=6 | 8 => AfterBatch::Retry,
            9 => AfterBatch::End,
            _ => AfterBatch::Continue,
        }
    });
    let (one, two) = (vec![1, 2], vec![3, 4]);
    assert_eq!(taken[0], one);
    assert_eq!(taken[1..7], [two.clone(), two.clone(), two.clone(), two.clone(), two.clone(), two]);
    assert_eq!(taken[7..], [Vec::<u64>::new(), Vec::new()]);
    let pauses: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (at, least_ms) in [(1, 20), (2, 40), (3, 80), (4, 160), (5, 300), (7, 20)] {
        assert!(pauses[at] >= Duration::from_millis(least_ms), "pause {at}: {pauses:?}");
    }
    // A success in between resets the back-off.
    assert!(pauses[7] < max, "{pauses:?}");
}

#[test]
fn a_skip_to_the_end_leaves_out_what_is_there_and_nothing_that_comes() {
    let mut written = Written::new(5);
    let consumer = written.consumer();
    let mut taken = Vec::new();
    let mut batches = 0;
    run(&consumer, |batch| {
        taken.extend(some(batch, 2));
        batches += 1;
        match batches {
            1 => return AfterBatch::SkipToEnd(Duration::from_millis(1)),
            2 => written.append(1),
            _ => return AfterBatch::End,
        }
        AfterBatch::Continue
    });
    assert_eq!(taken, [1, 2, 6]);
}
