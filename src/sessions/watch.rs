//! What the log has of one session as lines of JSON: rrweb's events, or the timeline; to the log's end, or on and on.
//!
//! Each answer is made on a thread of its own, with low priority: it reads the log, keeps the session's batches in a file without a name, and converts
//! them in the order of their times, as `takeup export` does. One that follows the session goes on with what arrives later. Batches of one moment
//! arrive one after the other, so it collects for a second or two before it converts. An empty line says that all was sent; others in between, that the
//! server is still there. An answer that cannot go on says why in its last line.
//!
//! One that begins somewhere in the session converts all that is before, because a page is made of its changes, but writes nothing of it.
//!
//! All of it is bounded: how many answers there are, the file, what is read ahead, the page that is described, what is written of it, how long that
//! takes, and what waits for the client. An answer ends within about a tenth of a second when nobody waits for it, the server stops, or its session is
//! erased. When others are, it drops what it has read ahead of the log, and goes on.
//!
//! | file | |
//! |---|---|
//! | `keep` | keeps a long session for those who go to other parts of it |
//! | `lines` | lines on their way to the client |
//! | `place` | one of the places for those who watch |
//! | `show` | what was collected, as lines |
//! | `tail` | how far the log was read |

mod keep;
mod lines;
mod place;
mod show;
mod tail;

use std::io;
use std::time::{Duration, Instant};

use crate::export::clean::Assets;
use crate::export::order::Batches;
use crate::log::LogError;
use crate::log::format::record::Record;
use crate::session::SessionId;

use super::collect::{Collector, Witness};
use super::handle::Sessions;
use super::shared::{Shared, processor_time};
use super::summary::LIVE_MS;
use lines::Lines;
use place::Place;
use show::Shower;
use tail::Step;

/// How many may watch at once.
pub const VIEWERS_MAX: usize = 12;

/// The largest batch that is inflated.
const INFLATED_BYTES_MAX: usize = 32 << 20;
/// What is read ahead of batches.
const READ_AHEAD_BYTES: usize = 16 << 20;
/// What the file of a session's batches may take.
const KEPT_BYTES_MAX: u64 = 1 << 30;

/// How many batches are kept: beside its bytes each has a place in memory, and may have a page of its own.
const BATCHES_MAX: u64 = 100_000;
/// How many pictures wait for their time: each has a place in memory. At five a second, those of 22 hours.
const PICTURES_MAX: usize = 400_000;

/// A session's records are looked for so long before its id was generated: clocks differ.
const LOOK_BACK_US: u64 = 600 * 1_000_000;
/// A session whose first record comes so soon after its id was generated got the id from this server's clock,
const OWN_ID_US: u64 = 60 * 1_000_000;
/// which order time follows this closely.
const CLOCK_STEP_US: u64 = 5 * 1_000_000;

/// How many records of others are passed over between two looks at the clock and at the client.
const STRIDE: u32 = 1024;
/// The pause at the end of the log.
const IDLE: Duration = Duration::from_millis(100);
/// New batches are converted when no other has followed for this long.
const QUIET: Duration = Duration::from_millis(1000);
/// They are converted after this time at the latest.
const ROUND_MAX: Duration = Duration::from_millis(2500);

/// A client that would see something soon gets the beginning when the rest has been read for this long.
const SOON: Duration = Duration::from_millis(250);
/// once batches have been read that are so much younger: trackers that were offline send late.
const LATE_MS: i64 = 600_000;

/// What is kept of a session counts for nothing any more when it takes the processor so long to read what came since.
const SLOW: Duration = Duration::from_millis(500);

/// Where pictures, fonts and style sheets of a project come from.
pub type AssetsOf = Box<dyn Fn(u32) -> Assets + Send>;

/// What a line is.
pub enum Form {
    /// An event of rrweb, of this tab, or of those that the visitor looks at.
    Events(AssetsOf, Option<String>),
    /// A line of the timeline.
    Timeline,
}

/// What is asked for.
pub struct Wanted {
    /// The session.
    pub session: u64,
    /// What its lines are.
    pub form: Form,
    /// Whether to go on with what arrives later.
    pub follow: bool,
    /// Whether the beginning of a long session is sent before the rest was read. What arrived more than ten minutes late may then not be in order.
    pub soon: bool,
    /// From which moment on its events are sent, in ms from its first one, or, below 0, before its end. They then begin with a snapshot of the page as it
    /// is by then, and with events that tell how long the session is. `None`: all events, and nothing else.
    pub from: Option<i64>,
}

