//! What must hold after every step, held against all that has been seen so far.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use broker_core::Node;
use broker_core::Store;
use broker_core::image::{Image, PartitionImage};
use broker_core::log::Log;
use broker_core::log::batch::BatchHeader;
use broker_core::log::read::Limit;
use broker_core::units::{BrokerId, LeaderEpoch, Offset, TopicPartition};

use super::chance::Digest;
use super::copies::{Copies, Place};
use crate::invariants::{Progress, is_sound};

/// A batch that was acknowledged with acks=all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acknowledged {
    pub(crate) base: Offset,
    pub(crate) crc: u32,
    /// Of the leader that took it.
    pub(crate) epoch: LeaderEpoch,
}

/// `min.insync.replicas`
pub(crate) const MIN_INSYNC: usize = 2;
/// So many changes are told of.
const TOLD: usize = 30;

/// All that has been seen.
#[derive(Default)]
pub(crate) struct History {
    /// Every batch that any replica has had below its high watermark, by its base offset.
    committed: BTreeMap<TopicPartition, BTreeMap<i64, (i64, Digest)>>,
    /// Up to where a replica's log has been looked at, by node and partition.
    looked_at: BTreeMap<(i32, TopicPartition), Offset>,
    acknowledged: BTreeMap<TopicPartition, Vec<Acknowledged>>,
    pub(crate) copies: Copies,
    /// The first offset that the consumer of a partition has not read.
    read: BTreeMap<TopicPartition, Offset>,
    /// The partitions that there are.
    known: BTreeSet<TopicPartition>,
    progress: Progress<TopicPartition>,
    /// Who was seen to lead in which epoch.
    leaders: BTreeMap<(TopicPartition, i32), i32>,
    seen_metadata: i64,
    /// The last changes of partitions.
    changes: VecDeque<String>,
}

impl History {
    /// A producer is told that enough replicas have its batch.
    pub(crate) fn acknowledge(&mut self, tp: &TopicPartition, batch: Acknowledged) {
        self.acknowledged.entry(tp.clone()).or_default().push(batch);
    }

    /// Where no replica has lost its end, enough do have it.
    pub(crate) fn enough_have(&self, tp: &TopicPartition, batch: Acknowledged) -> Result<(), String> {
        let place = Place {
            offset: batch.base,
            epoch: batch.epoch,
        };
        let have = self.copies.that_have(tp, place);
        match have < MIN_INSYNC {
            true => Err(format!("{tp}: {place:?} is acknowledged and on {have} replicas")),
            false => Ok(()),
        }
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.values().map(Vec::len).sum()
    }

    pub(crate) fn elections(&self) -> usize {
        self.leaders.len()
    }

    /// Another life of a node: all that it has is looked at anew.
    pub(crate) fn restarted(&mut self, id: i32) {
        self.looked_at.retain(|(node, _), _| *node != id);
        self.copies.restarted(id);
    }

    /// The metadata as the controller has decided them.
    pub(crate) fn look_at_metadata(&mut self, image: &Image) -> Result<(), String> {
        if image.next_offset() == self.seen_metadata {
            return Ok(());
        }
        if image.next_offset() < self.seen_metadata {
            return Err(format!("the metadata log went back to {}", image.next_offset()));
        }
        self.seen_metadata = image.next_offset();
        for broker in image.brokers() {
            self.copies.registered(broker.id.0, broker.epoch);
        }
        for topic in image.topics() {
            for (index, partition) in (0..).zip(&topic.partitions) {
                let tp = TopicPartition::new(topic.name.clone(), index);
                self.look_at_partition(image, &tp, partition)
                    .map_err(|what| format!("{tp}: {what}: {partition:?}"))?;
            }
        }
        Ok(())
    }

    fn look_at_partition(
        &mut self,
        image: &Image,
        tp: &TopicPartition,
        partition: &PartitionImage,
    ) -> Result<(), String> {
        self.known.insert(tp.clone());
        if self.progress.goes_on(tp.clone(), partition)? {
            self.tell(tp, partition);
            self.copies.decided(tp, partition)?;
        }
        is_sound(image, partition)
    }

    fn tell(&mut self, tp: &TopicPartition, partition: &PartitionImage) {
        let ids = |brokers: &[BrokerId]| brokers.iter().map(|id| id.0).collect::<Vec<_>>();
        let (isr, eligible) = (ids(&partition.isr), ids(&partition.eligible_leader_replicas));
        let (leader, epoch, last_known) = (partition.leader, partition.leader_epoch, ids(&partition.last_known_elr));
        self.changes.push_back(format!(
            "{tp}: {leader} leads in epoch {epoch}, in sync {isr:?}, eligible {eligible:?}, last known {last_known:?}"
        ));
        if self.changes.len() > TOLD {
            self.changes.pop_front();
        }
    }

    /// What became of partitions lately.
    pub(crate) fn lately(&self) -> String {
        self.changes.iter().map(|change| format!("\n  {change}")).collect()
    }

    /// What a node has, as far as it is new.
    pub(crate) fn look_at_node(&mut self, id: i32, node: &Node, store: &dyn Store) -> Result<(), String> {
        for tp in self.known.clone() {
            let Some(log) = node.log(&tp).filter(|log| !log.is_offline()) else {
                continue;
            };
            log.check().map_err(|what| format!("broker {id}, {tp}: {what}"))?;
            self.look_at_leader(id, node, &tp, log)?;
            let key = (id, tp.clone());
            let from = self.looked_at.get(&key).copied().unwrap_or(log.log_start());
            if log.high_watermark() > from {
                let seen = self.look_at_log(&tp, log, store, from);
                let next = seen.map_err(|what| format!("broker {id}, {tp}: {what}"))?;
                self.looked_at.insert(key, next);
            }
            let copies = self.copies.look_at(id, node, &tp, log);
            copies.map_err(|what| format!("broker {id}, {tp}: {what}"))?;
        }
        Ok(())
    }

