use std::path::PathBuf;

use proptest::prelude::*;

use crate::config::Config;
use crate::config::value::limit;

use super::*;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;

fn config(set: &[(&str, &str)]) -> Config {
    let mut config = Config::defaults(PathBuf::new());
    config.admission = AdmissionMode::On;
    let off = |config: &mut Config| {
        config.limit_starts_address = None;
        config.limit_starts_project = None;
        config.limit_uploads_session = None;
        config.limit_uploads_address = None;
        config.limit_uploads_project = None;
        config.limit_bytes_session = None;
        config.limit_bytes_address = None;
        config.limit_bytes_project = None;
    };
    off(&mut config);
    for (name, text) in set {
        let limit = limit(text).expect("valid");
        match *name {
            "starts_address" => config.limit_starts_address = limit,
            "starts_project" => config.limit_starts_project = limit,
            "uploads_session" => config.limit_uploads_session = limit,
            "uploads_address" => config.limit_uploads_address = limit,
            "uploads_project" => config.limit_uploads_project = limit,
            "bytes_session" => config.limit_bytes_session = limit,
            "bytes_address" => config.limit_bytes_address = limit,
            name => panic!("no limit {name}"),
        }
    }
    config
}

/// The buckets of a core, and the policy that its requests go by.
struct Limited {
    policy: Policy,
    buckets: Admission,
}

impl Limited {
    fn may_start(&mut self, now_ns: u64, address: IpAddr) -> Verdict {
        self.buckets.may_start(&self.policy, now_ns, address)
    }

    fn start(&mut self, now_ns: u64, address: IpAddr, project: Option<u32>) -> Verdict {
        self.buckets.start(&self.policy, now_ns, address, project)
    }

    fn upload(&mut self, now_ns: u64, upload: &Upload) -> Verdict {
        self.buckets.upload(&self.policy, now_ns, upload)
    }
}

fn admission_of(config: &Config) -> Limited {
    Limited { policy: Policy::of(config, 1), buckets: Admission::new(1024, 7) }
}

