//! What was collected, as lines.

use std::iter::Peekable;
use std::vec;

use crate::export::order::{Batches, Ordered};
use crate::export::page::room::Room;
use crate::export::rrweb::ledger::Limits;
use crate::export::rrweb::recorder::{Flow, Sink};
use crate::export::rrweb::session::Options;
use crate::export::rrweb::teller::Teller;
use crate::export::timeline::Timeline;

use super::super::collect::{Collector, Picture};
use super::lines::Lines;
// Circle: the parts of an answer see what it is.
use super::{Form, PICTURES_MAX, WatchError};

/// So much of the session is its beginning.
const BEGINNING_MS: i64 = 30_000;

/// Converts what was collected.
pub(super) struct Shower<'a> {
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
    pub(super) fn new(wanted: &'a Form, room: Room, batches: Batches) -> Shower<'a> {
        Shower { ordered: batches.in_order(), pictures: Vec::new().into_iter().peekable(), wanted, room, form: None }
    }

    /// To add what was collected.
    pub(super) fn batches(&mut self) -> &mut Batches {
        self.ordered.batches()
    }

    /// Whether batches have come that are younger than the beginning by more than `late_ms`.
    pub(super) fn knows_beginning(&mut self, late_ms: i64) -> bool {
        self.batches().span_ms() > BEGINNING_MS + late_ms
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

    /// Sends the first half minute of what was collected.
    pub(super) fn show_beginning(&mut self, collector: &mut Collector, lines: &mut Lines) -> Result<(), WatchError> {
        // A phone's screens are shown whatever their time.
        if collector.is_of_phone() {
            return Ok(());
        }
        let Some(first_ms) = self.ordered.next_ms() else { return Ok(()) };
        self.convert(first_ms.saturating_add(BEGINNING_MS), collector, lines)?;
        lines.flush()
    }

    /// Sends everything that was collected since the last call.
    pub(super) fn show(&mut self, collector: &mut Collector, lines: &mut Lines) -> Result<(), WatchError> {
        self.convert(i64::MAX, collector, lines)?;
        lines.convert(true);
        if let Some(Converting::Events(teller)) = &mut self.form {
            let file = self.ordered.batches().file()?;
            if let Teller::Phone(_) = teller {
                // Nothing but the screen is shown: it need not wait for a message.
                for picture in self.pictures.by_ref() {
                    lines.look(true)?;
                    let bytes = picture.read(&file)?;
                    write(lines, |sink| teller.picture(&picture.canvas, picture.at_ms, &bytes, sink))?;
                }
            }
            write(lines, |sink| teller.flush(sink))?;
        }
        lines.convert(false);
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
        let file = self.ordered.batches().file()?;
        lines.convert(true);
        while let Some(told) = self.ordered.next_told_until(until_ms)? {
            lines.look(true)?;
            match &mut form {
                Converting::Timeline(timeline) => {
                    if let Some(line) = timeline.line(&told) {
                        lines.line(&line)?;
                    }
                }
                Converting::Events(teller) => {
                    while let Some(picture) = self.pictures.next_if(|picture| picture.at_ms <= told.at_ms) {
                        lines.look(true)?;
                        let bytes = picture.read(&file)?;
                        write(lines, |sink| teller.picture(&picture.canvas, picture.at_ms, &bytes, sink))?;
                    }
                    write(lines, |sink| teller.tell(&told, sink))?;
                }
            }
        }
        lines.convert(false);
        self.form = Some(form);
        Ok(())
    }
}

/// Sends events as they are made: those of one moment may be many.
fn write(lines: &mut Lines, make: impl FnOnce(&mut Sink<'_>) -> Flow) -> Result<(), WatchError> {
    let mut done = Ok(());
    let flow = make(&mut |event| {
        done = lines.line(&event);
        if done.is_ok() { Flow::Continue(()) } else { Flow::Break(()) }
    });
    done?;
    if flow.is_break() { Err(WatchError::TooMuch) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
