//! A phone's session as rrweb's events: a page with one picture, which changes by time.
//!
//! Where the screen was touched is told as touches and clicks on that picture; all else that happened, as events of our own.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value as Json, json};

use crate::export::order::{Told, What};

use super::event::{Change, Data, Event, Mutation, Node, Offset, Position};
use super::ids;
use super::ledger::{Ledger, Limits};
use super::recorder::{Flow, Sink};
use super::session::{LeftOut, SNAPSHOT_MS, mime_of};

/// The size of a screen that nothing tells of, in points.
const USUAL: (u32, u32) = (390, 844);

/// The nodes of the page.
const HTML: u64 = ids::FIRST;
const HEAD: u64 = HTML + 1;
const BODY: u64 = HTML + 2;
const SCREEN: u64 = HTML + 3;

/// rrweb's kinds of interaction.
const CLICK: u8 = 2;
const TOUCH_START: u8 = 7;
const TOUCH_END: u8 = 9;

/// rrweb's sources of positions.
const MOUSE_MOVE: u8 = 1;
const TOUCH_MOVE: u8 = 6;

/// Writes a session's events.
#[derive(Debug)]
pub struct Phone {
    size: (u32, u32),
    /// The picture that is shown, as an address.
    picture: String,
    /// When something was last told; nothing is told as of before.
    at_ms: Option<i64>,
    snapshot_ms: i64,
    /// What happens is followed, and not written.
    quiet: bool,
    /// It is to be written as a whole.
    anew: bool,
    left_out: LeftOut,
    ledger: Ledger,
}

impl Phone {
    /// For one session, whose screen has this width and height as far as its start has told.
    pub fn new(width: i64, height: i64, limits: Limits) -> Phone {
        let told = |pixels: i64| u32::try_from(pixels).ok().filter(|pixels| (1..=65_535).contains(pixels));
        let size = told(width).zip(told(height)).unwrap_or(USUAL);
        let (left_out, ledger) = (LeftOut::default(), Ledger::new(limits));
        let (quiet, anew) = (false, true);
        Phone { size, picture: String::new(), at_ms: None, snapshot_ms: 0, quiet, anew, left_out, ledger }
    }

    /// From here on what happens is only followed, or is written again, beginning with the whole.
    pub fn set_quiet(&mut self, quiet: bool) {
        if self.quiet != quiet {
            (self.quiet, self.anew) = (quiet, true);
        }
    }

    /// Writes the whole, if that waits for something to happen.
    pub fn flush(&mut self, sink: &mut Sink<'_>) -> Flow {
        match self.at_ms {
            Some(at_ms) if self.anew => self.advance(at_ms, sink).map_continue(|_| ()),
            _ => ControlFlow::Continue(()),
        }
    }

    /// What could not be shown so far.
    pub fn left_out(&self) -> LeftOut {
        LeftOut { rest: self.ledger.is_full(), ..self.left_out }
    }

    /// The next picture of the screen, in the order of times. Bytes that are no picture are left out. `Break`: `sink` wants no more, or there is more
    /// than may be written.
    pub fn picture(&mut self, at_ms: i64, bytes: &[u8], sink: &mut Sink<'_>) -> Flow {
        let Some(mime) = mime_of(bytes) else { return ControlFlow::Continue(()) };
        self.ledger.sent(bytes.len());
        self.picture = format!("data:{mime};base64,{}", BASE64_STANDARD.encode(bytes));
        if self.advance(at_ms, sink)? {
            return ControlFlow::Continue(());
        }
        let change = Mutation::of_attribute(SCREEN, "src", &self.picture);
        self.change(Change::Mutation(change), sink)
    }

    /// The next message, in the order of times. `Break`, as above.
    pub fn tell(&mut self, told: &Told, sink: &mut Sink<'_>) -> Flow {
        self.ledger.sent(told.bytes);
        match &told.what {
            What::Page(_) => ControlFlow::Continue(()),
            What::Gap => {
                self.left_out.gaps += 1;
                self.advance(told.at_ms, sink)?;
                self.custom("gap", json!({}), sink)
            }
            What::Event(name, fields) => {
                self.advance(told.at_ms, sink)?;
                self.touch(name, fields, sink)?;
                self.custom(name, fields.clone(), sink)
            }
        }
    }

    /// Goes on to a time. `true`: the page was written as a whole, because that was due,
    /// or nothing is.
    fn advance(&mut self, at_ms: i64, sink: &mut Sink<'_>) -> ControlFlow<(), bool> {
        let now_ms = self.at_ms.map_or(at_ms, |before| before.max(at_ms));
        self.at_ms = Some(now_ms);
        if self.quiet {
            return ControlFlow::Continue(true);
        }
        let is_first = std::mem::take(&mut self.anew);
        if !is_first && now_ms.saturating_sub(self.snapshot_ms) < SNAPSHOT_MS {
            return ControlFlow::Continue(false);
        }
        self.snapshot_ms = now_ms;
        if !is_first && !self.ledger.may_repeat() {
            self.left_out.repeats += 1;
            return ControlFlow::Continue(false);
        }
        self.ledger.begin_snapshot();
        let (width, height) = self.size;
        self.write(Data::Meta { href: String::new(), width, height }, true, sink)?;
        let initial_offset = Offset { top: 0, left: 0 };
        self.write(Data::Full { node: Box::new(self.page()), initial_offset }, true, sink)?;
        ControlFlow::Continue(true)
    }

