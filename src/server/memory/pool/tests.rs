use crate::config::BUFFER_BYTES_MIN;

use super::*;

#[test]
fn memory_is_given_back_and_reused() {
    let pool = Pool::new(1024 * 1024);
    let mut work = pool.take(100);
    assert_eq!(work.buf.capacity(), BUFFER_BYTES_MIN);
    work.buf.extend_from_slice(b"abc");
    pool.grow(&mut work.buf, 30_000).expect("within the budget");
    assert_eq!(&work.buf[..], b"abc");
    assert_eq!(pool.used_bytes(), (32 * 1024 + BUFFER_BYTES_MIN) as u64 + WORK_BYTES);
    let address = work.buf.as_ptr();
    pool.put(work);
    assert_eq!(pool.used_bytes(), 0);
    let work = pool.take(30_000);
    assert_eq!(work.buf.as_ptr(), address);
    assert!(work.buf.is_empty());
}

#[test]
fn what_a_burst_left_is_given_back_and_what_is_in_use_is_kept() {
    let pool = Pool::new(1024 * 1024);
    let in_use = |count: usize| {
        let works: Vec<_> = (0..count).map(|_| pool.take(100)).collect();
        works.into_iter().for_each(|work| pool.put(work));
    };
    in_use(1_000);
    let each = BUFFER_BYTES_MIN as u64 + WORK_BYTES;
    assert_eq!(pool.kept_bytes(), 1_000 * each);
    // Given back is what was free for a while, not what has just become free.
    pool.give_back();
    assert_eq!(pool.kept_bytes(), 1_000 * each);
    for (count, kept) in [(300, 300), (10, WORKS_ALWAYS_KEPT.max(ALWAYS_KEPT_BYTES / BUFFER_BYTES_MIN) as u64)] {
        for _ in 0..20 {
            in_use(count);
            pool.give_back();
        }
        assert!(pool.kept_bytes() <= kept * each && pool.kept_bytes() >= count as u64 * each, "{count} in use");
    }
    assert_eq!(pool.used_bytes(), 0);
}

#[test]
fn bytes_in_flight_are_bounded_but_a_head_can_always_be_read() {
    let pool = Pool::new(100_000);
    let mut works = vec![pool.take(30_000), pool.take(30_000)];
    let mut small = pool.take(30_000);
    assert_eq!(small.buf.capacity(), BUFFER_BYTES_MIN, "falls back to the smallest");
    assert_eq!(pool.grow(&mut small.buf, 30_000), Err(OverBudget));
    pool.put(works.pop().expect("two were taken"));
    assert_eq!(pool.grow(&mut small.buf, 30_000), Ok(()));
}

#[test]
fn what_is_held_elsewhere_counts_too() {
    let pool = Pool::new(100_000);
    assert_eq!(pool.reserve(70_000), Ok(()));
    assert_eq!(pool.reserve(30_001), Err(OverBudget));
    let mut work = pool.take(0);
    assert_eq!(pool.grow(&mut work.buf, 30_000), Err(OverBudget));
    pool.unreserve(70_000);
    assert_eq!(pool.grow(&mut work.buf, 30_000), Ok(()));
}

#[test]
fn what_stands_beside_a_buffer_counts_and_is_given_back() {
    let pool = Pool::new(1_000_000);
    let mut work = pool.take(0);
    let before = pool.used_bytes();
    for text in [&mut work.out, &mut work.ext, &mut work.payload, &mut work.answer] {
        text.reserve_exact(100_000);
    }
    pool.count(&mut work);
    let beside = pool.used_bytes() - before;
    assert!((400_000..410_000).contains(&beside), "{beside}");
    assert_eq!(pool.reserve(600_001), Err(OverBudget));
    pool.clear_side_buffers(&mut work);
    assert!(work.side_capacity() <= SIDE_BYTES_FREE);
    assert_eq!((pool.used_bytes(), pool.budgeted_bytes.get()), (before, 0));
    work.answer.reserve_exact(100_000);
    pool.count(&mut work);
    pool.put(work);
    assert_eq!((pool.used_bytes(), pool.budgeted_bytes.get()), (0, 0));
    assert!(pool.take(0).side_capacity() <= SIDE_BYTES_FREE, "nothing of it is kept for the next");
}

#[test]
fn many_small_buffers_do_not_keep_a_larger_one_away() {
    let pool = Pool::new(100_000);
    let mut works: Vec<_> = (0..50).map(|_| pool.take(0)).collect();
    assert!(pool.used_bytes() > 400_000);
    assert_eq!(pool.grow(&mut works[0].buf, 30_000), Ok(()));
    assert_eq!(pool.grow(&mut works[1].buf, 30_000), Ok(()));
    assert_eq!(pool.grow(&mut works[2].buf, 30_000), Err(OverBudget));
    works.drain(..).for_each(|work| pool.put(work));
    assert_eq!((pool.used_bytes(), pool.budgeted_bytes.get()), (0, 0));
}

#[test]
fn a_request_beyond_the_largest_class_is_refused() {
    let pool = Pool::new(u64::MAX);
    let mut work = pool.take(0);
    assert_eq!(pool.grow(&mut work.buf, 1 << 30), Err(OverBudget));
}
