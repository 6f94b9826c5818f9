//! One file per API key, and the single table of them. ApiVersions and the support matrix are printed from this table.

use std::ops::RangeInclusive;
use std::sync::Arc;

use broker_core::config::BrokerConfig;
use broker_core::{Node, Now, Span, Ticket, node::Released};
use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::{Decodable, Encodable};

mod acls;
mod alter;
mod budget;
mod by_topic;
pub(crate) mod convert;
mod k00_produce;
mod k01_fetch;
mod k02_list_offsets;
mod k03_metadata;
mod k08_offset_commit;
mod k09_offset_fetch;
mod k10_find_coordinator;
mod k11_join_group;
mod k12_heartbeat;
mod k13_leave_group;
mod k14_sync_group;
mod k15_describe_groups;
mod k16_list_groups;
mod k17_sasl_handshake;
mod k18_api_versions;
mod k19_create_topics;
mod k20_delete_topics;
mod k21_delete_records;
mod k22_init_producer_id;
mod k23_offset_for_leader_epoch;
mod k24_add_partitions_to_txn;
mod k25_add_offsets_to_txn;
mod k26_end_txn;
mod k27_write_txn_markers;
mod k28_txn_offset_commit;
mod k29_describe_acls;
mod k30_create_acls;
mod k31_delete_acls;
mod k32_describe_configs;
mod k33_alter_configs;
mod k34_alter_replica_log_dirs;
mod k35_describe_log_dirs;
mod k36_sasl_authenticate;
mod k37_create_partitions;
mod k38_create_delegation_token;
mod k39_renew_delegation_token;
mod k40_expire_delegation_token;
mod k41_describe_delegation_token;
mod k42_delete_groups;
mod k43_elect_leaders;
mod k44_incremental_alter_configs;
mod k45_alter_partition_reassignments;
mod k46_list_partition_reassignments;
mod k47_offset_delete;
mod k48_describe_client_quotas;
mod k49_alter_client_quotas;
mod k50_describe_user_scram_credentials;
mod k51_alter_user_scram_credentials;
mod k55_describe_quorum;
mod k56_alter_partition;
mod k57_update_features;
mod k58_envelope;
mod k60_describe_cluster;
mod k61_describe_producers;
mod k62_broker_registration;
mod k63_broker_heartbeat;
mod k64_unregister_broker;
mod k65_describe_transactions;
mod k66_list_transactions;
mod k67_allocate_producer_ids;
mod k68_consumer_group_heartbeat;
mod k69_consumer_group_describe;
mod k74_list_config_resources;
mod k75_describe_topic_partitions;
mod k80_add_raft_voter;
mod k81_remove_raft_voter;
mod listeners;

pub(crate) use k18_api_versions::unsupported as unsupported_api_versions;
pub(crate) use listeners::Listener;

