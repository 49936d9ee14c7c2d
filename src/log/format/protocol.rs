//! What a core's writer, the clock's keeper and a reader in another process promise each other, store by store.
//!
//! They share pages of u64 words: a control page for each core, and the clock page. The owner maps them and stores whole aligned
//! words; readers come by `pread`. Nothing here touches a file or a mapping: the words are behind [`Words`] and [`Page`]. So the model
//! in `tests/loom` includes this very file and tries every interleaving and every value that a weak memory may show.
//!
//! What the owner promises:
//!
//! - `SEQ` is odd while `SEGMENT`, `CURSOR` and `DURABLE` change together, and even otherwise.
//! - An append sets `IN_APPEND`, and only then reads the clock; `FIRST_UNSYNCED` (where it was 0), `LAST_ORDER` and `CURSOR` are
//!   stored before `IN_APPEND` is cleared.
//! - A sync stores `DURABLE` (or the retired segment's) before it moves or clears `FIRST_UNSYNCED`.
//! - `SEGMENT` goes on to a newer segment only when the older one is durable as a whole, or has been cut to its durable end.
//!
//! What a reader may rely on: `pread` copies each aligned word whole, old or new, and copies words in no particular order: of several words it
//! promises nothing. The kernel copies from the very page that the owner has mapped, so a copy is a row of plain loads; with a full fence
//! before it, it sees what was stored before the owner's last full fence that came earlier.

use std::sync::atomic::Ordering;

/// Where the words of a control page lie, in bytes.
pub mod at {
    /// The magic word.
    pub const MAGIC: usize = 0;
    /// Version in the low half, core in the high half.
    pub const VERSION_CORE: usize = 8;
    /// Odd while the segment changes.
    pub const SEQ: usize = 16;
    /// The segment that is being written.
    pub const SEGMENT: usize = 24;
    /// The end of its published records, in bytes.
    pub const CURSOR: usize = 32;
    /// Its durable end, in bytes; stored before any answer of the group is sent.
    pub const DURABLE: usize = 40;
    /// 1 while a record is being appended.
    pub const IN_APPEND: usize = 48;
    /// The order time of the newest record.
    pub const LAST_ORDER: usize = 56;
    /// The order time of the first record that is not durable yet; 0 where all are.
    pub const FIRST_UNSYNCED: usize = 64;
    /// One of [`State`](super::State).
    pub const STATE: usize = 72;
    /// The process that writes.
    pub const PID: usize = 80;
    /// How many segments are ready to be written.
    pub const PREPARED: usize = 88;
    /// Which file this page was made as: a copy of it is another file, and says so by that. 0 where it is not known.
    pub const PLACE: usize = 96;
}

/// Where the words of a clock page lie, in bytes.
pub mod clock_at {
    /// The magic word.
    pub const MAGIC: usize = 0;
    /// The version.
    pub const VERSION: usize = 8;
    /// Odd while the three words below change.
    pub const SEQ: usize = 16;
    /// CLOCK_MONOTONIC in microseconds at the last anchoring.
    pub const BASE_MONO_US: usize = 24;
    /// Order time at that moment.
    pub const BASE_ORDER_US: usize = 32;
    /// Parts in a million by which order time runs fast (i64): 0, or negative while slewing back.
    pub const RATE_PPM: usize = 40;
    /// What the owner knew the wall clock to be at the last anchoring, at least; 0 unknown. For the next start: not under `SEQ`.
    pub const KNOWN_US: usize = 48;
    /// What it may have been at most; 0 unknown.
    pub const LATEST_US: usize = 56;
    /// The earliest that it may have been: what ages are counted to; 0 unknown. For those who ask beside the owner: not under `SEQ` either.
    pub const EARLIEST_US: usize = 64;
}

/// The first word of a control page: `TAKEUPCT`, little-endian.
pub const MAGIC: u64 = u64::from_le_bytes(*b"TAKEUPCT");

/// The first word of a clock page: `TAKEUPCK`, little-endian.
pub const CLOCK_MAGIC: u64 = u64::from_le_bytes(*b"TAKEUPCK");

