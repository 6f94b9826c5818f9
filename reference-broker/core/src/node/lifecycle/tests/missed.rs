//! A broker that runs was cut off, and what it missed is deleted by now: it gets a snapshot, and must carry out what it never read.

use super::*;
use crate::controller::Intent;
use crate::controller::configs::{Alteration, Op, Operation, Unnamed};
use crate::controller::topics::{NewTopic, TopicRef};
use crate::group::View;
use crate::group::tests::commit;
use crate::image::ResourceKind;
use crate::log::tests::Sent;
use crate::log::walk::Walked;
use crate::node::groups::OFFSETS_TOPIC;
use crate::records::{MetadataRecord, PartitionChangeRecord};
use crate::units::{TopicId, TopicPartition};

const GROUP: &str = "g";

fn tp(topic: &str) -> TopicPartition {
    TopicPartition::new(topic, 0)
}

impl World {
    fn creates(&mut self, names: &[&str]) {
        let topic = |name: &&str| NewTopic {
            name: (*name).into(),
            partitions: 1,
            replication_factor: 1,
            ..NewTopic::default()
        };
        let created = self
            .controller
            .create_topics(names.iter().map(topic).collect(), Intent::Commit, self.now);
        assert!(created.is_ok_and(|created| created.iter().all(|(_, result)| result.is_ok())));
    }

    fn deletes(&mut self, names: &[&str]) {
        let topic = |name: &&str| TopicRef {
            name: Some((*name).into()),
            id: TopicId::ZERO,
        };
        let deleted = self
            .controller
            .delete_topics(names.iter().map(topic).collect(), self.now);
        deleted.expect("written");
    }

    fn sets(&mut self, topic: &str, key: &str, value: &str) {
        let operation = Operation {
            name: key.into(),
            op: Op::Set,
            value: Some(value.into()),
        };
        let alteration = Alteration {
            kind: ResourceKind::Topic as i8,
            name: topic.into(),
            operations: Some(vec![operation]),
        };
        let altered = self
            .controller
            .alter_configs(vec![alteration], Unnamed::Keep, Intent::Commit, self.now);
        assert!(altered.is_ok_and(|altered| altered[0].1.is_ok()));
    }

    /// To a broker that nobody runs.
    fn moves_away(&mut self, topic: &str) {
        let change = PartitionChangeRecord {
            partition_id: 0,
            topic_id: self.id_of(topic).0,
            replicas: Some(vec![2]),
            isr: Some(vec![2]),
            leader: 2,
            ..PartitionChangeRecord::default()
        };
        let change = (MetadataRecord::PartitionChange(change), 2);
        self.controller.take_decided(&[change], self.now).expect("written");
    }

    fn id_of(&self, topic: &str) -> TopicId {
        self.controller.image().topic(topic).expect("it is there").id
    }

    fn produces(&mut self, topic: &str) {
        let bytes = Sent::new(&["x"]).by(5, 0, 0).bytes();
        let produced = self.broker.produce(&tp(topic), Walked::new(&bytes, 1 << 20), self.now);
        produced.expect("it leads");
    }

    fn commits(&mut self, topic: &str) {
        let commit = commit(GROUP, &[(topic, 0, 1)]);
        assert_eq!(self.broker.commit_offsets(commit, self.now), [None]);
    }

    fn committed(&mut self) -> Result<Vec<String>, ErrorCode> {
        let all = self.broker.all_committed(GROUP, View::Replicated, self.now)?;
        Ok(all.into_iter().map(|(topic, ..)| topic.to_string()).collect())
    }

    /// What a log here holds: its topic, where it ends, whether it knows producers, and its retention.
    fn kept(&self, topic: &str) -> Option<(TopicId, Offset, bool, i64)> {
        let log = self.broker.log(&tp(topic))?;
        let has_producers = !log.producers().is_empty();
        Some((log.topic_id(), log.log_end(), has_producers, log.config().retention_ms))
    }

    fn directories_of(&self, topic: &str) -> Vec<String> {
        let directories = self.broker.store.directories().expect("readable");
        let prefix = format!("{topic}-0");
        let named = directories.into_iter().filter(|name| name.starts_with(&prefix));
        named.collect()
    }

    /// While the broker hears nothing.
    fn behind_its_back(&mut self, change: impl FnOnce(&mut Self)) {
        self.is_reachable = false;
        change(self);
        self.settle();
        self.deletes_metadata();
        self.is_reachable = true;
    }

    /// Until nothing is missing any more.
    fn catches_up(&mut self) {
        for _ in 0..20 {
            self.pass(600);
        }
        assert_eq!(self.broker.stage(), Stage::Running);
        assert!(self.broker.is_caught_up());
        assert_eq!(self.broker.image().next_offset(), self.controller.image().next_offset());
    }
}

/// It leads these, and each has a record.
fn with(topics: &[&str]) -> World {
    let mut world = World::new(1);
    world.settle();
    world.creates(topics);
    world.settle();
    for topic in topics.iter().filter(|topic| **topic != OFFSETS_TOPIC) {
        world.produces(topic);
    }
    world
}

