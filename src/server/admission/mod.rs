//! Who may start sessions and upload, and how much: token buckets for each address, project and session.
//!
//! Project keys are public and a start costs a record, so without limits a single machine could fill a project's quota and the disk.
//!
//! | what | counted for | charged |
//! |---|---|---|
//! | starts | address, project | when a start would create a session, or was refused; one that resumes a session costs nothing |
//! | uploads | session, address, project | with each request that has a body and a valid token (forms: any request) |
//! | bytes | session, address, project | likewise, by the length announced in the head |
//!
//! A request is charged to all of its buckets or to none. A request that is slightly early is held until its turn; if its turn is further
//! away than half of its patience, it is refused and told how many seconds to stay away.
//!
//! A tracker gives up for good after ten refusals within 13.75 s. So even if others empty the buckets of its address or its project, a
//! session within its own limit is served once it has been refused for [`GRACE_NS`].
//!
//! All of this belongs to one core: no lock, no system call, no allocation. Sessions and addresses get their whole limit on each core that
//! they reach; projects get a share of it (see [`Policy::of`]).
//!
//! Invariant: with `admission = "shadow"` nothing is held or refused, and everything is charged as it would be with "on".

mod bucket;
mod map;
mod policy;

use std::net::IpAddr;

use crate::config::AdmissionMode;
use crate::telemetry::admission::{Bucket, Decision};

pub use bucket::Rate;
use map::{Buckets, Entry};
pub use policy::{Policy, Uploads};

/// A session within its own limit is refused for no longer than this.
pub const GRACE_NS: u64 = 4_000_000_000;

/// The meters of an entry, by index.
const STARTS: usize = 0;
const REQUESTS: usize = 1;
const BYTES: usize = 2;

/// Who sends an upload, and how much.
#[derive(Debug, Clone, Copy)]
pub struct Upload {
    /// The client's address.
    pub address: IpAddr,
    /// Its session, if it has presented a token.
    pub session: Option<u64>,
    /// Its project, if it is known.
    pub project: Option<u32>,
    /// Bytes that its head announces.
    pub bytes: u64,
}

/// The decision about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// What was decided.
    pub decision: Decision,
    /// The bucket that decided it; none if the request was simply admitted.
    pub bucket: Option<Bucket>,
    /// How long until its turn, in nanoseconds; 0 if it may proceed now.
    pub wait_ns: u64,
}

impl Verdict {
    /// It may proceed.
    pub const ADMITTED: Verdict = Verdict { decision: Decision::Admitted, bucket: None, wait_ns: 0 };

    /// Seconds after which a retry may succeed, at least 1.
    pub fn retry_after_seconds(&self) -> u32 {
        u32::try_from(self.wait_ns.div_ceil(1_000_000_000)).unwrap_or(u32::MAX).max(1)
    }

    /// The same verdict under `mode`: in shadow mode nobody is held or refused.
    fn in_mode(self, mode: AdmissionMode) -> Verdict {
        match (mode, self.decision) {
            (AdmissionMode::Shadow, Decision::Held) => Verdict { decision: Decision::WouldHold, ..self },
            (AdmissionMode::Shadow, Decision::Refused) => Verdict { decision: Decision::WouldRefuse, ..self },
            _ => self,
        }
    }
}

/// The buckets of one core.
pub struct Admission {
    sessions: Buckets,
    addresses: Buckets,
    projects: Buckets,
}

impl Admission {
    /// Buckets for `entries_max` sessions, as many addresses, and as many projects. `seed` should be random.
    pub fn new(entries_max: usize, seed: u64) -> Admission {
        let buckets = |salt: u64| Buckets::new(entries_max, seed ^ salt, GRACE_NS);
        Admission { sessions: buckets(0x5e55), addresses: buckets(0xadd7), projects: buckets(0x9709) }
    }

