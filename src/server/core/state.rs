//! The state of one core: its log writer, its connections, its buffers. It shares with other cores only what is immutable, and messages.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use crossbeam_channel::Receiver;

use crate::api::batch::BatchScratch;
use crate::api::reply::Preflight;
use crate::api::start::StartScratch;
use crate::base::snapshot::Copied;
use crate::base::time::monotonic_us;
use crate::config::Ack;
use crate::directory::Directory;
use crate::http::Limits;
use crate::http::date::HttpDate;
use crate::log::Writer;
use crate::server::admission::Admission;
use crate::server::memory::pool::Pool;
use crate::server::memory::shares::Shares;
use crate::session::SessionId;
use crate::telemetry::{CoreMetrics, Logger};

use super::arrivals::Arrivals;
use super::clock::Clock;
use super::common::{Common, INBOX_MAX};
use super::conn::{Conn, Conns};
use super::evictions::Evictions;
use super::inbox::Ticket;
use super::inflaters::Inflaters;
use super::label_log;
use super::live::Live;
use super::log_throttle::LogThrottle;
use super::ok_reply::OkReply;
use super::peer_watch::PeerWatch;
use super::quarantine::Quarantine;
use super::ring_writes::Writes;
use super::runtime::Driver;
use super::sessions::{Announcement, Sessions};
use super::waiters::Waiters;

/// User agents remembered per core.
const AGENTS_MAX: usize = 4096;

/// How many sessions a core remembers the project of.
const SESSIONS_MAX: usize = 1 << 18;

/// One core.
pub struct Core {
    /// Its number.
    pub number: u16,
    /// What it shares with the others.
    pub common: Arc<Common>,
    /// Its counters.
    pub metrics: Arc<CoreMetrics>,
    /// Its log; `None` once the core has drained.
    pub writer: RefCell<Option<Writer>>,
    /// A record is acknowledged as soon as it is appended (`ack = "memory"`).
    pub acks_on_append: bool,
    /// Requests that wait for the log or for memory.
    pub waiters: Waiters,
    /// Which connections have something to receive.
    pub arrivals: Arrivals,
    /// Groups that the core writes itself.
    pub writes: Writes,
    /// Its connections.
    pub conns: Conns,
    /// Connections that have waited for a while.
    pub peer_watch: PeerWatch,
    /// Which connections may be closed to make room.
    pub evictions: Evictions,
    /// Its buffers.
    pub pool: Pool,
    /// How much each client has used.
    pub admission: RefCell<Admission>,
    /// Throttles lines about clients over their limits.
    pub limits_log: LogThrottle,
    /// Throttles lines about connections without a valid PROXY header.
    pub headers_log: LogThrottle,
    /// Projects whose mislabelled bodies this core knows to be logged.
    pub label_cache: label_log::CoreCache,
    /// How much of the buffers each project holds.
    pub shares: Shares,
    /// Session to project.
    pub sessions: RefCell<Sessions>,
    /// All sessions of the log were loaded when this core last checked.
    pub logged_sessions_complete: Cell<bool>,
    /// Scratch buffers for starts.
    pub start: RefCell<StartScratch>,
    /// The answer to preflights.
    pub preflight: RefCell<Preflight>,
    /// The answer to batches.
    pub ok_reply: RefCell<OkReply>,
    /// Scratch buffer for a decoded path.
    pub path: RefCell<Vec<u8>>,
    /// The limits of heads and framing.
    pub limits: Limits,
    /// Log lines.
    pub logger: Logger,
    /// Scratch buffers for batches.
    pub batch: RefCell<BatchScratch>,
    /// The inflaters for compressed bodies.
    pub inflaters: Inflaters,
    /// Unusable batches that are kept.
    pub quarantine: Quarantine,
    /// The clock for deadlines, advanced by each sweep.
    clock: Clock,
    /// The `Date` header, refreshed by each sweep.
    pub date: Cell<HttpDate>,
    /// This core's log takes no more records, so connections are passed on to others. As of the last sweep or the last failed append.
    pub poisoned: Cell<bool>,
    /// The cap on connections.
    pub connections_max: usize,
    /// Connections beyond the cap, which wait for a slot.
    pub over_cap_count: Cell<usize>,
    /// Accepts no new connections; answers say `Connection: close`.
    pub draining: Cell<bool>,
    /// When draining began.
    draining_since_ms: Cell<u64>,
    directory: RefCell<Copied<Arc<Directory>>>,
    live: RefCell<Copied<Live>>,
    inbox: Receiver<Announcement>,
    random: Cell<u64>,
    /// When the last upload began, in ms since the Unix epoch.
    upload_ms: Cell<u64>,
}