/// Every API that a node serves on one listener or another, in order of key. A gap in the numbers is an API that it lacks.
pub(crate) static APIS: &[Entry] = &[
    entry::<k00_produce::Produce>(),
    entry::<k01_fetch::Fetch>(),
    entry::<k02_list_offsets::ListOffsets>(),
    entry::<k03_metadata::Metadata>(),
    entry::<k08_offset_commit::OffsetCommit>(),
    entry::<k09_offset_fetch::OffsetFetch>(),
    entry::<k10_find_coordinator::FindCoordinator>(),
    entry::<k11_join_group::JoinGroup>(),
    entry::<k12_heartbeat::Heartbeat>(),
    entry::<k13_leave_group::LeaveGroup>(),
    entry::<k14_sync_group::SyncGroup>(),
    entry::<k15_describe_groups::DescribeGroups>(),
    entry::<k16_list_groups::ListGroups>(),
    entry::<k17_sasl_handshake::SaslHandshake>(),
    entry::<k18_api_versions::ApiVersions>(),
    entry::<k19_create_topics::CreateTopics>(),
    entry::<k20_delete_topics::DeleteTopics>(),
    entry::<k21_delete_records::DeleteRecords>(),
    entry::<k22_init_producer_id::InitProducerId>(),
    entry::<k23_offset_for_leader_epoch::OffsetForLeaderEpoch>(),
    entry::<k24_add_partitions_to_txn::AddPartitionsToTxn>(),
    entry::<k25_add_offsets_to_txn::AddOffsetsToTxn>(),
    entry::<k26_end_txn::EndTxn>(),
    entry::<k27_write_txn_markers::WriteTxnMarkers>(),
    entry::<k28_txn_offset_commit::TxnOffsetCommit>(),
    entry::<k29_describe_acls::DescribeAcls>(),
    entry::<k30_create_acls::CreateAcls>(),
    entry::<k31_delete_acls::DeleteAcls>(),
    entry::<k32_describe_configs::DescribeConfigs>(),
    entry::<k33_alter_configs::AlterConfigs>(),
    entry::<k34_alter_replica_log_dirs::AlterReplicaLogDirs>(),
    entry::<k35_describe_log_dirs::DescribeLogDirs>(),
    entry::<k36_sasl_authenticate::SaslAuthenticate>(),
    entry::<k37_create_partitions::CreatePartitions>(),
    entry::<k38_create_delegation_token::CreateDelegationToken>(),
    entry::<k39_renew_delegation_token::RenewDelegationToken>(),
    entry::<k40_expire_delegation_token::ExpireDelegationToken>(),
    entry::<k41_describe_delegation_token::DescribeDelegationToken>(),
    entry::<k42_delete_groups::DeleteGroups>(),
    entry::<k43_elect_leaders::ElectLeaders>(),
    entry::<k44_incremental_alter_configs::IncrementalAlterConfigs>(),
    entry::<k45_alter_partition_reassignments::AlterPartitionReassignments>(),
    entry::<k46_list_partition_reassignments::ListPartitionReassignments>(),
    entry::<k47_offset_delete::OffsetDelete>(),
    entry::<k48_describe_client_quotas::DescribeClientQuotas>(),
    entry::<k49_alter_client_quotas::AlterClientQuotas>(),
    entry::<k50_describe_user_scram_credentials::DescribeUserScramCredentials>(),
    entry::<k51_alter_user_scram_credentials::AlterUserScramCredentials>(),
    entry::<k55_describe_quorum::DescribeQuorum>(),
    entry::<k56_alter_partition::AlterPartition>(),
    entry::<k57_update_features::UpdateFeatures>(),
    entry::<k58_envelope::Envelope>(),
    entry::<k60_describe_cluster::DescribeCluster>(),
    entry::<k61_describe_producers::DescribeProducers>(),
    entry::<k62_broker_registration::BrokerRegistration>(),
    entry::<k63_broker_heartbeat::BrokerHeartbeat>(),
    entry::<k64_unregister_broker::UnregisterBroker>(),
    entry::<k65_describe_transactions::DescribeTransactions>(),
    entry::<k66_list_transactions::ListTransactions>(),
    entry::<k67_allocate_producer_ids::AllocateProducerIds>(),
    entry::<k68_consumer_group_heartbeat::ConsumerGroupHeartbeat>(),
    entry::<k69_consumer_group_describe::ConsumerGroupDescribe>(),
    entry::<k74_list_config_resources::ListConfigResources>(),
    entry::<k75_describe_topic_partitions::DescribeTopicPartitions>(),
    entry::<k80_add_raft_voter::AddRaftVoter>(),
    entry::<k81_remove_raft_voter::RemoveRaftVoter>(),
];

/// One API: its versions stand beside its rules, in its file.
pub(crate) trait Api {
    /// The typed request.
    type Request: ReadBody;
    /// Kafka's key.
    const KEY: i16;
    /// Kafka's name, without `Request`.
    const NAME: &'static str;
    /// The versions served.
    const VERSIONS: RangeInclusive<i16>;
    /// The lowest version that ApiVersions lists, where that differs from the lowest one served.
    const ADVERTISED_MIN: i16 = *Self::VERSIONS.start();
    /// A version behind them that Kafka serves only where `unstable.api.versions.enable` says so.
    const UNSTABLE: Option<i16> = None;

