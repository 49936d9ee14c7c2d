//! Keeps a long session while it is watched: see [`kept`](super::super::kept).
//!
//! Who has collected one hands it over to a thread that converts it once more, without writing anything, and notes at intervals how it is by then. The thread
//! then stays until nobody has watched the session for a while, the server stops, or the session is erased; with it all goes that is kept.

use std::time::{Duration, Instant};

use crate::export::clean::Assets;
use crate::export::order::{Batches, Ordered};
use crate::export::page::room::Taken;
use crate::export::rrweb::event::Event;
use crate::export::rrweb::ledger::Limits;
use crate::export::rrweb::recorder::Flow;
use crate::export::rrweb::session::{Converter, Options};

use super::super::collect::Collector;
use super::super::kept::{Checkpoint, Kept};
use super::super::part::Part;
use super::super::shared::{self, processor_time};
use super::lines::{CONVERTING_MAX, LOOK, Lines};
use super::place::{Fate, Place};
use super::show::{STRIDE, Shower};

// Circle: the parts of an answer see what it is.
use super::{Wanted, WatchError};

/// A session with fewer bytes is converted anew each time: that takes about a quarter of a second.
pub(super) const KEPT_BYTES_MIN: u64 = if cfg!(test) { 8 << 10 } else { 32 << 20 };
/// How many moments are noted of it at most, at even distances of bytes.
const CHECKPOINTS: u64 = 24;
/// How long it is kept when nothing of it is being sent any more. Who plays what their page has needs the server again when they go elsewhere.
const LINGER: Duration = if cfg!(test) { Duration::from_millis(500) } else { Duration::from_secs(600) };
/// How often it is looked whether it is still wanted.
const IDLE: Duration = Duration::from_millis(100);

/// Hands a session over that was collected from its beginning to the log's end, if it is worth that and there is room for it.
pub(super) fn keep(wanted: &Wanted, collector: &mut Collector, shower: &mut Shower<'_>, lines: &mut Lines) {
    let is_long = shower.batches().kept_bytes() >= KEPT_BYTES_MIN;
    if !is_long || !wanted.is_part() || collector.is_of_phone() || !lines.may_keep() {
        return;
    }
    let Some((position, seen)) = lines.tail.mark() else { return };
    let Some((batches, pictures)) = shower.share(collector) else { return };
    let room = lines.shared().room_for_notes();
    let Some(place) = lines.keep(Kept::new(batches, pictures, collector.go_on(), position, seen, room)) else { return };
    let run = move || {
        let _ = rustix::process::nice(15);
        stay(place);
    };
    // Without the thread its place is free again, and the session is converted anew each time.
    let _ = std::thread::Builder::new().name("session-keep".into()).spawn(run);
}

/// Keeps what the place has, for as long as it is wanted.
fn stay(place: Place) {
    let Some(kept) = place.keeps() else { return };
    let mut keeper = Keeper { place, answered: 0, watched: Instant::now(), looked: Instant::now() };
    // Whatever went wrong: those who watch convert it by themselves.
    let _ = keeper.note(&kept);
    kept.end_notes();
    while keeper.is_wanted(&kept) {
        keeper.place.shared.rest(IDLE, keeper.place.erasures());
    }
    // Ahead of the place: when that is free, nothing is left.
    drop(kept);
}

struct Keeper {
    place: Place,
    /// How many answers had been made of it,
    answered: u64,
    /// when somebody last watched the session.
    watched: Instant,
    looked: Instant,
}

impl Keeper {
    /// Whether what is kept may still be of use.
    fn is_wanted(&mut self, kept: &Kept) -> bool {
        self.looked = Instant::now();
        match self.place.fate() {
            Fate::Ends => return false,
            // Nothing of another session is held.
            Fate::Rereads(erasures) => self.place.has_reread(erasures),
            Fate::Wanted => {}
        }
        // An answer may be over before anybody looks.
        let answered = kept.answered();
        if self.place.is_watched() || answered != self.answered {
            (self.watched, self.answered) = (self.looked, answered);
        }
        self.watched.elapsed() < LINGER && !kept.is_outdated()
    }

    /// Whether to go on with the conversion that began at this processor time. To be asked as often as something is done.
    fn goes_on(&mut self, kept: &Kept, began: Duration) -> bool {
        self.looked.elapsed() < LOOK || (processor_time() - began <= CONVERTING_MAX && self.is_wanted(kept))
    }

    /// Converts the session quietly, and notes how it is at moments all over it.
    fn note(&mut self, kept: &Kept) -> Result<(), WatchError> {
        // Of its own: those who watch lose nothing by it.
        let pages = shared::room_of_noted();
        let mut ordered = Batches::again(&kept.batches, tempfile::tempfile()?).in_order();
        let store = ordered.batches().store();
        // Which assets there are makes no difference to a page that is not written.
        let (assets, limits) = (Assets::default(), Limits::default());
        let options = Options { assets, room: pages.clone(), limits, tab: None };
        let mut noting = Noting { converter: Converter::new(options), part: Part::new(i64::MAX) };
        let mut pictures = kept.pictures.iter().peekable();
        let (began, mut converted) = (processor_time(), 0_u32);
        let mut stride = kept.batches.bytes() / CHECKPOINTS;
        let (mut passed, mut told_ms) = (0, i64::MIN);
        loop {
            if passed >= stride {
                passed = 0;
                let read = kept.pictures.len() - pictures.len();
                while !noting.add(kept, &ordered, told_ms, read) && kept.thin_out() {
                    stride = stride.saturating_mul(2);
                }
            }
            let Some(told) = ordered.next_told()? else { return Ok(()) };
            converted = converted.wrapping_add(1);
            if converted.is_multiple_of(STRIDE) && !self.goes_on(kept, began) {
                return Ok(());
            }
            while let Some(picture) = pictures.next_if(|picture| picture.at_ms <= told.at_ms) {
                let bytes = picture.read(&store)?;
                noting.reach(picture.at_ms);
                let flow =
                    noting.take(|converter, sink| converter.picture(&picture.canvas, picture.at_ms, &bytes, sink));
                passed += picture.bytes() as u64;
                told_ms = told_ms.max(picture.at_ms);
                if flow.is_break() || !self.goes_on(kept, began) {
                    return Ok(());
                }
            }
            passed += told.bytes as u64;
            told_ms = told_ms.max(told.at_ms);
            noting.reach(told.at_ms);
            let flow = noting.take(|converter, sink| converter.tell(&told, sink));
            // A page that lost something because there was no room would be missed by all who go on from there.
            if flow.is_break() || pages.has_refused() {
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
    fn add(&self, kept: &Kept, ordered: &Ordered, told_ms: i64, pictures: usize) -> bool {
        if !self.converter.is_quiet() {
            return true;
        }
        let order = ordered.mark();
        let mut taken = Taken::new(kept.room.clone());
        if !taken.take(order.bytes() + size_of::<Checkpoint>()) {
            return false;
        }
        let Some(pages) = self.converter.rest(&kept.room) else { return false };
        kept.add(Checkpoint { told_ms, part: self.part.clone(), order, pictures, pages, _taken: taken });
        true
    }
}

#[cfg(test)]
mod canvas_tests;
#[cfg(test)]
mod tests;
