//! Receipts: the cursor waits for them, and unconfirmed batches come again.

use super::*;

#[test]
fn the_cursor_stays_before_what_is_not_confirmed_and_follows_when_it_is() {
    let written = Written::new(6);
    let consumer = Consumer { keep_every: Duration::ZERO, holds: true, ..written.consumer() };
    let (handle, receipts) = (Handle::default(), Mutex::new(Vec::<Receipt>::new()));
    thread::scope(|scope| {
        scope.spawn(|| {
            let take = |batch: &mut Batch<'_>| {
                if !some(batch, 2).is_empty() {
                    receipts.lock().unwrap().push(batch.receipt());
                }
                AfterBatch::Continue
            };
            follow(&consumer, &handle, &mut Closure { take, failures: Vec::new() }).unwrap();
        });
        let _stop = StopOnDrop(&handle);
        let confirm = |at: usize| receipts.lock().unwrap().remove(at).confirm();
        let stays_at = |number| {
            // The cursor is saved after each batch and, at the end of the log, after each pause.
            for _ in 0..20 {
                assert_eq!(written.kept_number(), number);
                thread::sleep(Duration::from_millis(2));
            }
        };
        wait_for("all is read", || receipts.lock().unwrap().len() == 3);
        stays_at(Some(1));
        confirm(1);
        stays_at(Some(1));
        confirm(0);
        wait_for("the cursor follows", || written.kept_number() == Some(5));
        stays_at(Some(5));
        confirm(0);
        wait_for("the cursor follows", || written.kept_number().is_none());
    });
}

#[test]
fn what_is_not_confirmed_comes_again_after_a_stop_and_after_its_receipt_is_dropped() {
    let written = Written::new(6);
    let consumer = Consumer { holds: true, ..written.consumer() };
    let mut taken = Vec::new();
    let mut receipts = Vec::new();
    run(&consumer, |batch| {
        taken.push(some(batch, 2));
        receipts.push(batch.receipt());
        match taken.len() {
            3 => {
                let third = receipts.pop();
                drop(receipts.pop());
                receipts.pop().unwrap().confirm();
                receipts.extend(third);
                AfterBatch::Continue
            }
            5 => AfterBatch::End,
            _ => AfterBatch::Continue,
        }
    });
    assert_eq!(taken, [[1, 2], [3, 4], [5, 6], [3, 4], [5, 6]]);
    drop(receipts);
    assert_eq!(rest(&consumer), [3, 4, 5, 6]);
}
