//! To servers.

use std::collections::BTreeMap;

use crate::common::Home;

use super::made::{Line, folder, lines, many, succeed, write};

/// Numbers and inflated bodies by session, in order.
fn by_session(lines: &[Line]) -> BTreeMap<u64, Vec<(u64, Vec<u8>)>> {
    let mut sessions: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in lines {
        sessions.entry(line.session).or_default().push((line.number, line.body.clone()));
    }
    sessions
}

#[test]
fn empty_servers_get_the_same_sessions_with_the_same_bodies_in_the_same_order_from_log_and_archive() {
    let temp = folder();
    let data = temp.path().join("data");
    write(&data, &many(12, 15));
    succeed(&data, &["compact"]);
    let recorded = by_session(&lines(&data, &["--source", "log"]));
    for source in ["log", "archive"] {
        let home = Home::new();
        let server = home.serve(&[]);
        let secret = home.data().join("secrets/token").display().to_string();
        let to = format!("http://{}", server.addr);
        let arguments = ["replay", "--to", &to, "--fast", "--json", "--source", source, "--token-secret-file", &secret];
        let summary = succeed(&data, &arguments).lines().remove(0);
        assert_eq!((&summary["batches"], &summary["sessions"]), (&180.into(), &12.into()), "{summary}");
        for times in ["latency_ms", "answer_ms"] {
            let times = &summary[times];
            let at = |name: &str| times[name].as_f64().unwrap_or_else(|| panic!("{name} of {times}"));
            assert!(at("p50") > 0.0 && at("p50") <= at("p99") && at("p99") <= at("max"), "{summary}");
        }
        assert!(by_session(&lines(home.data(), &[])) == recorded, "{source}");
        // The same once more are repeats; the same in other rounds are other sessions.
        succeed(&data, &[&arguments[..], &["--loop", "3"]].concat());
        let stored = by_session(&lines(home.data(), &[]));
        assert_eq!(stored.len(), 3 * recorded.len(), "{source}");
        let mut bodies: Vec<_> = stored.values().collect();
        bodies.sort();
        bodies.dedup();
        let mut expected: Vec<_> = recorded.values().collect();
        expected.sort();
        assert!(bodies == expected, "{source}");
        server.stop();
    }
}
