use std::fs;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use crate::log::format::control::State;
use crate::log::format::record::{Entry, Label};
use crate::log::read::reader::hand::{HandControl, HandSegment, take_lock, temp_dir, write_clock, write_log_file};
use crate::log::repair::recovery::recover;

use super::*;

fn merge(log_dir: &Path) -> Merge {
    Merge::new(LogReader::open(log_dir).unwrap())
}

/// What comes now: times and cores.
pub(super) fn drain(merge: &mut Merge) -> Vec<(u64, u16)> {
    let mut out = Vec::new();
    while let Some(record) = merge.next().unwrap() {
        out.push((record.order_us, record.id.core));
    }
    out
}

/// A live log of some cores, each with an open segment that grows, and a clock that stands where it is put.
struct Live {
    dir: tempfile::TempDir,
    segments: Vec<HandSegment>,
    controls: Vec<HandControl>,
    /// Held as long as the server lives.
    lock: Option<fs::File>,
}

impl Live {
    fn new(cores: u16) -> Live {
        let dir = temp_dir();
        write_log_file(dir.path());
        let segments: Vec<_> = (0..cores).map(|core| HandSegment::new(core, 1000)).collect();
        let controls: Vec<_> = segments.iter().map(HandControl::live).collect();
        let live = Live { lock: Some(take_lock(dir.path())), dir, segments, controls };
        live.write(1000);
        live
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn append(&mut self, core: usize, order_us: u64) {
        self.segments[core].batch(order_us, 7, format!("{core}-{order_us}").as_bytes());
        self.publish(core, order_us);
    }

    /// A batch that is sent again and again.
    fn append_again(&mut self, core: usize, order_us: u64) {
        let label = Some(Label { page: 9, number: 9 });
        self.segments[core].record(order_us, &Entry { label, ..HandSegment::entry(b"again") });
        self.publish(core, order_us);
    }

    fn publish(&mut self, core: usize, order_us: u64) {
        let control = &mut self.controls[core];
        (control.last_order, control.cursor) = (order_us, self.segments[core].bytes.len() as u64);
        if control.first_unsynced == 0 {
            control.first_unsynced = order_us;
        }
    }

    fn sync(&mut self, core: usize) {
        self.segments[core].group();
        self.controls[core].durable = self.segments[core].durable;
        self.controls[core].first_unsynced = 0;
    }

    fn append_durably(&mut self, core: usize, order_us: u64) {
        self.append(core, order_us);
        self.sync(core);
    }

    /// Puts it all on disk as it stands, at this time.
    fn write(&self, now_us: u64) {
        write_clock(self.path(), now_us);
        for (segment, control) in self.segments.iter().zip(&self.controls) {
            use std::os::unix::fs::FileExt;
            let path = segment.open_path(self.path());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let file = fs::OpenOptions::new().create(true).write(true).truncate(false).open(path).unwrap();
            file.set_len(1 << 16).unwrap();
            file.write_all_at(&segment.bytes, 0).unwrap();
            control.write(self.path());
        }
    }

    /// Goes on to a new segment; the old one is left to be sealed.
    fn roll(&mut self, core: usize, id: u64) -> HandSegment {
        let old = std::mem::replace(&mut self.segments[core], HandSegment::new(core as u16, id));
        self.controls[core] =
            HandControl { last_order: self.controls[core].last_order, ..HandControl::live(&self.segments[core]) };
        old
    }
}

#[test]
fn sealed_segments_of_all_cores_leave_by_time_core_and_offset() {
    let dir = temp_dir();
    write_log_file(dir.path());
    for (core, id, times) in
        [(0, 10, &[11, 14, 20][..]), (0, 21, &[30, 31]), (1, 10, &[12, 14, 14, 35]), (5, 9, &[10, 13])]
    {
        let mut segment = HandSegment::new(core, id);
        for &order_us in times {
            segment.batch(order_us, 7, &[core as u8, order_us as u8]);
        }
        segment.write_sealed(dir.path());
    }
    let expected = [(10, 5), (11, 0), (12, 1), (13, 5), (14, 0), (14, 1), (14, 1), (20, 0), (30, 0), (31, 0), (35, 1)];
    assert_eq!(drain(&mut merge(dir.path())), expected);
}

#[test]
fn an_idle_core_holds_nothing_up_below_the_clock() {
    let mut live = Live::new(2);
    live.append_durably(0, 1010);
    live.append_durably(0, 1020);
    live.write(1015);
    let mut merge = merge(live.path());
    assert_eq!(drain(&mut merge), [(1010, 0)], "core 1 may still append at 1,015");
    live.write(1021);
    assert_eq!(drain(&mut merge), [(1020, 0)]);
    assert_eq!(drain(&mut merge), []);
}

#[test]
fn only_what_is_durable_leaves_and_it_waits_for_what_is_older_and_not_durable() {
    let mut live = Live::new(2);
    live.append(1, 1005);
    live.append_durably(0, 1010);
    live.write(1100);
    let mut merge = merge(live.path());
    assert_eq!(drain(&mut merge), [], "1,005 of core 1 comes first and is not durable");
    live.append_durably(0, 1012);
    live.write(1100);
    assert_eq!(drain(&mut merge), []);
    live.sync(1);
    live.write(1100);
    assert_eq!(drain(&mut merge), [(1005, 1), (1010, 0), (1012, 0)]);
}

#[test]
fn a_core_in_an_append_counts_as_its_last_time() {
    let mut live = Live::new(2);
    live.append_durably(1, 1004);
    live.append_durably(0, 1003);
    live.append_durably(0, 1010);
    live.controls[1].in_append = 1;
    live.write(1100);
    let mut merge = merge(live.path());
    assert_eq!(drain(&mut merge), [(1003, 0), (1004, 1)]);
    live.controls[1].in_append = 0;
    live.append_durably(1, 1006);
    live.write(1100);
    assert_eq!(drain(&mut merge), [(1006, 1), (1010, 0)]);
}

#[test]
fn failed_poisoned_and_closed_cores_hold_nothing_up() {
    for state in [State::Failed, State::Poisoned, State::Closed] {
        let mut live = Live::new(2);
        live.append(1, 1005);
        live.controls[1].state = state;
        live.append_durably(0, 1010);
        live.write(1100);
        assert_eq!(drain(&mut merge(live.path())), [(1010, 0)], "{state:?}");
    }
}

#[test]
fn a_control_page_of_a_server_that_is_gone_holds_nothing_up() {
    let mut live = Live::new(2);
    live.append(1, 1005);
    live.controls[1].in_append = 1;
    live.controls[1].pid = HandControl::DEAD;
    live.append_durably(0, 1010);
    live.write(1100);
    assert_eq!(drain(&mut merge(live.path())), [(1010, 0)], "beside a living core");
    live.lock = None;
    live.controls[0].seq = 3;
    live.write(1);
    let mut left = merge(live.path());
    assert_eq!(drain(&mut left), [], "died in the change of segments, and no record vouches for another");
    live.controls[0].seq = 4;
    live.write(1);
    assert_eq!(drain(&mut left), [(1010, 0)], "with no server at all, whatever the clock says");
}

#[test]
fn what_a_dead_server_left_goes_on_after_recovery() {
    let mut live = Live::new(1);
    live.append_durably(0, 1010);
    live.append(0, 1020);
    live.write(1100);
    live.lock = None;
    let mut merge = merge(live.path());
    assert_eq!(drain(&mut merge), [(1010, 0)]);
    let _lock = take_lock(live.path());
    assert_eq!(drain(&mut merge), [], "a server has come, and has not taken the core up");
    recover(live.path(), crate::log::read::reader::hand::LOG).unwrap();
    live.segments[0] = HandSegment::new(0, 2000);
    live.controls[0] = HandControl::live(&live.segments[0]);
    live.append_durably(0, 2001);
    live.write(2100);
    assert_eq!(drain(&mut merge), [(1020, 0), (2001, 0)]);
    assert_eq!(merge.damage(), []);
}

#[test]
fn a_merge_follows_a_core_from_segment_to_segment() {
    let mut live = Live::new(1);
    live.append_durably(0, 1010);
    live.write(1011);
    let mut merge = merge(live.path());
    assert_eq!(drain(&mut merge), [(1010, 0)]);
    live.append_durably(0, 1020);
    live.write(1021);
    let mut old = live.roll(0, 1030);
    live.append_durably(0, 1040);
    live.write(1050);
    assert_eq!(drain(&mut merge), [(1020, 0), (1040, 0)], "the old segment is not sealed yet");
    old.seal(live.path());
    old = live.roll(0, 1060);
    live.write(1070);
    old.seal(live.path());
    old = live.roll(0, 1080);
    live.append_durably(0, 1090);
    live.write(1100);
    fs::remove_file(old.open_path(live.path())).unwrap();
    assert_eq!(drain(&mut merge), [(1090, 0)], "an unused segment was removed");
    assert_eq!(merge.damage(), []);
}

#[test]
fn a_segment_that_is_sealed_while_it_is_read_is_read_to_its_end() {
    let mut live = Live::new(1);
    for order_us in 1001..1020 {
        live.append_durably(0, order_us);
    }
    live.write(2000);
    let mut merge = merge(live.path());
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push(merge.next().unwrap().unwrap().order_us);
    }
    live.roll(0, 1500).seal(live.path());
    live.append_durably(0, 1600);
    live.write(2000);
    seen.extend(drain(&mut merge).iter().map(|seen| seen.0));
    assert_eq!(seen, (1001..1020).chain([1600]).collect::<Vec<_>>());
}

