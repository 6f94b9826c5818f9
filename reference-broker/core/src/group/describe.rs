//! Groups as an administrator sees them.

use std::sync::Arc;

use bytes::Bytes;

use super::classic::{ClassicGroup, Member, Phase};
use super::{Coordinator, GroupId, InstanceId, MemberId};

/// A group in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub group: GroupId,
    /// `consumer`, `connect`, …; empty where it never had members.
    pub protocol_type: Arc<str>,
    /// Kafka's name of its state.
    pub state: &'static str,
    /// `classic` or `consumer`.
    pub group_type: &'static str,
}

/// A group and its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Kafka's name of its state.
    pub state: &'static str,
    /// `consumer`, `connect`, …; empty where it never had members.
    pub protocol_type: Arc<str>,
    /// The protocol voted for; empty unless the group is stable.
    pub protocol: Arc<str>,
    /// Its members.
    pub members: Vec<DescribedMember>,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedMember {
    /// Its id.
    pub member: MemberId,
    /// Its name for life.
    pub instance: Option<InstanceId>,
    /// The client's name for itself.
    pub client_id: Arc<str>,
    /// The client's address.
    pub client_host: Arc<str>,
    /// What it said for the protocol; empty unless the group is stable.
    pub metadata: Bytes,
    /// What it was given.
    pub assignment: Bytes,
}

impl Coordinator {
    /// All groups.
    pub fn list(&self) -> impl Iterator<Item = Listed> {
        let classic = self.groups.iter().map(|(id, group)| Listed {
            group: Arc::clone(id),
            protocol_type: group.protocol_type().cloned().unwrap_or_default(),
            state: group.phase().name(),
            group_type: "classic",
        });
        let consumers = self.consumers.iter().map(|(id, group)| Listed {
            group: Arc::clone(id),
            protocol_type: "consumer".into(),
            state: group.state(),
            group_type: "consumer",
        });
        classic.chain(consumers)
    }

    /// One group, if it exists.
    pub fn describe(&self, group: &str) -> Option<Described> {
        let group = self.groups.get(group)?;
        Some(Described {
            state: group.phase().name(),
            protocol_type: group.protocol_type().cloned().unwrap_or_default(),
            protocol: chosen(group).cloned().unwrap_or_default(),
            members: group
                .members()
                .map(|(id, member)| describe(group, id, member))
                .collect(),
        })
    }
}

fn chosen(group: &ClassicGroup) -> Option<&Arc<str>> {
    group.protocol().filter(|_| group.phase() == Phase::Stable)
}

fn describe(group: &ClassicGroup, id: &MemberId, member: &Member) -> DescribedMember {
    DescribedMember {
        member: Arc::clone(id),
        instance: member.instance_id.clone(),
        client_id: Arc::clone(&member.client_id),
        client_host: Arc::clone(&member.client_host),
        metadata: chosen(group)
            .map(|protocol| member.metadata(protocol))
            .unwrap_or_default(),
        assignment: member.assignment.clone(),
    }
}
