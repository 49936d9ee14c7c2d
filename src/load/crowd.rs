//! The run: the threads that generate, the arrival of visitors, and the end.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use tokio::task::LocalSet;

use super::alarm::Alarms;
use super::connection::Pool;
use super::error::LoadError;
use super::ledger::{Ledger, LedgerWriter};
use super::plan::{Plan, Rate};
use super::profile::Profile;
use super::summary::{Record, Summary};
use super::tally::{Counts, Tally};
use super::tracker::Tracker;
use super::visit::{self, Visitor};
use super::world::{World, now_ms};

/// How often a thread reports, and looks whether it is to stop.
const TICK: Duration = Duration::from_secs(1);

/// How often the end is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// Visits that may be open at once, for each user: visits that a slow server holds up do not keep the next ones away.
const VISITS_PER_USER: u64 = 2;

/// Descriptors that the process needs besides connections.
const OTHER_DESCRIPTORS: u64 = 64;

/// Connections of a visitor whose page is hidden or left, and of one who just arrives.
const CONNECTIONS_PER_USER: u64 = 6;

/// Where visitors join the recorded visit: this far apart, so that any number of them are spread evenly.
const GOLDEN: f64 = 0.618_033_988_749_895;

/// A run, ready to begin.
#[derive(Debug)]
pub struct Load {
    plan: Arc<Plan>,
    profile: Arc<Profile>,
    speed: f64,
    run: String,
}

/// How it goes, once a second.
#[derive(Debug)]
pub struct Progress<'a> {
    /// Since the beginning.
    pub elapsed: Duration,
    /// Everything since the beginning.
    pub counts: &'a Counts,
    /// The last second.
    pub second: &'a Tally,
    /// Visits under way.
    pub open: u64,
}

/// What a thread reports.
struct Report {
    second: u64,
    open: u64,
    tally: Tally,
}

impl Load {
    /// Prepares a run; nothing is sent.
    pub fn new(plan: Plan) -> Result<Load, LoadError> {
        let profile = Profile::of(plan.tracker, now_ms());
        let visit = profile.lasts.as_secs_f64();
        let speed = match plan.rate {
            Rate::Speed(speed) => speed,
            Rate::Requests(rate) => {
                rate * visit / (f64::from(profile.requests(plan.preflights)) * f64::from(plan.users))
            }
        };
        let run = format!("{:08x}", getrandom::u32().unwrap_or_else(|_| now_ms() as u32));
        Ok(Load { plan: Arc::new(plan), profile: Arc::new(profile), speed, run })
    }

    /// How many times as fast as recorded the visits are played.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// About how many requests a second become due once all users are there.
    pub fn rate(&self) -> f64 {
        let requests = f64::from(self.profile.requests(self.plan.preflights));
        f64::from(self.plan.users) * requests * self.speed / self.profile.lasts.as_secs_f64()
    }

    /// Lets one visitor start, and tells why if the server does not let it: a load on a server that refuses it measures nothing.
    pub fn probe(&self) -> Result<(), LoadError> {
        let plan = Arc::clone(&self.plan);
        let outcome = on_a_runtime(|| async move {
            let world = self.world(0, Instant::now() + Duration::from_secs(60), None)?;
            let ringing = Rc::clone(&world.alarms);
            tokio::task::spawn_local(async move { ringing.run().await });
            let tracker = Tracker::new(&world, 0, format!("load-{}-probe", self.run));
            let asked = tracker.ask_to_start(Instant::now());
            let answer = tokio::select! {
                answer = asked => answer,
                () = world.alarms.after(Duration::from_secs(10)) => {
                    return Ok(Err("it does not answer a start within 10 s".to_owned()));
                }
            };
            let faults = world.tally.borrow().counts.clone();
            Ok(answer.map_err(|answer| not_welcome(answer, &faults)))
        })?;
        outcome.map_err(|what| LoadError::NotWelcome { what: format!("{}: {what}", plan.target.url()) })
    }

