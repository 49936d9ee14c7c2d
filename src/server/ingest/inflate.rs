//! Inspecting compressed bodies before they are answered, without blocking the core's other connections.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use crate::api::body::{BodyFacts, BodyInspector, Question, refuse_inflate};
use crate::api::refusal::Refusal;
use crate::codec::inflate::{Coding, InflateError, Inflater, PIECE_BYTES, Reading};
use crate::server::core::conn::Conn;
use crate::server::core::state::Core;
use crate::server::core::turns::{Lane, TURN};
use crate::server::store::charge::Charge;

use super::turns::{enter, wait_until_runnable};

/// Inspects a batch. The outer error means that its turn did not come in time.
pub async fn inspect(
    core: &Core,
    conn: &Rc<Conn>,
    question: &Question,
    body: &[u8],
) -> Result<Result<BodyFacts, InflateError>, Refusal> {
    let inflaters = &core.inflaters;
    let quick = || inflaters.turns.work(|| step(&mut inflaters.quick.borrow_mut(), Some(question), body));
    let inspected = if inflaters.turns.is_free(Lane::Batch) {
        quick()
    } else {
        let permit = enter(core, conn, Lane::Batch).await?;
        wait_until_runnable(core, conn, &permit).await?;
        quick()
    };
    if let Some(facts) = inspected.transpose() {
        return Ok(facts);
    }
    inflaters.quick.borrow_mut().end();
    // It starts over in a lane where it can be paused and resumed.
    let permit = enter(core, conn, Lane::LongBatch).await?;
    let mut begin = Some(question);
    let facts = loop {
        wait_until_runnable(core, conn, &permit).await?;
        let begin = begin.take();
        let inspected = inflaters.turns.work(|| step(&mut inflaters.long.borrow_mut(), begin, body));
        if let Some(facts) = inspected.transpose() {
            break facts;
        }
    };
    inflaters.long.borrow_mut().end();
    Ok(facts)
}

/// Inflates a JSON body, of a start or of another small request, and judges it. The inflated body is not kept: it is in memory once per
/// core, and not once for each waiting start.
pub async fn inflate_json<T>(
    core: &Rc<Core>,
    conn: &Rc<Conn>,
    packed: &CompressedJson<'_>,
    mut judge: impl FnMut(&[u8]) -> T,
) -> Result<T, Refusal> {
    let inflaters = &core.inflaters;
    let permit = enter(core, conn, Lane::Start).await?;
    wait_until_runnable(core, conn, &permit).await?;
    let short = inflaters.turns.work(|| {
        let mut plain = inflaters.start_plain.borrow_mut();
        let whole = packed.inflate_short(&mut inflaters.start.borrow_mut(), &mut plain);
        inflaters.start.borrow_mut().end();
        whole.map(|whole| whole.then(|| judge(&plain)))
    });
    drop(permit);
    match short {
        Ok(Some(judged)) => return Ok(judged),
        Ok(None) => {}
        Err(error) => return packed.on_error(error, judge),
    }
    let permit = enter(core, conn, Lane::LongStart).await?;
    let mut charge = Charge::new(core, conn.project.get());
    let mut plain = Vec::new();
    inflaters.long_start.borrow_mut().begin(packed.coding, packed.limit);
    let whole = loop {
        let room = (plain.len() * 2).clamp(plain.len() + PIECE_BYTES, packed.limit.saturating_add(PIECE_BYTES));
        charge.hold(conn, room as u64).await?;
        plain.reserve_exact(room - plain.len());
        wait_until_runnable(core, conn, &permit).await?;
        match inflaters.turns.work(|| packed.inflate_some(&mut inflaters.long_start.borrow_mut(), &mut plain, room)) {
            Ok(false) => {}
            whole => break whole,
        }
    };
    inflaters.long_start.borrow_mut().end();
    match whole {
        Ok(_) => {
            wait_until_runnable(core, conn, &permit).await?;
            Ok(inflaters.turns.work(|| judge(&plain)))
        }
        Err(error) => packed.on_error(error, judge),
    }
}

/// A compressed JSON body.
pub struct CompressedJson<'a> {
    coding: Coding,
    /// How it is being read; updated if it turns out to be something else.
    reading: &'a Cell<Reading>,
    /// The received bytes.
    body: &'a [u8],
    /// The most bytes that it may inflate to.
    limit: usize,
}

impl<'a> CompressedJson<'a> {
    /// A body that is compressed according to `reading`, or `None` if it is not. `limit` is the most bytes that it may inflate to.
    pub fn new(reading: &'a Cell<Reading>, body: &'a [u8], limit: u64) -> Option<Self> {
        let coding = reading.get().coding?;
        Some(Self { coding, reading, body, limit: usize::try_from(limit).unwrap_or(usize::MAX) })
    }

    /// Inflates all of it, if that is no more than a piece. Returns `false` if there is more.
    fn inflate_short(&self, inflater: &mut Inflater, plain: &mut Vec<u8>) -> Result<bool, InflateError> {
        if self.body.len() > PIECE_BYTES {
            return Ok(false);
        }
        plain.resize(PIECE_BYTES, 0);
        inflater.begin(self.coding, self.limit);
        let (mut made, began) = (0, Instant::now());
        while made < PIECE_BYTES && began.elapsed() <= TURN {
            let step = inflater.step(self.body, &mut plain[made..])?;
            made += step.made;
            if step.done {
                plain.truncate(made);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Inflates more of it, for one turn and not beyond `room`. Returns `true` at the end.
    fn inflate_some(&self, inflater: &mut Inflater, plain: &mut Vec<u8>, room: usize) -> Result<bool, InflateError> {
        let began = Instant::now();
        while plain.len() + PIECE_BYTES <= room && began.elapsed() <= TURN {
            let have = plain.len();
            plain.resize(have + PIECE_BYTES, 0);
            let step = inflater.step(self.body, &mut plain[have..]);
            plain.truncate(have + step.map_or(0, |step| step.made));
            if step?.done {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Handles a body that does not inflate: it is refused, or read as it is.
    fn on_error<T>(&self, error: InflateError, mut judge: impl FnMut(&[u8]) -> T) -> Result<T, Refusal> {
        if error.is_too_large() || self.coding.is_binding() {
            return Err(refuse_inflate(&error));
        }
        let mut reading = self.reading.get();
        reading.turned_out_plain();
        self.reading.set(reading);
        Ok(judge(self.body))
    }
}

/// Inflates for one turn. `None` if there is more to do.
fn step(
    inspector: &mut BodyInspector,
    begin: Option<&Question>,
    body: &[u8],
) -> Result<Option<BodyFacts>, InflateError> {
    if let Some(question) = begin {
        inspector.begin(question);
    }
    let began = Instant::now();
    loop {
        let facts = inspector.step(body)?;
        if facts.is_some() || began.elapsed() > TURN {
            return Ok(facts);
        }
    }
}

#[cfg(test)]
mod tests;