fn admission(set: &[(&str, &str)]) -> Limited {
    admission_of(&config(set))
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn upload(session: u64) -> Upload {
    Upload { address: ip("198.51.100.7"), session: Some(session), project: Some(3), bytes: 1000 }
}

#[test]
fn starts_are_counted_for_each_address_and_a_prefix_of_64_is_one() {
    let mut admission = admission(&[("starts_address", "1/h burst 2")]);
    let mut start = |address| admission.start(SECOND, ip(address), None).decision;
    assert_eq!(start("198.51.100.7"), Decision::Admitted);
    assert_eq!(start("::ffff:198.51.100.7"), Decision::Admitted);
    assert_eq!(start("198.51.100.7"), Decision::Refused);
    assert_eq!(start("198.51.100.8"), Decision::Admitted);
    assert_eq!(start("2001:db8:1:2::1"), Decision::Admitted);
    assert_eq!(start("2001:db8:1:2:ffff::9"), Decision::Admitted);
    assert_eq!(start("2001:db8:1:2:aaaa::9"), Decision::Refused);
    assert_eq!(start("2001:db8:1:3::1"), Decision::Admitted);
}

#[test]
fn a_refused_start_is_told_when_to_come_again() {
    let mut admission = admission(&[("starts_address", "6/m burst 1")]);
    assert_eq!(admission.start(SECOND, ip("198.51.100.7"), None).decision, Decision::Admitted);
    let refused = admission.may_start(SECOND, ip("198.51.100.7"));
    assert_eq!((refused.decision, refused.bucket), (Decision::Refused, Some(Bucket::StartsAddress)));
    assert_eq!(refused.retry_after_seconds(), 10);
    let later = SECOND + 10 * SECOND;
    assert_eq!(admission.may_start(later, ip("198.51.100.7")).decision, Decision::Admitted);
    assert_eq!(admission.start(later, ip("198.51.100.7"), None).decision, Decision::Admitted);
}

#[test]
fn looking_at_a_start_charges_nothing() {
    let mut admission = admission(&[("starts_address", "1/h burst 1")]);
    for _ in 0..100 {
        assert_eq!(admission.may_start(SECOND, ip("198.51.100.7")).decision, Decision::Admitted);
    }
    assert_eq!(admission.start(SECOND, ip("198.51.100.7"), None).decision, Decision::Admitted);
}

#[test]
fn a_project_is_limited_whatever_the_addresses_and_a_refusal_charges_nobody() {
    let mut admission = admission(&[("starts_project", "1/h burst 2"), ("starts_address", "1/h burst 1")]);
    let mut start = |address, project| admission.start(SECOND, ip(address), Some(project));
    assert_eq!(start("198.51.100.1", 1).decision, Decision::Admitted);
    assert_eq!(start("198.51.100.2", 1).decision, Decision::Admitted);
    let refused = start("198.51.100.3", 1);
    assert_eq!((refused.decision, refused.bucket), (Decision::Refused, Some(Bucket::StartsProject)));
    assert_eq!(start("198.51.100.3", 2).decision, Decision::Admitted, "its address was not charged");
}

#[test]
fn a_little_too_early_is_held_and_far_too_early_refused() {
    let mut admission = admission(&[("uploads_session", "2/s burst 4")]);
    let mut decisions = Vec::new();
    for _ in 0..12 {
        decisions.push(admission.upload(SECOND, &upload(9)));
    }
    let count = |decision| decisions.iter().filter(|verdict| verdict.decision == decision).count();
    // Half of 5 s of patience, at two a second.
    assert_eq!((count(Decision::Admitted), count(Decision::Held), count(Decision::Refused)), (4, 5, 3));
    let waits: Vec<u64> = decisions[4..9].iter().map(|verdict| verdict.wait_ns / MS).collect();
    assert_eq!(waits, [500, 1000, 1500, 2000, 2500]);
}

#[test]
fn bytes_are_counted_besides_requests() {
    let mut admission = admission(&[("bytes_session", "1000/s burst 10000"), ("uploads_session", "1000/s burst 1000")]);
    let verdicts: Vec<Verdict> = (0..13).map(|_| admission.upload(SECOND, &upload(9))).collect();
    assert!(verdicts[..10].iter().all(|verdict| verdict.decision == Decision::Admitted));
    assert_eq!(verdicts[10].decision, Decision::Held);
    assert_eq!((verdicts[12].decision, verdicts[12].bucket), (Decision::Refused, Some(Bucket::BytesSession)));
}

#[test]
fn shadow_decides_the_same_and_lets_everything_through() {
    let mut settings = config(&[("uploads_session", "2/s burst 4")]);
    settings.admission = AdmissionMode::Shadow;
    let (mut shadow, mut on) = (admission_of(&settings), admission(&[("uploads_session", "2/s burst 4")]));
    for n in 0..100 {
        let now = SECOND + n * 100 * MS;
        let (facts, real) = (shadow.upload(now, &upload(9)), on.upload(now, &upload(9)));
        let expected = match real.decision {
            Decision::Held => Decision::WouldHold,
            Decision::Refused => Decision::WouldRefuse,
            decision => decision,
        };
        assert_eq!((facts.decision, facts.bucket, facts.wait_ns), (expected, real.bucket, real.wait_ns));
    }
}

#[test]
fn off_counts_nothing() {
    let mut settings = config(&[("uploads_session", "1/h burst 1"), ("starts_address", "1/h burst 1")]);
    settings.admission = AdmissionMode::Off;
    let mut admission = admission_of(&settings);
    for _ in 0..10 {
        assert_eq!(admission.upload(SECOND, &upload(9)), Verdict::ADMITTED);
        assert_eq!(admission.may_start(SECOND, ip("198.51.100.7")), Verdict::ADMITTED);
        assert_eq!(admission.start(SECOND, ip("198.51.100.7"), Some(1)), Verdict::ADMITTED);
    }
}

/// The moments at which a tracker tries a refused batch again, in ms: the n-th retry 250 n after the one before.
fn tries_ms() -> impl Iterator<Item = u64> {
    (0..=10).map(|n: u64| 125 * n * (n + 1))
}

#[test]
fn a_tracker_within_its_own_limit_gets_through_before_it_gives_up() {
    assert_eq!(tries_ms().last(), Some(13_750));
    let mut admission = admission(&[
        ("uploads_session", "5/s burst 300"),
        ("uploads_address", "10/s burst 10"),
        ("uploads_project", "10/s burst 10"),
    ]);
    // Thousands of sessions of the same address flood the same project, for minutes.
    let mut now = SECOND;
    let mut flood = |admission: &mut Limited, until: u64| {
        while now < until {
            now += MS;
            admission.upload(now, &upload(1_000 + now % 5_000_000 / 1_000));
        }
    };
    for begin in (10..130).step_by(15) {
        let mut refused = 0;
        for ms in tries_ms() {
            let at = begin * SECOND + ms * MS;
            flood(&mut admission, at);
            match admission.upload(at, &upload(7)).decision {
                Decision::Refused => refused += 1,
                _ => break,
            }
        }
        assert!((1..10).contains(&refused), "{refused} refusals");
    }
}

#[test]
fn a_session_over_its_own_limit_has_no_such_grace() {
    let mut admission = admission(&[("uploads_session", "1/h burst 1")]);
    assert_eq!(admission.upload(SECOND, &upload(7)).decision, Decision::Admitted);
    for ms in tries_ms() {
        assert_eq!(admission.upload(2 * SECOND + ms * MS, &upload(7)).decision, Decision::Refused);
    }
}

#[test]
fn under_another_policy_debts_stay() {
    let mut admission = admission(&[("uploads_session", "1/h burst 3")]);
    let mut decide = |limits: &[(&str, &str)]| {
        admission.policy = Policy::of(&config(limits), 1);
        admission.upload(SECOND, &upload(9)).decision
    };
    let three = [("uploads_session", "1/h burst 3")];
    assert_eq!([decide(&three), decide(&three)], [Decision::Admitted; 2]);
    assert_eq!(decide(&[("uploads_session", "1/h burst 2")]), Decision::Refused);
    assert_eq!(decide(&[]), Decision::Admitted);
}

#[test]
fn cores_share_what_a_project_may() {
    let config = config(&[("uploads_project", "1/h burst 8"), ("uploads_address", "1/h burst 1000")]);
    let mut admission = Limited { policy: Policy::of(&config, 4), buckets: Admission::new(1024, 7) };
    let admitted = (0..20).filter(|n| admission.upload(SECOND, &upload(*n)).decision == Decision::Admitted);
    assert_eq!(admitted.count(), 2);
}

proptest! {
    /// Nothing that clients send makes it panic, or admits more of one session than burst and rate allow.
    #[test]
    fn no_traffic_gets_more_than_its_limit(
        events in prop::collection::vec((0u64..50 * MS, any::<u32>(), 0u64..40, 0u32..4, 0u64..100_000), 1..500)
    ) {
        let mut admission = admission(&[
            ("uploads_session", "5/s burst 10"),
            ("bytes_session", "1MiB/s burst 4MiB"),
            ("uploads_address", "50/s burst 100"),
            ("uploads_project", "100/s burst 100"),
        ]);
        let mut now = SECOND;
        let mut admitted = [0u64; 40];
        for (step, address, session, project, bytes) in events {
            now += step;
            let upload = Upload {
                address: IpAddr::from(address.to_be_bytes()),
                session: Some(session),
                project: Some(project),
                bytes,
            };
            let verdict = admission.upload(now, &upload);
            prop_assert!(verdict.retry_after_seconds() >= 1);
            if verdict.decision == Decision::Admitted {
                admitted[session as usize] += 1;
            }
        }
        let most = 10 + (now - SECOND) * 5 / SECOND + 1;
        prop_assert!(admitted.iter().all(|&count| count <= most), "{admitted:?}, at most {most}");
    }
}
