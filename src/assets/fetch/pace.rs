//! When the next request may go out, and to which hosts.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use url::Url;

/// A host with so many faults in a row is left alone.
pub const FAULTS_MAX: u32 = 5;
/// The longest wait that a host may ask for.
pub const WAIT_MAX: Duration = Duration::from_secs(60);
/// How often one host may ask for it.
pub const WAITS_MAX: u32 = 5;

/// The pace of a run.
#[derive(Debug)]
pub struct Pace {
    gap: Duration,
    next: Instant,
    hosts: HashMap<String, Host>,
}

#[derive(Debug, Default)]
struct Host {
    faults: u32,
    waits: u32,
    is_left: bool,
}

impl Pace {
    /// So many requests a second, one every `gap`.
    pub fn new(gap: Duration) -> Pace {
        Pace { gap, next: Instant::now(), hosts: HashMap::new() }
    }

    /// Takes the next turn: how long to wait for it.
    pub fn turn(&mut self, now: Instant) -> Duration {
        let turn = self.next.max(now);
        self.next = turn + self.gap;
        turn - now
    }

    /// Whether the host is left alone.
    pub fn is_left(&self, url: &Url) -> bool {
        self.hosts.get(&name(url)).is_some_and(|host| host.is_left)
    }

    /// The host has answered.
    pub fn fine(&mut self, url: &Url) {
        self.host(url).faults = 0;
    }

    /// The host has failed.
    pub fn fault(&mut self, url: &Url) {
        let host = self.host(url);
        host.faults += 1;
        host.is_left |= host.faults >= FAULTS_MAX;
    }

    /// The host asks to wait, which is a fault: whether that is done. If not, it is left alone.
    pub fn may_wait(&mut self, url: &Url, wait: Duration) -> bool {
        self.fault(url);
        let host = self.host(url);
        host.waits += 1;
        host.is_left |= wait > WAIT_MAX || host.waits > WAITS_MAX;
        !host.is_left
    }

    fn host(&mut self, url: &Url) -> &mut Host {
        self.hosts.entry(name(url)).or_default()
    }
}

fn name(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    const GAP: Duration = Duration::from_millis(500);

    fn url(host: &str) -> Url {
        Url::parse(&format!("https://{host}/x")).unwrap()
    }

    #[test]
    fn requests_are_never_closer_than_the_pace_and_a_pause_is_not_made_up_for() {
        let mut pace = Pace::new(GAP);
        let begin = Instant::now();
        assert_eq!(pace.turn(begin), Duration::ZERO);
        assert_eq!(pace.turn(begin), GAP);
        assert_eq!(pace.turn(begin + GAP), GAP);
        assert_eq!(pace.turn(begin + 10 * GAP), Duration::ZERO);
        assert_eq!(pace.turn(begin + 10 * GAP), GAP);
    }

    #[test]
    fn a_host_that_fails_again_and_again_is_left_alone_and_no_other() {
        let mut pace = Pace::new(GAP);
        for _ in 1..FAULTS_MAX {
            pace.fault(&url("a.example"));
        }
        pace.fine(&url("a.example"));
        for _ in 1..FAULTS_MAX {
            pace.fault(&url("a.example"));
        }
        assert!(!pace.is_left(&url("a.example")));
        pace.fault(&url("a.example"));
        assert!(pace.is_left(&url("a.example")) && !pace.is_left(&url("b.example")));
    }

    #[test]
    fn a_host_is_waited_for_a_while_and_not_for_ever() {
        let mut pace = Pace::new(GAP);
        for _ in 0..WAITS_MAX {
            assert!(pace.may_wait(&url("a.example"), WAIT_MAX));
            pace.fine(&url("a.example"));
        }
        assert!(!pace.may_wait(&url("a.example"), Duration::ZERO));
        assert!(!pace.may_wait(&url("b.example"), WAIT_MAX + GAP) && pace.is_left(&url("b.example")));
    }
}
