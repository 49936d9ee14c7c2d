//! What is allowed, as the settings say it. It is a part of [`Live`](crate::server::core::live::Live), so that a request goes by the
//! limits and the settings of the same moment.

use std::time::Duration;

use crate::config::{AdmissionMode, Config, Limit, Networks};

use super::bucket::Rate;

/// The limits of a server, and the proxies that it trusts.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What happens to requests over the limits.
    pub mode: AdmissionMode,
    /// How long a request may be held until its turn comes, in nanoseconds.
    pub hold_ns: u64,
    /// New sessions of an address.
    pub starts_address: Option<Rate>,
    /// New sessions of a project.
    pub starts_project: Option<Rate>,
    /// Uploads and their bytes, of a session.
    pub session: Uploads,
    /// The same of an address.
    pub address: Uploads,
    /// The same of a project.
    pub project: Uploads,
    /// Peers that may name a client's address.
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
    /// What the settings say, for each of so many cores.
    ///
    /// A project's clients come by many connections, which the kernel spreads over the cores, so each core has its share of
    /// a project's rates. A session or an address may have one connection, and then uses one core: each core grants it the
    /// whole rate.
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

/// Half of a request's patience: the other half is for the log.
fn hold_ns(patience: Duration) -> u64 {
    u64::try_from(patience.as_nanos() / 2).unwrap_or(u64::MAX)
}
