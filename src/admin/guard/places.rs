//! What the connections of a port are doing, to decide whose place a newcomer gets.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::time::Instant;

/// An answer that goes on sends something at least every three seconds. One that has sent nothing for this long is over.
const ANSWER_PAUSE_MAX: Duration = Duration::from_secs(5);

/// The connections of a port.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    by_number: BTreeMap<u64, Seat>,
}

/// What one connection is doing.
#[derive(Debug)]
struct Seat {
    /// When the first bytes came for which nothing has been sent yet.
    asking_since: Option<Instant>,
    /// When something was last sent.
    sent: Option<Instant>,
    began: Instant,
    /// Another gets its place.
    is_given_away: bool,
    waker: Option<Waker>,
}

impl Seat {
    /// Whether its place may be given to another, and in which order: those that wait for a request come before those that ask, and those that have done
    /// so for longer come first.
    fn rank(&self, now: Instant) -> Option<(bool, Instant)> {
        let is_answered = self.sent.is_some_and(|sent| now.duration_since(sent) < ANSWER_PAUSE_MAX);
        match self.asking_since {
            _ if self.is_given_away => None,
            Some(since) => Some((true, since)),
            None if is_answered => None,
            None => Some((false, self.sent.unwrap_or(self.began))),
        }
    }
}

impl Places {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection takes a place.
    pub(super) fn enter(self: &Arc<Self>) -> Place {
        let began = Instant::now();
        let mut taken = self.taken();
        let number = taken.next;
        taken.next += 1;
        let seat = Seat { asking_since: None, sent: None, began, is_given_away: false, waker: None };
        taken.by_number.insert(number, seat);
        drop(taken);
        Place { places: Arc::clone(self), number }
    }

    /// Ends the connection whose place a newcomer gets, if there is one.
    pub(super) fn make_room(&self) {
        let now = Instant::now();
        let mut taken = self.taken();
        let ranked = taken.by_number.values_mut().filter_map(|seat| Some((seat.rank(now)?, seat)));
        let Some((_, seat)) = ranked.min_by_key(|(rank, _)| *rank) else { return };
        seat.is_given_away = true;
        if let Some(waker) = seat.waker.take() {
            waker.wake();
        }
    }
}

/// The place of a connection, for as long as this is kept.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
}

impl Place {
    fn with<T>(&self, act: impl FnOnce(&mut Seat) -> T) -> Option<T> {
        self.places.taken().by_number.get_mut(&self.number).map(act)
    }

    /// Bytes have come. Returns for how long bytes have come without an answer.
    pub(super) fn receives(&self) -> Duration {
        let now = Instant::now();
        self.with(|seat| now.duration_since(*seat.asking_since.get_or_insert(now))).unwrap_or_default()
    }

    /// Something is sent.
    pub(super) fn answers(&self) {
        self.with(|seat| (seat.asking_since, seat.sent) = (None, Some(Instant::now())));
    }

    /// Whether the connection has to end. If it does not yet, its task is woken when it does.
    pub(super) fn is_wanted_by_another(&self, context: &Context<'_>) -> bool {
        let look = |seat: &mut Seat| {
            let is_known = seat.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker()));
            if !is_known {
                seat.waker = Some(context.waker().clone());
            }
            seat.is_given_away
        };
        self.with(look).unwrap_or(false)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().by_number.remove(&self.number);
    }
}