    /// Whether an address may try to start a session. Nothing is charged: the outcome of the start is not known yet.
    pub fn may_start(&mut self, policy: &Policy, now_ns: u64, address: IpAddr) -> Verdict {
        let (Some(rate), true) = (policy.starts_address, policy.counts()) else { return Verdict::ADMITTED };
        let slot = self.addresses.find(address_key(address), now_ns);
        let mut turn = Turn::default();
        turn.meter(&self.addresses.at(slot), STARTS, Some(rate), now_ns, 1, Bucket::StartsAddress);
        match turn.verdict(policy) {
            // If it has to be held, that happens when it is charged.
            Verdict { decision: Decision::Held, .. } => Verdict::ADMITTED,
            verdict => verdict.in_mode(policy.mode),
        }
    }

    /// Charges a start to its address, and to the project of the session that it began, if it began one.
    pub fn start(&mut self, policy: &Policy, now_ns: u64, address: IpAddr, project: Option<u32>) -> Verdict {
        if !policy.counts() {
            return Verdict::ADMITTED;
        }
        let mut turn = Turn::default();
        let mut charge = |map: &mut Buckets, key: u64, rate: Option<Rate>, bucket: Bucket| {
            let slot = map.find(key, now_ns);
            (slot, turn.meter(&map.at(slot), STARTS, rate, now_ns, 1, bucket))
        };
        let key = policy.starts_address.map(|_| address_key(address));
        let by_address = key.map(|key| charge(&mut self.addresses, key, policy.starts_address, Bucket::StartsAddress));
        let key = project.filter(|_| policy.starts_project.is_some()).map(u64::from);
        let by_project = key.map(|key| charge(&mut self.projects, key, policy.starts_project, Bucket::StartsProject));
        let verdict = turn.verdict(policy);
        if verdict.decision != Decision::Refused {
            for (map, charged) in [(&mut self.addresses, by_address), (&mut self.projects, by_project)] {
                if let Some((slot, full_at_ns)) = charged {
                    map.at(slot).set_full_at_ns(STARTS, full_at_ns);
                }
            }
        }
        verdict.in_mode(policy.mode)
    }

    /// Charges an upload.
    pub fn upload(&mut self, policy: &Policy, now_ns: u64, upload: &Upload) -> Verdict {
        if !policy.counts() {
            return Verdict::ADMITTED;
        }
        let mut turn = Turn::default();
        let session = upload.session.map(|id| {
            let slot = self.sessions.find(id, now_ns);
            let buckets = [Bucket::UploadsSession, Bucket::BytesSession];
            (slot, turn.upload(&self.sessions.at(slot), &policy.session, now_ns, upload.bytes, buckets))
        });
        let own = turn;
        let slot = self.addresses.find(address_key(upload.address), now_ns);
        let buckets = [Bucket::UploadsAddress, Bucket::BytesAddress];
        let address = (slot, turn.upload(&self.addresses.at(slot), &policy.address, now_ns, upload.bytes, buckets));
        // Project 0 stands for all unknown projects.
        let project = upload.project.filter(|&project| project != 0).map(|project| {
            let slot = self.projects.find(u64::from(project), now_ns);
            let buckets = [Bucket::UploadsProject, Bucket::BytesProject];
            (slot, turn.upload(&self.projects.at(slot), &policy.project, now_ns, upload.bytes, buckets))
        });
        let verdict = turn.verdict(policy);
        if verdict.decision == Decision::Refused {
            let own = own.verdict(policy);
            let Some((slot, charged)) = session.filter(|_| own.decision != Decision::Refused) else {
                return verdict.in_mode(policy.mode);
            };
            let mut entry = self.sessions.at(slot);
            let since_ns = entry.refused_since_ns();
            if since_ns == 0 || now_ns.saturating_sub(since_ns) < GRACE_NS {
                if since_ns == 0 {
                    entry.set_refused_since_ns(now_ns.max(1));
                }
                return verdict.in_mode(policy.mode);
            }
            entry.set_refused_since_ns(0);
            charged.apply(&mut entry);
            return own.in_mode(policy.mode);
        }
        if let Some((slot, charged)) = session {
            let mut entry = self.sessions.at(slot);
            entry.set_refused_since_ns(0);
            charged.apply(&mut entry);
        }
        address.1.apply(&mut self.addresses.at(address.0));
        if let Some((slot, charged)) = project {
            charged.apply(&mut self.projects.at(slot));
        }
        verdict.in_mode(policy.mode)
    }

