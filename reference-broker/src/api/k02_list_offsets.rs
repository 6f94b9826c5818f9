//! ListOffsets. v2 isolation level · v4 leader epochs (KIP-320) · v5 OFFSET_NOT_AVAILABLE · v6 flexible · v7 the newest
//! record, -3 (KIP-734) · v8 the local start, -4 (KIP-405) · v9 the last tiered, -5 (KIP-1005) · v10 timeout (KIP-1075) ·
//! v11 the earliest still to be tiered, -6 (KIP-1023).

use std::collections::HashSet;
use std::ops::RangeInclusive;

use broker_core::units::{ErrorCode, LeaderEpoch, Offset, TopicPartition};

use super::{Answer, Api, Call};
use crate::messages::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopicResponse,
};

pub(super) struct ListOffsets;

const CONSUMER: i32 = -1;
/// It asks any replica, and sees the end of its log.
const DEBUGGING_CONSUMER: i32 = -2;
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

/// What a version means.
#[derive(Clone, Copy)]
struct Semantics {
    /// Special timestamps below this one are not known.
    lowest_timestamp: i64,
    tells_epoch: bool,
    /// A new leader does not know yet what consumers may see.
    not_available: ErrorCode,
}

impl Semantics {
    fn of(version: i16) -> Self {
        let lowest_timestamp = match version {
            ..=6 => EARLIEST,
            7 => MAX_TIMESTAMP,
            8 => EARLIEST_LOCAL,
            9 | 10 => LATEST_TIERED,
            11.. => EARLIEST_PENDING_UPLOAD,
        };
        Self {
            lowest_timestamp,
            tells_epoch: version >= 4,
            not_available: match version {
                ..=4 => ErrorCode::LeaderNotAvailable,
                5.. => ErrorCode::OffsetNotAvailable,
            },
        }
    }
}

/// An offset with its timestamp and its epoch.
type Found = (Offset, i64, Option<LeaderEpoch>);

/// How far the asker sees.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sight {
    HighWatermark,
    LastStableOffset,
    LogEnd,
    /// Also of a replica that follows.
    AnyLogEnd,
}

impl Api for ListOffsets {
    type Request = ListOffsetsRequest;
    const KEY: i16 = 2;
    const NAME: &'static str = "ListOffsets";
    const VERSIONS: RangeInclusive<i16> = 1..=11;

    fn handle(request: ListOffsetsRequest, call: &mut Call<'_>) -> Answer {
        let semantics = Semantics::of(call.version);
        let sight = match (request.replica_id, request.isolation_level) {
            (CONSUMER, 0) => Ok(Sight::HighWatermark),
            (CONSUMER, 1) => Ok(Sight::LastStableOffset),
            (DEBUGGING_CONSUMER, 0 | 1) => Ok(Sight::AnyLogEnd),
            (_, 0 | 1) => Ok(Sight::LogEnd),
            _ => Err(ErrorCode::UnknownServerError),
        };
        let repeated = repeated(&request);
        let topics = request.topics.iter().map(|topic| {
            let mut told = HashSet::new();
            let partitions = topic.partitions.iter().filter_map(|partition| {
                let tp = TopicPartition::new(&*topic.name, partition.partition_index);
                let is_repeated = repeated.contains(&(&*topic.name, partition.partition_index));
                let found = match sight {
                    Err(error) => Err(error),
                    Ok(_) if is_repeated => Err(ErrorCode::InvalidRequest),
                    Ok(sight) => look_up(&tp, partition, sight, call, semantics),
                };
                let is_told = sight.is_ok() && !told.insert(partition.partition_index);
                (!is_told).then(|| answer(partition, found, semantics))
            });
            ListOffsetsTopicResponse {
                name: topic.name.clone(),
                partitions: partitions.collect(),
            }
        });
        let response = ListOffsetsResponse {
            throttle_time_ms: 0,
            topics: topics.collect(),
        };
        call.reply(&response)
    }
}

/// Partitions that the request asks for more than once.
fn repeated(request: &ListOffsetsRequest) -> HashSet<(&str, i32)> {
    let mut seen = HashSet::new();
    let all = request.topics.iter().flat_map(|topic| {
        topic
            .partitions
            .iter()
            .map(|partition| (&*topic.name, partition.partition_index))
    });
    all.filter(|partition| !seen.insert(*partition)).collect()
}

fn look_up(
    tp: &TopicPartition,
    asked: &ListOffsetsPartition,
    sight: Sight,
    call: &Call<'_>,
    semantics: Semantics,
) -> Result<Option<Found>, ErrorCode> {
    if asked.timestamp < semantics.lowest_timestamp {
        return Err(ErrorCode::UnsupportedVersion);
    }
    let epoch = LeaderEpoch(asked.current_leader_epoch);
    let log = match sight {
        Sight::AnyLogEnd => call.node.kept_log(tp, epoch)?,
        Sight::HighWatermark | Sight::LastStableOffset | Sight::LogEnd => call.node.led_log(tp, epoch)?,
    };
    let end = match sight {
        Sight::HighWatermark => log.high_watermark(),
        Sight::LastStableOffset => log.last_stable_offset(),
        Sight::LogEnd | Sight::AnyLogEnd => log.log_end(),
    };
    let is_consumer = matches!(sight, Sight::HighWatermark | Sight::LastStableOffset);
    let lags = is_consumer && call.node.lags_its_epoch(tp);
    let dated = match asked.timestamp {
        LATEST if lags => return Err(semantics.not_available),
        LATEST => return Ok(Some((end, -1, Some(log.leader_epoch())))),
        EARLIEST | EARLIEST_LOCAL => return Ok(Some((log.log_start(), -1, log.epochs().at(log.log_start())))),
        LATEST_TIERED | EARLIEST_PENDING_UPLOAD => return Ok(Some((Offset(-1), -1, Some(LeaderEpoch(-1))))),
        MAX_TIMESTAMP => call.node.newest(tp)?,
        timestamp => call.node.first_at_or_after(tp, timestamp)?,
    };
    let visible = dated.filter(|dated| dated.offset < end);
    match visible {
        None if lags => Err(semantics.not_available),
        visible => Ok(visible.map(|dated| (dated.offset, dated.timestamp, Some(dated.leader_epoch)))),
    }
}

fn answer(
    asked: &ListOffsetsPartition,
    found: Result<Option<Found>, ErrorCode>,
    semantics: Semantics,
) -> ListOffsetsPartitionResponse {
    let (error_code, found) = match found {
        Ok(found) => (0, found),
        Err(error) => (error.code(), None),
    };
    let (offset, timestamp, epoch) = found.unwrap_or((Offset(-1), -1, None));
    let leader_epoch = epoch.filter(|_| semantics.tells_epoch).map_or(-1, |epoch| epoch.0);
    let partition_index = asked.partition_index;
    ListOffsetsPartitionResponse {
        partition_index,
        error_code,
        timestamp,
        offset: offset.0,
        leader_epoch,
    }
}
