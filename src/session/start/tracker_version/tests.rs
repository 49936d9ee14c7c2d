use super::*;

#[test]
fn every_part_of_a_version_counts() {
    for good in ["1.0.9", "1.0.10", "1.1", "2", "v1.0.9", "1.0.9-rc.1", "01.0.9+build"] {
        assert!(at_least(good, [1, 0, 9]), "{good}");
    }
    for bad in ["1.0.8", "1.0", "1", "0.9", "", "x", "1.0.9.1", "1.0.8-9", "1..9", "V2"] {
        assert!(!at_least(bad, [1, 0, 9]), "{bad}");
    }
}
