//! The answer to nearly every batch, 200 without a body, made once for as long as its date holds.

use std::rc::Rc;

use crate::api::reply::Frame;
use crate::http::Version;
use crate::http::date::HttpDate;
use crate::server::core::live::Live;

/// The last such answer to an HTTP/1.1 client that keeps its connection.
#[derive(Default)]
pub struct OkReply {
    bytes: Vec<u8>,
    /// What it was made of.
    made_of: Option<(Rc<Live>, HttpDate)>,
}

impl OkReply {
    /// Appends it to `out`.
    #[inline]
    pub fn write(&mut self, live: &Rc<Live>, date: HttpDate, out: &mut Vec<u8>) {
        if !self.made_of.as_ref().is_some_and(|(with, at)| Rc::ptr_eq(with, live) && *at == date) {
            self.make(live, date);
        }
        out.extend_from_slice(&self.bytes);
    }

    #[cold]
    fn make(&mut self, live: &Rc<Live>, date: HttpDate) {
        self.bytes.clear();
        let frame = Frame {
            version: Version::H11,
            keep_alive: true,
            head_only: false,
            date: date.as_bytes(),
            cors: &live.cors,
        };
        frame.write(&mut self.bytes, 200, &[], b"");
        self.made_of = Some((Rc::clone(live), date));
    }
}