impl Core {
    /// The state of core `number` before it serves.
    pub fn new(
        number: u16,
        common: Arc<Common>,
        metrics: Arc<CoreMetrics>,
        mut writer: Writer,
        inbox: Receiver<Announcement>,
    ) -> std::io::Result<Rc<Self>> {
        // On epoll a write would block the core, so the log's own threads do it.
        if matches!(common.driver, Driver::Uring(_)) {
            writer.own_writes();
        }
        let directory = Copied::of(common.directory.snapshot(), |directory| directory);
        let my_live = Copied::of(common.live.snapshot(), |live| Live::clone(&live));
        common.live.mark_applied(number, my_live.version());
        let live = my_live.value();
        let budget = live.config.inflight_bytes_max as u64;
        let seed = getrandom::u64().unwrap_or(0x9e37_79b9_7f4a_7c15) | 1;
        let core = Rc::new(Self {
            number,
            metrics,
            writer: RefCell::new(Some(writer)),
            acks_on_append: live.config.ack == Ack::Memory,
            arrivals: Arrivals::new()?,
            waiters: Waiters::default(),
            writes: Writes::default(),
            conns: Conns::default(),
            peer_watch: PeerWatch::default(),
            evictions: Evictions::default(),
            pool: Pool::new(budget),
            admission: RefCell::new(Admission::new(live.config.limit_entries_max, seed.rotate_left(32))),
            limits_log: LogThrottle::default(),
            headers_log: LogThrottle::default(),
            label_cache: label_log::CoreCache::default(),
            shares: Shares::new(budget, live.config.project_share_percent),
            sessions: RefCell::new(Sessions::new(SESSIONS_MAX)),
            logged_sessions_complete: Cell::new(false),
            start: RefCell::new(StartScratch::new(AGENTS_MAX)),
            batch: RefCell::default(),
            inflaters: Inflaters::default(),
            quarantine: Quarantine::new(&live.config, live.start.batch_bytes_max),
            preflight: RefCell::default(),
            ok_reply: RefCell::default(),
            path: RefCell::default(),
            limits: Limits::default(),
            logger: common.logger.clone(),
            clock: Clock::at(machine_ms()),
            date: Cell::new(HttpDate::from_unix(0)),
            draining: Cell::new(false),
            draining_since_ms: Cell::new(0),
            poisoned: Cell::new(false),
            over_cap_count: Cell::new(0),
            connections_max: common.connections.cap,
            directory: RefCell::new(directory),
            live: RefCell::new(my_live),
            inbox,
            random: Cell::new(seed),
            upload_ms: Cell::new(0),
            common,
        });
        core.tick();
        Ok(core)
    }

    /// Refreshes the coarse clocks.
    pub fn tick(&self) -> u64 {
        let now_ms = self.clock.advance(machine_ms());
        self.date.set(HttpDate::from_unix(self.wall_ms() as u64 / 1000));
        now_ms
    }

    /// Milliseconds for which this core has run, at most one sweep old. Not comparable with any other clock.
    pub fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Whether deadlines are enforced at this sweep.
    pub fn deadlines_hold(&self) -> bool {
        self.clock.deadlines_hold()
    }

    /// The current projects.
    pub fn directory(&self) -> Rc<Arc<Directory>> {
        let mut mine = self.directory.borrow_mut();
        mine.refresh(self.common.directory.snapshot(), |directory| directory);
        mine.value()
    }

    /// The current settings. A request reads them once and uses what it got.
    pub fn live(&self) -> Rc<Live> {
        let mut mine = self.live.borrow_mut();
        if mine.refresh(self.common.live.snapshot(), |live| Live::clone(&live)) {
            self.common.live.mark_applied(self.number, mine.version());
        }
        mine.value()
    }

    /// The project of a session, if this core knows it.
    pub fn project_of(&self, session: SessionId) -> Option<u32> {
        let known = self.sessions.borrow_mut().get(session);
        known.or_else(|| {
            self.drain_announcements();
            let mut sessions = self.sessions.borrow_mut();
            sessions.get(session).or_else(|| {
                let project = self.common.logged_sessions.get(session)?;
                sessions.insert(session, project);
                Some(project)
            })
        })
    }

    /// Remembers the sessions that other cores have announced.
    pub fn drain_announcements(&self) {
        let mut sessions = self.sessions.borrow_mut();
        for (session, project) in self.inbox.try_iter().take(INBOX_MAX) {
            sessions.insert(session, project);
        }
    }

    /// Checks whether this core's log takes records (again).
    pub fn refresh_poisoned(&self) {
        self.poisoned.set(self.common.log.is_poisoned(self.number));
    }