    /// Charges bytes that arrived unannounced, however many there are.
    pub fn bytes(&mut self, policy: &Policy, now_ns: u64, upload: &Upload) {
        if !policy.counts() {
            return;
        }
        let owe = |map: &mut Buckets, key: Option<u64>, rate: Option<Rate>| {
            let (Some(key), Some(rate)) = (key, rate) else { return };
            let slot = map.find(key, now_ns);
            let charge = rate.charge(map.at(slot).full_at_ns(BYTES), now_ns, upload.bytes);
            map.at(slot).set_full_at_ns(BYTES, charge.full_at_ns);
        };
        owe(&mut self.sessions, upload.session, policy.session.bytes);
        owe(&mut self.addresses, Some(address_key(upload.address)), policy.address.bytes);
        let project = upload.project.filter(|&project| project != 0).map(u64::from);
        owe(&mut self.projects, project, policy.project.bytes);
    }
}

/// What the two meters of an upload will be.
#[derive(Debug, Clone, Copy)]
struct Charged {
    requests_full_at_ns: u64,
    bytes_full_at_ns: u64,
}

impl Charged {
    #[inline]
    fn apply(self, entry: &mut Entry<'_>) {
        entry.set_full_at_ns(REQUESTS, self.requests_full_at_ns);
        entry.set_full_at_ns(BYTES, self.bytes_full_at_ns);
    }
}

/// When a request's turn comes: when the last of its buckets holds enough for it.
#[derive(Debug, Clone, Copy, Default)]
struct Turn {
    wait_ns: u64,
    bucket: Option<Bucket>,
}

impl Turn {
    /// When one of an entry's meters will be full again if `units` are charged to it. Nothing is charged yet. A meter without a rate stays as
    /// it is.
    #[inline]
    fn meter(
        &mut self,
        entry: &Entry<'_>,
        meter: usize,
        rate: Option<Rate>,
        now_ns: u64,
        units: u64,
        bucket: Bucket,
    ) -> u64 {
        let full_at_ns = entry.full_at_ns(meter);
        let Some(rate) = rate else { return full_at_ns };
        let charge = rate.charge(full_at_ns, now_ns, units);
        if charge.wait_ns > self.wait_ns {
            (self.wait_ns, self.bucket) = (charge.wait_ns, Some(bucket));
        }
        charge.full_at_ns
    }

    /// The same for the two meters of an upload.
    #[inline]
    fn upload(
        &mut self,
        entry: &Entry<'_>,
        rates: &Uploads,
        now_ns: u64,
        bytes: u64,
        [requests_bucket, bytes_bucket]: [Bucket; 2],
    ) -> Charged {
        Charged {
            requests_full_at_ns: self.meter(entry, REQUESTS, rates.requests, now_ns, 1, requests_bucket),
            bytes_full_at_ns: self.meter(entry, BYTES, rates.bytes, now_ns, bytes, bytes_bucket),
        }
    }

    #[inline]
    fn verdict(self, policy: &Policy) -> Verdict {
        let decision = match self.wait_ns {
            0 => Decision::Admitted,
            wait_ns if wait_ns <= policy.hold_ns => Decision::Held,
            _ => Decision::Refused,
        };
        Verdict { decision, bucket: self.bucket, wait_ns: self.wait_ns }
    }
}

/// An IPv4 address, or the /64 of an IPv6 address, because a client can choose the rest of that. IPv4 addresses are mapped into IPv6's
/// multicast range, from which nobody can connect.
fn address_key(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => 0xffff_0000_0000_0000 | u64::from(u32::from(address)),
        IpAddr::V6(address) => (u128::from(address) >> 64) as u64,
    }
}

#[cfg(test)]
mod tests;
