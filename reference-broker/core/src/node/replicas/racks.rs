//! A reader that names its rack is sent to the replica there, if there is one in sync (KIP-392).

use super::Node;
use crate::image::BrokerImage;
use crate::units::{BrokerId, Offset, TopicPartition};

impl Node {
    /// The replica that a reader of this rack should ask instead of this leader. It must have what the reader asks for; the one
    /// that has most is taken.
    pub(in crate::node) fn preferred_for(&self, tp: &TopicPartition, rack: &str, offset: Offset) -> Option<BrokerId> {
        if rack.is_empty() || !self.config.replica.selects_by_rack || self.config.rack.as_deref() == Some(rack) {
            return None;
        }
        let leader = self.leader(tp)?;
        let is_there = |broker: &BrokerImage| !broker.fenced && broker.rack.as_deref() == Some(rack);
        let in_rack = |id: BrokerId| self.image().broker(id).is_some_and(is_there);
        let members = leader.isr.members().iter().filter(|id| in_rack(**id));
        let covering = members.filter_map(|id| {
            let remote = leader.remotes.get(id)?;
            let end = remote
                .log_end
                .filter(|end| *end >= offset && remote.log_start <= offset)?;
            Some((end, std::cmp::Reverse(*id)))
        });
        covering.max().map(|(_, std::cmp::Reverse(id))| id)
    }
}
