//! Looking into a compressed body before its answer, without holding up the core's other connections.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use crate::api::body::{Looker, Question, Seen};
use crate::session::inflate::{Coding, InflateError, Inflater, PIECE_BYTES};

/// How long a core goes on with one body before others have their turn. A usual batch takes less than one turn.
const TURN: Duration = Duration::from_millis(2);

/// How long it then rests: the shortest that timers know.
const PAUSE: Duration = Duration::from_millis(1);

/// What a core looks into bodies with.
#[derive(Debug, Default)]
pub struct Looks {
    quick: RefCell<Looker>,
    long: Long,
}

/// For a body that takes more than a turn. One at a time: such bodies may wait for each other, but never keep others waiting, and their
/// windows are in memory once.
#[derive(Debug, Default)]
struct Long {
    looker: RefCell<Looker>,
    busy: Cell<bool>,
    waiting: RefCell<VecDeque<Waker>>,
}

impl Looks {
    /// Looks into a body.
    pub async fn look(&self, question: &Question, body: &[u8]) -> Result<Seen, InflateError> {
        if let Some(seen) = turn(&mut self.quick.borrow_mut(), Some(question), body)? {
            return Ok(seen);
        }
        // It begins anew, where it may be left and taken up.
        let long = self.long.enter().await;
        let mut begin = Some(question);
        loop {
            if let Some(seen) = turn(&mut long.looker.borrow_mut(), begin.take(), body)? {
                return Ok(seen);
            }
            others_first().await;
        }
    }
}

impl Looks {
    /// Inflates a body into `out`, in as many turns as it takes.
    pub async fn inflate(
        &self,
        coding: Coding,
        body: &[u8],
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), InflateError> {
        let _one_at_a_time = self.long.enter().await;
        let mut inflater = Inflater::new();
        let mut piece = vec![0; PIECE_BYTES];
        inflater.begin(coding, limit);
        let mut began = Instant::now();
        loop {
            let step = inflater.step(body, &mut piece)?;
            out.extend_from_slice(&piece[..step.made]);
            if step.done {
                return Ok(());
            }
            if began.elapsed() > TURN {
                others_first().await;
                began = Instant::now();
            }
        }
    }
}

/// Looks for one turn. `None`: there is more to do.
fn turn(looker: &mut Looker, begin: Option<&Question>, body: &[u8]) -> Result<Option<Seen>, InflateError> {
    if let Some(question) = begin {
        looker.begin(question);
    }
    let began = Instant::now();
    loop {
        let seen = looker.step(body)?;
        if seen.is_some() || began.elapsed() > TURN {
            return Ok(seen);
        }
    }
}

/// Lets the core's other connections have their turn. A task that only woke itself would run again before the core has looked at what
/// has come in meanwhile.
async fn others_first() {
    monoio::time::sleep(PAUSE).await;
}

impl Long {
    async fn enter(&self) -> Entered<'_> {
        poll_fn(|cx| {
            if !self.busy.replace(true) {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().push_back(cx.waker().clone());
            Poll::Pending
        })
        .await;
        Entered(self)
    }
}

/// The one who looks. The next comes in when it is dropped.
struct Entered<'a>(&'a Long);

impl std::ops::Deref for Entered<'_> {
    type Target = Long;

    fn deref(&self) -> &Long {
        self.0
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.busy.set(false);
        // A task may stand here twice, so all of them look who is first.
        for waker in self.0.waiting.borrow_mut().drain(..) {
            waker.wake();
        }
    }
}
