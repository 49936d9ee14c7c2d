//! What was collected, as lines.

use std::iter::Peekable;
use std::vec;

use crate::export::order::{Batches, KeptBatches, Ordered, Store};
use crate::export::page::room::Room;
use crate::export::rrweb::event::Event;
use crate::export::rrweb::ledger::Limits;
use crate::export::rrweb::recorder::{Flow, Sink};
use crate::export::rrweb::session::{Converter, Options};
use crate::export::rrweb::teller::Teller;
use crate::export::timeline::Timeline;

use super::super::collect::{Collector, Picture};
use super::super::kept::Kept;
use super::super::part::Part;
use super::lines::Lines;

// Circle: the parts of an answer see what it is.
use super::{Form, PICTURES_MAX, Wanted, WatchError};

/// So much of the session is its beginning.
const BEGINNING_MS: i64 = 30_000;

/// How many messages are converted between two looks at the clock: most take less than that.
pub(super) const STRIDE: u32 = 16;

/// Converts what was collected.
pub(super) struct Shower<'a> {
    ordered: Ordered,
    pictures: Peekable<vec::IntoIter<Picture>>,
    /// All pictures that were taken in, while they may still be kept.
    history: Option<Vec<Picture>>,
    wanted: &'a Form,
    part: Option<Part>,
    room: Room,
    /// Known with the first round: a phone's session is another thing than a page's.
    form: Option<Converting>,
}

enum Converting {
    Events(Teller),
    Timeline(Timeline),
}

