use super::*;

#[test]
fn each_name_is_read_back_and_no_other_form_of_it() {
    for core in [0, 9, 10, 99, 100, u16::MAX] {
        assert_eq!(core_number(&core_name(core)), Some(core));
    }
    for name in ["core-0", "core-000", "core-+1", "core-", "core-65536", "cores-00"] {
        assert_eq!(core_number(name), None, "{name}");
    }
    for id in [0, 1, 1_700_000_000_000_000, u64::MAX] {
        assert_eq!(segment_id(&segment_stem(id)), Some(id));
    }
    for stem in ["1", "+0000000000000000001", "000000000000000000001", "0000000000000000000x"] {
        assert_eq!(segment_id(stem), None, "{stem}");
    }
    assert_eq!(file_name(7, SEALED), "00000000000000000007.seg");
}
