//! What librdkafka's error numbers mean. Positive ones come from a broker, negative ones from librdkafka itself.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::courier::{Cause, Trouble};

/// The cause that an error number stands for.
pub(super) fn cause_of(code: Code, text: impl Into<String>) -> Cause {
    Cause::new(trouble_of(code), (code as i32).to_string(), text)
}

/// The cause of an error of the crate's.
pub(super) fn cause_of_error(error: &KafkaError) -> Cause {
    match error {
        // The text of this one must not be shown: it has the value, which may be a secret.
        KafkaError::ClientConfig(_, _, name, _) => {
            Cause::new(Trouble::Mismatch, "", format!("librdkafka does not take this value of {name}"))
        }
        error => match error.rdkafka_error_code() {
            Some(code) => cause_of(code, code.to_string()),
            None => Cause::new(Trouble::Other, "", error.to_string()),
        },
    }
}

/// Whether a message is refused for what it is, and not for the state of the cluster.
pub(super) const fn is_fault_of_message(code: Code) -> bool {
    matches!(
        code,
        Code::MessageSizeTooLarge | Code::InvalidMessageSize | Code::MessageBatchTooLarge | Code::InvalidRecord
    )
}

/// Whether the number only says that a message was not sent because of something else.
pub(super) const fn is_consequence(code: Code) -> bool {
    matches!(
        code,
        Code::PurgeQueue | Code::PurgeInflight | Code::Fatal | Code::GaplessGuarantee | Code::InvalidDifferentRecord
    )
}

const fn trouble_of(code: Code) -> Trouble {
    match code {
        Code::BrokerTransportFailure
        | Code::Resolve
        | Code::AllBrokersDown
        | Code::BrokerDestroy
        | Code::DestroyBroker
        | Code::UnknownBroker
        | Code::NetworkException => Trouble::Unreachable,
        Code::OperationTimedOut | Code::MessageTimedOut | Code::TimedOutQueue | Code::RequestTimedOut => {
            Trouble::TimedOut
        }
        Code::LeaderNotAvailable
        | Code::NotLeaderForPartition
        | Code::BrokerNotAvailable
        | Code::ReplicaNotAvailable
        | Code::NotEnoughReplicas
        | Code::NotEnoughReplicasAfterAppend
        | Code::CoordinatorLoadInProgress
        | Code::CoordinatorNotAvailable
        | Code::NotCoordinator
        | Code::NotController
        | Code::StaleControllerEpoch
        | Code::FencedLeaderEpoch
        | Code::UnknownLeaderEpoch
        | Code::StaleBrokerEpoch
        | Code::OffsetNotAvailable
        | Code::PreferredLeaderNotAvailable
        | Code::EligibleLeadersNotAvailable
        | Code::ReassignmentInProgress
        | Code::ISRInsufficient
        | Code::WaitCache
        | Code::RebootstrapRequired => Trouble::NotReady,
        Code::Authentication
        | Code::SSL
        | Code::SaslAuthenticationFailed
        | Code::UnsupportedSASLMechanism
        | Code::IllegalSASLState
        | Code::DelegationTokenNotFound
        | Code::DelegationTokenExpired
        | Code::DelegationTokenAuthDisabled
        | Code::DelegationTokenRequestNotAllowed => Trouble::WrongCredentials,
        Code::TopicAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed
        | Code::DelegationTokenAuthorizationFailed => Trouble::NoPermission,
        Code::KafkaStorageError | Code::LogDirNotFound => Trouble::Full,
        Code::UnknownTopicOrPartition
        | Code::UnknownTopic
        | Code::UnknownPartition
        | Code::UnknownTopicId
        | Code::InvalidTopic => Trouble::Missing,
        Code::InvalidTimestamp
        | Code::InvalidRequiredAcks
        | Code::UnsupportedVersion
        | Code::UnsupportedFeature
        | Code::UnsupportedForMessageFormat
        | Code::UnsupportedCompressionType
        | Code::InvalidConfig
        | Code::InvalidRequest
        | Code::InvalidPartitions
        | Code::PolicyViolation
        | Code::ListenerNotFound
        | Code::SecurityDisabled
        | Code::InvalidArgument => Trouble::Mismatch,
        Code::ThrottlingQuotaExceeded | Code::QueueFull => Trouble::Busy,
        Code::MessageSizeTooLarge | Code::InvalidMessageSize | Code::MessageBatchTooLarge | Code::InvalidRecord => {
            Trouble::RefusesRecord
        }
        Code::CriticalSystemResource | Code::FileSystem => Trouble::Local,
        _ => Trouble::Other,
    }
}

#[cfg(test)]
mod tests;