/// The version of both pages.
pub const VERSION: u32 = 1;

/// The words of a control page that carry meaning: what a reader compares.
const USED_BYTES: usize = at::PLACE + 8;
const CLOCK_USED_BYTES: usize = clock_at::RATE_PPM + 8;

/// Whether each word begins where the one before it ends: then none is torn by another, and each can be stored as a whole.
const fn are_words_in_a_row(places: &[usize]) -> bool {
    let mut word = 0;
    while word < places.len() {
        if places[word] != word * size_of::<u64>() {
            return false;
        }
        word += 1;
    }
    true
}

const _: () = assert!(are_words_in_a_row(&[
    at::MAGIC,
    at::VERSION_CORE,
    at::SEQ,
    at::SEGMENT,
    at::CURSOR,
    at::DURABLE,
    at::IN_APPEND,
    at::LAST_ORDER,
    at::FIRST_UNSYNCED,
    at::STATE,
    at::PID,
    at::PREPARED,
    at::PLACE,
]));
const _: () = assert!(are_words_in_a_row(&[
    clock_at::MAGIC,
    clock_at::VERSION,
    clock_at::SEQ,
    clock_at::BASE_MONO_US,
    clock_at::BASE_ORDER_US,
    clock_at::RATE_PPM,
    clock_at::KNOWN_US,
    clock_at::LATEST_US,
    clock_at::EARLIEST_US,
]));

/// What a core's log is doing.
#[repr(u64)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Closed in good order.
    Closed = 0,
    /// Taking records.
    Open = 1,
    /// The segment failed, the next one is not in use yet.
    Failed = 2,
    /// Takes nothing more.
    Poisoned = 3,
}

impl State {
    /// The state with this code.
    pub const fn from_u64(code: u64) -> Option<State> {
        match code {
            0 => Some(State::Closed),
            1 => Some(State::Open),
            2 => Some(State::Failed),
            3 => Some(State::Poisoned),
            _ => None,
        }
    }

    /// The stable text form.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Closed => "closed",
            State::Open => "open",
            State::Failed => "failed",
            State::Poisoned => "poisoned",
        }
    }
}

/// A control page as it was at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlSnapshot {
    /// The core.
    pub core: u16,
    /// The segment that is being written; 0 before the first.
    pub segment: u64,
    /// The end of its published records.
    pub cursor: u64,
    /// Its durable end.
    pub durable: u64,
    /// Whether a record is being appended.
    pub in_append: bool,
    /// The order time of the newest record.
    pub last_order_us: u64,
    /// The order time of the first record that is not durable yet.
    pub first_unsynced_us: Option<u64>,
    /// What the core's log is doing.
    pub state: State,
    /// The process that writes, or wrote.
    pub pid: u32,
    /// How many segments are ready.
    pub prepared: u64,
    /// Which file the page was made as.
    pub place: u64,
    /// Whether the page is a copy of the file that it was made as; the segments beside it were then copied at other moments.
    pub copied: bool,
}

impl ControlSnapshot {
    fn decode(page: &[u8; USED_BYTES]) -> Option<ControlSnapshot> {
        let version_core = word(page, at::VERSION_CORE);
        if word(page, at::MAGIC) != MAGIC || version_core as u32 != VERSION {
            return None;
        }
        Some(ControlSnapshot {
            core: u16::try_from(version_core >> 32).ok()?,
            segment: word(page, at::SEGMENT),
            cursor: word(page, at::CURSOR),
            durable: word(page, at::DURABLE),
            in_append: word(page, at::IN_APPEND) != 0,
            last_order_us: word(page, at::LAST_ORDER),
            first_unsynced_us: Some(word(page, at::FIRST_UNSYNCED)).filter(|&us| us != 0),
            state: State::from_u64(word(page, at::STATE))?,
            pid: u32::try_from(word(page, at::PID)).ok()?,
            prepared: word(page, at::PREPARED),
            place: word(page, at::PLACE),
            copied: false,
        })
    }