#[test]
fn a_core_that_appears_is_followed() {
    let mut live = Live::new(1);
    live.append_durably(0, 1010);
    live.write(1011);
    let mut merge = merge(live.path());
    assert_eq!(drain(&mut merge), [(1010, 0)]);
    live.segments.push(HandSegment::new(1, 1015));
    live.controls.push(HandControl::live(&live.segments[1]));
    live.append_durably(1, 1016);
    live.append_durably(0, 1020);
    live.write(1030);
    assert_eq!(drain(&mut merge), [(1016, 1), (1020, 0)]);
}

#[test]
fn a_merge_resumes_behind_the_last_record_that_it_handed_out() {
    let mut live = Live::new(2);
    for order_us in [1001, 1004, 1007] {
        live.append_durably(0, order_us);
        live.append_durably(1, order_us + 1);
    }
    live.write(1100);
    live.roll(0, 1050).seal(live.path());
    live.append_durably(0, 1060);
    live.write(1100);
    let whole = drain(&mut merge(live.path()));
    assert_eq!(whole.len(), 7);
    for taken in 0..=whole.len() {
        let mut first = merge(live.path());
        for _ in 0..taken {
            first.next().unwrap().unwrap();
        }
        let text = serde_json::to_string(&first.position()).unwrap();
        let position = serde_json::from_str(&text).unwrap();
        let mut rest = Merge::resume(LogReader::open(live.path()).unwrap(), &position).unwrap();
        assert_eq!(drain(&mut rest), whole[taken..], "after {taken}");
        let end = rest.position();
        let mut nothing = Merge::resume(LogReader::open(live.path()).unwrap(), &end).unwrap();
        assert_eq!(drain(&mut nothing), []);
    }
    let other = MergePosition { log: Uuid::nil(), cores: BTreeMap::new(), behind: BTreeMap::new() };
    assert!(Merge::resume(LogReader::open(live.path()).unwrap(), &other).is_err());
}

