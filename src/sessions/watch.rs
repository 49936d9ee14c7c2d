//! What the log has of one session as lines of JSON: rrweb's events, or the timeline; to the log's end, or on and on.
//!
//! Each answer is made on a thread of its own, with low priority: it reads the log, keeps the session's batches in a file without a name, and converts
//! them in the order of their times, as `takeup export` does. One that follows the session goes on with what arrives later. Batches of one moment
//! arrive one after the other, so it collects for a second or two before it converts. Empty lines in between show that the client is
//! still there.
//!
//! All of it is bounded: how many answers there are, the file, what is read ahead, the page that is described, and what waits for the client.

use std::io;
use std::iter::Peekable;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::vec;

use serde::Serialize;

use crate::export::clean::Assets;
use crate::export::order::{Batches, Ordered};
use crate::export::page::room::Room;
use crate::export::rrweb::event::Event;
use crate::export::rrweb::session::Options;
use crate::export::rrweb::teller::Teller;
use crate::export::timeline::Timeline;
use crate::log::LogError;
use crate::log::format::record::Record;
use crate::log::read::merge::Merge;
use crate::log::read::reader::LogReader;
use crate::session::SessionId;

use super::collect::{Collector, Picture, Witness};
use super::handle::Sessions;
use super::shared::Shared;
use super::summary::LIVE_MS;

/// How many may watch at once.
pub const VIEWERS_MAX: usize = 12;

/// The largest batch that is inflated.
const INFLATED_BYTES_MAX: usize = 32 << 20;
/// What is read ahead of batches.
const READ_AHEAD_BYTES: usize = 16 << 20;
/// What the file of a session's batches may take.
const KEPT_BYTES_MAX: u64 = 1 << 30;

/// A session's records are looked for so long before its id was generated: clocks differ.
const LOOK_BACK_US: u64 = 600 * 1_000_000;
/// A session whose first record comes so soon after its id was generated got the id from this server's clock,
const OWN_ID_US: u64 = 60 * 1_000_000;
/// which order time follows this closely.
const CLOCK_STEP_US: u64 = 5 * 1_000_000;

/// How many records of others are passed over between two looks at the clock and at the client.
const STRIDE: u32 = 1024;
/// Lines are sent when they come to this.
const PIECE_BYTES: usize = 32 << 10;
/// The pause at the end of the log.
const IDLE: Duration = Duration::from_millis(100);
/// The pause while the client takes nothing.
const SEND_PAUSE: Duration = Duration::from_millis(10);
/// How long a client that takes nothing is waited for.
const SEND_PATIENCE: Duration = Duration::from_secs(60);
/// An empty line is sent after this time without another.
const HEARTBEAT: Duration = Duration::from_secs(3);
/// New batches are converted when no other has followed for this long.
const QUIET: Duration = Duration::from_millis(1000);
/// They are converted after this time at the latest.
const ROUND_MAX: Duration = Duration::from_millis(2500);

/// A client that would see something soon gets the beginning when the rest has been read for this long.
const SOON: Duration = Duration::from_millis(250);
/// That is so much of the session,
const BEGINNING_MS: i64 = 30_000;
/// once all has been read that arrived so long after it: trackers that were offline send late.
const LATE_US: u64 = 600 * 1_000_000;

/// Where pictures, fonts and style sheets of a project come from.
pub type AssetsOf = Box<dyn Fn(u32) -> Assets + Send>;

/// What a line is.
pub enum Form {
    /// An event of rrweb.
    Events(AssetsOf),
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
    /// Whether the beginning of a long session is sent before the rest was read. What arrived more than ten minutes late is then not in order. Of one that
    /// is followed the end is wanted, so this has no effect.
    pub soon: bool,
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
    /// The answer ends here although there is more. Why.
    Failed(String),
    /// That was all. An answer that ends without this, or a failure, was cut off.
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
        let place = Place::take(&self.0)?;
        let run = move || {
            // Requests come first.
            let _ = rustix::process::nice(15);
            let mut lines = Lines { place, out: Box::new(out), buffer: Vec::new(), sent: Instant::now() };
            let last = match watch(&wanted, &mut lines) {
                Ok(()) => Piece::End,
                Err(WatchError::Gone) => return,
                Err(error) => Piece::Failed(error.to_string()),
            };
            // Who is gone does not hear it.
            let _ = lines.send(last);
        };
        std::thread::Builder::new().name("session-view".into()).spawn(run)?;
        Ok(())
    }
}

/// One of the places for those who watch; given back when it is dropped.
struct Place {
    shared: Arc<Shared>,
    /// How many erasures there had been.
    erasures: u64,
}

