use crate::client::user_agent::{SHOWN_BYTES_MAX, embedded_for_tests as agents};

use super::*;

#[test]
fn the_cache_is_bounded_and_keeps_what_is_asked_for() {
    let agents = &agents();
    let mut cache = AgentCache::new(8);
    for n in 0..200 {
        let curl = cache.get(b"curl/8.5.0", agents).unwrap();
        assert_eq!(curl.browser, "curl");
        let other = format!("curl/{n}.1");
        let agent = cache.get(other.as_bytes(), agents).unwrap();
        assert_eq!(agent.browser_version, format!("{n}.1"));
        assert!(cache.len() <= 8 && cache.slots_by_hash.len() == cache.len());
        let kept = cache.slots.iter().any(|slot| *slot.key == *b"curl/8.5.0");
        assert!(kept, "asked for before each of the others");
    }
}

#[test]
fn robots_are_remembered_too_and_long_user_agents_by_their_beginning() {
    let agents = &agents();
    let mut cache = AgentCache::new(8);
    let robot = b"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
    assert_eq!(cache.get(robot, agents), None);
    assert_eq!(cache.get(robot, agents), None);
    assert_eq!(cache.len(), 1);
    for behind in ["", "x", " (and more)"] {
        let long = format!("curl/8.5.0 {}{behind}", "x".repeat(SHOWN_BYTES_MAX));
        assert_eq!(cache.get(long.as_bytes(), agents).unwrap().browser, "curl");
    }
    assert_eq!(cache.len(), 2);
    assert!(cache.slots.iter().all(|slot| slot.key.len() <= SHOWN_BYTES_MAX));
}

#[test]
fn user_agents_whose_hashes_meet_are_told_apart() {
    let agents = &agents();
    let mut cache = AgentCache::new(8);
    cache.get(b"curl/1.0", agents);
    let hash = cache.hasher.hash_one(b"curl/2.0".as_slice());
    cache.slots[0].hash = hash;
    cache.slots_by_hash = HashMap::from([(hash, 0)]);
    let second = cache.get(b"curl/2.0", agents).unwrap();
    assert_eq!(second.browser_version, "2.0");
    assert_eq!((cache.len(), cache.slots_by_hash.len()), (1, 1));
}
