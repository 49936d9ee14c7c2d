//! Which trouble a status, or a connection that broke, stands for.

use std::error::Error;

use crate::courier::cause::{Cause, Trouble};

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// Whether the records are at fault, and not the other takeup.
    pub(super) records: bool,
    /// What it is.
    pub(super) cause: Cause,
}

/// What a status other than 200 means. `text` is the answer's, for people only.
pub(super) fn refused(status: u16, text: &str) -> Refused {
    let (trouble, records) = match status {
        413 | 422 => (Trouble::RefusesRecord, true),
        401 | 403 => (Trouble::WrongCredentials, false),
        408 | 504 => (Trouble::TimedOut, false),
        429 => (Trouble::Busy, false),
        502 | 503 => (Trouble::NotReady, false),
        507 => (Trouble::Full, false),
        // The chain leads back to its beginning.
        508 => (Trouble::Mismatch, false),
        // Not a takeup, one that takes no records, or something in between that changes requests.
        200..=499 => (Trouble::Mismatch, false),
        _ => (Trouble::Other, false),
    };
    let text = match (status, text) {
        (404, _) => "there is no takeup that takes records: it needs the same forward_secret",
        (_, text) => text,
    };
    Refused { records, cause: Cause::new(trouble, status.to_string(), text) }
}

/// What a request that brought no answer means.
pub(super) fn broken(error: reqwest::Error) -> Cause {
    let trouble = if error.is_timeout() {
        Trouble::TimedOut
    } else if speaks_of_tls(&error) {
        Trouble::WrongCredentials
    } else if error.is_builder() {
        Trouble::Other
    } else {
        Trouble::Unreachable
    };
    Cause::new(trouble, "", words(&error.without_url()))
}

fn speaks_of_tls(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if error.is::<rustls::Error>() || inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        source = error.source();
    }
    false
}

/// An error and what led to it.
fn words(error: &dyn Error) -> String {
    let (mut text, mut source) = (error.to_string(), error.source());
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_wrong_with_the_records_themselves_makes_dead_letters() {
        for status in 200..600 {
            let refused = refused(status, "text");
            assert_eq!(refused.records, matches!(status, 413 | 422), "{status}");
            assert_eq!(refused.cause.code, status.to_string());
        }
        assert_eq!(refused(403, "").cause.trouble, Trouble::WrongCredentials);
        assert_eq!(refused(503, "").cause.trouble, Trouble::NotReady);
        assert_eq!(refused(301, "").cause.trouble, Trouble::Mismatch);
    }
}
