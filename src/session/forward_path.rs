//! Through which logs records come before they reach this takeup, so that a chain that leads back to itself is refused.
//!
//! Each request with records names the sender's log, and those of whoever sends to it: `Takeup-Path: <log>,<log>`. A takeup that finds its own log
//! there takes nothing, or records would go round for ever. Without the header, nothing is refused.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

/// The header.
pub const HEADER: &str = "takeup-path";

/// The most logs that are remembered and named: those heard of last.
const LOGS_MAX: usize = 64;

/// For how long a sender is remembered. One that is there asks every few seconds.
const HEARD_FOR: Duration = Duration::from_secs(300);

/// The logs behind this takeup's own.
#[derive(Debug, Default)]
pub struct ForwardPath {
    own: OnceLock<Uuid>,
    heard: Mutex<BTreeMap<Uuid, Instant>>,
}

/// Records have come back to the log that they began in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the chain leads back to its beginning: these records come from this takeup; one forward_url of the chain must go"
)]
pub struct LeadsBack;

impl ForwardPath {
    /// Names this takeup's own log, once.
    pub fn begin(&self, own: Uuid) {
        // A second call changes nothing: a takeup has one log.
        let _ = self.own.set(own);
    }

    /// The header's value; `None` if there is no log of our own, as when a command sends.
    pub fn header(&self) -> Option<String> {
        let mut text = self.own.get()?.to_string();
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        for log in heard.iter().filter(|(_, at)| at.elapsed() < HEARD_FOR).map(|(log, _)| log) {
            text.push(',');
            text.push_str(&log.to_string());
        }
        Some(text)
    }

    /// Takes the header of a request that is to be believed. Never waits.
    ///
    /// # Errors
    /// Our own log is named.
    pub fn hear(&self, header: &[u8]) -> Result<(), LeadsBack> {
        let text = std::str::from_utf8(header).unwrap_or_default();
        let logs: Vec<Uuid> = text.split(',').take(LOGS_MAX + 1).filter_map(|log| log.trim().parse().ok()).collect();
        if self.own.get().is_some_and(|own| logs.contains(own)) {
            return Err(LeadsBack);
        }
        // If another thread is at it, the next request tells the same again.
        let Ok(mut heard) = self.heard.try_lock() else { return Ok(()) };
        let now = Instant::now();
        heard.extend(logs.into_iter().map(|log| (log, now)));
        while heard.len() > LOGS_MAX {
            let Some(oldest) = heard.iter().min_by_key(|(_, at)| **at).map(|(log, _)| *log) else { break };
            heard.remove(&oldest);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(own: u128) -> ForwardPath {
        let path = ForwardPath::default();
        path.begin(Uuid::from_u128(own));
        path
    }

    fn tell(from: &ForwardPath, to: &ForwardPath) -> Result<(), LeadsBack> {
        to.hear(from.header().unwrap().as_bytes())
    }

    #[test]
    fn a_chain_that_leads_back_is_found_however_long_and_others_are_not() {
        let chain = [path(1), path(2), path(3)];
        assert_eq!(tell(&chain[0], &chain[1]), Ok(()));
        assert_eq!(tell(&chain[1], &chain[2]), Ok(()));
        assert_eq!(tell(&chain[2], &chain[0]), Err(LeadsBack));
        assert_eq!(tell(&chain[0], &chain[0]), Err(LeadsBack));
        assert_eq!(tell(&chain[0], &chain[2]), Ok(()), "two ways to one end are no circle");
        assert_eq!(chain[0].hear(b""), Ok(()));
        assert_eq!(chain[0].hear(b"\xff, nothing"), Ok(()));
        assert_eq!(ForwardPath::default().header(), None);
    }

    #[test]
    fn no_request_makes_more_be_remembered_than_a_header_may_name() {
        let end = path(1);
        for sender in 2..1000 {
            tell(&path(sender), &end).unwrap();
        }
        let all: Vec<String> = (2000..9000).map(|log| Uuid::from_u128(log).to_string()).collect();
        end.hear(all.join(",").as_bytes()).unwrap();
        assert_eq!(end.header().unwrap().split(',').count(), 1 + LOGS_MAX);
    }
}