impl Wanted {
    /// Whether whoever watches this may go to another part of it, for which what is noted at moments of the session is of use.
    fn is_part(&self) -> bool {
        self.from.is_some() && matches!(self.form, Form::Events(_, None))
    }
}

/// What became of a piece.
#[derive(Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is on its way.
    Done,
    /// There is no room at the moment; here it is again.
    Full(Piece),
    /// Nobody waits for it any more.
    Gone,
}

/// A part of the answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// The session is in the log. Comes first.
    Found,
    /// Whole lines.
    Lines(Vec<u8>),
    /// It is not in the log. Comes alone.
    Missing,
    /// It cannot be shown. Why. Comes alone.
    Failed(String),
    /// That was all, or what the last line says. An answer that ends without this was cut off.
    End,
}

/// Who takes the answer. It never blocks.
pub trait Out: Send + 'static {
    /// Takes a piece, if there is room.
    fn send(&mut self, piece: Piece) -> Sent;

    /// Whether nobody waits for the answer any more.
    fn is_gone(&self) -> bool;
}

/// Why a session is not shown now.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Too many watch already.
    #[error("{VIEWERS_MAX} sessions are watched already: close one, or try again")]
    Busy,
    /// The thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(#[from] io::Error),
}

/// Why an answer ends early.
#[derive(Debug, thiserror::Error)]
enum WatchError {
    /// The client is gone, the server stops, or records are erased.
    #[error("it is not wanted any more")]
    Gone,
    #[error("a file for temporary data cannot be written: {0}")]
    File(#[from] io::Error),
    #[error("the session takes more than a file for temporary data may")]
    Large,
    /// What is written is no longer in proportion to what was sent.
    #[error(
        "the rest is not shown: what it makes is far larger than what the session has sent; `takeup export --events-max` writes more"
    )]
    TooMuch,
    /// The processor is needed for others too.
    #[error("the rest is not shown: to convert it takes longer than an answer may; use `takeup export`")]
    TooLong,
    #[error("an event cannot be written: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Log(#[from] LogError),
}

impl Sessions {
    /// Sends what the log has of a session to `out`, from a thread of its own.
    ///
    /// # Errors
    /// Too many watch already, or the thread could not be started.
    pub fn watch(&self, wanted: Wanted, out: impl Out) -> Result<(), Refused> {
        let place = Place::take(&self.0, wanted.session)?;
        let run = move || {
            // Requests come first.
            let _ = rustix::process::nice(15);
            let mut lines = Lines::new(place, Box::new(out));
            // Who is gone does not hear it.
            let _ = match watch(&wanted, &mut lines) {
                Ok(()) => lines.send(Piece::End),
                Err(WatchError::Gone) => return,
                Err(error) => lines.fail(&wanted.form, &error.to_string()),
            };
        };
        std::thread::Builder::new().name("session-view".into()).spawn(run)?;
        Ok(())
    }
}

/// What is left out is not told: the command `takeup export` does that.
struct Silent;

impl Witness for Silent {
    type Error = io::Error;

    fn failed(error: io::Error) -> io::Error {
        error
    }
}