#[test]
fn what_had_to_wait_for_another_merge_leaves_once_that_has_passed_it() {
    let mut live = Live::new(2);
    let (mut first, mut second) = (merge(live.path()), merge(live.path()));
    live.append_again(0, 2000);
    live.append(1, 2001);
    live.append_again(1, 2002);
    live.sync(0);
    live.sync(1);
    live.write(3000);
    let mut left = Vec::new();
    loop {
        let passed = first.position();
        for _ in 0..3 {
            while let Some(record) = second.next_before(&passed).unwrap() {
                left.push((record.order_us, record.id.core));
            }
        }
        if first.next().unwrap().is_none() {
            break;
        }
    }
    assert_eq!(left, [(2000, 0), (2001, 1)], "all but what was sent again");
}

#[test]
fn what_another_merge_has_passed_is_found_although_a_record_behind_it_is_at_hand() {
    let mut live = Live::new(2);
    live.append_durably(0, 2000);
    live.append_durably(0, 2010);
    live.append_durably(1, 2001);
    live.write(2100);
    let (mut first, mut second) = (merge(live.path()), merge(live.path()));
    for merge in [&mut first, &mut second] {
        for order_us in [2000, 2001, 2010] {
            assert_eq!(merge.next().unwrap().unwrap().order_us, order_us);
        }
    }
    live.append_durably(0, 2200);
    live.append_durably(0, 2210);
    live.write(2300);
    assert_eq!(second.next().unwrap().unwrap().order_us, 2200);
    // The other one looks later: it sees more of both, and a core that is new.
    live.append_durably(1, 2400);
    live.segments.push(HandSegment::new(2, 2390));
    live.controls.push(HandControl::live(&live.segments[2]));
    live.write(2500);
    assert_eq!(first.next().unwrap().unwrap().order_us, 2200);
    let passed = first.position();
    assert!(passed.cores.len() == 3, "{passed:?}");
    assert!(second.next_before(&passed).unwrap().is_none());
    assert!(second.position().covers(&passed), "{:?} {passed:?}", second.position());
    assert_eq!(drain(&mut second), [(2210, 0), (2400, 1)]);
}

