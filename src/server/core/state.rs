//! The state of one core: its log writer, its connections, its buffers. Nothing here is shared with
//! another core but what is immutable or told by message.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use crossbeam_channel::Receiver;

use crate::api::batch::BatchScratch;
use crate::api::reply::Preflight;
use crate::api::start::StartScratch;
use crate::base::snapshot::Copied;
use crate::config::{Ack, CheckBodies};
use crate::directory::Directory;
use crate::http::Limits;
use crate::http::date::HttpDate;
use crate::log::Writer;
use crate::server::admission::Admission;
use crate::server::memory::pool::Pool;
use crate::server::memory::shares::Shares;
use crate::session::SessionId;
use crate::telemetry::{CoreMetrics, Logger};

use super::clock::Clock;
use super::common::{Common, INBOX_MAX};
use super::conn::{Conn, Conns};
use super::evictions::Evictions;
use super::inbox::Ticket;
use super::inflaters::Inflaters;
use super::label_log;
use super::live::Live;
use super::log_throttle::LogThrottle;
use super::peer_watch::PeerWatch;
use super::quarantine::Quarantine;
use super::ring_writes::Writes;
use super::runtime::Driver;
use super::sessions::{Announcement, Sessions};
use super::waiters::Waiters;

/// User agents remembered per core.
const AGENTS_MAX: usize = 4096;

/// Sessions whose project a core remembers.
const SESSIONS_MAX: usize = 1 << 18;

/// One core.
pub struct Core {
    /// Its number.
    pub number: u16,
    /// What it has in common with the others.
    pub common: Arc<Common>,
    /// Its counters.
    pub metrics: Arc<CoreMetrics>,
    /// Its log; taken away when the core has drained.
    pub writer: RefCell<Option<Writer>>,
    /// A record may be answered as soon as it is appended.
    pub acks_on_append: bool,
    /// Who waits for the log.
    pub waiters: Waiters,
    /// Groups that it writes itself.
    pub writes: Writes,
    /// Its connections.
    pub conns: Conns,
    /// Those of them that have waited for a while.
    pub peer_watch: PeerWatch,
    /// Who of them may go when there are many.
    pub evictions: Evictions,
    /// Its buffers.
    pub pool: Pool,
    /// Who has used how much.
    pub admission: RefCell<Admission>,
    /// Lines about clients over their limits.
    pub limits_log: LogThrottle,
    /// Lines about connections without a good PROXY header.
    pub headers_log: LogThrottle,
    /// Projects that need no line about mislabelled bodies any more.
    pub label_cache: label_log::CoreCache,
    /// What projects hold of the buffers.
    pub shares: Shares,
    /// Session -> project.
    pub sessions: RefCell<Sessions>,
    /// All that the log knows of sessions has been told.
    pub logged_sessions_complete: Cell<bool>,
    /// The buffers of a start.
    pub start: RefCell<StartScratch>,
    /// The answer to preflights.
    pub preflight: RefCell<Preflight>,
    /// A decoded path.
    pub path: RefCell<Vec<u8>>,
    /// The bounds of heads and framing.
    pub limits: Limits,
    /// Log lines.
    pub logger: Logger,
    /// The buffers of a batch.
    pub batch: RefCell<BatchScratch>,
    /// What it looks into compressed bodies with.
    pub inflaters: Inflaters,
    /// Batches that can't be used, and are kept.
    pub quarantine: Quarantine,
    /// What deadlines go by, refreshed by each sweep.
    clock: Clock,
    /// `Date`, refreshed by each sweep.
    pub date: Cell<HttpDate>,
    /// This core's log takes nothing more: connections are passed on to others. As of the last sweep, or of the last refusal.
    pub poisoned: Cell<bool>,
    /// Connections at most.
    pub connections_max: usize,
    /// Connections beyond the cap that wait for a place.
    pub over_cap_count: Cell<usize>,
    /// No new connections; answers say `Connection: close`.
    pub draining: Cell<bool>,
    /// Since when.
    draining_since_ms: Cell<u64>,
    directory: RefCell<Copied<Arc<Directory>>>,
    live: RefCell<Copied<Live>>,
    inbox: Receiver<Announcement>,
    random: Cell<u64>,
    /// When the last upload began, in ms since the Unix epoch.
    upload_ms: Cell<u64>,
}

impl Core {
    /// The state of core `number`, before it serves.
    pub fn new(
        number: u16,
        common: Arc<Common>,
        metrics: Arc<CoreMetrics>,
        mut writer: Writer,
        inbox: Receiver<Announcement>,
    ) -> Rc<Self> {
        // On epoll a write would hold up the core; the log's own threads make it then.
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
        core
    }

    /// Refreshes the coarse clocks.
    pub fn tick(&self) -> u64 {
        let now_ms = self.clock.advance(machine_ms());
        self.date.set(HttpDate::from_unix(self.wall_ms() as u64 / 1000));
        now_ms
    }

    /// ms in which this core ran, at most one sweep old. Not to be compared with any other clock.
    pub fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Whether deadlines hold at this sweep.
    pub fn deadlines_hold(&self) -> bool {
        self.clock.deadlines_hold()
    }

    /// The projects as they are now.
    pub fn directory(&self) -> Rc<Arc<Directory>> {
        let mut mine = self.directory.borrow_mut();
        mine.refresh(self.common.directory.snapshot(), |directory| directory);
        mine.value()
    }