impl<'a> Shower<'a> {
    pub(super) fn new(wanted: &'a Wanted, room: Room, batches: Batches) -> Shower<'a> {
        let (ordered, pictures) = (batches.in_order(), Vec::new().into_iter().peekable());
        let (part, history) = (wanted.from.map(Part::new), wanted.is_part().then(Vec::new));
        Shower { ordered, pictures, history, wanted: &wanted.form, part, room, form: None }
    }

    /// One that shows what is kept, and what is added to it.
    pub(super) fn again(wanted: &'a Wanted, room: Room, kept: &Kept) -> Result<Shower<'a>, WatchError> {
        let batches = Batches::again(&kept.batches, tempfile::tempfile()?);
        let pictures = if matches!(wanted.form, Form::Timeline) { Vec::new() } else { kept.pictures.clone() };
        let pictures = pictures.into_iter().peekable();
        Ok(Shower { pictures, history: None, ..Shower::new(wanted, room, batches) })
    }

    /// Goes to the last moment that is known before the part begins. Nothing may have been shown yet.
    pub(super) fn go_to(&mut self, kept: &Kept, collector: &Collector) -> Result<(), WatchError> {
        let Form::Events(assets_of, None) = self.wanted else { return Ok(()) };
        if collector.is_of_phone() {
            return Ok(());
        }
        let (last_ms, batches_ms) = (self.batches().last_ms(), self.batches().added_ms());
        let added_ms = batches_ms.into_iter().chain(collector.first_picture_ms()).min();
        let Some(part) = &mut self.part else { return Ok(()) };
        part.ends(last_ms);
        let Some(checkpoint) = kept.before(part, added_ms) else { return Ok(()) };
        let (assets, room, limits) = (assets_of(collector.project()), self.room.clone(), Limits::default());
        let Some(converter) = Converter::go_on(&checkpoint.pages, Options { assets, room, limits, tab: None }) else {
            return Ok(());
        };
        self.part = Some(part.continuing(&checkpoint.part));
        self.ordered.go_to(&checkpoint.order)?;
        self.pictures =
            kept.pictures.iter().skip(checkpoint.pictures).cloned().collect::<Vec<_>>().into_iter().peekable();
        self.form = Some(Converting::Events(Teller::Page(Box::new(converter))));
        Ok(())
    }

    /// Hands over what was collected, to be shown more than once. `None`: there is not all of it any more.
    pub(super) fn share(&mut self, collector: &mut Collector) -> Option<(KeptBatches, Vec<Picture>)> {
        let mut pictures = self.history.take()?;
        let later = collector.take_pictures();
        pictures.extend_from_slice(&later);
        collector.give_pictures(later);
        if pictures.len() > PICTURES_MAX {
            return None;
        }
        pictures.sort_by_key(|picture| picture.at_ms);
        // Without another file it is shown all the same.
        let Ok(file) = tempfile::tempfile() else { return None };
        self.ordered.batches().share(file).map(|batches| (batches, pictures))
    }

    /// To add what was collected.
    pub(super) fn batches(&mut self) -> &mut Batches {
        self.ordered.batches()
    }

    /// Whether batches have come that are younger than the beginning by more than `late_ms`.
    pub(super) fn knows_beginning(&mut self, late_ms: i64) -> bool {
        let Some(after_ms) = self.begins_after_ms() else { return false };
        self.batches().span_ms() > after_ms.saturating_add(BEGINNING_MS + late_ms)
    }

    /// How long after the first event those begin that are sent, if that is known before all was read.
    fn begins_after_ms(&self) -> Option<i64> {
        self.part.as_ref().map_or(Some(0), Part::after_first_ms)
    }

    fn form(&self, collector: &Collector) -> Converting {
        let limits = Limits::default();
        match self.wanted {
            Form::Events(..) if collector.is_of_phone() => {
                let (width, height) = collector.start().map_or((0, 0), |row| (row.width, row.height));
                Converting::Events(Teller::of_phone(width, height, limits))
            }
            Form::Events(assets_of, tab) => {
                let assets = assets_of(collector.project());
                Converting::Events(Teller::of_page(Options {
                    assets,
                    room: self.room.clone(),
                    limits,
                    tab: tab.clone(),
                }))
            }
            Form::Timeline => Converting::Timeline(Timeline::default()),
        }
    }

    /// Sends the first half minute of what is sent, as far as it was collected.
    pub(super) fn show_beginning(&mut self, collector: &mut Collector, lines: &mut Lines) -> Result<(), WatchError> {
        // A phone's screens are shown whatever their time.
        if collector.is_of_phone() {
            return Ok(());
        }
        let Some(first_ms) = self.ordered.next_ms() else { return Ok(()) };
        let after_ms = self.begins_after_ms().unwrap_or(0);
        self.convert(first_ms.saturating_add(after_ms).saturating_add(BEGINNING_MS), collector, lines)?;
        lines.flush()
    }

    /// Sends everything that there is, all of which was collected.
    pub(super) fn show_all(&mut self, collector: &mut Collector, lines: &mut Lines) -> Result<(), WatchError> {
        let last_ms = self.ordered.batches().last_ms();
        if let Some(part) = &mut self.part {
            part.ends(last_ms);
        }
        self.tell_span(lines)?;
        self.show_until_end(collector, lines, true)?;
        self.tell_span(lines)?;
        lines.flush()
    }

    fn tell_span(&mut self, lines: &mut Lines) -> Result<(), WatchError> {
        match self.part.as_mut().and_then(Part::span) {
            Some(span) => lines.line(&span),
            None => Ok(()),
        }
    }

    /// Sends everything that was collected since the last call.
    pub(super) fn show(&mut self, collector: &mut Collector, lines: &mut Lines) -> Result<(), WatchError> {
        self.show_until_end(collector, lines, false)
    }

    /// The same. At the end of what there is, it is shown how the page is by then, if nothing was shown before.
    fn show_until_end(&mut self, collector: &mut Collector, lines: &mut Lines, is_end: bool) -> Result<(), WatchError> {
        self.convert(i64::MAX, collector, lines)?;
        lines.convert(true);
        if let Some(Converting::Events(teller)) = &mut self.form {
            let store = self.ordered.batches().store();
            let mut telling = Telling { teller, part: &mut self.part, lines };
            if let Teller::Phone(_) = telling.teller {
                // Nothing but the screen is shown: it need not wait for a message.
                for picture in self.pictures.by_ref() {
                    telling.picture(&picture, &store)?;
                }
            }
            if is_end {
                telling.reach_end();
            }
            telling.write(|teller, sink| teller.flush(sink))?;
        }
        lines.convert(false);
        self.history = None;
        // Pictures of a time that has not come stay.
        if self.pictures.peek().is_none() {
            self.ordered.batches().forget_kept()?;
        }
        lines.flush()
    }

    /// Has these wait for their time, as far as there is room for them.
    fn add_pictures(&mut self, more: Vec<Picture>, form: &Converting) {
        if matches!(form, Converting::Timeline(_)) {
            return;
        }
        self.history.iter_mut().for_each(|all| all.extend_from_slice(&more));
        let mut pictures: Vec<Picture> = self.pictures.by_ref().chain(more).collect();
        pictures.sort_by_key(|picture| picture.at_ms);
        pictures.truncate(PICTURES_MAX);
        self.pictures = pictures.into_iter().peekable();
    }

    /// Converts the messages that were collected, as far as they are not later than `until_ms`.
    fn convert(&mut self, until_ms: i64, collector: &mut Collector, lines: &mut Lines) -> Result<(), WatchError> {
        let mut form = match self.form.take() {
            Some(form) => form,
            None => self.form(collector),
        };
        self.add_pictures(collector.take_pictures(), &form);
        let store = self.ordered.batches().store();
        lines.convert(true);
        let mut converted = 0_u32;
        while let Some(told) = self.ordered.next_told_until(until_ms)? {
            converted += 1;
            if converted.is_multiple_of(STRIDE) {
                lines.look()?;
            }
            match &mut form {
                Converting::Timeline(timeline) => {
                    if let Some(line) = timeline.line(&told) {
                        lines.reached_ms = line.at_ms;
                        lines.line(&line)?;
                    }
                }
                Converting::Events(teller) => {
                    let mut telling = Telling { teller, part: &mut self.part, lines };
                    while let Some(picture) = self.pictures.next_if(|picture| picture.at_ms <= told.at_ms) {
                        telling.picture(&picture, &store)?;
                    }
                    telling.reach(told.at_ms);
                    telling.write(|teller, sink| teller.tell(&told, sink))?;
                }
            }
        }
        lines.convert(false);
        self.form = Some(form);
        Ok(())
    }
}

/// Makes events, and sends those that are wanted.
struct Telling<'a> {
    teller: &'a mut Teller,
    part: &'a mut Option<Part>,
    lines: &'a mut Lines,
}

impl Telling<'_> {
    /// Goes on to a time: what is before the part is followed quietly.
    fn reach(&mut self, at_ms: i64) {
        if let Some(part) = self.part {
            let is_wanted = part.reach(at_ms);
            self.teller.set_quiet(!is_wanted);
        }
    }

