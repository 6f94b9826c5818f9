//! Readers at this broker: a request is answered at once, or parked until there is enough.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Leaving, Node, Released};
use crate::fetch::session::{Context, Wanted};
use crate::fetch::wait::{Parked, Waiting};
use crate::fetch::{FetchCommand, FetchOutcome, Fetched, Interest, PartitionKey, Reader, Served, TopicKey};
use crate::image::{BrokerImage, Image};
use crate::log::Log;
use crate::log::read::{Limit, Place, ReadError};
use crate::machine::{Reply, Ticket};
use crate::mutant::{self, Mutant};
use crate::units::{BrokerId, Deadline, ErrorCode, LeaderEpoch, Now, Offset, TopicName, TopicPartition};

/// A request that asks for more unknown partitions than this is answered at once: nobody honest waits for them.
const MOST_REFUSED_PARKED: usize = 1_000;

/// A request taken apart: what it gets, what is read, what is refused before reading.
struct Reading {
    context: Context,
    wanted: Vec<Wanted>,
    refused: Vec<Fetched>,
    reader: Reader,
    rack: Option<Arc<str>>,
    max_bytes: i32,
}

impl Node {
    /// Answers a Fetch, or parks it: then [`Released::Fetch`] comes with the ticket.
    pub fn fetch(&mut self, command: &FetchCommand, now: Now) -> Reply<FetchOutcome> {
        let image = self.control.image();
        let begun = self.sessions.begin(command, &|key| name_of(image, key), now);
        let (context, all) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                return Reply::Now(FetchOutcome::refused(error));
            }
        };
        let (wanted, refused) = self.known(all);
        let max_bytes = command.max_bytes.min(self.config.fetch_max_bytes);
        let reading = Reading {
            context,
            wanted,
            refused,
            reader: command.reader,
            rack: command.rack.clone(),
            max_bytes,
        };
        let results = self.read_all(&reading);
        let results = self.replica_moves(&reading, results, now);
        let min_bytes = command.min_bytes.min(max_bytes);
        let at_once = command.max_wait_ms <= 0
            || reading.wanted.is_empty()
            || reading.refused.len() > MOST_REFUSED_PARKED
            || is_worth_answering(&results, min_bytes)
            || mutant::on(Mutant::LongPollIgnored);
        if at_once {
            return Reply::Now(self.answer(reading, results, now));
        }
        self.park(reading, command, min_bytes, now)
    }

    /// Forgets a parked request: its client is gone.
    pub fn cancel_fetch(&mut self, ticket: Ticket) {
        self.waits.take(ticket);
        self.cancel_metadata_fetch(ticket);
        self.cancel_low_watermarks(ticket);
    }

    /// Where an epoch ended (OffsetForLeaderEpoch).
    pub fn epoch_end(
        &self,
        tp: &TopicPartition,
        current: LeaderEpoch,
        asked: LeaderEpoch,
    ) -> Result<Option<(LeaderEpoch, Offset)>, ErrorCode> {
        let log = self.led_log(tp, current)?;
        Ok(log.epochs().end_of(asked, log.log_end()))
    }

    /// When a parked fetch must be answered at the latest.
    pub(crate) fn fetch_deadline(&self) -> Option<Deadline> {
        self.waits.next_deadline()
    }

    /// Answers the parked fetches whose time is up.
    pub(crate) fn fetch_tick(&mut self, now: Now) {
        for ticket in self.waits.due(now) {
            self.complete(ticket, now);
        }
    }

    /// Something about a partition changed: whoever waits for it and now has enough is answered once the request that brought
    /// it is through, as in Kafka: with all of it, not with what came first.
    pub(crate) fn partition_moved(&mut self, tp: &TopicPartition, now: Now) {
        for ticket in self.waits.on(tp) {
            if self.is_ready(ticket, tp) {
                self.waits.leaves(ticket);
                self.outbox.push((ticket, Leaving::Reads(now)));
            }
        }
        self.acknowledge(tp);
        self.groups_replicated(tp);
        self.transactions_replicated(tp, now);
    }

    fn park(&mut self, reading: Reading, command: &FetchCommand, min_bytes: i32, now: Now) -> Reply<FetchOutcome> {
        let waiting = self.waiting(reading, min_bytes, now.plus_ms(command.max_wait_ms.into()));
        let partitions: Vec<TopicPartition> = waiting.parked.keys().cloned().collect();
        let ticket = self.issue_ticket();
        self.waits.park(ticket, waiting);
        // What was found too little may yet be all there is to a segment: then waiting brings nothing.
        if partitions.iter().any(|tp| self.is_ready(ticket, tp))
            && let Some(waiting) = self.waits.take(ticket)
        {
            return Reply::Now(self.completed(waiting, now));
        }
        Reply::Parked(ticket)
    }

    fn waiting(&self, reading: Reading, min_bytes: i32, deadline: Deadline) -> Waiting {
        let Reading {
            context,
            wanted,
            refused,
            reader,
            rack,
            max_bytes,
        } = reading;
        let parked = wanted
            .iter()
            .filter_map(|wanted| {
                let tp = partition_of(wanted)?;
                let place = self.log(&tp)?.place_of(&*self.store, wanted.interest.offset).ok()?;
                Some((
                    tp,
                    Parked {
                        place,
                        max_bytes: wanted.interest.max_bytes,
                        high_watermark: wanted.interest.high_watermark,
                        available: 0,
                    },
                ))
            })
            .collect();
        Waiting {
            context,
            wanted,
            refused,
            reader,
            rack,
            max_bytes,
            min_bytes,
            deadline,
            parked,
            leaves: false,
        }
    }

    /// Takes stock of one partition of a parked request; true when the request should be answered.
    fn is_ready(&mut self, ticket: Ticket, tp: &TopicPartition) -> bool {
        let Some(log) = self.logs.get(tp).filter(|log| !log.is_offline()) else {
            return true;
        };
        let Some(waiting) = self.waits.get_mut(ticket) else {
            return false;
        };
        let end = end_for(log, waiting.reader);
        let Some(parked) = waiting.parked.get_mut(tp) else {
            return false;
        };
        if parked.high_watermark < log.high_watermark() {
            return true;
        }
        if parked.place.offset == end {
            return false;
        }
        let Ok(end) = log.place_of(&*self.store, end) else {
            return true;
        };
        let Some(available) = between(&parked.place, &end) else {
            return true;
        };
        parked.available = available.min(u64::from(parked.max_bytes.max(0).unsigned_abs()));
        waiting.is_satisfied()
    }

    fn complete(&mut self, ticket: Ticket, now: Now) {
        if let Some(outcome) = self.read_by_now(ticket, now) {
            self.release(ticket, Released::Fetch(outcome));
        }
    }

    /// The answer to a request that still waits.
    pub(super) fn read_by_now(&mut self, ticket: Ticket, now: Now) -> Option<FetchOutcome> {
        let waiting = self.waits.take(ticket)?;
        Some(self.completed(waiting, now))
    }

    fn completed(&mut self, waiting: Waiting, now: Now) -> FetchOutcome {
        let Waiting {
            context,
            wanted,
            refused,
            reader,
            rack,
            max_bytes,
            ..
        } = waiting;
        let reading = Reading {
            context,
            wanted,
            refused,
            reader,
            rack,
            max_bytes,
        };
        let results = self.read_all(&reading);
        self.answer(reading, results, now)
    }

    fn answer(&mut self, reading: Reading, mut results: Vec<Fetched>, now: Now) -> FetchOutcome {
        results.extend(reading.refused.iter().cloned());
        let mut interests = reading.wanted;
        interests.extend(reading.refused.iter().map(|refused| Wanted {
            key: refused.key.clone(),
            name: refused.name.clone(),
            interest: Interest {
                offset: Offset(0),
                max_bytes: 0,
                leader_epoch: LeaderEpoch(-1),
                last_fetched_epoch: LeaderEpoch(-1),
                served: crate::fetch::Served::ByLeader,
                log_start: Offset(-1),
                high_watermark: Interest::ANY_HIGH_WATERMARK,
            },
        }));
        let outcome = self.sessions.finish(reading.context, &interests, results, now);
        let leaders = self.leaders_named_in(&outcome.partitions);
        FetchOutcome { leaders, ..outcome }
    }

    fn leaders_named_in(&self, partitions: &[Fetched]) -> Vec<BrokerImage> {
        let named = partitions.iter().filter_map(|fetched| fetched.leader);
        let ids: BTreeSet<BrokerId> = named.map(|(leader, _)| leader).collect();
        let known = ids.into_iter().filter_map(|id| self.image().broker(id));
        known.cloned().collect()
    }

    /// Parts partitions that exist from those that do not.
    fn known(&self, all: Vec<Wanted>) -> (Vec<Wanted>, Vec<Fetched>) {
        let (mut known, mut refused) = (Vec::with_capacity(all.len()), Vec::new());
        for wanted in all {
            let found = partition_of(&wanted).ok_or(ErrorCode::UnknownTopicId);
            let error = match found.and_then(|tp| self.partition(&tp).map(|_| ())) {
                Err(error @ (ErrorCode::UnknownTopicId | ErrorCode::UnknownTopicOrPartition)) => error,
                Ok(()) | Err(_) => {
                    known.push(wanted);
                    continue;
                }
            };
            let aborted = Some(Vec::new());
            refused.push(Fetched {
                aborted,
                ..Fetched::failed(wanted.key, wanted.name, error)
            });
        }
        (known, refused)
    }

    fn read_all(&self, reading: &Reading) -> Vec<Fetched> {
        let mut left = i64::from(reading.max_bytes);
        let mut at_least_one = true;
        let read_one = |wanted: &Wanted| {
            let bytes = i64::from(wanted.interest.max_bytes).min(left);
            let fetched = self
                .read_partition(wanted, reading, bytes, at_least_one)
                .unwrap_or_else(|error| self.failed(wanted, error));
            at_least_one &= fetched.size() == 0;
            left = (left - fetched.size() as i64).max(0);
            fetched
        };
        reading.wanted.iter().map(read_one).collect()
    }

    /// What a replica asks for says how far it is. Only at the first look: what it waits for it does not have yet.
    fn replica_moves(&mut self, reading: &Reading, mut results: Vec<Fetched>, now: Now) -> Vec<Fetched> {
        let Reader::Replica(replica) = reading.reader else {
            return results;
        };
        for (wanted, fetched) in reading.wanted.iter().zip(&mut results) {
            let in_line = fetched.error.is_none() && fetched.diverging.is_none();
            if let Some(tp) = partition_of(wanted).filter(|_| in_line)
                && let Err(error) = self.replica_asked(&tp, replica, &wanted.interest, now)
            {
                *fetched = self.failed(wanted, error);
            }
        }
        results
    }

    fn failed(&self, wanted: &Wanted, error: ErrorCode) -> Fetched {
        let failed = Fetched::failed(wanted.key.clone(), wanted.name.clone(), error);
        if !matches!(error, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch) {
            return failed;
        }
        let topic = wanted.name.as_ref().and_then(|name| self.image().topic(name));
        let partition = topic.and_then(|topic| topic.partition(wanted.key.partition));
        Fetched {
            leader: partition.map(|partition| (partition.leader, partition.leader_epoch)),
            ..failed
        }
    }

    fn read_partition(
        &self,
        wanted: &Wanted,
        reading: &Reading,
        bytes: i64,
        at_least_one: bool,
    ) -> Result<Fetched, ErrorCode> {
        let reader = reading.reader;
        let tp = partition_of(wanted).ok_or(ErrorCode::UnknownTopicId)?;
        let log = self.partition(&tp)?;
        if matches!(wanted.key.topic, TopicKey::Id(id) if id != log.topic_id()) {
            return Err(ErrorCode::InconsistentTopicId);
        }
        let log = match wanted.interest.served {
            Served::ByLeader => self.led_log(&tp, wanted.interest.leader_epoch)?,
            Served::ByAnyReplica => self.kept_log(&tp, wanted.interest.leader_epoch)?,
        };
        if let Reader::Replica(replica) = reader {
            self.knows_replica(&tp, replica, wanted.interest.leader_epoch)?;
        }
        let mut fetched = Fetched {
            error: None,
            high_watermark: log.high_watermark(),
            last_stable_offset: log.last_stable_offset(),
            log_start: log.log_start(),
            aborted: (reader == Reader::Committed).then(Vec::new),
            ..Fetched::failed(wanted.key.clone(), wanted.name.clone(), ErrorCode::UnknownServerError)
        };
        let rack = reading.rack.as_deref().unwrap_or_default();
        fetched.preferred = self.preferred_for(&tp, rack, wanted.interest.offset);
        if fetched.preferred.is_some() {
            return Ok(Fetched {
                aborted: None,
                ..fetched
            });
        }
        if let Some(diverging) = diverging(log, &wanted.interest)? {
            return Ok(Fetched {
                diverging: Some(diverging),
                aborted: None,
                ..fetched
            });
        }
        let end = end_for(log, reader);
        let limit = Limit {
            bytes: usize::try_from(bytes).unwrap_or(0),
            at_least_one,
        };
        let found = log
            .read(&*self.store, wanted.interest.offset, end, limit)
            .map_err(|error| match error {
                ReadError::OutOfRange => ErrorCode::OffsetOutOfRange,
                ReadError::Store(_) => ErrorCode::KafkaStorageError,
            })?;
        if bytes < 0 && wanted.interest.offset < end {
            return Err(ErrorCode::UnknownServerError);
        }
        if found.first_incomplete {
            // A reader that gets no whole batch makes no progress with a part of one.
            return Ok(Fetched {
                aborted: None,
                ..fetched
            });
        }
        fetched.span = found.span;
        if let (Some(span), Reader::Committed) = (&fetched.span, reader) {
            let upper = log
                .bound_behind(found.place.segment, span.position + span.length as u64)
                .min(end);
            fetched.aborted = Some(log.aborted(wanted.interest.offset, upper));
        }
        Ok(fetched)
    }
}

