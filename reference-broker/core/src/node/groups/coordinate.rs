//! One step of a coordinator after the other: decided, written to its partition of the offsets topic, applied,
//! answered; and at the start all that was written, replayed.

use std::sync::Arc;

use bytes::Bytes;

use super::{CoordinatorKind, Node, OFFSETS_TOPIC, Released};
use crate::group::{self, Change, Command, Coordinator, Outcome, Record, Settle, Timer};
use crate::log::Log;
use crate::log::batch::{BatchHeader, HEADER_LENGTH};
use crate::log::build::KeyValue;
use crate::log::producers::TransactionResult;
use crate::machine::{Machine, Reply, Step};
use crate::mutant::{self, Mutant};
use crate::store::StoreError;
use crate::units::{ErrorCode, Now, Offset, ProducerId, TopicPartition};

/// Tombstones need not be written together; so many are.
const TOMBSTONES_A_BATCH: usize = 1_000;

/// When a deadline comes again whose records could not be written: Kafka's retry backoff of timers.
const TIMER_RETRY_MS: i64 = 500;

/// The most that a record takes beside its key and value, as Kafka reckons.
const RECORD_OVERHEAD: usize = 21;

impl Node {
    /// Takes on the groups of all partitions of the offsets topic that this broker leads.
    ///
    /// # Errors
    /// A log cannot be read.
    pub(crate) fn load_all_groups(&mut self, now: Now) -> Result<(), StoreError> {
        let mut led = self.owned_partitions(CoordinatorKind::Group).into_iter();
        led.try_for_each(|partition| self.load_groups(partition, now))
    }

    /// Takes on the groups of a partition of the offsets topic: replays its log, then waits for members to show up.
    ///
    /// # Errors
    /// The log cannot be read.
    pub(crate) fn load_groups(&mut self, partition: i32, now: Now) -> Result<(), StoreError> {
        let mut coordinator = Coordinator::new(self.group_config());
        let tp = TopicPartition::new(OFFSETS_TOPIC, partition);
        if let Some(log) = self.log(&tp) {
            let replicated = self.replicated_end(&tp);
            log.each_with_markers(&*self.store, Offset(0), &mut |header, _, key, value, _| {
                coordinator.written(Offset(header.last_offset().0 + 1), replicated);
                replay(&mut coordinator, header, key, value);
            })?;
        }
        let oversized = coordinator.oversized();
        let consumers = coordinator.consumer_groups();
        let timings = consumers.map(|group| (Arc::clone(group), self.timing(group))).collect();
        self.groups.coordinators.insert(partition, coordinator);
        self.run_group(partition, Command::Load(timings), now);
        for group in oversized {
            self.run_group(partition, Command::Settle(group, Settle::Rebalance), now);
        }
        Ok(())
    }

    /// Runs a command and all that follows from it.
    pub(super) fn run_group(&mut self, partition: i32, command: Command, now: Now) -> Reply<Outcome> {
        let reply = self.step_group(partition, command, now);
        while let Some(follows) = self
            .groups
            .coordinators
            .get(&partition)
            .and_then(Coordinator::unsettled)
        {
            self.step_group(partition, follows, now);
        }
        debug_assert!(
            self.groups
                .coordinators
                .get(&partition)
                .is_none_or(|groups| groups.check() == Ok(()))
        );
        reply
    }

    /// Decides, appends, applies, answers. What could not be written has not happened; but what follows from an earlier
    /// step goes on without its record, or its group would stand still for ever.
    fn step_group(&mut self, partition: i32, command: Command, now: Now) -> Reply<Outcome> {
        let Some(coordinator) = self.groups.coordinators.get(&partition) else {
            return Reply::Now(command.failure(ErrorCode::NotCoordinator));
        };
        let assigned = match &command {
            Command::Sync(sync) => Some(Arc::clone(&sync.group)),
            _ => None,
        };
        let follows = matches!(command, Command::Settle(..) | Command::Expire(_));
        let again = retried(&command, now);
        let Step {
            changes,
            reply,
            released,
        } = coordinator.decide(command, now);
        let written = self.write_group(partition, &changes, now);
        match (written, again) {
            (Ok(()), _) => self.apply_group(partition, &changes, |_| true),
            (Err(_), Some(again)) => {
                self.apply_group(partition, &[again], |_| true);
                return reply;
            }
            (Err(_), None) if follows => self.apply_group(partition, &changes, |change| !is_durable(change)),
            (Err(error), None) => {
                if let Some(group) = assigned {
                    self.step_group(partition, Command::Settle(group, Settle::AssignmentLost(error)), now);
                }
                return fail(reply, error);
            }
        }
        for (ticket, outcome) in released {
            let outcome = written.err().map_or(outcome.clone(), |error| outcome.failed(error));
            self.release(ticket, Released::Group(outcome));
        }
        reply
    }

    fn apply_group(&mut self, partition: i32, changes: &[Change], counts: impl Fn(&Change) -> bool) {
        let tp = TopicPartition::new(OFFSETS_TOPIC, partition);
        let (end, replicated) = (self.log(&tp).map(Log::log_end), self.replicated_end(&tp));
        if let Some(coordinator) = self.groups.coordinators.get_mut(&partition) {
            coordinator.written(end.unwrap_or(replicated), replicated);
            changes
                .iter()
                .filter(|change| counts(change))
                .for_each(|change| coordinator.apply(change));
        }
    }

