//! Lag, measured against a known log.

use super::*;

#[test]
fn lag_is_what_is_left_in_records_bytes_and_time() {
    let mut written = Written::new(30);
    let consumer = Consumer { keep_every: Duration::ZERO, ..written.consumer() };
    let handle = Handle::default();
    assert_eq!(handle.lag().unwrap(), None);
    let mut batches = 0;
    let mut lags = Vec::new();
    let mut first_us = 0;
    let take = |batch: &mut Batch<'_>| {
        lags.push(handle.lag().unwrap());
        batches += 1;
        match batches {
            1 => first_us = batch.next().unwrap().order_us,
            2 => drop(some(batch, 14)),
            3 => drop(all(batch)),
            4 => {
                written.append(3);
                thread::sleep(Duration::from_millis(30));
                lags.push(handle.lag().unwrap());
                written.close();
                lags.push(handle.lag().unwrap());
                return AfterBatch::End;
            }
            _ => unreachable!(),
        }
        AfterBatch::Continue
    };
    follow(&consumer, &handle, &mut Closure { take, failures: Vec::new() }).unwrap();
    let lags: Vec<Lag> = lags.into_iter().flatten().collect();
    let [before, one, half, none, new, sealed] = lags[..] else { panic!("{lags:?}") };
    let about = |lag: Lag, records: u64| {
        let bytes = RECORD_BYTES * records..(RECORD_BYTES + 4096) * records;
        assert!(bytes.contains(&lag.bytes), "{records}: {lag:?}");
        // In segments that are not sealed, records are estimated from the bytes, padding included.
        assert!((records..=records + 1 + records / 5).contains(&lag.records), "{records}: {lag:?}");
    };
    about(before, 30);
    about(one, 29);
    about(half, 15);
    let now_us = LogReader::open(&consumer.log_dir).unwrap().now_us();
    assert!(one.time > Duration::ZERO && one.time <= Duration::from_micros(now_us - first_us), "{one:?}");
    assert_eq!(none, Lag::default());
    about(new, 3);
    assert!((Duration::from_millis(30)..PATIENCE).contains(&new.time), "{new:?}");
    about(sealed, 3);
    assert_eq!(sealed.records, 3);
}