#[test]
fn damage_is_stepped_over_and_noted() {
    let dir = temp_dir();
    write_log_file(dir.path());
    let mut segment = HandSegment::new(0, 10);
    segment.batch(11, 7, b"one");
    let second = segment.batch(12, 7, b"two");
    segment.batch(13, 7, b"three");
    let path = segment.write_sealed(dir.path());
    segment.bytes[second as usize + 5] ^= 1;
    fs::write(&path, &segment.bytes).unwrap();
    fs::write(segment.seg_path(dir.path()).with_file_name(format!("{:020}.seg", 20)), b"foreign").unwrap();
    let mut merge = merge(dir.path());
    assert_eq!(drain(&mut merge), [(11, 0), (13, 0)]);
    assert_eq!(merge.damage_count(), 2);
    assert_eq!((merge.damage()[0].offset, merge.damage()[0].segment), (second, 10));
    assert_eq!((merge.damage()[1].offset, merge.damage()[1].segment), (0, 20));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Appends, syncs, rolls and reads in any mix: the merge hands out every durable record once, in order, and nothing else.
    #[test]
    fn whatever_happens_the_order_holds_and_nothing_is_lost(steps in proptest::collection::vec((0u8..8, 0usize..3), 1..60)) {
        let mut live = Live::new(3);
        let live_path = &live.path().to_path_buf();
        let (mut now_us, mut seen, mut unsealed) = (1000, Vec::new(), Vec::new());
        let mut merge = merge(live.path()).with_repeat_window(RepeatWindow::OFF);
        let window = RepeatWindow { time: Duration::from_micros(20), ..RepeatWindow::default() };
        let once = || Merge::new(LogReader::open(live_path).unwrap()).with_repeat_window(window);
        let (mut without_repeats, mut seen_once) = (once(), Vec::new());
        let mut appended: Vec<(u64, u16)> = Vec::new();
        for (step, core) in steps {
            now_us += u64::from(step % 3);
            match step {
                0..=2 => {
                    match step {
                        2 => live.append_again(core, now_us),
                        _ => live.append(core, now_us),
                    }
                    appended.push((now_us, core as u16));
                }
                3 => live.sync(core),
                4 => {
                    live.sync(core);
                    live.write(now_us);
                    now_us += 1;
                    unsealed.push(live.roll(core, now_us));
                }
                5 => {
                    if let Some(old) = unsealed.pop() {
                        live.write(now_us);
                        old.seal(live.path());
                    }
                }
                _ => {
                    live.write(now_us);
                    seen.extend(drain(&mut merge));
                    seen_once.extend(drain(&mut without_repeats));
                }
            }
        }
        for core in 0..3 {
            live.sync(core);
        }
        live.write(now_us + 1);
        seen.extend(drain(&mut merge));
        seen_once.extend(drain(&mut without_repeats));
        appended.sort_unstable();
        prop_assert_eq!(seen, appended);
        prop_assert_eq!(drain(&mut once()), seen_once, "repeats are the same, read live or afterwards");
        prop_assert_eq!(merge.damage(), []);
    }
}
