//! What ties who is in sync to what is committed: every replica that the controller counts has all that any replica took for
//! replicated, and a leader's word on what that is never goes back.

use std::collections::BTreeMap;

use broker_core::Node;
use broker_core::image::PartitionImage;
use broker_core::log::Log;
use broker_core::log::epochs::Epochs;
use broker_core::units::{BrokerId, LeaderEpoch, Offset, TopicPartition};

/// A record, by where it stands and who led when it was appended: whoever has it has all before it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) offset: Offset,
    pub(crate) epoch: LeaderEpoch,
}

/// How far a replica's log was seen to go.
#[derive(Default)]
struct Held {
    end: Offset,
    epochs: Epochs,
}

impl Held {
    fn has(&self, place: Place) -> bool {
        self.end > place.offset && self.epochs.at(place.offset) == Some(place.epoch)
    }
}

/// A partition as the controller has it.
struct Decided {
    leader: BrokerId,
    epoch: LeaderEpoch,
    isr: Vec<BrokerId>,
}

/// All replicas, those of dead brokers too: what a killed process wrote stays.
#[derive(Default)]
pub(crate) struct Copies {
    of: BTreeMap<(TopicPartition, i32), Held>,
    decided: BTreeMap<TopicPartition, Decided>,
    /// The last record that any replica has had below its high watermark.
    committed: BTreeMap<TopicPartition, Place>,
    /// In which epoch a broker leads, and what it took for replicated.
    led: BTreeMap<(TopicPartition, i32), (LeaderEpoch, Offset)>,
    /// Brokers that the power took records from, with the epoch of the life in which it did.
    lost: BTreeMap<i32, Option<i64>>,
}

impl Copies {
    /// Another life of a node: it may know of less to be replicated.
    pub(crate) fn restarted(&mut self, id: i32) {
        self.led.retain(|(_, leader), _| *leader != id);
    }

    /// The power went at a broker: it counts again once the controller knows.
    pub(crate) fn lost(&mut self, id: i32, life: Option<i64>) {
        self.lost.insert(id, life);
        self.of.retain(|(_, broker), _| *broker != id);
    }

    /// The controller knows the broker in this life.
    pub(crate) fn registered(&mut self, id: i32, life: i64) {
        if self.lost.get(&id).is_some_and(|lost| *lost != Some(life)) {
            self.lost.remove(&id);
        }
    }

    pub(crate) fn decided(&mut self, tp: &TopicPartition, partition: &PartitionImage) -> Result<(), String> {
        let decided = Decided {
            leader: partition.leader,
            epoch: partition.leader_epoch,
            isr: partition.isr.clone(),
        };
        self.decided.insert(tp.clone(), decided);
        self.all_in_sync_have_it(tp)
    }

    /// A replica took that for replicated.
    pub(crate) fn committed(&mut self, tp: &TopicPartition, place: Place) {
        let last = self.committed.entry(tp.clone()).or_insert(place);
        if last.offset < place.offset {
            *last = place;
        }
    }

    /// A broker has done something.
    pub(crate) fn look_at(&mut self, id: i32, node: &Node, tp: &TopicPartition, log: &Log) -> Result<(), String> {
        let copy = self.of.entry((tp.clone(), id)).or_default();
        copy.end = log.log_end();
        if copy.epochs != *log.epochs() {
            copy.epochs = log.epochs().clone();
        }
        self.leads_on(id, node, tp, log)?;
        self.all_in_sync_have_it(tp)
    }

    fn all_in_sync_have_it(&self, tp: &TopicPartition) -> Result<(), String> {
        let Some((decided, place)) = self.decided.get(tp).zip(self.committed.get(tp)) else {
            return Ok(());
        };
        let counts = |id: &&BrokerId| !self.lost.contains_key(&id.0);
        let lacks = |id: &&BrokerId| self.of.get(&(tp.clone(), id.0)).is_some_and(|copy| !copy.has(*place));
        match decided.isr.iter().filter(counts).find(lacks) {
            Some(id) => Err(format!("broker {id} is in sync and lacks what is committed: {place:?}")),
            None => Ok(()),
        }
    }

    /// The high watermark of a leader never goes back, nor does what it tells consumers fall behind what others told (KIP-207).
    fn leads_on(&mut self, id: i32, node: &Node, tp: &TopicPartition, log: &Log) -> Result<(), String> {
        let key = (tp.clone(), id);
        let Some(leader) = node.role(tp).and_then(|role| role.leader()) else {
            self.led.remove(&key);
            return Ok(());
        };
        let high = log.high_watermark();
        let before = self.led.insert(key, (leader.epoch, high));
        if let Some((_, was)) = before.filter(|(epoch, was)| *epoch == leader.epoch && *was > high) {
            return Err(format!("the high watermark goes back from {was} to {high}"));
        }
        let decided = self.decided.get(tp);
        let is_it = decided.is_some_and(|decided| decided.leader.0 == id && decided.epoch == leader.epoch);
        let place = self.committed.get(tp);
        match place.filter(|place| is_it && !node.lags_its_epoch(tp) && high <= place.offset) {
            Some(place) => Err(format!(
                "the leader's high watermark is {high}, and {place:?} was committed"
            )),
            None => Ok(()),
        }
    }

    /// How many replicas have it?
    pub(crate) fn that_have(&self, tp: &TopicPartition, place: Place) -> usize {
        let of = self.of.iter().filter(|((of, _), _)| of == tp);
        of.filter(|(_, copy)| copy.has(place)).count()
    }
}
