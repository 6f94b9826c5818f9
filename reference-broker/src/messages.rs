//! Requests and responses that `kafka-protocol` lacks in 4.3.1's versions, in all their versions: ListOffsets up to 11,
//! OffsetCommit and OffsetFetch up to 10, InitProducerId up to 6, WriteTxnMarkers up to 2, DescribeLogDirs up to 5, AddRaftVoter
//! up to 1, BrokerHeartbeat up to 2. Generated from the schema tables; layout only, like the crate they stand in for.
//! `decode` allocates by the counts it finds: the structural walk comes first.

#[rustfmt::skip]
mod generated;

pub(crate) use generated::*;

#[cfg(test)]
mod tests {
    use super::*;
    use broker_core::records::Message;
    use kafka_fixtures::{arbitrary, codec, schema::Schemas};

    /// What the schema tables say, and what is made of it and back.
    fn agrees<M: Message>() {
        let table = Schemas::latest().named(M::NAME).expect("a message of the tables");
        for (version, seed) in M::VERSIONS.flat_map(|version| (0..50).map(move |seed| (version, seed))) {
            let value = arbitrary::message(table, version, seed, false);
            let bytes = codec::encode(table, version, &value).expect("a legal value");
            let again = M::decode(&bytes, version).and_then(|message| message.encode(version));
            assert_eq!(again.as_ref(), Ok(&bytes), "{} {version} {seed}", M::NAME);
        }
    }

    #[test]
    fn the_messages_agree_with_the_tables_in_every_version() {
        agrees::<AddRaftVoterRequest>();
        agrees::<AddRaftVoterResponse>();
        agrees::<BrokerHeartbeatRequest>();
        agrees::<BrokerHeartbeatResponse>();
        agrees::<DescribeLogDirsRequest>();
        agrees::<DescribeLogDirsResponse>();
        agrees::<InitProducerIdRequest>();
        agrees::<InitProducerIdResponse>();
        agrees::<ListOffsetsRequest>();
        agrees::<ListOffsetsResponse>();
        agrees::<OffsetCommitRequest>();
        agrees::<OffsetCommitResponse>();
        agrees::<OffsetFetchRequest>();
        agrees::<OffsetFetchResponse>();
        agrees::<WriteTxnMarkersRequest>();
        agrees::<WriteTxnMarkersResponse>();
    }
}