    /// Translates, asks the node, translates back.
    fn handle(request: Self::Request, call: &mut Call<'_>) -> Answer;
}

/// A row of the table.
pub(crate) struct Entry {
    pub(crate) key: i16,
    pub(crate) name: &'static str,
    pub(crate) versions: RangeInclusive<i16>,
    pub(crate) advertised_min: i16,
    unstable: Option<i16>,
    serve: fn(Bytes, &mut Call<'_>) -> Answer,
}

const fn entry<A: Api>() -> Entry {
    Entry {
        key: A::KEY,
        name: A::NAME,
        versions: A::VERSIONS,
        advertised_min: A::ADVERTISED_MIN,
        unstable: A::UNSTABLE,
        serve: decode_and_handle::<A>,
    }
}

fn decode_and_handle<A: Api>(mut body: Bytes, call: &mut Call<'_>) -> Answer {
    match A::Request::read(&mut body, call.version) {
        Ok(request) => A::handle(request, call),
        Err(malformed) => Answer::Close(format!("{} v{}: {}", A::NAME, call.version, malformed.0)),
    }
}

/// The entry for a key, if it is served on this listener.
pub(crate) fn find(key: i16, listener: Listener) -> Option<&'static Entry> {
    let found = APIS.binary_search_by_key(&key, |entry| entry.key).ok();
    found.map(|index| &APIS[index]).filter(|_| listener.serves(key))
}

/// Whether any listener serves it.
pub(crate) fn is_served(key: i16) -> bool {
    APIS.binary_search_by_key(&key, |entry| entry.key).is_ok()
}

/// What becomes of versions that Kafka may still change: `unstable.api.versions.enable`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unstable {
    /// They are served like others.
    Served,
    /// They are not there.
    Unknown,
}

impl Unstable {
    /// As a broker is configured.
    pub(crate) fn of(config: &BrokerConfig) -> Self {
        match config.value("unstable.api.versions.enable").as_deref() {
            Some("true") => Self::Served,
            _ => Self::Unknown,
        }
    }
}

impl Entry {
    /// ApiVersions alone is answered above its highest version.
    pub(crate) fn is_api_versions(&self) -> bool {
        self.key == k18_api_versions::ApiVersions::KEY
    }

    /// The last version that is served.
    pub(crate) fn last(&self, unstable: Unstable) -> i16 {
        let stable = *self.versions.end();
        match unstable {
            Unstable::Served => self.unstable.unwrap_or(stable),
            Unstable::Unknown => stable,
        }
    }

    /// Is this version served?
    pub(crate) fn serves(&self, version: i16, unstable: Unstable) -> bool {
        (*self.versions.start()..=self.last(unstable)).contains(&version)
    }

    /// Decodes the body and handles the request.
    pub(crate) fn serve(&self, body: Bytes, call: &mut Call<'_>) -> Answer {
        (self.serve)(body, call)
    }
}

/// What a handler knows of the request besides its body, and the node that it asks.
pub(crate) struct Call<'a> {
    pub(crate) version: i16,
    /// The header's client id; null counts as empty, as in Kafka.
    pub(crate) client_id: &'a str,
    /// The peer's address as Kafka prints it in group descriptions: `/127.0.0.1`.
    pub(crate) client_host: &'a str,
    /// Where it came in.
    pub(crate) listener: Listener,
    /// The name of that listener: by it the answer names brokers, and leaves out those that have none of that name.
    pub(crate) listener_name: &'a Arc<str>,
    pub(crate) node: &'a mut Node,
    pub(crate) now: Now,
}

