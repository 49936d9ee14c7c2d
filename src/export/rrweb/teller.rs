//! Turns what a session has into events: a page of the web, or a phone's screen.

use crate::export::order::Told;

use super::ledger::Limits;
use super::phone::Phone;
use super::recorder::{Flow, Sink};
use super::session::{Converter, LeftOut, Options};

/// What turns a session's messages and pictures, in the order of their times, into events.
#[derive(Debug)]
pub enum Teller {
    /// A page of the web.
    Page(Box<Converter>),
    /// A phone's screen.
    Phone(Box<Phone>),
}

impl Teller {
    /// For a session of the web.
    pub fn of_page(options: Options) -> Teller {
        Teller::Page(Box::new(Converter::new(options)))
    }

    /// For a session of a phone, whose screen has this width and height as far as its start has told.
    pub fn of_phone(width: i64, height: i64, limits: Limits) -> Teller {
        Teller::Phone(Box::new(Phone::new(width, height, limits)))
    }

    /// The next message. `Break`, here and below: `sink` wants no more, or there is more than may be written.
    pub fn tell(&mut self, told: &Told, sink: &mut Sink<'_>) -> Flow {
        match self {
            Teller::Page(converter) => converter.tell(told, sink),
            Teller::Phone(phone) => phone.tell(told, sink),
        }
    }

    /// The next picture, of a canvas or of the screen.
    pub fn picture(&mut self, canvas: &str, at_ms: i64, bytes: &[u8], sink: &mut Sink<'_>) -> Flow {
        match self {
            Teller::Page(converter) => converter.picture(canvas, at_ms, bytes, sink),
            Teller::Phone(phone) => phone.picture(at_ms, bytes, sink),
        }
    }

    /// From here on what happens is only followed, or is written again, beginning with a snapshot of how it is by then.
    pub fn set_quiet(&mut self, quiet: bool) {
        match self {
            Teller::Page(converter) => converter.set_quiet(quiet),
            Teller::Phone(phone) => phone.set_quiet(quiet),
        }
    }

    /// Writes what waits for more of the same moment.
    pub fn flush(&mut self, sink: &mut Sink<'_>) -> Flow {
        match self {
            Teller::Page(converter) => converter.flush(sink),
            Teller::Phone(phone) => phone.flush(sink),
        }
    }

    /// What the events do not show.
    pub fn left_out(&self) -> LeftOut {
        match self {
            Teller::Page(converter) => converter.left_out(),
            Teller::Phone(phone) => phone.left_out(),
        }
    }
}
