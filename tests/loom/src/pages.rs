//! Pages and the monotonic clock as loom knows them, and what the threads of the model do with them.

use std::sync::Arc;

use loom::sync::atomic::{AtomicU64, Ordering, fence};

use crate::protocol::{
    self, Appended, CLOCK_MAGIC, ClockReading, ControlSnapshot, Look, MAGIC, Page, State, VERSION, Words, at, clock_at,
};

/// How often a page is copied before a reader gives up on it: the least that can succeed. More would find nothing that another interleaving does not.
pub const COPIES_MAX: usize = 3;

/// Checks a model in all interleavings with at most so many preemptions, or as many as `LOOM_MAX_PREEMPTIONS` says.
pub fn check(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.max_branches = 10_000;
    builder.check(model);
}

/// A page of words, some of which change.
#[derive(Clone)]
pub struct Shared(Arc<Vec<(usize, Word)>>);

enum Word {
    Fixed(u64),
    Changing(AtomicU64),
}

impl Shared {
    fn new(words: impl IntoIterator<Item = (usize, Word)>) -> Shared {
        Shared(Arc::new(words.into_iter().collect()))
    }

    fn word(&self, at: usize) -> &Word {
        &self.0.iter().find(|(known, _)| *known == at).expect("a word of the page").1
    }
}

impl Words for Shared {
    fn load(&self, at: usize, order: Ordering) -> u64 {
        match self.word(at) {
            Word::Fixed(word) => *word,
            Word::Changing(word) => word.load(order),
        }
    }

    fn store(&self, at: usize, word: u64, order: Ordering) {
        match self.word(at) {
            Word::Fixed(fixed) => {
                assert_eq!(word, *fixed, "the model takes the word at {at} for one that does not change")
            }
            Word::Changing(changing) => changing.store(word, order),
        }
    }

    fn fence(order: Ordering) {
        fence(order);
    }
}

impl Page for Shared {
    fn copy(&self, into: &mut [u8]) -> Option<()> {
        for (at, _) in self.0.iter() {
            let at = *at;
            let bytes = into.get_mut(at..at + 8)?;
            bytes.copy_from_slice(&self.load(at, Ordering::Relaxed).to_le_bytes());
        }
        Some(())
    }

    fn fence(order: Ordering) {
        fence(order);
    }
}

/// The clock: its page, and the machine's monotonic time.
#[derive(Clone)]
pub struct Clock {
    pub page: Shared,
    mono: Arc<AtomicU64>,
    /// Readings of the machine's clock that show the same microsecond.
    per_us: u64,
}

impl Clock {
    /// Order time 110, 10 us after the clock was set last, with microseconds of `per_us` readings. `slews` tells whether its rate changes.
    pub fn new(per_us: u64, slews: bool) -> Clock {
        let word = |word| Word::Changing(AtomicU64::new(word));
        let page = Shared::new([
            (clock_at::MAGIC, Word::Fixed(CLOCK_MAGIC)),
            (clock_at::VERSION, Word::Fixed(u64::from(VERSION))),
            (clock_at::SEQ, word(2)),
            (clock_at::BASE_MONO_US, word(10)),
            (clock_at::BASE_ORDER_US, word(100)),
            (clock_at::RATE_PPM, if slews { word(0) } else { Word::Fixed(0) }),
        ]);
        Clock { page, mono: Arc::new(AtomicU64::new(20 * per_us)), per_us }
    }

    /// A clock whose page nobody changes meanwhile: only the machine's time runs.
    pub fn undisturbed(per_us: u64) -> Clock {
        let page = Shared::new([
            (clock_at::MAGIC, Word::Fixed(CLOCK_MAGIC)),
            (clock_at::VERSION, Word::Fixed(u64::from(VERSION))),
            (clock_at::SEQ, Word::Fixed(2)),
            (clock_at::BASE_MONO_US, Word::Fixed(10)),
            (clock_at::BASE_ORDER_US, Word::Fixed(100)),
            (clock_at::RATE_PPM, Word::Fixed(0)),
        ]);
        Clock { page, ..Clock::new(per_us, false) }
    }

    fn mono_us(&self) -> u64 {
        self.mono.fetch_add(1, Ordering::Relaxed) / self.per_us
    }

    /// As a core reads it. A thread that spins tells loom so.
    pub fn now_us(&self) -> u64 {
        loop {
            match protocol::try_order_us(&self.page, || self.mono_us()) {
                Some(now_us) => return now_us,
                None => loom::thread::yield_now(),
            }
        }
    }

    /// As the keeper sets it.
    pub fn set(&self, target_us: u64, rate_behind: i64) {
        protocol::set_clock(&self.page, || self.mono_us(), target_us, rate_behind);
    }

    /// As a reader in another process reads it, with one look.
    pub fn read(&self) -> Option<ClockReading> {
        protocol::read_clock(&self.page, || self.mono_us(), 1)
    }
}

/// Where the first segment's records begin, as in the log.
pub const FROM: u64 = 64;

