use super::*;

#[test]
fn one_processor_is_left_free_from_four_up() {
    let cases = [(1, None, 1), (2, None, 2), (3, None, 3), (4, None, 3), (16, None, 15)];
    for (allowed, quota, cores) in cases {
        assert_eq!(default_cores(allowed, quota), cores);
    }
    assert_eq!(default_cores(64, Some(2.0)), 2);
    assert_eq!(default_cores(64, Some(0.5)), 1);
    assert_eq!(default_cores(64, Some(6.5)), 6);
    assert_eq!(default_cores(2, Some(100.0)), 2);
}

#[test]
fn the_quota_is_read_from_both_versions_of_cgroups() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    assert_eq!(quota(dir.path(), "0::/\n"), None);
    std::fs::create_dir(dir.path().join("cpu")).expect("is writable");
    std::fs::write(dir.path().join("cpu/cpu.cfs_quota_us"), "150000\n").expect("is writable");
    std::fs::write(dir.path().join("cpu/cpu.cfs_period_us"), "100000\n").expect("is writable");
    assert_eq!(quota(dir.path(), ""), Some(1.5));
    std::fs::write(dir.path().join("cpu.max"), "max 100000\n").expect("is writable");
    assert_eq!(quota(dir.path(), "0::/\n"), None);
    std::fs::create_dir(dir.path().join("pod")).expect("is writable");
    std::fs::write(dir.path().join("pod/cpu.max"), "200000 100000\n").expect("is writable");
    assert_eq!(quota(dir.path(), "0::/pod\n"), Some(2.0));
}