    /// Remembers a new session and tells the other cores.
    pub fn announce(&self, session: SessionId, project: u32) {
        self.sessions.borrow_mut().insert(session, project);
        for (core, inbox) in self.common.inboxes.iter().enumerate() {
            if core != usize::from(self.number) {
                // If the inbox is full, the other core treats this session as unknown and looks it up.
                let _ = inbox.try_send((session, project));
            }
        }
    }

    /// The largest batch of a session, as its start was told. A session that is not known may belong to any project, and must not be
    /// refused what its own project allows.
    pub fn batch_limit(&self, live: &Live, project: Option<u32>) -> u64 {
        let default = live.config.beacon_size_limit;
        let directory = self.directory();
        let limit = match project.and_then(|id| directory.by_id(id)) {
            Some(project) if project.beacon_size > 0 => project.beacon_size.into(),
            Some(_) => default,
            None => default.max(directory.beacon_size_max()),
        };
        limit.min(live.start.batch_bytes_max)
    }

    /// How long a request is held, in ms.
    pub fn patience_ms(&self) -> u64 {
        self.live().config.patience.as_millis() as u64
    }

    /// A uniform draw from 0..=99 by xorshift, which is good enough for sampling.
    pub fn dice(&self) -> u8 {
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random.set(x);
        ((u128::from(x) * 100) >> 64) as u8
    }

    /// A timestamp for an upload that begins now, in ms since the Unix epoch, unique among the uploads of this core.
    pub fn upload_time_ms(&self) -> u64 {
        let now_ms = u64::try_from(self.wall_ms()).unwrap_or(0).max(self.upload_ms.get() + 1);
        self.upload_ms.set(now_ms);
        now_ms
    }

    /// The server has been told to stop.
    pub fn stopping(&self) -> bool {
        self.common.is_stopping()
    }

    /// Waits until [`Common::stop`] is called. Only one task per core may wait at a time.
    pub async fn stopped(&self) {
        let waker = &self.common.stop_wakers[usize::from(self.number)];
        std::future::poll_fn(|cx| {
            waker.register(cx.waker());
            if self.stopping() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }

    /// The wall clock as far as it is trusted, in ms since the Unix epoch: a clock that is wrong for a while must not make tokens expire.
    pub fn wall_ms(&self) -> i64 {
        self.common.log.clock().wall_ms()
    }

    /// The same at a reading of the monotonic clock.
    #[inline]
    pub fn wall_ms_at(&self, monotonic_us: u64) -> i64 {
        self.common.log.clock().wall_ms_at(monotonic_us)
    }

    /// Whether groups are written on this core's ring.
    pub fn owns_writes(&self) -> bool {
        matches!(self.common.driver, Driver::Uring(_))
    }

    /// Whether groups are being written on this core's ring.
    pub fn has_writes(&self) -> bool {
        self.writer.borrow().as_ref().is_some_and(Writer::has_writes)
    }

    /// Accepts no new connections from now on.
    pub fn drain(&self) {
        self.draining_since_ms.set(self.now_ms());
        self.draining.set(true);
    }

    /// How long it has been draining, in ms.
    pub fn drained_ms(&self) -> u64 {
        self.now_ms().saturating_sub(self.draining_since_ms.get())
    }

    /// Reserves a place for the connection at a core whose log takes records. Returns `false` if there is none; then the request stays
    /// here.
    pub fn reserve_migration(&self, conn: &Conn) -> bool {
        let inboxes = &self.common.migrations;
        let from = usize::from(self.dice());
        for at in (from..from + inboxes.len()).map(|at| at % inboxes.len()) {
            let number = at as u16;
            if number == self.number || self.common.log.is_poisoned(number) {
                continue;
            }
            let Some(place) = inboxes[at].reserve() else { continue };
            // Checked after reserving: a core that ends checks its reservations after the stop is set.
            if self.stopping() {
                return false;
            }
            let Ok(ticket) = Ticket::new(place, conn.fd) else {
                self.metrics.accept_errors.inc();
                return false;
            };
            *conn.ticket.borrow_mut() = Some(Box::new(ticket));
            return true;
        }
        false
    }

    /// Wakes the commit task at the end of this turn.
    #[inline]
    pub fn wake_commits(&self) {
        self.waiters.wake();
    }

    /// Sets the waker of the commit task.
    pub fn set_commit_waker(&self, waker: &Waker) {
        self.waiters.set_waker(waker);
    }
}

/// Milliseconds on the machine's monotonic clock.
fn machine_ms() -> u64 {
    monotonic_us() / 1000
}
