//! Keeps a long session while it is watched: see [`kept`](super::super::kept).
//!
//! Who has collected one hands it over to a thread that converts it once more, without writing anything, and notes at intervals how it is by then. The thread
//! then stays until nobody has watched the session for a while, the server stops, or the session is erased; with it all goes that is kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::export::clean::Assets;
use crate::export::order::{Batches, Ordered};
use crate::export::page::room::{Room, Taken};
use crate::export::rrweb::event::Event;
use crate::export::rrweb::ledger::Limits;
use crate::export::rrweb::recorder::Flow;
use crate::export::rrweb::session::{Converter, Options};

use super::super::collect::Collector;
use super::super::kept::{Checkpoint, Kept};
use super::super::part::Part;
use super::super::shared::processor_time;
use super::lines::{CONVERTING_MAX, LOOK, Lines};
use super::place::{Fate, Place};
use super::show::{STRIDE, Shower};

// Circle: the parts of an answer see what it is.
use super::WatchError;

/// A session with fewer bytes is converted anew each time: that takes no quarter of a second.
pub(super) const KEPT_BYTES_MIN: u64 = if cfg!(test) { 8 << 10 } else { 32 << 20 };
/// How many moments are noted of it at most, at even distances of bytes.
const CHECKPOINTS: u64 = 24;
/// How long it is kept when nothing of it is being sent any more. Who plays what their page has needs the server again when they go elsewhere.
const LINGER: Duration = if cfg!(test) { Duration::from_millis(500) } else { Duration::from_secs(600) };
/// How often it is looked whether it is still wanted.
const IDLE: Duration = Duration::from_millis(100);

/// Hands a session over that was collected from its beginning to the log's end, if it is worth that and there is room for it.
pub(super) fn keep(collector: &mut Collector, shower: &mut Shower<'_>, lines: &mut Lines) -> Result<(), WatchError> {
    let is_long = shower.batches().kept_bytes() >= KEPT_BYTES_MIN;
    if !is_long || !shower.is_part() || collector.is_of_phone() || !lines.may_keep() {
        return Ok(());
    }
    let Some((position, seen)) = lines.tail.mark() else { return Ok(()) };
    let Some((batches, pictures)) = shower.share(collector)? else { return Ok(()) };
    let kept = Arc::new(Kept::new(batches, pictures, collector.go_on(), position, seen));
    let Some(place) = lines.keep(&kept) else { return Ok(()) };
    let run = move || {
        let _ = rustix::process::nice(15);
        stay(place, kept);
    };
    // Without the thread its place is free again, and the session is converted anew each time.
    let _ = std::thread::Builder::new().name("session-keep".into()).spawn(run);
    Ok(())
}

fn stay(place: Place, kept: Arc<Kept>) {
    let mut keeper = Keeper { kept, answered: 0, watched: Instant::now(), looked: Instant::now(), place };
    // Whatever went wrong: those who watch convert it by themselves.
    let _ = keeper.note();
    #[cfg(test)]
    keeper.kept.counts.noted.store(true, std::sync::atomic::Ordering::Relaxed);
    while keeper.is_wanted() {
        keeper.place.shared.rest(IDLE, keeper.place.erasures());
    }
}

struct Keeper {
    kept: Arc<Kept>,
    /// How many answers had been made of it,
    answered: u64,
    /// when somebody last watched the session.
    watched: Instant,
    looked: Instant,
    /// Dropped last: when it is free, nothing is left.
    place: Place,
}

impl Keeper {
    /// Whether what is kept may still be of use.
    fn is_wanted(&mut self) -> bool {
        self.looked = Instant::now();
        match self.place.fate() {
            Fate::Ends => return false,
            // Nothing of another session is held.
            Fate::Rereads(erasures) => self.place.has_reread(erasures),
            Fate::Wanted => {}
        }
        // An answer may be over before anybody looks.
        let answered = self.kept.answered();
        if self.place.is_watched() || answered != self.answered {
            (self.watched, self.answered) = (self.looked, answered);
        }
        self.watched.elapsed() < LINGER && !self.kept.is_outdated()
    }

    /// Converts the session quietly, and notes how it is at moments all over it.
    fn note(&mut self) -> Result<(), WatchError> {
        let kept = Arc::clone(&self.kept);
        let room = self.place.shared.kept_room.clone();
        let mut ordered = Batches::again(&kept.batches, tempfile::tempfile()?).in_order();
        let store = ordered.batches().store();
        let mut noting = Noting {
            // Which assets there are makes no difference to a page that is not written.
            converter: Converter::new(Options {
                assets: Assets::default(),
                room: self.place.shared.room.clone(),
                limits: Limits::default(),
                tab: None,
            }),
            part: Part::new(i64::MAX),
        };
        let mut pictures = kept.pictures.iter().peekable();
        let (began, mut converted) = (processor_time(), 0_u32);
        let mut stride = kept.batches.bytes() / CHECKPOINTS;
        let (mut passed, mut told_ms) = (0, i64::MIN);
        loop {
            if passed >= stride {
                passed = 0;
                let left = pictures.len();
                while !noting.add(&kept, &ordered, told_ms, kept.pictures.len() - left, &room) {
                    if !kept.thin_out() {
                        return Ok(());
                    }
                    stride = stride.saturating_mul(2);
                }
            }
            let Some(told) = ordered.next_told()? else { return Ok(()) };
            converted = converted.wrapping_add(1);
            if converted.is_multiple_of(STRIDE) && self.looked.elapsed() >= LOOK {
                let is_over = processor_time() - began > CONVERTING_MAX;
                if is_over || !self.is_wanted() {
                    return Ok(());
                }
            }
            passed += told.bytes as u64;
            told_ms = told_ms.max(told.at_ms);
            let mut flow = Flow::Continue(());
            while let Some(picture) = pictures.next_if(|picture| picture.at_ms <= told.at_ms) {
                let bytes = picture.read(&store)?;
                noting.reach(picture.at_ms);
                flow = noting.take(|converter, sink| converter.picture(&picture.canvas, picture.at_ms, &bytes, sink));
            }
            noting.reach(told.at_ms);
            if flow.is_break() || noting.take(|converter, sink| converter.tell(&told, sink)).is_break() {
                return Ok(());
            }
        }
    }
}

/// A session that is followed to be noted.
struct Noting {
    converter: Converter,
    part: Part,
}

impl Noting {
    fn reach(&mut self, at_ms: i64) {
        let is_wanted = self.part.reach(at_ms);
        self.converter.set_quiet(!is_wanted);
    }

    /// Takes the events up to the first one: from there on there are none.
    fn take(&mut self, make: impl FnOnce(&mut Converter, &mut dyn FnMut(Event) -> Flow) -> Flow) -> Flow {
        let part = &mut self.part;
        make(&mut self.converter, &mut |mut event| {
            part.take(&mut event);
            Flow::Continue(())
        })
    }

    /// Notes how it is. Returns whether there was room for that, or nothing to note yet.
    fn add(&self, kept: &Kept, ordered: &Ordered, told_ms: i64, pictures: usize, room: &Room) -> bool {
        // A page that lost something because others had the room would be missed by all who go on from there.
        if self.part.is_empty() || self.converter.left_out().full > 0 {
            return true;
        }
        let order = ordered.mark();
        let mut taken = Taken::new(room.clone());
        if !taken.take(order.bytes() + size_of::<Checkpoint>()) {
            return false;
        }
        let Some(pages) = self.converter.rest(room) else { return false };
        kept.add(Checkpoint { told_ms, part: self.part.clone(), order, pictures, pages, _taken: taken });
        true
    }
}

#[cfg(test)]
mod tests;