    /// Runs to the end of the plan, or until `stop` is set, and reports once a second. Every thread that it starts has ended when it returns.
    pub fn run(&self, stop: &AtomicBool, mut progress: impl FnMut(&Progress<'_>)) -> Result<Summary, LoadError> {
        self.raise_descriptors()?;
        let ledger = match &self.plan.ledger {
            Some(path) => Some(LedgerWriter::create(path, &self.run, self.plan.target.url())?),
            None => None,
        };
        let (ledger, writer) = ledger.unzip();
        let began = Instant::now();
        let (sender, reports) = unbounded();
        let mut record = Record::new();
        let generated = thread::scope(|scope| {
            let threads: Vec<_> = (0..self.plan.threads)
                .map(|thread| {
                    let (sender, ledger) = (sender.clone(), ledger.clone());
                    let name = format!("load-{thread}");
                    let named = thread::Builder::new().name(name);
                    named.spawn_scoped(scope, move || self.generate(thread, began, ledger, stop, &sender))
                })
                .collect();
            drop((sender, ledger));
            follow(&reports, self.plan.threads, &mut record, &mut progress);
            let ended = threads.into_iter().map(|thread| {
                let thread = thread.map_err(|source| system("starting a thread", source))?;
                thread.join().unwrap_or_else(|_| Err(system("generating", io::Error::other("a thread panicked"))))
            });
            ended.collect::<Result<Vec<()>, _>>()
        });
        let written = writer.map_or(Ok(()), LedgerWriter::finish);
        generated?;
        written?;
        Ok(record.summary(&self.plan, &self.run, self.speed, self.rate(), began.elapsed()))
    }

    /// Makes sure that all connections can be open at once.
    fn raise_descriptors(&self) -> Result<(), LoadError> {
        let users = u64::from(self.plan.users);
        let connections = self.plan.connections.map(u64::from);
        // Most visitors have one connection at any time, a burst has six.
        let least = connections.unwrap_or(users + users.min(64) * CONNECTIONS_PER_USER);
        let wished = connections.unwrap_or(users * CONNECTIONS_PER_USER) + OTHER_DESCRIPTORS;
        let limits = getrlimit(Resource::Nofile);
        let (current, maximum) = (limits.current.unwrap_or(u64::MAX), limits.maximum.unwrap_or(u64::MAX));
        let raised = wished.min(maximum).max(current);
        let limit = Rlimit { current: Some(raised), maximum: limits.maximum };
        let allowed = if setrlimit(Resource::Nofile, limit).is_ok() { raised } else { current };
        let needed = least + OTHER_DESCRIPTORS;
        if needed > allowed { Err(LoadError::Descriptors { needed, allowed }) } else { Ok(()) }
    }

    fn world(&self, thread: u32, end: Instant, ledger: Option<Ledger>) -> Result<Rc<World>, LoadError> {
        let alarms = Alarms::new().map_err(|source| system("making a timer", source))?;
        let share = |total: u32| (total / self.plan.threads + u32::from(thread < total % self.plan.threads)).max(1);
        let pool = |connections| Rc::new(Pool::new(self.plan.target.addr(), share(connections) as usize));
        Ok(Rc::new(World {
            plan: Arc::clone(&self.plan),
            profile: Arc::clone(&self.profile),
            speed: self.speed,
            run: format!("{}.{thread}", self.run),
            agent: format!("{} takeup-load/{}", self.profile.user_agent, env!("CARGO_PKG_VERSION")),
            alarms,
            tally: RefCell::new(Tally::default()),
            ledger,
            shared: self.plan.connections.map(pool),
            end: Cell::new(end),
            busy: Cell::new(0),
            open: Cell::new(0),
            waiting: RefCell::default(),
            last: Cell::new(0),
        }))
    }

    /// One thread's share of the run.
    fn generate(
        &self,
        thread: u32,
        began: Instant,
        ledger: Option<Ledger>,
        stop: &AtomicBool,
        reports: &Sender<Report>,
    ) -> Result<(), LoadError> {
        on_a_runtime(|| async move {
            let world = self.world(thread, began + self.plan.duration, ledger)?;
            let ringing = Rc::clone(&world.alarms);
            tokio::task::spawn_local(async move { ringing.run().await });
            for place in (0..self.plan.users).filter(|place| place % self.plan.threads == thread) {
                tokio::task::spawn_local(arrive(Rc::clone(&world), place, began));
            }
            let mut reporter = Reporter { second: 0, processor: processor_time(), reports };
            while !ended(&world, stop) {
                world.alarms.after(LOOK).await;
                reporter.report_if_due(&world, began);
            }
            give_up(&world);
            reporter.report(&world);
            Ok(())
        })
    }
}

/// Sends visitors to one user's place, one after another, each when the recorded visit before it would have ended.
async fn arrive(world: Rc<World>, place: u32, began: Instant) {
    let plan = &world.plan;
    let arrives = began + plan.ramp.mul_f64(f64::from(place) / f64::from(plan.users));
    let from = world.profile.lasts.mul_f64((f64::from(place) * GOLDEN).fract());
    let open_max = VISITS_PER_USER * u64::from(plan.users.div_ceil(plan.threads));
    for visit in 0.. {
        let (begins, from) = match visit {
            0 => (arrives, from),
            // The first visit had `from` less to play.
            _ => (arrives + world.played(world.profile.lasts.mul_f64(visit as f64) - from), Duration::ZERO),
        };
        if !world.wait_until(begins).await {
            return;
        }
        if world.open.get() >= open_max {
            world.tally.borrow_mut().counts.visits_held_back += 1;
            continue;
        }
        world.open.set(world.open.get() + 1);
        let visiting = Rc::clone(&world);
        tokio::task::spawn_local(async move {
            visit::play(Rc::clone(&visiting), Visitor { place, visit, began: begins, from }).await;
            visiting.open.set(visiting.open.get() - 1);
        });
    }
}

/// Whether nothing is due any more, and nothing is waited for.
fn ended(world: &World, stop: &AtomicBool) -> bool {
    let now = Instant::now();
    if stop.load(Ordering::Relaxed) && now < world.end.get() {
        world.end.set(now);
    }
    now >= world.end.get() && (world.busy.get() == 0 || now >= world.end.get() + world.plan.grace)
}

/// Counts what is still waited for with the time that it has waited so far.
fn give_up(world: &World) {
    let mut tally = world.tally.borrow_mut();
    for (_, due) in world.waiting.borrow_mut().drain() {
        tally.counts.batches_unanswered += 1;
        tally.batches.record(due.elapsed());
    }
}

struct Reporter<'a> {
    second: u64,
    processor: Duration,
    reports: &'a Sender<Report>,
}

