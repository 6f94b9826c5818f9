//! What clients do: they send records to whoever takes itself for the leader, and read what it shows.

use broker_core::log::build::Batch;
use broker_core::log::walk::Walked;
use broker_core::units::{ErrorCode, Offset, TopicPartition};
use broker_core::{Node, Reply as Served};
use bytes::Bytes;

use super::super::history::Acknowledged;
use super::super::reader;
use super::{Event, PARTITIONS, TOPIC, World};

/// A batch whose producer has not been told yet.
pub(super) struct Pending {
    pub(super) tp: TopicPartition,
    pub(super) batch: Acknowledged,
}

impl World {
    /// Somebody sends a record to a broker that takes itself for the leader.
    pub(super) fn produce(&mut self) -> Result<(), String> {
        if !self.is_chaotic {
            return Ok(());
        }
        let next = match self.is_bursty {
            true if self.chance.percent(90) => self.chance.below(10),
            true => 300 + self.chance.below(1_500),
            false => 5 + self.chance.below(60),
        };
        self.schedule(next as i64, Event::Produce);
        let partition = self.chance.below(PARTITIONS as u64) as i32;
        let tp = TopicPartition::new(TOPIC, partition);
        let acks_all = self.chance.percent(75);
        let leads = |node: &Node| node.role(&tp).is_some_and(|role| role.leader().is_some());
        let leaders: Vec<i32> = self
            .nodes
            .iter()
            .filter(|(_, node)| leads(node))
            .map(|(id, _)| *id)
            .collect();
        let leaders: Vec<i32> = leaders.into_iter().filter(|id| !self.paused.contains_key(id)).collect();
        if let Some(leader) = self.chance.pick(&leaders) {
            self.consume(leader, &tp)?;
        }
        match self.chance.pick(&leaders) {
            Some(leader) => self.produce_to(leader, tp, acks_all).map(drop),
            None => Ok(()),
        }
    }

    fn consume(&mut self, id: i32, tp: &TopicPartition) -> Result<(), String> {
        let (from, now) = (self.history.to_read(tp), self.now);
        let Some(node) = self.nodes.get_mut(&id) else {
            return Ok(());
        };
        let bytes = reader::read(node, &self.disks[&id], tp, from, now);
        self.history.was_read(tp, &bytes)
    }

    /// True where it was taken.
    pub(crate) fn produce_to(&mut self, id: i32, tp: TopicPartition, acks_all: bool) -> Result<bool, String> {
        self.produced += 1;
        let now = self.now;
        let value = Bytes::from(format!("{}", self.produced));
        let bytes = Batch::of(&[(None, Some(value))], now.unix_ms).to_bytes();
        let crc = u32::from_be_bytes([bytes[17], bytes[18], bytes[19], bytes[20]]);
        let Some(node) = self.nodes.get_mut(&id) else {
            return Ok(false);
        };
        if node.may_take(&tp, acks_all).is_err() {
            return Ok(false);
        }
        let Ok(appended) = node.produce(&tp, Walked::new(&bytes, 1 << 20), now) else {
            self.after(id)?;
            return Ok(false);
        };
        let base = appended.base_offset;
        let epoch = node.log(&tp).and_then(|log| log.epochs().at(base)).unwrap_or_default();
        let batch = Acknowledged { base, crc, epoch };
        if acks_all {
            let end = Offset(appended.last_offset.0 + 1);
            match node.await_replicas(vec![(tp.clone(), end)], 5_000, now) {
                Served::Now(results) => self.answered(&tp, batch, &results)?,
                Served::Parked(ticket) => drop(self.pending.insert((id, ticket), Pending { tp, batch })),
            }
        }
        self.note(b"produced", id, base.0 as u64);
        self.after(id)?;
        Ok(true)
    }

    pub(super) fn answered(
        &mut self,
        tp: &TopicPartition,
        batch: Acknowledged,
        results: &[Result<(), ErrorCode>],
    ) -> Result<(), String> {
        if !results.iter().all(Result::is_ok) {
            return Ok(());
        }
        self.history.acknowledge(tp, batch);
        match self.has_lost {
            true => Ok(()),
            false => self.history.enough_have(tp, batch),
        }
    }
}