    /// One leader an epoch, and it holds what was acknowledged.
    fn look_at_leader(&mut self, id: i32, node: &Node, tp: &TopicPartition, log: &Log) -> Result<(), String> {
        let Some(leader) = node.role(tp).and_then(|role| role.leader()) else {
            return Ok(());
        };
        if node.leader_of(tp) != Some((BrokerId(id), leader.epoch)) {
            return Err(format!(
                "{tp}: broker {id} leads in epoch {} and knows better",
                leader.epoch
            ));
        }
        let key = (tp.clone(), leader.epoch.0);
        match self.leaders.get(&key) {
            Some(known) if *known == id => return Ok(()),
            Some(known) => return Err(format!("{tp}: brokers {known} and {id} lead in epoch {}", leader.epoch)),
            None => {}
        }
        let newest = self.leaders.range((tp.clone(), 0)..=(tp.clone(), i32::MAX)).next_back();
        let is_newest = newest.is_none_or(|((_, epoch), _)| *epoch < leader.epoch.0);
        self.leaders.insert(key, id);
        let lacking = self
            .acknowledged
            .get(tp)
            .into_iter()
            .flatten()
            .find(|batch| is_newest && batch.base >= log.log_end());
        lacking.map_or(Ok(()), |batch| {
            Err(format!(
                "{tp}: broker {id} leads in epoch {} up to offset {}, without what was acknowledged at {}",
                leader.epoch,
                log.log_end(),
                batch.base
            ))
        })
    }

    /// A batch below a high watermark is the same wherever and whenever it is seen.
    fn look_at_log(
        &mut self,
        tp: &TopicPartition,
        log: &Log,
        store: &dyn Store,
        from: Offset,
    ) -> Result<Offset, String> {
        let committed = self.committed.entry(tp.clone()).or_default();
        let (mut next, mut epoch) = (from, LeaderEpoch(-1));
        for (header, digest) in batches(log, store, from, log.high_watermark())? {
            let last = header.last_offset().0;
            if header.leader_epoch < epoch {
                return Err(format!("at offset {} the leader epoch goes back", header.base_offset));
            }
            epoch = header.leader_epoch;
            let place = Place {
                offset: header.last_offset(),
                epoch,
            };
            self.copies.committed(tp, place);
            let known = committed.entry(header.base_offset.0).or_insert((last, digest));
            if *known != (last, digest) {
                return Err(format!(
                    "at offset {} stands another batch than was seen there before",
                    header.base_offset
                ));
            }
            next = Offset(last + 1);
        }
        Ok(next)
    }

    /// Where the consumer of a partition goes on.
    pub(crate) fn to_read(&self, tp: &TopicPartition) -> Offset {
        self.read.get(tp).copied().unwrap_or_default()
    }

    /// A consumer was given that: some replica took it for replicated, so that it stays.
    pub(crate) fn was_read(&mut self, tp: &TopicPartition, bytes: &[u8]) -> Result<(), String> {
        let committed = self.committed.entry(tp.clone()).or_default();
        for (header, digest) in whole(bytes) {
            let last = header.last_offset().0;
            if committed.get(&header.base_offset.0) != Some(&(last, digest)) {
                let base = header.base_offset;
                return Err(format!("{tp}: a consumer reads at offset {base} what is not committed"));
            }
            let read = self.read.entry(tp.clone()).or_default();
            *read = Offset(last + 1).max(*read);
        }
        Ok(())
    }

    /// After healing: everything that was acknowledged is in this log.
    pub(crate) fn nothing_is_lost(&self, tp: &TopicPartition, log: &Log, store: &dyn Store) -> Result<(), String> {
        let all = batches(log, store, log.log_start(), log.log_end())?;
        let there: BTreeMap<Offset, u32> = all.iter().map(|(header, _)| (header.base_offset, header.crc)).collect();
        let acknowledged = self.acknowledged.get(tp).into_iter().flatten();
        for batch in acknowledged {
            if there.get(&batch.base) != Some(&batch.crc) {
                return Err(format!("{tp}: what was acknowledged at offset {} is lost", batch.base));
            }
        }
        Ok(())
    }
}

/// The batches of a range, with a digest of their bytes.
pub(crate) fn batches(
    log: &Log,
    store: &dyn Store,
    from: Offset,
    end: Offset,
) -> Result<Vec<(BatchHeader, Digest)>, String> {
    let limit = Limit {
        bytes: 1 << 20,
        at_least_one: true,
    };
    let (mut found, mut next) = (Vec::new(), from);
    while next < end {
        let read = log
            .read(store, next, end, limit)
            .map_err(|error| format!("{error:?}"))?;
        let Some(span) = read.span else { break };
        let mut bytes = vec![0; span.length];
        let length = store
            .read(&span.directory, &span.file, span.position, &mut bytes)
            .map_err(|error| error.to_string())?;
        let before = next;
        for (header, digest) in whole(&bytes[..length]) {
            if header.last_offset() >= next && header.base_offset < end {
                next = Offset(header.last_offset().0 + 1);
                found.push((header, digest));
            }
        }
        if next == before {
            return Err(format!("no whole batch at offset {next}, below {end}"));
        }
    }
    Ok(found)
}

/// The whole batches among these bytes.
fn whole(mut rest: &[u8]) -> Vec<(BatchHeader, Digest)> {
    let mut found = Vec::new();
    while let Some(header) = BatchHeader::read(rest).filter(|header| header.size() as usize <= rest.len()) {
        let size = header.size() as usize;
        found.push((header, Digest::of(&rest[..size])));
        rest = &rest[size..];
    }
    found
}