    /// The settings as they are now. A request asks once and goes by what it got.
    pub fn live(&self) -> Rc<Live> {
        let mut mine = self.live.borrow_mut();
        if mine.refresh(self.common.live.snapshot(), |live| Live::clone(&live)) {
            self.common.live.mark_applied(self.number, mine.version());
        }
        mine.value()
    }

    /// The largest inflated batch, in bytes.
    pub fn inflated_limit(&self) -> usize {
        usize::try_from(self.live().config.body_inflated_limit).unwrap_or(usize::MAX)
    }

    /// The project of a session, if this core has heard of it.
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

    /// Takes note of the sessions that other cores have given out.
    pub fn drain_announcements(&self) {
        let mut sessions = self.sessions.borrow_mut();
        for (session, project) in self.inbox.try_iter().take(INBOX_MAX) {
            sessions.insert(session, project);
        }
    }

    /// Looks whether this core's log takes records, or takes them again.
    pub fn refresh_poisoned(&self) {
        self.poisoned.set(self.common.log.is_poisoned(self.number));
    }

    /// Remembers a new session and tells the other cores.
    pub fn announce(&self, session: SessionId, project: u32) {
        self.sessions.borrow_mut().insert(session, project);
        for (core, inbox) in self.common.inboxes.iter().enumerate() {
            if core != usize::from(self.number) {
                // A full inbox only means that the other core looks this session up as unknown.
                let _ = inbox.try_send((session, project));
            }
        }
    }

    /// The largest batch of a session: what its start was told. A session that is not known may be
    /// of any project, and must not be refused what its own project allows.
    pub fn batch_limit(&self, project: Option<u32>) -> u64 {
        let live = self.live();
        let default = live.config.beacon_size_limit;
        let directory = self.directory();
        let limit = match project.and_then(|id| directory.by_id(id)) {
            Some(project) if project.beacon_size > 0 => project.beacon_size.into(),
            Some(_) => default,
            None => default.max(directory.beacon_size_max()),
        };
        limit.min(live.start.batch_bytes_max)
    }

    /// The largest batch of clients that are told no limit of their project's: phones, and the analytics SDK.
    pub fn default_batch_limit(&self) -> u64 {
        let live = self.live();
        live.config.beacon_size_limit.min(live.start.batch_bytes_max)
    }

    /// Where compressed bodies are to be inflated before the answer: the most bytes that one may then have.
    pub fn inflate_inline(&self) -> Option<usize> {
        (self.live().config.check_bodies == CheckBodies::Inline).then(|| self.inflated_limit())
    }

    /// How long a request is held, in ms.
    pub fn patience_ms(&self) -> u64 {
        self.live().config.patience.as_millis() as u64
    }

    /// A uniform draw from 0..=99: xorshift, which is enough to sample by.
    pub fn dice(&self) -> u8 {
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random.set(x);
        ((u128::from(x) * 100) >> 64) as u8
    }

    /// The time of an upload that begins now, in ms since the Unix epoch. No two uploads of this core have the same.
    pub fn upload_time_ms(&self) -> u64 {
        let now_ms = u64::try_from(self.wall_ms()).unwrap_or(0).max(self.upload_ms.get() + 1);
        self.upload_ms.set(now_ms);
        now_ms
    }

    /// The server has been told to stop.
    pub fn stopping(&self) -> bool {
        self.common.is_stopping()
    }

    /// Waits until [`Common::stop`] is called. One task of a core may do so at a time.
    pub async fn stopped(&self) {
        let waker = &self.common.stop_wakers[usize::from(self.number)];
        std::future::poll_fn(|cx| {
            waker.register(cx.waker());
            if self.stopping() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }

    /// The wall clock as far as it is believed, ms since the Unix epoch: one that is wrong for a while must not make tokens expire.
    pub fn wall_ms(&self) -> i64 {
        self.common.log.clock().wall_ms()
    }

    /// Whether groups are written on this core's ring.
    pub fn owns_writes(&self) -> bool {
        matches!(self.common.driver, Driver::Uring(_))
    }

    /// Whether groups are being written on this core's ring.
    pub fn has_writes(&self) -> bool {
        self.writer.borrow().as_ref().is_some_and(Writer::has_writes)
    }

    /// Takes no new connections from now on.
    pub fn drain(&self) {
        self.draining_since_ms.set(self.now_ms());
        self.draining.set(true);
    }

    /// How long it has been draining, in ms.
    pub fn drained_ms(&self) -> u64 {
        self.now_ms().saturating_sub(self.draining_since_ms.get())
    }

    /// Reserves a place for the connection at a core whose log takes records. False if there is none: then the request stays.
    pub fn reserve_migration(&self, conn: &Conn) -> bool {
        let inboxes = &self.common.migrations;
        let from = usize::from(self.dice());
        for at in (from..from + inboxes.len()).map(|at| at % inboxes.len()) {
            let number = at as u16;
            if number == self.number || self.common.log.is_poisoned(number) {
                continue;
            }
            let Some(place) = inboxes[at].reserve() else { continue };
            // Asked with the place in hand: a core that ends looks at its places after it was told to stop.
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
    pub fn wake_commits(&self) {
        self.waiters.wake();
    }

    /// The waker of the commit task, once it runs.
    pub fn set_commit_waker(&self, waker: &Waker) {
        self.waiters.set_waker(waker);
    }
}

/// ms on the machine's monotonic clock.
fn machine_ms() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000
}
