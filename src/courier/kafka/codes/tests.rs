use super::*;

#[test]
fn each_kind_of_fault_is_told_by_its_number() {
    for (code, number, trouble) in [
        (Code::UnknownTopicOrPartition, "3", Trouble::Missing),
        (Code::UnknownTopic, "-188", Trouble::Missing),
        (Code::TopicAuthorizationFailed, "29", Trouble::NoPermission),
        (Code::ClusterAuthorizationFailed, "31", Trouble::NoPermission),
        (Code::SaslAuthenticationFailed, "58", Trouble::WrongCredentials),
        (Code::Authentication, "-169", Trouble::WrongCredentials),
        (Code::NotEnoughReplicas, "19", Trouble::NotReady),
        (Code::AllBrokersDown, "-187", Trouble::Unreachable),
        (Code::BrokerTransportFailure, "-195", Trouble::Unreachable),
        (Code::PolicyViolation, "44", Trouble::Mismatch),
        (Code::ThrottlingQuotaExceeded, "89", Trouble::Busy),
        (Code::OutOfOrderSequenceNumber, "45", Trouble::Other),
    ] {
        let cause = cause_of(code, "text");
        assert_eq!((&*cause.code, cause.trouble), (number, trouble), "{code:?}");
        assert!(!is_fault_of_message(code), "{code:?}");
    }
}

#[test]
fn only_what_a_message_is_makes_it_refused() {
    for code in [Code::MessageSizeTooLarge, Code::MessageBatchTooLarge, Code::InvalidRecord] {
        assert!(is_fault_of_message(code), "{code:?}");
        assert_eq!(cause_of(code, "").trouble, Trouble::RefusesRecord);
    }
    for code in [Code::PurgeQueue, Code::GaplessGuarantee, Code::InvalidDifferentRecord] {
        assert!(is_consequence(code) && !is_fault_of_message(code), "{code:?}");
    }
}

#[test]
fn the_value_of_a_setting_never_reaches_a_cause() {
    let mut config = rdkafka::ClientConfig::new();
    config.set("security.protocol", "secret-word");
    let error = config.create_native_config().err().unwrap();
    let cause = cause_of_error(&error);
    assert!(!cause.to_string().contains("secret-word"), "{cause}");
    assert!(cause.to_string().contains("security.protocol"), "{cause}");
}