/// The topic that a request means.
fn name_of(image: &Image, key: &PartitionKey) -> Option<TopicName> {
    match &key.topic {
        TopicKey::Name(name) => Some(name.clone()),
        TopicKey::Id(id) => image.topic_by_id(*id).map(|topic| topic.name.clone()),
    }
}

/// The partition, once its topic's name is known.
fn partition_of(wanted: &Wanted) -> Option<TopicPartition> {
    wanted.name.as_ref().map(|name| TopicPartition {
        topic: name.clone(),
        partition: match mutant::on(Mutant::FirstPartitionServed) {
            true => 0,
            false => wanted.key.partition,
        },
    })
}

fn end_for(log: &Log, reader: Reader) -> Offset {
    match reader {
        Reader::Uncommitted if mutant::on(Mutant::ReadsPastHighWatermark) => log.log_end(),
        Reader::Uncommitted => log.high_watermark(),
        Reader::Committed => log.last_stable_offset(),
        Reader::Replica(_) => log.log_end(),
    }
}

/// Bytes from one place to another of the same segment; None when they are not in that relation.
fn between(from: &Place, to: &Place) -> Option<u64> {
    if from.offset > to.offset || from.segment != to.segment {
        None
    } else {
        to.position.checked_sub(from.position)
    }
}

/// Errors, diverging epochs and enough bytes end a wait before it begins.
fn is_worth_answering(results: &[Fetched], min_bytes: i32) -> bool {
    let bytes: usize = results.iter().map(Fetched::size).sum();
    bytes >= usize::try_from(min_bytes).unwrap_or(0)
        || results
            .iter()
            .any(|fetched| fetched.error.is_some() || fetched.diverging.is_some() || fetched.preferred.is_some())
}

/// Where the reader's history leaves this log's, if it does (KIP-595).
pub(super) fn diverging(log: &Log, interest: &Interest) -> Result<Option<(LeaderEpoch, Offset)>, ErrorCode> {
    if interest.last_fetched_epoch < LeaderEpoch(0) {
        return Ok(None);
    }
    let end = log.epochs().end_of(interest.last_fetched_epoch, log.log_end());
    let (epoch, end) = end.ok_or(ErrorCode::OffsetOutOfRange)?;
    if interest.offset < log.log_start() {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    Ok((epoch < interest.last_fetched_epoch || end < interest.offset).then_some((epoch, end)))
}

#[cfg(test)]
mod tests;
