//! Subscriptions by regular expression: checked when a member comes with one, looked up in a step of their own, and again
//! when topics have changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{ConsumerGroup, ConsumerRecord, ConsumerSoft, GroupEpoch, Refusal, Resolved, durable, soft};
use crate::group::{Coordinator, Decision, GroupId, changes};
use crate::pattern;
use crate::units::{ErrorCode, Now, TopicName};

/// Is this an expression that topics can be subscribed to by?
pub(super) fn check(expression: &str) -> Result<(), Refusal> {
    pattern::whole(expression).map(drop).map_err(|error| {
        let why = format!("SubscribedTopicRegex `{expression}` is not a valid regular expression: {error}.");
        (ErrorCode::InvalidRegularExpression, why)
    })
}

impl Coordinator {
    /// Looks up what the expressions of a group stand for now. Where that changed, a new epoch begins.
    pub(in crate::group) fn decide_regexes(&self, id: &GroupId, now: Now) -> Decision {
        let Some(group) = self.consumers.get(id) else {
            return changes(Vec::new());
        };
        let records = self.resolve(group, now).into_iter();
        let seen = soft(id, ConsumerSoft::RegexesSeen(self.topics.version));
        changes(records.map(|record| durable(id, record)).chain([seen]).collect())
    }

    fn resolve(&self, group: &ConsumerGroup, now: Now) -> Vec<ConsumerRecord> {
        let mut after = ConsumerGroup {
            regexes: group.regexes.clone(),
            ..ConsumerGroup::default()
        };
        let mut records = Vec::new();
        for expression in group.expressions() {
            let resolved = Resolved {
                topics: self.matching(&expression),
                version: self.topics.version,
                unix_ms: now.unix_ms,
            };
            let known = group.regexes.get(&expression);
            if known.is_none_or(|known| known.topics != resolved.topics) {
                records.push(ConsumerRecord::Regex(Arc::clone(&expression), Some(resolved.clone())));
            }
            after.regexes.insert(expression, resolved);
        }
        let subscriptions = || group.members.values().map(|member| &member.subscription);
        if subscriptions().any(|of| group.topics_of(of) != after.topics_of(of)) {
            let subscribed: BTreeSet<TopicName> = subscriptions().flat_map(|of| after.topics_of(of)).collect();
            records.push(ConsumerRecord::Epoch(Some(GroupEpoch {
                epoch: group.epoch + 1,
                metadata_hash: self.topics.hash(&subscribed),
            })));
        }
        records
    }

    fn matching(&self, expression: &str) -> BTreeSet<TopicName> {
        let Ok(regex) = pattern::whole(expression) else {
            return BTreeSet::new();
        };
        self.topics
            .all_names()
            .filter(|name| regex.is_match(name))
            .cloned()
            .collect()
    }
}

impl ConsumerGroup {
    fn expressions(&self) -> BTreeSet<Arc<str>> {
        let expressions = self
            .members
            .values()
            .filter_map(|member| member.subscription.regex.clone());
        expressions.filter(|expression| !expression.is_empty()).collect()
    }
}
