use super::*;

#[test]
fn connections_never_take_the_descriptors_that_the_log_needs() {
    let of = |cores, open_files| per_core(16_384, cores, open_files);
    assert_eq!(of(2, None), Connections { cap: 16_384, beyond: 256 });
    assert_eq!(of(2, Some(1 << 20)), Connections { cap: 16_384, beyond: 256 });
    assert_eq!(of(2, Some(1024)), Connections { cap: 300, beyond: 100 });
    assert_eq!(of(4, Some(64)), Connections { cap: 3, beyond: 1 });
    for open_files in 600..4096 {
        for cores in 1..=6 {
            let taken = of(cores, Some(open_files)).total() as u64 * u64::from(cores);
            assert!(taken + RESERVED + RESERVED_PER_CORE * u64::from(cores) <= open_files, "{open_files}, {cores}");
        }
    }
}