#[test]
fn topics_that_are_gone_or_others_by_now_are_not_served_from_the_logs_of_before() {
    let mut world = with(&["again", "gone", "moved", "stays"]);
    let week = world.kept("stays").expect("it is there").3;
    world.behind_its_back(|world| {
        world.deletes(&["again", "gone"]);
        world.creates(&["again"]);
        world.moves_away("moved");
        world.sets("stays", "retention.ms", "1234");
    });
    world.catches_up();

    assert_eq!(
        world.kept("again"),
        Some((world.id_of("again"), Offset(0), false, week))
    );
    assert_eq!(world.kept("gone"), None);
    assert_eq!(world.kept("moved"), None);
    assert_eq!(world.kept("stays"), Some((world.id_of("stays"), Offset(1), true, 1234)));
    let kinds = |topic| -> Vec<bool> {
        let names = world.directories_of(topic);
        names.iter().map(|name| name.ends_with("-delete")).collect()
    };
    assert_eq!(kinds("again"), [false, true]);
    assert_eq!(kinds("gone"), [true]);
    assert_eq!(kinds("moved"), [true]);
    assert_eq!(kinds("stays"), [false]);
    world.produces("again");
    assert_eq!(world.broker.take_complaints(), Vec::<String>::new());
}

#[test]
fn who_runs_does_not_ask_to_be_fenced_while_it_reads_a_snapshot() {
    let mut world = with(&["stays"]);
    world.behind_its_back(|world| world.sets("stays", "retention.ms", "1234"));
    world.now.monotonic_ms += 600;
    world.broker.tick(world.now);
    for _ in 0..100 {
        for asked in world.broker.take_asked() {
            world.answer(asked.id, asked.question);
        }
        if !world.broker.is_caught_up() {
            break;
        }
    }
    assert!(
        !world.broker.is_caught_up(),
        "it has a snapshot and what is behind it not yet"
    );
    world.now.monotonic_ms += 2_000;
    world.broker.tick(world.now);
    let asked = world.broker.take_asked().into_iter();
    let wants: Vec<bool> = asked
        .filter_map(|asked| match asked.question {
            Question::Heartbeat(beat) => Some(beat.want_fence),
            _ => None,
        })
        .collect();
    assert_eq!(wants, [false]);
}

#[test]
fn a_topic_that_goes_while_a_snapshot_is_caught_up_with_goes_here_too() {
    let mut world = with(&["gone", "again"]);
    world.behind_its_back(|world| world.sets("again", "retention.ms", "1234"));
    world.deletes(&["gone", "again"]);
    world.creates(&["again"]);
    world.catches_up();
    assert_eq!(world.kept("gone"), None);
    let (id, end, ..) = world.kept("again").expect("it is there");
    assert_eq!((id, end), (world.id_of("again"), Offset(0)));
}

#[test]
fn coordinators_forget_what_went_with_topics_that_are_gone() {
    let mut world = with(&[OFFSETS_TOPIC, "gone", "stays"]);
    world.commits("gone");
    world.commits("stays");
    world.behind_its_back(|world| world.deletes(&["gone"]));
    world.catches_up();
    assert_eq!(world.committed(), Ok(vec!["stays".to_owned()]));
}

#[test]
fn coordinators_go_with_their_partition() {
    let mut world = with(&[OFFSETS_TOPIC, "stays"]);
    world.commits("stays");
    world.behind_its_back(|world| world.moves_away(OFFSETS_TOPIC));
    world.catches_up();
    assert_eq!(world.committed(), Err(ErrorCode::NotCoordinator));
}

#[test]
fn coordinators_begin_anew_where_their_topic_did() {
    let mut world = with(&[OFFSETS_TOPIC, "stays"]);
    world.commits("stays");
    world.behind_its_back(|world| {
        world.deletes(&[OFFSETS_TOPIC]);
        world.creates(&[OFFSETS_TOPIC]);
    });
    world.catches_up();
    assert_eq!(world.committed(), Ok(Vec::new()));
    world.commits("stays");
    assert_eq!(world.committed(), Ok(vec!["stays".to_owned()]));
}

#[test]
fn a_topic_made_anew_within_one_answer_is_kept_under_its_own_id() {
    let mut world = with(&["stays"]);
    world.is_reachable = false;
    world.creates(&["again"]);
    world.deletes(&["again"]);
    world.creates(&["again"]);
    world.settle();
    world.is_reachable = true;
    world.catches_up();
    let kept = world.kept("again").map(|kept| kept.0);
    assert_eq!(kept, Some(world.id_of("again")));
}

#[test]
fn a_sync_that_another_epoch_overtakes_is_made_again() {
    let mut world = with(&["stays"]);
    world.sets("stays", "flush.messages", "1");
    world.catches_up();
    world.broker.flush_elsewhere();
    let bytes = Sent::new(&["y"]).by(5, 0, 1).bytes();
    let produced = world
        .broker
        .produce(&tp("stays"), Walked::new(&bytes, 1 << 20), world.now);
    produced.expect("it leads");
    let (promise, flush) = (
        world.broker.take_promises().remove(0),
        world.broker.take_flushes().remove(0),
    );
    let change = PartitionChangeRecord {
        partition_id: 0,
        topic_id: world.id_of("stays").0,
        leader: world.broker.broker_id().0,
        ..PartitionChangeRecord::default()
    };
    let change = (MetadataRecord::PartitionChange(change), 2);
    world.controller.take_decided(&[change], world.now).expect("written");
    world.catches_up();
    assert!(!world.broker.is_settled(&promise), "nothing is on the disk");
    world.broker.flushed(&flush, Ok(()), world.now);
    assert!(
        !world.broker.is_settled(&promise),
        "what was synced may be other bytes now"
    );
    let again = world.broker.take_flushes().remove(0);
    world.broker.flushed(&again, Ok(()), world.now);
    assert!(world.broker.is_settled(&promise) && world.broker.is_kept(&promise));
    let log = world.broker.log(&tp("stays")).expect("it is there");
    assert_eq!(log.high_watermark(), log.log_end(), "acknowledged, and read");
}
