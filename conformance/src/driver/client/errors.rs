//! Errors as librdkafka names them: `MSG_SIZE_TOO_LARGE` from a broker, `_TIMED_OUT` from the library itself.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;

/// librdkafka's name of a code.
pub(super) fn code(code: RDKafkaErrorCode) -> String {
    match RDKafkaRespErr::try_from(code as i32) {
        Ok(native) => native_name(native),
        Err(_) => format!("{code:?}"),
    }
}

/// librdkafka's name of a code as metadata carries it.
pub(super) fn native_name(native: RDKafkaRespErr) -> String {
    let name = format!("{native:?}");
    name.strip_prefix("RD_KAFKA_RESP_ERR_").unwrap_or(&name).to_owned()
}

/// librdkafka's name of an error, whichever call it came from.
pub(super) fn name(error: &KafkaError) -> String {
    match error {
        KafkaError::AdminOp(admin) => code(*admin),
        KafkaError::PartitionEOF(_) => "_PARTITION_EOF".to_owned(),
        KafkaError::Canceled => "_DESTROY".to_owned(),
        KafkaError::NoMessageReceived => "_TIMED_OUT".to_owned(),
        KafkaError::Seek(said)
        | KafkaError::PauseResume(said)
        | KafkaError::Subscription(said)
        | KafkaError::AdminOpCreation(said)
        | KafkaError::ClientCreation(said) => described(said),
        other => match other.rdkafka_error_code() {
            Some(known) => code(known),
            None => other.to_string(),
        },
    }
}

/// Some calls give only librdkafka's description of a code.
fn described(said: &str) -> String {
    let wanted = format!("({said})");
    (-200..=200)
        .filter_map(|number| RDKafkaRespErr::try_from(number).ok())
        .find(|native| RDKafkaErrorCode::from(*native).to_string().ends_with(&wanted))
        .map_or_else(|| said.to_owned(), native_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_names_that_librdkafka_documents() {
        assert_eq!(code(RDKafkaErrorCode::MessageSizeTooLarge), "MSG_SIZE_TOO_LARGE");
        assert_eq!(code(RDKafkaErrorCode::OperationTimedOut), "_TIMED_OUT");
        assert_eq!(code(RDKafkaErrorCode::UnknownTopicOrPartition), "UNKNOWN_TOPIC_OR_PART");
        assert_eq!(code(RDKafkaErrorCode::FencedMemberEpoch), "FENCED_MEMBER_EPOCH");
    }

    #[test]
    fn a_description_is_traced_back_to_its_code() {
        let error = KafkaError::Seek("Local: Erroneous state".to_owned());
        assert_eq!(name(&error), "_STATE");
    }
}
