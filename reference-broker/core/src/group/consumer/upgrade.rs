//! A classic group becomes one of the consumer protocol when the first member of that comes (KIP-848): its members keep
//! what they were given, and are told to join again.

use std::collections::HashSet;
use std::sync::Arc;

use super::{
    ClassicMember, ConsumerGroup, ConsumerRecord, ConsumerSoft, Current, GroupEpoch, Held, Member, Partitions, Refusal,
    Subscription, TargetEpoch, durable, soft,
};
use crate::group::classic::{ClassicGroup, Member as Classic};
use crate::group::embedded::{self, Unreadable};
use crate::group::timers::Timers;
use crate::group::{Change, Coordinator, GroupId, MemberId, Outcome, Record};
use crate::machine::Ticket;
use crate::units::{ErrorCode, Now};

/// A group that its first member of the consumer protocol finds, and what its coming changes.
#[derive(Default)]
pub(super) struct Found {
    pub(super) group: ConsumerGroup,
    pub(super) changes: Vec<Change>,
    pub(super) released: Vec<(Ticket, Outcome)>,
}

impl Coordinator {
    /// Somebody joins what is not a group of the consumer protocol yet.
    pub(super) fn become_consumer(&self, id: &GroupId, now: Now) -> Result<Found, Refusal> {
        let Some(classic) = self.groups.get(id) else {
            return Ok(Found::default());
        };
        let ended = Change::Durable(Record::Group(Arc::clone(id), None));
        if classic.is_empty() {
            return Ok(Found {
                changes: vec![ended],
                ..Found::default()
            });
        }
        self.validate_upgrade(classic, id)?;
        let records = self.converted(classic, id)?;
        let mut group = ConsumerGroup::default();
        for record in &records {
            group.apply(id, record, &mut Timers::default());
        }
        let sessions = classic.members().map(|(member, of)| {
            let deadline = now.plus_ms(i64::from(of.session_timeout_ms));
            soft(id, ConsumerSoft::SessionRenewed(Arc::clone(member), deadline))
        });
        let records = records.into_iter().map(|record| durable(id, record));
        Ok(Found {
            group,
            changes: std::iter::once(ended).chain(records).chain(sessions).collect(),
            released: classic.interrupted(),
        })
    }

    fn validate_upgrade(&self, classic: &ClassicGroup, id: &GroupId) -> Result<(), Refusal> {
        let why = match () {
            () if !self.config.migration.upgrades() => "online upgrade is disabled",
            () if !classic.is_of_consumers() => "the group does not use the consumer embedded protocol",
            () if classic.size() > self.config.consumer_max_size => {
                "the group size exceeds the consumer group maximum size"
            }
            () => return Ok(()),
        };
        Err(cannot(id, why))
    }

    /// The records of the group as it goes on, in Kafka's order.
    fn converted(&self, classic: &ClassicGroup, id: &GroupId) -> Result<Vec<ConsumerRecord>, Refusal> {
        let epoch = classic.generation();
        let mut members = Vec::with_capacity(classic.size());
        for (member_id, member) in classic.members() {
            members.push((member_id, self.convert(classic, id, member)?));
        }
        if !is_shared_out(members.iter().map(|(_, member)| &member.current)) {
            let error = ErrorCode::UnknownServerError;
            return Err((error, error.to_string()));
        }
        let subscribed = members
            .iter()
            .flat_map(|(_, member)| member.subscription.topics.clone());
        let group_epoch = GroupEpoch {
            epoch,
            metadata_hash: self.topics.hash(&subscribed.collect()),
        };
        type Converted<'a> = (&'a MemberId, Member);
        let subscription =
            |(id, of): &Converted<'_>| ConsumerRecord::Member(Arc::clone(id), Some(of.subscription.clone()));
        let target = |(id, of): &Converted<'_>| {
            let target = super::reconcile::as_partitions(&of.current.assigned);
            ConsumerRecord::Target(Arc::clone(id), Some(target))
        };
        let current = |(id, of): &Converted<'_>| ConsumerRecord::Current(Arc::clone(id), Some(of.current.clone()));
        let records = members.iter().map(subscription);
        let records = records.chain([ConsumerRecord::Epoch(Some(group_epoch))]);
        let records = records.chain(members.iter().map(target));
        // No time: the target may be made anew at once.
        let records = records.chain([ConsumerRecord::TargetEpoch(Some(TargetEpoch { epoch, unix_ms: 0 }))]);
        Ok(records.chain(members.iter().map(current)).collect())
    }

    fn convert(&self, classic: &ClassicGroup, id: &GroupId, member: &Classic) -> Result<Member, Refusal> {
        let malformed = || cannot(id, "the embedded consumer protocol is malformed");
        let assigned = embedded::assigned(&member.assignment, &self.topics).map_err(|why| match why {
            Unreadable::Malformed => malformed(),
            Unreadable::Custom => cannot(id, CUSTOM),
        })?;
        let Some(protocol) = classic.protocol() else {
            let error = ErrorCode::UnknownServerError;
            return Err((error, error.to_string()));
        };
        let said = embedded::subscription(&member.metadata(protocol)).map_err(|_| malformed())?;
        let epoch = classic.generation();
        Ok(Member {
            subscription: Subscription {
                instance: member.instance_id.clone(),
                rack: said.rack_id.map(Into::into),
                client_id: Arc::clone(&member.client_id),
                client_host: Arc::clone(&member.client_host),
                topics: said.topics.into_iter().map(Into::into).collect(),
                regex: Some("".into()),
                rebalance_timeout_ms: member.rebalance_timeout_ms,
                assignor: None,
                classic: Some(as_classic(member)),
            },
            current: Current {
                epoch,
                previous_epoch: epoch,
                assigned: held_since(&assigned, epoch),
                ..Current::default()
            },
        })
    }
}

const CUSTOM: &str = "an unsupported custom assignor is in use. Please refer to the documentation or switch to a default \
                      assignor before re-attempting the upgrade";

fn cannot(id: &GroupId, why: &str) -> Refusal {
    let why = format!("Cannot upgrade classic group {id} to consumer group because {why}.");
    (ErrorCode::GroupIdNotFound, why)
}

/// Has every partition one holder at most? What a leader gave to two no group can go on with: Kafka, too, stumbles over it.
fn is_shared_out<'a>(all: impl Iterator<Item = &'a Current>) -> bool {
    let mut taken = HashSet::new();
    all.flat_map(Current::held).all(|partition| taken.insert(partition))
}

fn as_classic(member: &Classic) -> ClassicMember {
    ClassicMember {
        session_timeout_ms: member.session_timeout_ms,
        protocols: Arc::clone(&member.protocols),
    }
}

fn held_since(partitions: &Partitions, epoch: i32) -> Held {
    let topic = |(id, partitions): (&_, &std::collections::BTreeSet<i32>)| {
        (*id, partitions.iter().map(|partition| (*partition, epoch)).collect())
    };
    partitions.iter().map(topic).collect()
}