    fn reach_end(&mut self) {
        if let Some(part) = self.part {
            part.reach_end();
            self.teller.set_quiet(false);
        }
    }

    fn picture(&mut self, picture: &Picture, store: &Store) -> Result<(), WatchError> {
        self.lines.look()?;
        self.reach(picture.at_ms);
        let bytes = picture.read(store)?;
        self.write(|teller, sink| teller.picture(&picture.canvas, picture.at_ms, &bytes, sink))
    }

    /// Sends events as they are made: those of one moment may be many.
    fn write(&mut self, make: impl FnOnce(&mut Teller, &mut Sink<'_>) -> Flow) -> Result<(), WatchError> {
        let Telling { teller, part, lines } = self;
        let mut done = Ok(());
        let flow = make(teller, &mut |mut event| {
            done = send(part.as_mut(), lines, &mut event);
            if done.is_ok() { Flow::Continue(()) } else { Flow::Break(()) }
        });
        done?;
        if flow.is_break() { Err(WatchError::TooMuch) } else { Ok(()) }
    }
}

/// Sends an event, if it is of the part; before the first one, how long the session is.
fn send(part: Option<&mut Part>, lines: &mut Lines, event: &mut Event) -> Result<(), WatchError> {
    if let Some(part) = part {
        let is_first = part.is_empty();
        let is_of_part = part.take(event);
        if is_first && let Some(span) = part.span() {
            lines.line(&span)?;
        }
        if !is_of_part {
            return Ok(());
        }
    }
    lines.reached_ms = event.timestamp;
    lines.line(event)
}

#[cfg(test)]
mod tests;
