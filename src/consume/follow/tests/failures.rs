//! Failures, and stopping during one.

use super::*;

#[test]
fn a_log_that_can_t_be_read_is_tried_again_until_it_can() {
    let mut written = Written::new(2);
    written.close();
    let away = written.dir.path().join("away");
    std::fs::rename(written.log_dir(), &away).unwrap();
    let (consumer, handle) = (written.consumer(), Handle::default());
    let failures = Mutex::new(0);
    struct Counts<'a>(&'a Mutex<u32>, Vec<u64>);
    impl Handler for Counts<'_> {
        fn take(&mut self, batch: &mut Batch<'_>) -> AfterBatch {
            self.1.extend(all(batch));
            if self.1.is_empty() { AfterBatch::Continue } else { AfterBatch::End }
        }
        fn failed(&mut self, failure: Failure<'_>) {
            assert!(matches!(failure, Failure::Read(_)));
            *self.0.lock().unwrap() += 1;
        }
    }
    thread::scope(|scope| {
        let follower = scope.spawn(|| {
            let mut handler = Counts(&failures, Vec::new());
            follow(&consumer, &handle, &mut handler).unwrap();
            handler.1
        });
        let _stop = StopOnDrop(&handle);
        wait_for("it fails", || *failures.lock().unwrap() >= 3);
        std::fs::rename(&away, written.log_dir()).unwrap();
        assert_eq!(follower.join().unwrap(), [1, 2]);
    });
}

#[test]
fn a_stop_is_prompt_at_the_end_of_the_log_and_while_a_handler_fails_or_pauses() {
    let written = Written::new(3);
    for step in [AfterBatch::Continue, AfterBatch::Retry, AfterBatch::Pause(HOUR)] {
        let consumer = Consumer { idle: HOUR, backoff_first: HOUR, backoff_max: HOUR, ..written.consumer() };
        let (handle, taken) = (Handle::default(), Mutex::new(0));
        thread::scope(|scope| {
            let follower = scope.spawn(|| {
                let take = |batch: &mut Batch<'_>| {
                    *taken.lock().unwrap() += all(batch).len();
                    step
                };
                follow(&consumer, &handle, &mut Closure { take, failures: Vec::new() }).unwrap();
            });
            let _stop = StopOnDrop(&handle);
            wait_for("records are taken", || *taken.lock().unwrap() == 3);
            thread::sleep(Duration::from_millis(20));
            assert!(!follower.is_finished());
            let stopped = Instant::now();
            handle.stop();
            follower.join().unwrap();
            assert!(stopped.elapsed() < Duration::from_secs(5), "{step:?}: {:?}", stopped.elapsed());
        });
        let left: &[u64] = if step == AfterBatch::Retry { &[1, 2, 3] } else { &[] };
        assert_eq!(rest(&written.consumer()), left);
        Cursors::of(&LogReader::open(&consumer.log_dir).unwrap()).remove(&consumer.name).unwrap();
    }
}

#[test]
fn a_rewind_is_done_once_the_log_can_be_read_even_if_it_can_t_when_it_is_asked_for() {
    let mut written = Written::new(2);
    written.close();
    let away = written.dir.path().join("away");
    let (consumer, handle) = (written.consumer(), Handle::default());
    let (failures, taken, recovered) = (Mutex::new(0), Mutex::new(Vec::new()), Mutex::new(0));
    struct Collects<'a>(&'a Mutex<u32>, &'a Mutex<Vec<u64>>, &'a Mutex<u32>);
    impl Handler for Collects<'_> {
        fn take(&mut self, batch: &mut Batch<'_>) -> AfterBatch {
            self.1.lock().unwrap().extend(all(batch));
            AfterBatch::Continue
        }
        fn failed(&mut self, _: Failure<'_>) {
            *self.0.lock().unwrap() += 1;
        }
        fn recovered(&mut self) {
            *self.2.lock().unwrap() += 1;
        }
    }
    thread::scope(|scope| {
        let _stop = StopOnDrop(&handle);
        scope.spawn(|| follow(&consumer, &handle, &mut Collects(&failures, &taken, &recovered)).unwrap());
        wait_for("both records", || *taken.lock().unwrap() == [1, 2]);
        std::fs::rename(written.log_dir(), &away).unwrap();
        handle.rewind(None);
        wait_for("it fails", || *failures.lock().unwrap() >= 3);
        std::fs::rename(&away, written.log_dir()).unwrap();
        wait_for("both again", || *taken.lock().unwrap() == [1, 2, 1, 2]);
        wait_for("it says so", || *recovered.lock().unwrap() == 1);
    });
}
