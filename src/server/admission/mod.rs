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

use bucket::Charge;
pub use bucket::Rate;
use map::{Buckets, Slot};
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

/// One of several charges that are applied together.
#[derive(Clone, Copy)]
struct PendingCharge {
    subject: Subject,
    slot: Slot,
    meter: usize,
    full_at_ns: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    Session,
    Address,
    Project,
}

/// At most two meters for each of the three kinds of subject.
const CHARGES_MAX: usize = 6;

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
        let charge = rate.charge(self.addresses.at(slot).full_at_ns(STARTS), now_ns, 1);
        let mut assessment = Assessment::new(policy.hold_ns);
        assessment.wait(charge.wait_ns, Bucket::StartsAddress);
        match assessment.verdict() {
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
        let mut assessment = Assessment::new(policy.hold_ns);
        if let Some(rate) = policy.starts_address {
            let slot = self.addresses.find(address_key(address), now_ns);
            let charge = rate.charge(self.addresses.at(slot).full_at_ns(STARTS), now_ns, 1);
            assessment.add(Subject::Address, slot, STARTS, charge, Bucket::StartsAddress);
        }
        if let (Some(rate), Some(project)) = (policy.starts_project, project) {
            let slot = self.projects.find(u64::from(project), now_ns);
            let charge = rate.charge(self.projects.at(slot).full_at_ns(STARTS), now_ns, 1);
            assessment.add(Subject::Project, slot, STARTS, charge, Bucket::StartsProject);
        }
        let verdict = assessment.verdict();
        if verdict.decision != Decision::Refused {
            self.apply(&assessment, |_| true);
        }
        verdict.in_mode(policy.mode)
    }

    /// Charges an upload.
    pub fn upload(&mut self, policy: &Policy, now_ns: u64, upload: &Upload) -> Verdict {
        if !policy.counts() {
            return Verdict::ADMITTED;
        }
        let mut assessment = Assessment::new(policy.hold_ns);
        let mut session = None;
        if let Some(id) = upload.session {
            let slot = self.sessions.find(id, now_ns);
            let buckets = [Bucket::UploadsSession, Bucket::BytesSession];
            assessment.meter(&mut self.sessions, Subject::Session, slot, policy.session, now_ns, upload.bytes, buckets);
            session = Some(slot);
        }
        let own = assessment.verdict();
        let slot = self.addresses.find(address_key(upload.address), now_ns);
        let buckets = [Bucket::UploadsAddress, Bucket::BytesAddress];
        assessment.meter(&mut self.addresses, Subject::Address, slot, policy.address, now_ns, upload.bytes, buckets);
        // Project 0 stands for all unknown projects.
        if let Some(project) = upload.project.filter(|&project| project != 0) {
            let slot = self.projects.find(u64::from(project), now_ns);
            let buckets = [Bucket::UploadsProject, Bucket::BytesProject];
            assessment.meter(&mut self.projects, Subject::Project, slot, policy.project, now_ns, upload.bytes, buckets);
        }
        let verdict = assessment.verdict();
        if verdict.decision == Decision::Refused {
            let Some(session) = session.filter(|_| own.decision != Decision::Refused) else {
                return verdict.in_mode(policy.mode);
            };
            let mut entry = self.sessions.at(session);
            let since_ns = entry.refused_since_ns();
            if since_ns == 0 || now_ns.saturating_sub(since_ns) < GRACE_NS {
                if since_ns == 0 {
                    entry.set_refused_since_ns(now_ns.max(1));
                }
                return verdict.in_mode(policy.mode);
            }
            entry.set_refused_since_ns(0);
            self.apply(&assessment, |subject| subject == Subject::Session);
            return own.in_mode(policy.mode);
        }
        if let Some(session) = session {
            self.sessions.at(session).set_refused_since_ns(0);
        }
        self.apply(&assessment, |_| true);
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

    fn apply(&mut self, assessment: &Assessment, which: impl Fn(Subject) -> bool) {
        for pending in assessment.charges[..assessment.len].iter().filter(|pending| which(pending.subject)) {
            let buckets = match pending.subject {
                Subject::Session => &mut self.sessions,
                Subject::Address => &mut self.addresses,
                Subject::Project => &mut self.projects,
            };
            buckets.at(pending.slot).set_full_at_ns(pending.meter, pending.full_at_ns);
        }
    }
}

impl PendingCharge {
    const NONE: PendingCharge = PendingCharge { subject: Subject::Session, slot: Slot::FIRST, meter: 0, full_at_ns: 0 };
}

/// When a request's turn comes: when the last of its buckets holds enough for it.
struct Assessment {
    hold_ns: u64,
    wait_ns: u64,
    bucket: Option<Bucket>,
    charges: [PendingCharge; CHARGES_MAX],
    len: usize,
}

impl Assessment {
    fn new(hold_ns: u64) -> Assessment {
        Assessment { hold_ns, wait_ns: 0, bucket: None, charges: [PendingCharge::NONE; CHARGES_MAX], len: 0 }
    }

    fn wait(&mut self, wait_ns: u64, bucket: Bucket) {
        if wait_ns > self.wait_ns {
            self.wait_ns = wait_ns;
            self.bucket = Some(bucket);
        }
    }

    fn add(&mut self, subject: Subject, slot: Slot, meter: usize, charge: Charge, bucket: Bucket) {
        self.wait(charge.wait_ns, bucket);
        self.charges[self.len] = PendingCharge { subject, slot, meter, full_at_ns: charge.full_at_ns };
        self.len += 1;
    }

    #[expect(clippy::too_many_arguments, reason = "the two meters of an upload, written once for three maps")]
    fn meter(
        &mut self,
        map: &mut Buckets,
        subject: Subject,
        slot: Slot,
        rates: Uploads,
        now_ns: u64,
        bytes: u64,
        buckets: [Bucket; 2],
    ) {
        let entry = map.at(slot);
        if let Some(rate) = rates.requests {
            self.add(subject, slot, REQUESTS, rate.charge(entry.full_at_ns(REQUESTS), now_ns, 1), buckets[0]);
        }
        if let Some(rate) = rates.bytes {
            self.add(subject, slot, BYTES, rate.charge(entry.full_at_ns(BYTES), now_ns, bytes), buckets[1]);
        }
    }

    fn verdict(&self) -> Verdict {
        let decision = match self.wait_ns {
            0 => Decision::Admitted,
            wait_ns if wait_ns <= self.hold_ns => Decision::Held,
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