    /// The time before which nothing can come any more from this core, if it is being written and the page was seen after the clock
    /// said `now_us`.
    pub(crate) fn bound_us(&self, now_us: Option<u64>) -> u64 {
        // Without a clock, the newest record's time is a bound too: an idle core's last record then waits for the next one.
        let mut bound_us = now_us.unwrap_or(self.last_order_us);
        if self.in_append {
            bound_us = bound_us.min(self.last_order_us);
        }
        if let (State::Open, Some(first_us)) = (self.state, self.first_unsynced_us) {
            bound_us = bound_us.min(first_us);
        }
        bound_us
    }
}

pub(crate) fn word(page: &[u8], at: usize) -> u64 {
    page[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// A page's words as their owner sees them: a mapping.
pub(crate) trait Words {
    /// Loads the word at byte `at`.
    fn load(&self, at: usize, order: Ordering) -> u64;
    /// Stores it.
    fn store(&self, at: usize, word: u64, order: Ordering);
    /// An atomic fence.
    fn fence(order: Ordering);
}

/// A page as a reader in another process gets at it: a file.
pub(crate) trait Page {
    /// Copies the first bytes of the page; None where that can't be done. Each word is copied whole, the words in any order.
    fn copy(&self, into: &mut [u8]) -> Option<()>;
    /// An atomic fence.
    fn fence(order: Ordering);
}

// The owner of a control page.

/// To be called before an append reads the clock.
#[inline]
pub(crate) fn begin_append<W: Words>(words: &W) {
    words.store(at::IN_APPEND, 1, Ordering::Relaxed);
    // A full fence: a reader that does not see the word set has read its time before we read ours.
    W::fence(Ordering::SeqCst);
}

/// What an append makes known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Appended {
    pub(crate) order_us: u64,
    /// All records before it are durable.
    pub(crate) first_unsynced: bool,
    /// The end of the published records; None where the page names an older segment still.
    pub(crate) cursor: Option<u64>,
}

/// To be called when an append's record is written.
#[inline]
pub(crate) fn end_append<W: Words>(words: &W, appended: Appended) {
    if appended.first_unsynced {
        words.store(at::FIRST_UNSYNCED, appended.order_us, Ordering::Release);
    }
    words.store(at::LAST_ORDER, appended.order_us, Ordering::Release);
    if let Some(cursor) = appended.cursor {
        words.store(at::CURSOR, cursor, Ordering::Release);
    }
    words.store(at::IN_APPEND, 0, Ordering::Release);
}

/// The end of the published records has moved on without an append: over a pad.
pub(crate) fn publish_cursor<W: Words>(words: &W, cursor: u64) {
    words.store(at::CURSOR, cursor, Ordering::Release);
}

/// A sync has made the named segment durable so far. To be called before [`publish_first_unsynced`], and before any answer.
pub(crate) fn publish_durable<W: Words>(words: &W, durable: u64) {
    words.store(at::DURABLE, durable, Ordering::Release);
}

/// The first record that is not durable now; 0 for none.
pub(crate) fn publish_first_unsynced<W: Words>(words: &W, order_us: u64) {
    words.store(at::FIRST_UNSYNCED, order_us, Ordering::Release);
}

/// Goes on to another segment: the one before is durable as a whole, or was cut.
pub(crate) fn move_to<W: Words>(words: &W, segment: u64, cursor: u64, durable: u64) {
    change(words, at::SEQ, |words| {
        words.store(at::SEGMENT, segment, Ordering::Release);
        words.store(at::CURSOR, cursor, Ordering::Release);
        words.store(at::DURABLE, durable, Ordering::Release);
    });
}

/// Changes several words as one for readers who look at the sequence word at `seq_at`, which is odd meanwhile.
pub(crate) fn change<W: Words>(words: &W, seq_at: usize, with: impl FnOnce(&W)) {
    let odd = words.load(seq_at, Ordering::Relaxed) | 1;
    words.store(seq_at, odd, Ordering::SeqCst);
    W::fence(Ordering::SeqCst);
    with(words);
    words.store(seq_at, odd.wrapping_add(1), Ordering::SeqCst);
}

// The reader of a control page.

/// What a look at a control page found.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Look {
    /// The page at one moment.
    Settled(ControlSnapshot),
    /// Not at rest for long enough. A server that was killed in the middle of a change of segments leaves it so.
    Busy,
    /// No control page of this version.
    Foreign,
}