impl Place {
    fn take(shared: &Arc<Shared>) -> Result<Place, Refused> {
        let mut state = shared.lock();
        if state.viewers.values().sum::<usize>() >= VIEWERS_MAX {
            return Err(Refused::Busy);
        }
        let erasures = state.erasures;
        *state.viewers.entry(erasures).or_default() += 1;
        Ok(Place { shared: Arc::clone(shared), erasures })
    }

    fn is_wanted(&self) -> bool {
        !self.shared.is_stopping() && self.shared.lock().erasures == self.erasures
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if let Some(viewers) = state.viewers.get_mut(&self.erasures) {
            *viewers -= 1;
            if *viewers == 0 {
                state.viewers.remove(&self.erasures);
            }
        }
    }
}

/// Lines on their way to the client.
struct Lines {
    out: Box<dyn Out>,
    buffer: Vec<u8>,
    sent: Instant,
    /// Dropped last: its place is free when nothing is left.
    place: Place,
}

impl Lines {
    fn line(&mut self, value: &impl Serialize) -> Result<(), WatchError> {
        serde_json::to_writer(&mut self.buffer, value)?;
        self.buffer.push(b'\n');
        if self.buffer.len() >= PIECE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), WatchError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let lines = std::mem::take(&mut self.buffer);
        self.send(Piece::Lines(lines))
    }

    /// Finds out whether the answer is still wanted. Nothing is sent before the session is found.
    fn beat(&mut self, is_found: bool) -> Result<(), WatchError> {
        if is_found && self.sent.elapsed() >= HEARTBEAT {
            return self.send(Piece::Lines(b"\n".to_vec()));
        }
        if self.is_wanted() { Ok(()) } else { Err(WatchError::Gone) }
    }

    fn is_wanted(&self) -> bool {
        self.place.is_wanted() && !self.out.is_gone()
    }

    fn send(&mut self, mut piece: Piece) -> Result<(), WatchError> {
        let began = Instant::now();
        loop {
            if !self.place.is_wanted() {
                return Err(WatchError::Gone);
            }
            match self.out.send(piece) {
                Sent::Done => break,
                Sent::Full(back) if began.elapsed() < SEND_PATIENCE => piece = back,
                Sent::Full(_) | Sent::Gone => return Err(WatchError::Gone),
            }
            std::thread::sleep(SEND_PAUSE);
        }
        self.sent = Instant::now();
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
    let (from_us, until_us) = lines.place.shared.span_of(wanted.session);
    let reader = LogReader::open(&lines.place.shared.log_dir)?.with_recent(lines.place.shared.recent.clone());
    let mut merge = Merge::since(reader, from_us)?;
    let batches = Batches::new(tempfile::tempfile()?).with_read_ahead(READ_AHEAD_BYTES);
    let mut shower = Shower::new(&wanted.form, lines.place.shared.room.clone(), batches);
    let mut collector = Collector::new(INFLATED_BYTES_MAX);
    let mut soon: Option<Soon> = None;
    let mut passed = 0_u32;
    while let Some(record) = merge.next_settled()? {
        if until_us.is_some_and(|until| record.order_us > until) && !wanted.follow {
            break;
        }
        let (is_of_session, order_us) = (record.session == wanted.session, record.order_us);
        if is_of_session {
            if collector.records() == 0 {
                lines.send(Piece::Found)?;
                soon = (wanted.soon && !wanted.follow)
                    .then(|| Soon { began: Instant::now(), from_us: order_us + LATE_US });
            }
            add(&mut collector, &record, shower.batches())?;
        }
        passed += 1;
        if passed.is_multiple_of(STRIDE) {
            lines.beat(collector.records() > 0)?;
        }
        if is_of_session && soon.as_ref().is_some_and(|soon| soon.is_due(order_us)) {
            soon = None;
            shower.show_beginning(&mut collector, lines)?;
        }
    }
    if collector.records() == 0 {
        return lines.send(Piece::Missing);
    }
    shower.show(&mut collector, lines)?;
    if !wanted.follow {
        return Ok(());
    }
    let mut round: Option<(Instant, Instant)> = None;
    loop {
        let mut at_end = false;
        for _ in 0..STRIDE {
            let Some(record) = merge.next()? else {
                at_end = true;
                break;
            };
            if record.session == wanted.session {
                add(&mut collector, &record, shower.batches())?;
                let now = Instant::now();
                round = Some((round.map_or(now, |(first, _)| first), now));
            }
        }
        if round.is_some_and(|(first, last)| first.elapsed() >= ROUND_MAX || last.elapsed() >= QUIET) {
            shower.show(&mut collector, lines)?;
            round = None;
        }
        lines.beat(true)?;
        if at_end {
            std::thread::sleep(IDLE);
        }
    }
}

