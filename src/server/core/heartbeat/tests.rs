use super::*;

fn looks(
    listener: &mut Listener,
    heartbeats: &Heartbeats,
    ms: u64,
    ticks: fn(i32) -> Option<u64>,
) -> Vec<(usize, Change)> {
    let mut changes = Vec::new();
    for _ in 0..ms / CHECK_INTERVAL.as_millis() as u64 {
        listener.check_with(heartbeats, ticks, &mut |core, change| changes.push((core, change)));
    }
    changes
}

#[test]
fn a_core_that_falls_silent_is_stuck_until_it_beats_again() {
    let heartbeats = Heartbeats::new(2);
    let mut listener = Listener::new(&heartbeats);
    heartbeats.begin(1);
    assert_eq!(looks(&mut listener, &heartbeats, 4_900, |_| Some(7)), [], "not yet, and core 0 has not begun");
    assert_eq!(looks(&mut listener, &heartbeats, 100, |_| Some(7)), [(1, Change::Stuck)]);
    assert_eq!(heartbeats.fault(1).as_deref(), Some("core 1 does not answer for 5 s"));
    assert_eq!((heartbeats.fault(0), heartbeats.is_dead()), (None, false));
    assert_eq!(looks(&mut listener, &heartbeats, 25_000, |_| Some(7)), [], "it waits in the kernel, which may pass");
    assert!(heartbeats.is_dead());
    heartbeats.beat(1);
    assert_eq!(looks(&mut listener, &heartbeats, 50, |_| Some(7)), [(1, Change::Recovered(30_000))]);
    assert_eq!((heartbeats.fault(1), heartbeats.is_dead()), (None, false));
}

#[test]
fn a_pause_between_two_looks_is_nobodys_silence() {
    let heartbeats = Heartbeats::new(1);
    let mut listener = Listener::new(&heartbeats);
    heartbeats.begin(0);
    assert_eq!(looks(&mut listener, &heartbeats, 100, |_| Some(7)), []);
    std::thread::sleep(Duration::from_millis(STUCK_MS + 100));
    assert_eq!(looks(&mut listener, &heartbeats, 50, |_| Some(7)), []);
    assert_eq!(heartbeats.silent_ms().collect::<Vec<_>>(), [150]);
}

#[test]
fn a_core_that_turns_without_end_is_lost() {
    let heartbeats = Heartbeats::new(1);
    let mut listener = Listener::new(&heartbeats);
    heartbeats.begin(0);
    static TICKS: AtomicU64 = AtomicU64::new(0);
    let more = |_| Some(TICKS.fetch_add(100, Ordering::Relaxed));
    assert_eq!(looks(&mut listener, &heartbeats, 9_000, more), [(0, Change::Stuck), (0, Change::Spinning)]);
    assert!(heartbeats.fault(0).is_some_and(|fault| fault.contains("turns without end")));
    heartbeats.end(0);
    assert_eq!(looks(&mut listener, &heartbeats, 9_000, more), [], "who has ended is not stuck");
    assert_eq!(heartbeats.fault(0), None);
}

#[test]
fn the_processor_time_of_a_thread_is_found() {
    let thread = rustix::thread::gettid().as_raw_nonzero().get();
    let began = processor_ticks(thread).expect("this thread runs");
    let mut sum = 0_u64;
    while processor_ticks(thread).expect("it still does") < began + 3 {
        sum = (0..100_000_u64).fold(sum, |sum, n| std::hint::black_box(sum ^ n));
    }
    assert_eq!(processor_ticks(-1), None);
}
