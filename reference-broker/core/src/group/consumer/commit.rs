//! Offsets of a group with members of the consumer protocol: who may commit them, who may ask for them.

use super::ConsumerGroup;
use crate::group::{Commit, Coordinator, OffsetToCommit};
use crate::mutant::{self, Mutant};
use crate::units::ErrorCode;

impl Coordinator {
    /// May this member ask for the offsets of a group?
    ///
    /// # Errors
    /// It is none, or in another epoch.
    pub fn validate_fetch(&self, group: &str, member: Option<&str>, epoch: i32) -> Result<(), ErrorCode> {
        let consumers = self.consumers.get(group);
        consumers.map_or(Ok(()), |group| group.validate_fetch(member, epoch))
    }
}

impl ConsumerGroup {
    /// May this commit be? Nobody in particular may commit to a group without members. An epoch that has passed will do
    /// for partitions that the member has had since then (KIP-1251).
    pub(in crate::group) fn validate_commit(&self, commit: &Commit) -> Result<(), ErrorCode> {
        if commit.generation < 0 && self.is_empty() {
            return Ok(());
        }
        let member = self.members.get(&commit.member).ok_or(ErrorCode::UnknownMemberId)?;
        let is_classic = member.subscription.classic.is_some();
        if !is_classic && !commit.tells_unknown_group {
            return Err(ErrorCode::UnsupportedVersion);
        }
        let stale = if is_classic {
            ErrorCode::IllegalGeneration
        } else {
            ErrorCode::StaleMemberEpoch
        };
        let current = &member.current;
        let since = |offset: &OffsetToCommit| {
            let held = [&current.assigned, &current.revoking];
            held.into_iter()
                .find_map(|held| held.get(&offset.topic_id)?.get(&offset.partition).copied())
        };
        let has_had = |offset: &OffsetToCommit| since(offset).is_some_and(|since| commit.generation >= since);
        let is_current = commit.generation == current.epoch;
        let was_current = commit.generation < current.epoch && commit.offsets.iter().all(has_had);
        if is_current || was_current || mutant::on(Mutant::StaleMemberEpochAccepted) {
            Ok(())
        } else {
            Err(stale)
        }
    }

    /// Who says neither id nor epoch may.
    fn validate_fetch(&self, member: Option<&str>, epoch: i32) -> Result<(), ErrorCode> {
        let Some(id) = member.or((epoch >= 0).then_some("")) else {
            return Ok(());
        };
        let member = self.members.get(id).ok_or(ErrorCode::UnknownMemberId)?;
        match &member.subscription.classic {
            _ if member.current.epoch == epoch => Ok(()),
            Some(_) => Err(ErrorCode::IllegalGeneration),
            None => Err(ErrorCode::StaleMemberEpoch),
        }
    }
}
