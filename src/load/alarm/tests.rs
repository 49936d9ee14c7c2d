use tokio::task::LocalSet;

use super::*;

fn run<F: Future>(work: impl FnOnce(Rc<Alarms>) -> F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let alarms = Alarms::new().unwrap();
        let ringing = Rc::clone(&alarms);
        tokio::task::spawn_local(async move { ringing.run().await });
        work(alarms).await
    })
}

#[test]
fn alarms_ring_in_the_order_in_which_they_are_due_and_never_early() {
    let rung = run(|alarms| async move {
        let began = Instant::now();
        let rung = Rc::new(RefCell::new(Vec::new()));
        let waits = [30, 10, 20, 0, 10].map(|ms| {
            let (alarms, rung) = (Rc::clone(&alarms), Rc::clone(&rung));
            tokio::task::spawn_local(async move {
                alarms.at(began + Duration::from_millis(ms)).await;
                assert!(began.elapsed() >= Duration::from_millis(ms));
                rung.borrow_mut().push(ms);
            })
        });
        for wait in waits {
            wait.await.unwrap();
        }
        rung.take()
    });
    assert_eq!(rung, [0, 10, 10, 20, 30]);
}

#[test]
fn a_wait_that_is_given_up_leaves_nothing_and_stops_nobody() {
    run(|alarms| async move {
        let mut given_up = Box::pin(alarms.after(Duration::from_secs(3600)));
        std::future::poll_fn(|context| {
            assert!(given_up.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        drop(given_up);
        assert!(alarms.wakers.borrow().is_empty());
        alarms.after(Duration::from_millis(10)).await;
        assert!(alarms.wakers.borrow().is_empty());
    });
}