/// Looks at a control page, copying it `copies_max` times at most.
pub(crate) fn look<P: Page>(page: &P, copies_max: usize) -> Look {
    match settled::<P, USED_BYTES>(page, copies_max) {
        Some(Some(bytes)) => ControlSnapshot::decode(&bytes).map_or(Look::Foreign, Look::Settled),
        Some(None) => Look::Busy,
        None => Look::Foreign,
    }
}

/// Copies a page until three copies in a row are equal and the seqlock is even; None where it can't be read, `Some(None)` where it does not rest.
///
/// A copy takes its time, and its words are of different moments. But segment, cursor, durable end and last order time never return to an
/// earlier value: what they show in the first copy and in the third, they showed all the while of the second. In that while no append was published
/// and no sync, so the two words that do return, `IN_APPEND` and `FIRST_UNSYNCED`, are in the second copy as they belong to the others. Two copies
/// would not do: an append published in the middle of one, and its sync in the middle of the other, can leave both equal, with a record that
/// seems neither durable nor awaited.
fn settled<P: Page, const N: usize>(page: &P, copies_max: usize) -> Option<Option<[u8; N]>> {
    let mut before = [0; N];
    let mut after = [0; N];
    let mut equal = 0;
    page.copy(&mut before)?;
    for _ in 1..copies_max {
        P::fence(Ordering::SeqCst);
        page.copy(&mut after)?;
        P::fence(Ordering::SeqCst);
        equal = if before == after { equal + 1 } else { 0 };
        if equal == 2 && word(&after, at::SEQ).is_multiple_of(2) {
            return Some(Some(after));
        }
        before = after;
    }
    Some(None)
}

/// The merge's look: the clock, then the cores, then the clock's sequence again. Gives the time, and whether the clock stayed the same.
pub(crate) fn look_at_all<P: Page, E>(
    mut clock: impl FnMut() -> Option<ClockReading>,
    cores: impl FnOnce() -> Result<(), E>,
) -> Result<(Option<u64>, bool), E> {
    let time = clock();
    // What the look at a core sees must not be older than the clock that was read: both ends of the protocol have a full fence here.
    P::fence(Ordering::SeqCst);
    cores()?;
    P::fence(Ordering::SeqCst);
    let same = clock().map(|time| time.seq) == time.map(|time| time.seq);
    Ok((time.map(|time| time.now_us), same))
}

// The clock page.

/// Order time at `mono_us`, from the three words of a clock page.
pub fn order_us(base_mono_us: u64, base_order_us: u64, rate_ppm: i64, mono_us: u64) -> u64 {
    let elapsed = mono_us.saturating_sub(base_mono_us);
    // The product nearly always fits 64 bits, and a division of 128 bits takes sixty instructions.
    let skew = match i64::try_from(elapsed).ok().and_then(|elapsed| elapsed.checked_mul(rate_ppm)) {
        Some(product) => i128::from(product / 1_000_000),
        None => i128::from(elapsed) * i128::from(rate_ppm) / 1_000_000,
    };
    let order = i128::from(base_order_us) + i128::from(elapsed) + skew;
    u64::try_from(order).unwrap_or(base_order_us)
}

/// Initializes a clock page, whatever it held: order time begins at the wall clock, or after the newest record if that is later.
pub(crate) fn start_clock<W: Words>(words: &W, mono_us: impl FnOnce() -> u64, wall_us: u64, newest_us: u64) {
    words.store(clock_at::VERSION, u64::from(VERSION), Ordering::Relaxed);
    set_clock(words, mono_us, wall_us.max(newest_us.saturating_add(1)), 0);
    words.store(clock_at::MAGIC, CLOCK_MAGIC, Ordering::Release);
}