    /// One step's records are one batch, as in Kafka, but for a long row of tombstones.
    fn write_group(&mut self, partition: i32, changes: &[Change], now: Now) -> Result<(), ErrorCode> {
        let records = encode(changes)?;
        let tp = TopicPartition::new(OFFSETS_TOPIC, partition);
        let all_tombstones = records.iter().all(|(_, value)| value.is_none());
        let size = if all_tombstones {
            TOMBSTONES_A_BATCH
        } else {
            records.len().max(1)
        };
        let most = self.log(&tp).map_or(0, |log| log.config().max_message_bytes);
        let producer = changes.iter().find_map(|change| match change {
            Change::Pending(producer, ..) => Some(*producer),
            _ => None,
        });
        for batch in records.chunks(size) {
            fits(batch, most)?;
            let appended = match producer {
                Some(producer) => self.append_in_transaction(&tp, batch, producer, now),
                None => self.append_records(&tp, batch, now),
            };
            appended.map_err(as_coordinator_error)?;
        }
        Ok(())
    }

    /// A transaction that wrote to this partition of the offsets topic is decided; its marker is in the log.
    pub(crate) fn offsets_decided(
        &mut self,
        partition: i32,
        producer_id: ProducerId,
        result: TransactionResult,
        now: Now,
    ) {
        if self.groups.coordinators.contains_key(&partition) {
            self.apply_group(partition, &[Change::Decided(producer_id, result)], |_| true);
        } else {
            // A log that cannot be read answers NOT_COORDINATOR when its groups are asked for.
            let _ = self.load_groups(partition, now);
        }
    }
}

/// Who must go from a group of the consumer protocol goes by records: where those cannot be written, the deadline comes again, as
/// with Kafka. In a classic group nobody goes by a record.
fn retried(command: &Command, now: Now) -> Option<Change> {
    match command {
        Command::Expire(
            timer @ (Timer::Session(..) | Timer::Revocation(..) | Timer::MemberJoin(..) | Timer::MemberSync(..)),
        ) => Some(Change::TimerSet(timer.clone(), now.plus_ms(TIMER_RETRY_MS))),
        _ => None,
    }
}

fn is_durable(change: &Change) -> bool {
    matches!(change, Change::Durable(_) | Change::Pending(..) | Change::Decided(..))
}

fn encode(changes: &[Change]) -> Result<Vec<KeyValue>, ErrorCode> {
    let durable = changes.iter().filter_map(|change| match change {
        Change::Durable(record) => Some(record.clone()),
        Change::Pending(_, key, value) => Some(Record::Offset(key.clone(), Some(value.clone()))),
        Change::Decided(..)
        | Change::Soft(..)
        | Change::TimerCleared(_)
        | Change::TimerSet(..)
        | Change::Loaded(_)
        | Change::RetentionScheduled(_)
        | Change::TopicsSeen(_) => None,
    });
    let bytes = |record: Record| group::encode(&record).map(|(key, value)| (Some(key), value));
    durable
        .map(bytes)
        .collect::<Result<_, _>>()
        .map_err(|_| ErrorCode::UnknownServerError)
}

/// What is not of classic groups, or cannot be read, is passed over.
fn replay(coordinator: &mut Coordinator, header: &BatchHeader, key: Option<Bytes>, value: Option<Bytes>) {
    if header.is_control() {
        if let Some(result) = key.as_deref().and_then(TransactionResult::of_marker) {
            coordinator.apply(&Change::Decided(header.producer_id, result));
        }
        return;
    }
    let record = key.and_then(|key| group::decode(&key, value.as_deref()).ok()).flatten();
    match record {
        Some(Record::Offset(..)) if mutant::on(Mutant::OffsetsForgotten) => {}
        Some(Record::Offset(key, Some(value))) if header.is_transactional() => {
            coordinator.apply(&Change::Pending(header.producer(), key, value));
        }
        Some(record) => coordinator.apply(&Change::Durable(record)),
        None => {}
    }
}

/// A parked request whose step could not be written is answered at once.
fn fail(reply: Reply<Outcome>, error: ErrorCode) -> Reply<Outcome> {
    match reply {
        Reply::Now(outcome) => Reply::Now(outcome.failed(error)),
        Reply::Parked(_) => Reply::Now(Outcome::JoinRefused(Arc::from(""), error)),
    }
}

/// Would these records be one batch that its topic takes?
fn fits(records: &[KeyValue], most: i32) -> Result<(), ErrorCode> {
    let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
    let size: usize = records
        .iter()
        .map(|(key, value)| RECORD_OVERHEAD + length(key) + length(value))
        .sum();
    let fits = usize::try_from(most).is_ok_and(|most| HEADER_LENGTH + size <= most);
    if fits {
        Ok(())
    } else {
        Err(as_coordinator_error(ErrorCode::MessageTooLarge))
    }
}

/// What a client of a coordinator is told when its topic cannot be written, or not be replicated in time.
pub fn as_coordinator_error(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::NotEnoughReplicasAfterAppend
        | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge | ErrorCode::InvalidFetchSize => {
            ErrorCode::UnknownServerError
        }
        other => other,
    }
}