    fn page(&self) -> Node {
        let element = |id, tag, style: &str, children| {
            let style = (!style.is_empty()).then(|| ("style".to_owned(), Json::from(style)));
            let attributes: BTreeMap<String, Json> = style.into_iter().collect();
            Node { child_nodes: Some(children), ..Node::element(id, None, tag, attributes) }
        };
        let mut screen = element(SCREEN, "img", "display:block;width:100%;height:100%;object-fit:contain", Vec::new());
        if let Some(attributes) = screen.attributes.as_mut().filter(|_| !self.picture.is_empty()) {
            attributes.insert("src".to_owned(), Json::from(&*self.picture));
        }
        let body = element(BODY, "body", "margin:0;height:100vh;background:#000", vec![screen]);
        let html = element(HTML, "html", "", vec![element(HEAD, "head", "", Vec::new()), body]);
        Node::document(ids::DOCUMENT, vec![Node::doctype(ids::DOCTYPE, None), html])
    }

    fn touch(&mut self, name: &str, fields: &Json, sink: &mut Sink<'_>) -> Flow {
        let pixel = |field: &str| fields.get(field).and_then(Json::as_u64).unwrap_or_default();
        let (x, y) = (pixel("X"), pixel("Y"));
        let at = |kind, x, y| Change::Interaction { source: 2, kind, id: SCREEN, x, y };
        let moved = |source, x, y| {
            let position = Position { x, y, id: SCREEN, time_offset: 0 };
            Change::MouseMove { source, positions: [position] }
        };
        match name {
            "MobileClickEvent" => {
                self.change(moved(MOUSE_MOVE, x, y), sink)?;
                self.change(at(CLICK, x, y), sink)
            }
            "MobileSwipeEvent" => {
                let direction = fields.get("Direction").and_then(Json::as_str).unwrap_or_default();
                let (to_x, to_y) = self.swiped(x, y, direction);
                self.change(at(TOUCH_START, x, y), sink)?;
                self.change(moved(TOUCH_MOVE, to_x, to_y), sink)?;
                self.change(at(TOUCH_END, to_x, to_y), sink)
            }
            _ => ControlFlow::Continue(()),
        }
    }

    /// Where a swipe ends. Trackers tell its direction, not its length: it is shown as a quarter of the screen.
    fn swiped(&self, x: u64, y: u64, direction: &str) -> (u64, u64) {
        let (width, height) = (u64::from(self.size.0), u64::from(self.size.1));
        match direction.to_ascii_lowercase().as_str() {
            "left" => (x.saturating_sub(width / 4), y),
            "right" => (x.saturating_add(width / 4), y),
            "up" => (x, y.saturating_sub(height / 4)),
            "down" => (x, y.saturating_add(height / 4)),
            _ => (x, y),
        }
    }

    fn change(&mut self, change: Change, sink: &mut Sink<'_>) -> Flow {
        self.write(Data::Change(change), false, sink)
    }

    fn custom(&mut self, tag: &'static str, payload: Json, sink: &mut Sink<'_>) -> Flow {
        self.write(Data::Custom { tag, payload }, false, sink)
    }

    fn write(&mut self, data: Data, is_of_snapshot: bool, sink: &mut Sink<'_>) -> Flow {
        if self.quiet {
            return ControlFlow::Continue(());
        }
        let event = Event::new(self.at_ms.unwrap_or_default(), data);
        self.ledger.count(&event, is_of_snapshot)?;
        sink(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_of_one_screenshot_is_a_page_that_shows_it() {
        let (mut phone, mut events) = (Phone::new(0, -1, Limits::default()), Vec::new());
        let mut sink = |event: Event| {
            events.push(event);
            ControlFlow::Continue(())
        };
        // Bytes that are no picture are left out.
        assert!(phone.picture(5, b"", &mut sink).is_continue());
        assert!(phone.picture(7, b"\x89PNG", &mut sink).is_continue());
        assert_eq!(events.len(), 2);
        assert_eq!(events[0].data, Data::Meta { href: String::new(), width: USUAL.0, height: USUAL.1 });
        assert_eq!(events[1].timestamp, 7);
        assert!(serde_json::to_string(&events[1]).unwrap().contains("data:image/png;base64,iVBORw=="));
    }

    #[test]
    fn snapshots_of_a_phones_screen_have_a_share_of_what_is_written() {
        let limits = Limits { repeats: 100_000, ..Limits::default() };
        let (mut phone, mut snapshots) = (Phone::new(390, 844, limits), 0);
        let mut sink = |event: Event| {
            snapshots += u64::from(matches!(event.data, Data::Full { .. }));
            ControlFlow::Continue(())
        };
        let picture = [&[0xff, 0xd8, 0xff], &[0; 10_000][..]].concat();
        assert!(phone.picture(0, &picture, &mut sink).is_continue());
        for number in 1..200 {
            let what = What::Event("MobileEvent", json!({ "Name": "a" }));
            let told = Told { at_ms: number * SNAPSHOT_MS, page: 0, tab: "".into(), bytes: 8, what };
            assert!(phone.tell(&told, &mut sink).is_continue());
        }
        assert!(snapshots < 30, "{snapshots}");
        assert_eq!(phone.left_out().repeats, 200 - snapshots);
    }
}