impl Reporter<'_> {
    fn report_if_due(&mut self, world: &World, began: Instant) {
        let second = began.elapsed().as_secs() / TICK.as_secs();
        if second > self.second {
            self.report(world);
            self.second = second;
        }
    }

    fn report(&mut self, world: &World) {
        let mut tally = world.tally.replace(Tally::default());
        let processor = processor_time();
        tally.processor = processor.saturating_sub(self.processor);
        self.processor = processor;
        // Nobody reads on after an error elsewhere.
        let _ = self.reports.send(Report { second: self.second, open: world.open.get(), tally });
    }
}

/// Adds up the reports of all threads, second by second.
fn follow(reports: &Receiver<Report>, threads: u32, record: &mut Record, progress: &mut impl FnMut(&Progress<'_>)) {
    // Reports of one second, until all threads have sent theirs.
    let mut second = (0, Tally::default(), 0, 0);
    for report in reports {
        record.add(report.second, &report.tally);
        if report.second != second.0 {
            second = (report.second, Tally::default(), 0, 0);
        }
        second.1.add(&report.tally);
        second.2 += report.open;
        second.3 += 1;
        if second.3 == threads {
            let elapsed = Duration::from_secs(report.second + 1);
            progress(&Progress { elapsed, counts: record.counts(), second: &second.1, open: second.2 });
        }
    }
}

fn on_a_runtime<T, F: Future<Output = Result<T, LoadError>>>(work: impl FnOnce() -> F) -> Result<T, LoadError> {
    let built = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let runtime = built.map_err(|source| system("making a runtime", source))?;
    LocalSet::new().block_on(&runtime, async { work().await })
}

fn system(what: &'static str, source: io::Error) -> LoadError {
    LoadError::System { what, source }
}

/// The processor time that the calling thread has used.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

/// Why the first visitor was not let in, and what to do.
fn not_welcome(answer: Option<(u16, bytes::Bytes)>, counts: &Counts) -> String {
    let Some((status, body)) = answer else {
        return match counts.faults.keys().next() {
            Some(fault) => format!("{fault}; is the server running, and is this its address?"),
            None => "it does not let pages of other origins in (CORS): use --no-preflights, or set USE_CORS=true there"
                .to_owned(),
        };
    };
    let said: String = String::from_utf8_lossy(&body).chars().take(200).collect();
    let advice = match status {
        404 => "is this an ingestion server, and the key that of a web project in it?",
        403 | 426 => "the server refuses this tracker or browser",
        408 | 429 | 500.. => "the server can't take sessions now",
        _ => "is this an ingestion server?",
    };
    format!("a start got {status} {said:?}; {advice}")
}