/// A core's control page, with a first segment in use. Each word that is known not to change saves the model a great many steps, so
/// `rolls` tells whether the segment does.
pub fn control(core: u64, rolls: bool) -> Shared {
    let word = |word| Word::Changing(AtomicU64::new(word));
    let of_segment = |at: u64| if rolls { word(at) } else { Word::Fixed(at) };
    Shared::new([
        (at::MAGIC, Word::Fixed(MAGIC)),
        (at::VERSION_CORE, Word::Fixed(u64::from(VERSION) | core << 32)),
        (at::SEQ, of_segment(2)),
        (at::SEGMENT, of_segment(1)),
        (at::CURSOR, word(FROM)),
        (at::DURABLE, word(FROM)),
        (at::IN_APPEND, word(0)),
        (at::LAST_ORDER, word(0)),
        (at::FIRST_UNSYNCED, word(0)),
        (at::STATE, Word::Fixed(State::Open as u64)),
        (at::PID, Word::Fixed(1)),
    ])
}

/// A record of the model: one unit of 64 bytes in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    pub segment: u64,
    pub end: u64,
    pub order_us: u64,
}

/// A core's writer, in the order of `Writer::put`, `collect` and `roll_over`. What it keeps for itself is plain memory.
pub struct Writer {
    pub page: Shared,
    clock: Clock,
    segment: u64,
    cursor: u64,
    last_us: u64,
    /// The order times of the records that are not durable, by segment: the group in flight, and what came since.
    handed: Option<(u64, u64, u64)>,
    open_first_us: u64,
    leaving: Option<u64>,
    pub appended: Vec<Record>,
}

impl Writer {
    pub fn new(page: Shared, clock: Clock) -> Writer {
        Writer {
            page,
            clock,
            segment: 1,
            cursor: FROM,
            last_us: 0,
            handed: None,
            open_first_us: 0,
            leaving: None,
            appended: Vec::new(),
        }
    }

    pub fn append(&mut self) -> Record {
        protocol::begin_append(&self.page);
        let order_us = self.clock.now_us().max(self.last_us);
        let first_unsynced = self.open_first_us == 0 && self.handed.is_none();
        if self.open_first_us == 0 {
            self.open_first_us = order_us;
        }
        self.cursor += 64;
        self.last_us = order_us;
        let cursor = self.leaving.is_none().then_some(self.cursor);
        protocol::end_append(&self.page, Appended { order_us, first_unsynced, cursor });
        let record = Record { segment: self.segment, end: self.cursor, order_us };
        self.appended.push(record);
        record
    }

    /// Closes the group. The sync itself is no store of the protocol.
    pub fn hand_over(&mut self) {
        assert!(self.handed.is_none() && self.open_first_us != 0);
        self.handed = Some((self.segment, self.cursor, self.open_first_us));
        self.open_first_us = 0;
    }

    pub fn roll_over(&mut self) {
        self.hand_over();
        self.leaving = Some(self.segment);
        self.segment += 1;
        self.cursor = FROM;
    }

    /// The group has become durable.
    pub fn collect(&mut self) {
        let (segment, to, _) = self.handed.take().expect("a group is in flight");
        protocol::publish_durable(&self.page, to);
        if self.leaving == Some(segment) {
            self.leaving = None;
            protocol::move_to(&self.page, self.segment, self.cursor, FROM);
        }
        protocol::publish_first_unsynced(&self.page, self.open_first_us);
    }
}

/// What a merge makes of one look: for each core its bound, and the page.
pub struct Seen(Vec<(u64, ControlSnapshot)>);

impl Seen {
    /// One look; None where nothing new is certain.
    pub fn look(clock: &Clock, pages: &[Shared]) -> Option<Seen> {
        let mut looks = Vec::new();
        let (now_us, same) = protocol::look_at_all::<Shared, ()>(
            || clock.read(),
            || {
                looks.extend(pages.iter().map(|page| protocol::look(page, COPIES_MAX)));
                Ok(())
            },
        )
        .ok()?;
        let snapshots = looks.into_iter().map(|look| match look {
            Look::Settled(page) => Some(page),
            Look::Busy | Look::Foreign => None,
        });
        let snapshots: Vec<ControlSnapshot> = snapshots.collect::<Option<_>>()?;
        // Without a time the merge goes by the newest records.
        same.then(|| Seen(snapshots.into_iter().map(|page| (page.bound_us(now_us), page)).collect()))
    }

    pub fn page(&self, core: usize) -> &ControlSnapshot {
        &self.0[core].1
    }

    /// Whether the merge can read the record.
    pub fn holds(&self, core: usize, record: &Record) -> bool {
        let page = self.page(core);
        record.segment < page.segment || (record.segment == page.segment && record.end <= page.durable)
    }

    /// **The promise of the bound**: what is not at hand is not older.
    pub fn check_bound(&self, core: usize, records: &[Record]) {
        let bound_us = self.0[core].0;
        for record in records.iter().filter(|record| !self.holds(core, record)) {
            assert!(record.order_us >= bound_us, "{record:?} may still come, below {bound_us}: {:?}", self.page(core));
        }
    }

    /// Whether the merge hands the record out, by the rule of `Merge::ready`.
    pub fn hands_out(&self, core: usize, record: &Record) -> bool {
        let bounds = self.0.iter().enumerate();
        let certain = |(at, (bound_us, _)): (usize, &(u64, ControlSnapshot))| (record.order_us, core) < (*bound_us, at);
        self.holds(core, record) && bounds.filter(|(at, _)| *at != core).all(certain)
    }
}
