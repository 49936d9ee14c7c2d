use super::*;

fn put(page: &mut [u8], at: usize, word: u64) {
    page[at..at + 8].copy_from_slice(&word.to_le_bytes());
}

fn page() -> Vec<u8> {
    let mut page = vec![0; PAGE_BYTES];
    put(&mut page, at::MAGIC, MAGIC);
    put(&mut page, at::VERSION_CORE, u64::from(VERSION) | 3 << 32);
    put(&mut page, at::SEQ, 2);
    put(&mut page, at::SEGMENT, 1000);
    put(&mut page, at::CURSOR, 8192);
    put(&mut page, at::DURABLE, 4096);
    put(&mut page, at::IN_APPEND, 1);
    put(&mut page, at::LAST_ORDER, 1010);
    put(&mut page, at::FIRST_UNSYNCED, 1005);
    put(&mut page, at::STATE, State::Open as u64);
    put(&mut page, at::PID, u64::from(std::process::id()));
    page
}

fn read(page: &[u8]) -> Option<ControlSnapshot> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE_NAME);
    std::fs::write(&path, page).unwrap();
    ControlView::read(&path)
}

#[test]
fn a_control_page_reads_back() {
    let snapshot = read(&page()).unwrap();
    assert_eq!((snapshot.core, snapshot.segment, snapshot.cursor, snapshot.durable), (3, 1000, 8192, 4096));
    assert_eq!((snapshot.in_append, snapshot.last_order_us, snapshot.first_unsynced_us), (true, 1010, Some(1005)));
    assert_eq!(snapshot.state, State::Open);
}

#[test]
fn a_page_that_is_none_or_in_change_is_not_believed() {
    for (at, word) in [(at::MAGIC, 1), (at::VERSION_CORE, 2), (at::SEQ, 3), (at::STATE, 9)] {
        let mut page = page();
        put(&mut page, at, word);
        assert_eq!(read(&page), None, "word at {at}");
    }
    assert_eq!(read(&page()[..80]), None);
}

#[test]
fn order_time_follows_the_three_words() {
    assert_eq!(order_us(100, 5_000_000, 0, 1_000_100), 6_000_000);
    assert_eq!(order_us(100, 5_000_000, -500, 1_000_100), 5_999_500);
    assert_eq!(order_us(100, 5_000_000, 0, 50), 5_000_000, "never behind its base");
}

#[test]
fn order_time_is_exact_beyond_64_bits() {
    let times = [0, 1, 1_999_999, u64::from(u32::MAX), i64::MAX as u64 / 500, i64::MAX as u64, u64::MAX];
    let rates = [0, 1, -1, 500, -500, 999_999, i64::MAX, i64::MIN];
    for (mono, rate) in times.into_iter().flat_map(|mono| rates.map(|rate| (mono, rate))) {
        let base = 1_700_000_000_000_000;
        let exact = i128::from(base) + i128::from(mono) + i128::from(mono) * i128::from(rate) / 1_000_000;
        assert_eq!(order_us(0, base, rate, mono), u64::try_from(exact).unwrap_or(base), "{mono} us at {rate} ppm");
    }
}

#[test]
fn the_clock_page_tells_order_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(CLOCK_FILE_NAME);
    let mut page = vec![0; PAGE_BYTES];
    let base_us = monotonic_us();
    put(&mut page, clock_at::MAGIC, CLOCK_MAGIC);
    put(&mut page, clock_at::VERSION, u64::from(VERSION));
    put(&mut page, clock_at::BASE_MONO_US, base_us);
    put(&mut page, clock_at::BASE_ORDER_US, 1_700_000_000_000_000);
    std::fs::write(&path, &page).unwrap();
    let now_us = ClockView::open(&path).unwrap().now_us().unwrap();
    assert!((1_700_000_000_000_000..1_700_000_060_000_000).contains(&now_us), "{now_us}");

    put(&mut page, clock_at::BASE_MONO_US, base_us + 3_600_000_000);
    std::fs::write(&path, &page).unwrap();
    assert_eq!(ClockView::open(&path).unwrap().now_us(), None, "of an earlier boot");
    put(&mut page, clock_at::SEQ, 1);
    std::fs::write(&path, &page).unwrap();
    assert_eq!(ClockView::open(&path).unwrap().now_us(), None, "in change");
}

#[test]
fn words_change_as_one_for_readers() {
    let dir = tempfile::tempdir().unwrap();
    let page = SharedPage::open(&dir.path().join("page")).unwrap();
    protocol::change(&page, 16, |page| {
        assert_eq!(page.word(16).load(Ordering::Relaxed) % 2, 1);
        page.word(24).store(5, Ordering::Relaxed);
    });
    assert_eq!(page.word(16).load(Ordering::Relaxed), 2);
    assert_eq!(page.word(24).load(Ordering::Relaxed), 5);
}