fn watch(wanted: &Wanted, lines: &mut Lines) -> Result<(), WatchError> {
    // What belongs to no session bears this number.
    if wanted.session == 0 {
        return lines.send(Piece::Missing);
    }
    let (from_us, until_us) = lines.shared().span_of(wanted.session);
    let room = lines.shared().room.clone();
    let kept = lines.kept();
    let (mut shower, mut collector) = match &kept {
        Some(kept) => {
            lines.tail.go_on(&kept.position, &kept.seen);
            lines.found(kept.collector.project())?;
            (Shower::again(wanted, room, kept)?, kept.collector.go_on())
        }
        None => {
            lines.tail.open(from_us)?;
            let batches = Batches::new(tempfile::tempfile()?).with_read_ahead(READ_AHEAD_BYTES);
            let batches = if wanted.is_part() { batches.with_history() } else { batches };
            let collector = Collector::new(INFLATED_BYTES_MAX).with_pictures_max(PICTURES_MAX);
            (Shower::new(wanted, room, batches), collector)
        }
    };
    let began = processor_time();
    let mut soon: Option<Instant> = None;
    let mut passed = 0_u32;
    loop {
        let is_of_session =
            match lines.tail.next_settled(wanted.session, |record| add(&mut collector, record, shower.batches()))? {
                Step::End => break,
                Step::Passed(order_us) if until_us.is_some_and(|until| order_us > until) && !wanted.follow => break,
                Step::Passed(_) => false,
                Step::Taken => true,
            };
        if is_of_session {
            if collector.records() == 1 {
                lines.found(collector.project())?;
                soon = wanted.soon.then(Instant::now);
            }
            lines.tell_project(collector.project());
        }
        passed += 1;
        if passed.is_multiple_of(STRIDE) || is_of_session {
            lines.look()?;
        }
        let is_due = |began: Instant| shower.knows_beginning(LATE_MS) && began.elapsed() >= SOON;
        if is_of_session && soon.is_some_and(is_due) {
            soon = None;
            shower.show_beginning(&mut collector, lines)?;
        }
    }
    if collector.records() == 0 {
        return lines.send(Piece::Missing);
    }
    match kept {
        Some(kept) => {
            let is_much_more = shower.batches().kept_bytes() / 4 > kept.batches.bytes() / 3;
            if is_much_more || processor_time() - began > SLOW {
                kept.outdate();
            }
            shower.go_to(&kept, &collector)?;
        }
        None => keep::keep(wanted, &mut collector, &mut shower, lines),
    }
    shower.show_all(&mut collector, lines)?;
    if !wanted.follow {
        return Ok(());
    }
    lines.catch_up()?;
    lines.tail.follow();
    let mut round: Option<(Instant, Instant)> = None;
    loop {
        let mut at_end = false;
        for _ in 0..STRIDE {
            match lines.tail.next(wanted.session, |record| add(&mut collector, record, shower.batches()))? {
                Step::End => {
                    at_end = true;
                    break;
                }
                Step::Passed(_) => {}
                Step::Taken => {
                    lines.tell_project(collector.project());
                    lines.look()?;
                    let now = Instant::now();
                    round = Some((round.map_or(now, |(first, _)| first), now));
                }
            }
        }
        if round.is_some_and(|(first, last)| first.elapsed() >= ROUND_MAX || last.elapsed() >= QUIET) {
            shower.show(&mut collector, lines)?;
            round = None;
        }
        lines.beat()?;
        if at_end {
            lines.tail.rest(IDLE);
        }
    }
}

fn add(collector: &mut Collector, record: &Record<'_>, batches: &mut Batches) -> Result<(), WatchError> {
    collector.add(record, batches, &mut Silent)?;
    let is_large = batches.kept_bytes() > KEPT_BYTES_MAX || batches.count() > BATCHES_MAX;
    if is_large { Err(WatchError::Large) } else { Ok(()) }
}

impl Shared {
    /// Between which order times the log has records of a session, in microseconds, as far as that is known.
    fn span_of(&self, session: u64) -> (u64, Option<u64>) {
        let started_us = u64::try_from(SessionId(session).start_ms()).unwrap_or(0).saturating_mul(1000);
        let state = self.lock();
        if let Some(summary) = state.index.get(session) {
            let has_ended = state.reached_us.saturating_sub(summary.last_us) > LIVE_MS * 1000;
            let until = (has_ended && !state.passed_over).then_some(summary.last_us);
            // Otherwise it may have left the index and come back, or begun before it.
            if state.since_us.is_none() && state.index.evicted() == 0 && !state.passed_over {
                return (summary.first_us, until);
            }
            if summary.first_us.checked_sub(started_us).is_some_and(|after| after < OWN_ID_US) {
                return (started_us.saturating_sub(CLOCK_STEP_US), until);
            }
        }
        drop(state);
        let now_us = crate::base::time::wall_us();
        // An id that another system generated may hold any time.
        (if started_us > now_us { 0 } else { started_us.saturating_sub(LOOK_BACK_US) }, None)
    }
}

#[cfg(test)]
mod written;
