//! The limits, as the settings define them. They are part of [`Live`](crate::server::core::live::Live), so that a request sees limits and
//! settings of the same moment.

use std::time::Duration;

use crate::config::{AdmissionMode, Config, Limit, Networks};

use super::bucket::Rate;

/// The limits of a server, and the proxies it trusts.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What to do with requests over their limits.
    pub mode: AdmissionMode,
    /// How long a request may be held for its turn, in nanoseconds.
    pub hold_ns: u64,
    /// New sessions per address.
    pub starts_address: Option<Rate>,
    /// New sessions per project.
    pub starts_project: Option<Rate>,
    /// Uploads and their bytes, per session.
    pub session: Uploads,
    /// The same per address.
    pub address: Uploads,
    /// The same per project.
    pub project: Uploads,
    /// Peers that may state a client's address.
    pub trusted: Networks,
}

/// The two meters of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uploads {
    /// Requests.
    pub requests: Option<Rate>,
    /// Bytes of their bodies.
    pub bytes: Option<Rate>,
}

impl Policy {
    /// The limits from the settings, for one of `cores` cores.
    ///
    /// A project's clients use many connections, which the kernel spreads over the cores, so each core gets its share of a project's rates.
    /// A session or an address may have only one connection and then uses one core, so each core grants it the whole rate.
    pub fn of(config: &Config, cores: u16) -> Policy {
        let whole = |limit: Option<Limit>| limit.map(|limit| Rate::new(limit, 1));
        let share = |limit: Option<Limit>| limit.map(|limit| Rate::new(limit, u64::from(cores)));
        Policy {
            mode: config.admission,
            hold_ns: hold_ns(config.patience),
            starts_address: whole(config.limit_starts_address),
            starts_project: share(config.limit_starts_project),
            session: Uploads {
                requests: whole(config.limit_uploads_session),
                bytes: whole(config.limit_bytes_session),
            },
            address: Uploads {
                requests: whole(config.limit_uploads_address),
                bytes: whole(config.limit_bytes_address),
            },
            project: Uploads {
                requests: share(config.limit_uploads_project),
                bytes: share(config.limit_bytes_project),
            },
            trusted: config.trusted_proxies.clone(),
        }
    }

    /// Whether requests are counted at all.
    pub fn counts(&self) -> bool {
        self.mode != AdmissionMode::Off
    }
}

/// Half of a request's patience: the other half is reserved for the log.
fn hold_ns(patience: Duration) -> u64 {
    u64::try_from(patience.as_nanos() / 2).unwrap_or(u64::MAX)
}
