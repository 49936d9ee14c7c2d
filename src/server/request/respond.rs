//! Sending an answer, and recording it in the log and the metrics.

use std::rc::Rc;

use crate::api::cors::Asked;
use crate::api::refusal::{Reason, Refusal};
use crate::api::reply::Frame;
use crate::http::{Method, Version};
use crate::server::core::conn::Presence;

use super::context::{BodyState, Context};
use super::outcome::{Answer, Next, Outcome, Stop};

/// The unread body of a request that is answered from its head is read up to this size before the answer, so that the connection can be
/// kept.
pub const DRAIN_BYTES_MAX: u64 = 256 * 1024;

impl Context<'_> {
    /// Answers the request, and returns what happens to the connection. A body that nobody has read is read and dropped first, up to a
    /// bound, so that the client gets the answer and not a reset.
    pub async fn answer(&mut self, outcome: Outcome) -> Next {
        let outcome = match outcome {
            Err(Stop::Gone) => return Next::Close,
            Err(Stop::Moves) => {
                let received = match self.body {
                    BodyState::Received(range) => Some(range),
                    _ => None,
                };
                return Next::PassOn(received);
            }
            Err(Stop::Refused(refusal)) => Err(refusal),
            Ok(answer) => Ok(answer),
        };
        let consumed = match self.body {
            BodyState::Unread => self.io.drain_body(DRAIN_BYTES_MAX).await,
            BodyState::Begun => None,
            BodyState::Received(range) => Some(range.consumed),
            BodyState::Consumed(consumed) => Some(consumed),
        };
        let keep_alive = consumed.is_some_and(|consumed| self.keep_alive(consumed));
        match outcome {
            Ok(answer) => self.send_answer(answer, keep_alive).await,
            Err(refusal) => self.refuse(&refusal, keep_alive).await,
        }
        match consumed {
            Some(consumed) if keep_alive => Next::KeepAlive(consumed),
            _ => Next::Linger,
        }
    }

    /// Refuses the request, and closes the connection once the client has read the refusal.
    pub async fn refuse_and_close(&mut self, refusal: Refusal) -> Next {
        self.body = BodyState::Begun;
        self.answer(Err(refusal.into())).await
    }

    /// Whether the connection may stay open after the answer. While the server stops, the last request that has arrived is told that it is
    /// the last one; `consumed` bytes of the buffer belong to this one.
    #[inline]
    fn keep_alive(&self, consumed: usize) -> bool {
        let stays = !self.core.draining.get() && !self.conn.closing();
        self.facts.wants_keep_alive && (stays || self.io.has_pipelined_input(consumed))
    }

    async fn send_answer(&mut self, answer: Answer, keep_alive: bool) {
        let core = self.core;
        match answer {
            Answer::Empty if keep_alive && self.facts.version == Version::H11 && self.facts.method != Method::Head => {
                let (live, date) = (Rc::clone(&self.live), core.date.get());
                self.send(200, keep_alive, |out, _| core.ok_reply.borrow_mut().write(&live, date, out)).await;
            }
            Answer::Empty => self.send(200, keep_alive, |out, frame| frame.write(out, 200, &[], b"")).await,
            Answer::Json(body) => self.send(200, keep_alive, move |out, frame| frame.write_json(out, 200, &body)).await,
            Answer::Prepared(status) => {
                let body = std::mem::take(&mut self.io.work().answer);
                self.send(status, keep_alive, |out, frame| frame.write_json(out, status, &body)).await;
                self.io.work().answer = body;
            }
            Answer::Preflight => {
                let (head, _, live) = self.head();
                let fields = head.header("access-control-request-headers");
                let asked = Asked::new(fields, head.header("access-control-request-private-network"));
                core.preflight.borrow_mut().ask(&live.cors, asked);
                self.send(200, keep_alive, |out, frame| core.preflight.borrow().write(out, frame)).await;
            }
            Answer::NotFound => {
                core.metrics.refused(Reason::NotFound.index());
                self.facts.refused(b"no such path");
                let headers: [(&str, &[u8]); 2] =
                    [("Content-Type", b"text/plain; charset=utf-8"), ("X-Content-Type-Options", b"nosniff")];
                let body = b"404 page not found\n";
                self.send(404, keep_alive, |out, frame| frame.write(out, 404, &headers, body)).await;
            }
            Answer::MovedPermanently(location) => {
                let headers: [(&str, &[u8]); 1] = [("Location", &location)];
                self.send(301, keep_alive, |out, frame| frame.write(out, 301, &headers, b"")).await;
            }
            Answer::WrongMethod(allow) => {
                core.metrics.refused(Reason::Method.index());
                self.facts.refused(b"the route does not take this method");
                let headers: [(&str, &[u8]); 1] = [("Allow", allow.as_bytes())];
                self.send(405, keep_alive, |out, frame| frame.write(out, 405, &headers, b"")).await;
            }
        }
    }

    async fn refuse(&mut self, refusal: &Refusal, keep_alive: bool) {
        // Nobody is left to be refused.
        if self.conn.presence.get() == Presence::Gone {
            return;
        }
        self.core.metrics.refused(refusal.reason.index());
        self.facts.refused(refusal.text.as_bytes());
        self.send(refusal.status, keep_alive, |out, frame| frame.write_refusal(out, refusal)).await;
    }

    /// Fills the out buffer with `write`, sends it, logs it and counts it.
    async fn send(&mut self, status: u16, keep_alive: bool, write: impl FnOnce(&mut Vec<u8>, &Frame<'_>)) {
        let Self { core, live, facts, io, .. } = self;
        let date = core.date.get();
        let frame = Frame {
            version: facts.version,
            keep_alive,
            head_only: facts.method == Method::Head,
            date: date.as_bytes(),
            cors: &live.cors,
        };
        let work = io.work();
        write(&mut work.out, &frame);
        core.metrics.sent_bytes.add(work.out.len() as u64);
        core.logger.request(live.log_requests, status, || facts.line(work, status, &mut core.batch.borrow_mut()));
        core.metrics.request(facts.route.index(), status, facts.body_bytes, facts.elapsed_us());
        // A client that has gone does not read its answer; the connection's next read ends it.
        let _ = io.send().await;
    }
}