impl Call<'_> {
    /// A fresh random id (UUID version 4).
    pub(crate) fn fresh_id(&mut self) -> [u8; 16] {
        uuid::Uuid::new_v4().into_bytes()
    }

    /// Answers now.
    pub(crate) fn reply(&self, response: &impl WriteBody) -> Answer {
        Answer::reply(response, self.version)
    }
}

/// What becomes of a request.
pub(crate) enum Answer {
    /// This body, after the response header.
    Reply(Body),
    /// Later: when the node releases the ticket, the continuation makes the answer.
    Parked(Ticket, Box<dyn FnOnce(Released) -> Answer + Send>),
    /// Later: when the node releases the ticket, the request is served again from its beginning.
    Again(Ticket),
    /// Nothing at all is sent and the connection lives: Produce with acks=0.
    Silent,
    /// The connection is closed without an answer, for this reason.
    Close(String),
}

impl Answer {
    /// Encodes a response at a version.
    pub(crate) fn reply(response: &impl WriteBody, version: i16) -> Self {
        let mut buffer = BytesMut::new();
        match response.write(&mut buffer, version) {
            Ok(()) => Self::Reply(Body::from(buffer.freeze())),
            Err(malformed) => Self::Close(format!("our answer does not encode at v{version}: {}", malformed.0)),
        }
    }
}

/// The body of a response: encoded envelopes with ranges of log files between them.
#[derive(Default)]
pub(crate) struct Body {
    pub(crate) parts: Vec<Part>,
}

/// A piece of a body.
pub(crate) enum Part {
    /// Encoded here.
    Bytes(Bytes),
    /// Sent from where it lies.
    Span(Span),
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self {
            parts: vec![Part::Bytes(bytes)],
        }
    }
}

/// Why bytes are not a message, or a message not bytes.
#[derive(Debug)]
pub(crate) struct Malformed(pub(crate) String);

/// A request body that can be read from bytes: `kafka-protocol`'s messages, and ours for the versions that it lacks.
pub(crate) trait ReadBody: Sized {
    /// Reads at a version; what follows the message is left.
    fn read(bytes: &mut Bytes, version: i16) -> Result<Self, Malformed>;
}

/// A response body that can be written.
pub(crate) trait WriteBody {
    /// Writes at a version.
    fn write(&self, buffer: &mut BytesMut, version: i16) -> Result<(), Malformed>;
}

impl<T: Decodable> ReadBody for T {
    fn read(bytes: &mut Bytes, version: i16) -> Result<Self, Malformed> {
        T::decode(bytes, version).map_err(|error| Malformed(error.to_string()))
    }
}

impl<T: Encodable> WriteBody for T {
    fn write(&self, buffer: &mut BytesMut, version: i16) -> Result<(), Malformed> {
        self.encode(buffer, version)
            .map_err(|error| Malformed(error.to_string()))
    }
}

/// The messages that are generated here are read and written like the crate's.
macro_rules! generated {
    ($($message:ident),*) => {$(
        impl ReadBody for crate::messages::$message {
            fn read(bytes: &mut Bytes, version: i16) -> Result<Self, Malformed> {
                broker_core::records::Message::decode(bytes, version).map_err(|error| Malformed(error.to_string()))
            }
        }

        impl WriteBody for crate::messages::$message {
            fn write(&self, buffer: &mut BytesMut, version: i16) -> Result<(), Malformed> {
                let bytes = broker_core::records::Message::encode(self, version);
                buffer.extend_from_slice(&bytes.map_err(|error| Malformed(error.to_string()))?);
                Ok(())
            }
        }
    )*};
}

generated!(
    AddRaftVoterRequest,
    AddRaftVoterResponse,
    BrokerHeartbeatRequest,
    BrokerHeartbeatResponse,
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
    InitProducerIdRequest,
    InitProducerIdResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    OffsetCommitRequest,
    OffsetCommitResponse,
    OffsetFetchRequest,
    OffsetFetchResponse,
    WriteTxnMarkersRequest,
    WriteTxnMarkersResponse
);

#[cfg(test)]
mod tests;
