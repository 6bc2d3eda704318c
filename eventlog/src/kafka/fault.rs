//! What an error of librdkafka means to a caller of the log.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::{LogError, StreamName};

/// Classifies; what is not known to be for good is worth trying again.
pub(super) fn classify(stream: &StreamName, error: &KafkaError) -> LogError {
    let reason = error.to_string();
    match error {
        KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_) | KafkaError::Nul(_) => {
            LogError::Misconfigured { reason }
        }
        KafkaError::Transaction(detail) => by_code(stream, detail.code(), detail.string()),
        other => match other.rdkafka_error_code() {
            Some(code) => by_code(stream, code, reason),
            None => LogError::Unavailable { reason },
        },
    }
}

pub(super) fn by_code(stream: &StreamName, code: Code, reason: String) -> LogError {
    match code {
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch => LogError::Fenced {
            stream: stream.to_string(),
        },
        Code::Authentication
        | Code::SaslAuthenticationFailed
        | Code::SSL
        | Code::TopicAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed
        | Code::InvalidArgument
        | Code::InvalidConfig
        | Code::InvalidTopic
        | Code::InvalidReplicationFactor
        | Code::PolicyViolation
        | Code::MessageSizeTooLarge
        | Code::InvalidMessageSize
        | Code::UnsupportedFeature => LogError::Misconfigured { reason },
        Code::KafkaStorageError => LogError::Full { reason },
        Code::OffsetOutOfRange | Code::AutoOffsetReset => LogError::Corrupt {
            stream: stream.to_string(),
            problem: format!("records that were there are gone: {reason}"),
        },
        _ => LogError::Unavailable { reason },
    }
}
