//! The loop that sends requests and takes the time of each answer.

use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::{Events, Interest, Poll, Token};

use crate::connection::{Answer, Connection};

const EVENTS_MAX: usize = 1024;

/// How long answers are waited for once the time is over.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longer times are counted as this.
const LONGEST_US: u64 = 3_600_000_000;

/// Slow answers that are listed; beyond these they are only in the percentiles.
const SLOW_MAX: usize = 100_000;

/// When a run ends.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    /// When each connection has its answer.
    Each {
        /// Requests under way at a time.
        at_once: usize,
    },
    /// After this time.
    Time(Duration),
}

/// An answer that took long.
#[derive(Debug, Clone, Copy)]
pub struct Slow {
    /// When it came, from the start of the run.
    pub at: Duration,
    /// How long it took.
    pub took: Duration,
}

/// What a run found.
pub struct Outcome {
    /// The times of all answers, in us.
    pub times: Histogram<u64>,
    /// Answers with another status than 200.
    pub bad_status: usize,
    /// Connections that broke, or whose answer never came.
    pub broken: usize,
    /// How long it took.
    pub elapsed: Duration,
    /// The slow answers, in the order in which they came.
    pub slow: Vec<Slow>,
    /// The longest time between two looks for answers: what this process has added by itself.
    pub own_longest: Duration,
}

/// All connections.
pub struct Clients {
    server: SocketAddr,
    poll: Poll,
    connections: Vec<Option<Connection>>,
}

impl Clients {
    /// No connections.
    pub fn new(server: SocketAddr) -> io::Result<Self> {
        Ok(Self { server, poll: Poll::new()?, connections: Vec::new() })
    }

    /// Connections that are open.
    pub fn count(&self) -> usize {
        self.connections.iter().flatten().count()
    }

    /// Opens connections until there are `count`.
    pub fn open(&mut self, count: usize) -> io::Result<()> {
        while self.connections.len() < count {
            let number = self.connections.len();
            let mut connection = Connection::open(number, self.server)?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut connection.stream, Token(number), interest)?;
            self.connections.push(Some(connection));
        }
        Ok(())
    }

    /// Sends `requests` in turn on the connections in `range`, one at a time on each.
    pub fn run(
        &mut self,
        range: Range<usize>,
        requests: &[Vec<u8>],
        limit: Limit,
        slow_from: Duration,
    ) -> io::Result<Outcome> {
        if requests.is_empty() {
            return Err(io::Error::other("a run wants a file with a request"));
        }
        let mut waiting = range.clone();
        let mut outcome = Outcome {
            times: Histogram::new_with_max(LONGEST_US, 3).map_err(io::Error::other)?,
            bad_status: 0,
            broken: 0,
            elapsed: Duration::ZERO,
            slow: Vec::new(),
            own_longest: Duration::ZERO,
        };
        let began = Instant::now();
        let mut under_way = 0;
        let first = match limit {
            Limit::Each { at_once } => at_once,
            Limit::Time(_) => range.len(),
        };
        for number in waiting.by_ref().take(first) {
            under_way += usize::from(self.begin(number, 0, requests, &mut outcome));
        }
        let mut events = Events::with_capacity(EVENTS_MAX);
        let end = match limit {
            Limit::Each { .. } => began + PATIENCE,
            Limit::Time(time) => began + time,
        };
        while under_way > 0 {
            if Instant::now() > end + PATIENCE {
                outcome.broken += under_way;
                break;
            }
            self.poll.poll(&mut events, Some(Duration::from_millis(100)))?;
            let looked = Instant::now();
            for event in &events {
                let number = event.token().0;
                let (which, since) = match self.look(number, requests, &mut outcome) {
                    Look::Waits => continue,
                    Look::Broke => {
                        under_way -= 1;
                        continue;
                    }
                    Look::Answered { which, since } => (which, since),
                };
                under_way -= 1;
                let now = Instant::now();
                let took = now - since;
                outcome.times.saturating_record(took.as_micros() as u64);
                if took >= slow_from && outcome.slow.len() < SLOW_MAX {
                    outcome.slow.push(Slow { at: now - began, took });
                }
                let next = match limit {
                    Limit::Each { .. } => waiting.next().map(|number| (number, 0)),
                    Limit::Time(_) => (now < end).then_some((number, which + 1)),
                };
                if let Some((number, which)) = next {
                    under_way += usize::from(self.begin(number, which, requests, &mut outcome));
                }
            }
            outcome.own_longest = outcome.own_longest.max(looked.elapsed());
        }
        outcome.elapsed = began.elapsed();
        Ok(outcome)
    }

    /// Begins a request on a connection. `false` if it broke.
    fn begin(&mut self, number: usize, which: usize, requests: &[Vec<u8>], outcome: &mut Outcome) -> bool {
        let which = which % requests.len();
        let Some(connection) = self.connections.get_mut(number).and_then(Option::as_mut) else { return false };
        let begun = connection.begin(which, &requests[which]).is_ok();
        if !begun {
            outcome.broken += 1;
            self.connections[number] = None;
        }
        begun
    }

    /// Goes on with a connection.
    fn look(&mut self, number: usize, requests: &[Vec<u8>], outcome: &mut Outcome) -> Look {
        let Some(connection) = self.connections.get_mut(number).and_then(Option::as_mut) else { return Look::Waits };
        let Some((which, since)) = connection.request else { return Look::Waits };
        match connection.send(&requests[which]).and_then(|()| connection.receive()) {
            Ok(Answer::Partial) => Look::Waits,
            Ok(Answer::Whole { good }) => {
                outcome.bad_status += usize::from(!good);
                connection.request = None;
                Look::Answered { which, since }
            }
            Err(_) => {
                outcome.broken += 1;
                self.connections[number] = None;
                Look::Broke
            }
        }
    }
}

/// What a look at a connection found.
enum Look {
    /// No request is under way, or its answer is not there.
    Waits,
    /// The answer is there.
    Answered {
        /// To which request.
        which: usize,
        /// When that was begun.
        since: Instant,
    },
    /// The connection broke while a request was under way.
    Broke,
}