fn add(collector: &mut Collector, record: &Record<'_>, batches: &mut Batches) -> Result<(), WatchError> {
    collector.add(record, batches, &mut Silent)?;
    if batches.kept_bytes() > KEPT_BYTES_MAX { Err(WatchError::Large) } else { Ok(()) }
}

/// When the beginning of a session is sent before the rest was read.
struct Soon {
    began: Instant,
    from_us: u64,
}

impl Soon {
    /// Whether that is now, when the record of this order time was read.
    fn is_due(&self, order_us: u64) -> bool {
        order_us >= self.from_us && self.began.elapsed() >= SOON
    }
}

/// Converts what was collected.
struct Shower<'a> {
    ordered: Ordered,
    pictures: Peekable<vec::IntoIter<Picture>>,
    wanted: &'a Form,
    room: Room,
    /// Known with the first round: a phone's session is another thing than a page's.
    form: Option<Converting>,
}

enum Converting {
    Events(Teller),
    Timeline(Timeline),
}

impl<'a> Shower<'a> {
    fn new(wanted: &'a Form, room: Room, batches: Batches) -> Shower<'a> {
        Shower { ordered: batches.in_order(), pictures: Vec::new().into_iter().peekable(), wanted, room, form: None }
    }

    /// To add what was collected.
    fn batches(&mut self) -> &mut Batches {
        self.ordered.batches()
    }

    fn form(&self, collector: &Collector) -> Converting {
        match self.wanted {
            Form::Events(_) if collector.is_of_phone() => {
                let (width, height) = collector.start().map_or((0, 0), |row| (row.width, row.height));
                Converting::Events(Teller::of_phone(width, height))
            }
            Form::Events(assets_of) => {
                let assets = assets_of(collector.project());
                Converting::Events(Teller::of_page(Options { assets, room: self.room.clone() }))
            }
            Form::Timeline => Converting::Timeline(Timeline::default()),
        }
    }

    /// Sends the first half minute of what was collected.
    fn show_beginning(&mut self, collector: &mut Collector, lines: &mut Lines) -> Result<(), WatchError> {
        // A phone's screens are shown whatever their time.
        if collector.is_of_phone() {
            return Ok(());
        }
        let Some(first_ms) = self.ordered.next_ms() else { return Ok(()) };
        self.convert(first_ms.saturating_add(BEGINNING_MS), collector, lines)?;
        lines.flush()
    }

    /// Sends everything that was collected since the last call.
    fn show(&mut self, collector: &mut Collector, lines: &mut Lines) -> Result<(), WatchError> {
        self.convert(i64::MAX, collector, lines)?;
        if let Some(Converting::Events(teller)) = &mut self.form {
            let file = self.ordered.batches().file()?;
            let mut events: Vec<Event> = Vec::new();
            if let Teller::Phone(_) = teller {
                // Nothing but the screen is shown: it need not wait for a message.
                for picture in self.pictures.by_ref() {
                    let bytes = picture.read(&file)?;
                    teller.picture(&picture.canvas, picture.at_ms, &bytes, &mut |event| events.push(event));
                    for event in events.drain(..) {
                        lines.line(&event)?;
                    }
                }
            }
            teller.flush(&mut |event| events.push(event));
            for event in events.drain(..) {
                lines.line(&event)?;
            }
        }
        // Pictures of a time that has not come stay.
        if self.pictures.peek().is_none() {
            self.ordered.batches().forget_kept()?;
        }
        lines.flush()
    }

    /// Converts the messages that were collected, as far as they are not later than `until_ms`.
    fn convert(&mut self, until_ms: i64, collector: &mut Collector, lines: &mut Lines) -> Result<(), WatchError> {
        let mut form = match self.form.take() {
            Some(form) => form,
            None => self.form(collector),
        };
        let mut pictures: Vec<Picture> = self.pictures.by_ref().chain(collector.take_pictures()).collect();
        pictures.sort_by_key(|picture| picture.at_ms);
        self.pictures = pictures.into_iter().peekable();
        let file = self.ordered.batches().file()?;
        let mut events: Vec<Event> = Vec::new();
        while let Some(told) = self.ordered.next_told_until(until_ms)? {
            match &mut form {
                Converting::Timeline(timeline) => {
                    if let Some(line) = timeline.line(&told) {
                        lines.line(&line)?;
                    }
                }
                Converting::Events(teller) => {
                    while let Some(picture) = self.pictures.next_if(|picture| picture.at_ms <= told.at_ms) {
                        let bytes = picture.read(&file)?;
                        teller.picture(&picture.canvas, picture.at_ms, &bytes, &mut |event| events.push(event));
                    }
                    teller.tell(&told, &mut |event| events.push(event));
                    for event in events.drain(..) {
                        lines.line(&event)?;
                    }
                }
            }
        }
        self.form = Some(form);
        Ok(())
    }
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
