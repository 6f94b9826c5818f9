//! Between the message crate's strings, ids and errors and ours.

use broker_core::controller::Refusal;
use broker_core::units::{BrokerId, TopicId};
use kafka_protocol::messages;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

/// Authorized operations where nobody asked for them.
pub(super) const NOT_ASKED: i32 = i32::MIN;
/// Every operation on a topic, one bit each: without an authorizer everything is allowed.
pub(super) const TOPIC_OPERATIONS: i32 = 0b1101_1111_1000;
/// Every operation on the cluster.
pub(super) const CLUSTER_OPERATIONS: i32 = 0b1_1111_1010_0000;

pub(crate) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

pub(super) fn topic_name(name: &str) -> messages::TopicName {
    messages::TopicName(text(name))
}

pub(super) fn uuid(id: TopicId) -> Uuid {
    Uuid::from_bytes(id.0)
}

pub(super) fn topic_id(id: Uuid) -> TopicId {
    TopicId(id.into_bytes())
}

pub(super) fn broker_ids(ids: &[BrokerId]) -> Vec<messages::BrokerId> {
    ids.iter().map(|id| messages::BrokerId(id.0)).collect()
}

/// Error code and message of an item; 0 and null where nothing was refused.
pub(super) fn error<T>(result: &Result<T, Refusal>) -> (i16, Option<StrBytes>) {
    match result {
        Ok(_) => (0, None),
        Err(refusal) => (refusal.code.code(), refusal.message.as_deref().map(text)),
    }
}
