use super::*;

#[test]
fn every_state_of_a_destination_has_its_cause() {
    let cases = [
        ("57P01", PgCause::Restarting),
        ("57P03", PgCause::Restarting),
        ("53300", PgCause::TooManyConnections),
        ("28P01", PgCause::LoginRefused),
        ("28000", PgCause::LoginRefused),
        ("3D000", PgCause::NoDatabase),
        ("42501", PgCause::NoRight),
        ("25006", PgCause::ReadOnly),
        ("53100", PgCause::DiskFull),
        ("53200", PgCause::OutOfMemory),
        ("55P03", PgCause::Locked),
        ("57014", PgCause::Locked),
        ("40001", PgCause::Locked),
        ("40P01", PgCause::Locked),
        ("42P01", PgCause::NoTable),
        ("42703", PgCause::NoColumn),
        ("42804", PgCause::ChangedType),
        ("58030", PgCause::Server),
        ("XX000", PgCause::Server),
        ("08006", PgCause::Unreachable),
        ("08P01", PgCause::Protocol),
        ("42601", PgCause::Statement),
    ];
    for (code, cause) in cases {
        assert_eq!(PgCause::of_sqlstate(code, None), cause, "{code}");
        assert!(!cause.is_of_record(), "{code}: nothing of these may send a record to the dead letters");
    }
}

#[test]
fn data_errors_are_a_records() {
    for code in ["22021", "22P05", "22001", "22003", "22P02", "23505", "23503", "23514", "54000", "P0001"] {
        assert!(PgCause::of_sqlstate(code, None).is_of_record(), "{code}");
    }
    assert_eq!(PgCause::of_sqlstate("22P02", Some("enum_in")), PgCause::EnumValue);
    assert!(PgCause::EnumValue.is_of_schema());
}

#[test]
fn codes_of_metrics_are_unique() {
    let codes: std::collections::BTreeSet<_> = PgCause::ALL.iter().map(|cause| cause.code()).collect();
    assert_eq!(codes.len(), PgCause::ALL.len());
}
