use super::*;

const NOW: u64 = 1_000_000;

fn use_until(map: &mut Buckets, key: u64, now_ns: u64, full_at_ns: u64) {
    let slot = map.find(key, now_ns);
    map.at(slot).set_full_at_ns(0, full_at_ns);
}

fn full_at(map: &mut Buckets, key: u64, now_ns: u64) -> u64 {
    let slot = map.find(key, now_ns);
    map.at(slot).full_at_ns(0)
}

#[test]
fn the_map_has_its_size_and_never_another() {
    let mut map = Buckets::new(1000, 7, 0);
    assert_eq!(map.capacity(), 1024);
    for key in 0..1_000_000 {
        use_until(&mut map, key, NOW, NOW + 10);
    }
    assert_eq!(map.capacity(), 1024);
    let kept = (0..1_000_000).filter(|&key| {
        let at = (spread(key ^ 7) & map.mask) as usize;
        map.sets[at].iter().any(|words| words[KEY] == key && words[FULL_AT] > 0)
    });
    assert!(kept.count() <= 1024);
}

#[test]
fn a_flood_of_keys_does_not_make_a_debt_forgotten() {
    let mut map = Buckets::new(64, 7, 0);
    use_until(&mut map, 42, NOW, NOW + 1_000_000);
    for key in 1_000..100_000 {
        use_until(&mut map, key, NOW, NOW + 10);
    }
    assert_eq!(full_at(&mut map, 42, NOW), NOW + 1_000_000);
}

#[test]
fn a_full_bucket_is_forgotten_first() {
    let mut map = Buckets::new(WAYS, 7, 0);
    for key in 1..=WAYS as u64 {
        use_until(&mut map, key, NOW, NOW + key);
    }
    use_until(&mut map, 99, NOW + 1, NOW + 500);
    assert_eq!(full_at(&mut map, 99, NOW + 1), NOW + 500);
    let left = (2..=WAYS as u64).filter(|&key| full_at(&mut map, key, NOW + 1) == NOW + key).count();
    assert_eq!(left, WAYS - 1, "only key 1 was full");
}

#[test]
fn a_note_of_a_refusal_is_kept_for_its_time() {
    let mut map = Buckets::new(WAYS, 7, 100);
    let slot = map.find(1, NOW);
    map.at(slot).set_refused_since_ns(NOW);
    for key in 100..200 {
        use_until(&mut map, key, NOW, NOW + 10);
    }
    let slot = map.find(1, NOW);
    assert_eq!(map.at(slot).refused_since_ns(), NOW);
    for key in 200..220 {
        use_until(&mut map, key, NOW + 200, NOW + 300);
    }
    let slot = map.find(1, NOW + 200);
    assert_eq!(map.at(slot).refused_since_ns(), 0, "it was free to be forgotten");
}

#[test]
fn key_zero_is_a_key_like_others() {
    let mut map = Buckets::new(64, 7, 0);
    use_until(&mut map, 0, NOW, NOW + 5);
    assert_eq!(full_at(&mut map, 0, NOW), NOW + 5);
}