/// New bases for the clock, computed while the sequence word is odd: continuous if order time is ahead of `target_us` (then it runs at
/// `rate_behind`), else a jump to it. A rate of 0 sets the clock, whatever it showed.
pub(crate) fn set_clock<W: Words>(words: &W, mono_us: impl FnOnce() -> u64, target_us: u64, rate_behind: i64) {
    change(words, clock_at::SEQ, |words| {
        let load = |at| words.load(at, Ordering::Relaxed);
        let mono = mono_us();
        let now = order_us(
            load(clock_at::BASE_MONO_US),
            load(clock_at::BASE_ORDER_US),
            load(clock_at::RATE_PPM) as i64,
            mono,
        );
        // A page that has not been set up counts for nothing: its monotonic base may be from before a reboot.
        let fresh = load(clock_at::MAGIC) != CLOCK_MAGIC || rate_behind == 0;
        let (order, rate) = if fresh || target_us >= now { (target_us, 0) } else { (now, rate_behind) };
        words.store(clock_at::BASE_MONO_US, mono, Ordering::Relaxed);
        words.store(clock_at::BASE_ORDER_US, order, Ordering::Relaxed);
        words.store(clock_at::RATE_PPM, rate as u64, Ordering::Relaxed);
    });
}

/// Order time for a thread of the owner; None in the middle of a change.
///
/// The monotonic time is read between the two looks at the sequence word: a value from before a change is then never larger than one from after
/// it.
#[inline]
pub(crate) fn try_order_us<W: Words>(words: &W, mono_us: impl FnOnce() -> u64) -> Option<u64> {
    let seq = words.load(clock_at::SEQ, Ordering::Acquire);
    let base_mono = words.load(clock_at::BASE_MONO_US, Ordering::Relaxed);
    let base_order = words.load(clock_at::BASE_ORDER_US, Ordering::Relaxed);
    let rate = words.load(clock_at::RATE_PPM, Ordering::Relaxed) as i64;
    let mono = mono_us();
    W::fence(Ordering::Acquire);
    if !seq.is_multiple_of(2) || words.load(clock_at::SEQ, Ordering::Relaxed) != seq {
        return None;
    }
    Some(if rate == 0 {
        base_order.saturating_add(mono.saturating_sub(base_mono))
    } else {
        order_us(base_mono, base_order, rate, mono)
    })
}

/// Order time at a moment, and the count of the clock page's changes then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClockReading {
    pub(crate) now_us: u64,
    pub(crate) seq: u64,
}

/// Order time for a reader; None where the page is no clock page, left by an earlier boot, or not at rest for `looks_max` looks.
pub(crate) fn read_clock<P: Page>(
    page: &P,
    mut mono_us: impl FnMut() -> u64,
    looks_max: usize,
) -> Option<ClockReading> {
    let mut before = [0; CLOCK_USED_BYTES];
    let mut after = [0; CLOCK_USED_BYTES];
    for _ in 0..looks_max {
        page.copy(&mut before)?;
        P::fence(Ordering::SeqCst);
        // Between the two looks, as the owner takes it while the seqlock is odd: so order time never steps back.
        let mono = mono_us();
        P::fence(Ordering::SeqCst);
        page.copy(&mut after)?;
        if word(&before, clock_at::MAGIC) != CLOCK_MAGIC || word(&before, clock_at::VERSION) != u64::from(VERSION) {
            return None;
        }
        let seq = word(&before, clock_at::SEQ);
        if before != after || !seq.is_multiple_of(2) {
            continue;
        }
        let base_mono = word(&before, clock_at::BASE_MONO_US);
        if base_mono > mono {
            // A base ahead of the clock was left by an earlier boot of the machine.
            return None;
        }
        let rate = word(&before, clock_at::RATE_PPM) as i64;
        return Some(ClockReading {
            now_us: order_us(base_mono, word(&before, clock_at::BASE_ORDER_US), rate, mono),
            seq,
        });
    }
    None
}
