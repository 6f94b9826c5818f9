//! How a broker comes up on a data directory: whose it is, what the metadata log says, and the registration that makes the
//! broker part of the cluster again. And how it leaves: fenced, so that nobody waits for its session to expire.

use std::collections::BTreeSet;

use super::meta::{self, MetaProperties};
use super::{Consequences, FreshIds};
use crate::config::TopicConfig;
use crate::config::cluster::Roles;
use crate::controller::MAX_RECORDS_PER_REQUEST;
use crate::controller::brokers::Registration;
use crate::controller::features::{FEATURES, bootstrap_records};
use crate::image::Listener;
use crate::log::batch::CONTROL;
use crate::log::build::Batch;
use crate::node::data::{Kept, METADATA_TOPIC, metadata};
use crate::node::observers::METADATA_ID;
use crate::node::{Identity, Node, OpenError};
use crate::records::{LeaderChangeMessage, LeaderChangeMessageVoter, Message, MetadataRecord};
use crate::units::{ErrorCode, LeaderEpoch, Now, Offset, TopicId, TopicPartition};

/// KRaft's memory of its last vote.
const QUORUM_STATE: &str = "quorum-state";
/// The key of a control record that tells of a new leader: version 0, type 2.
const LEADER_CHANGE: &[u8] = &[0, 0, 0, 2];

impl Node {
    /// Reads `meta.properties`, or writes it into a directory that is new; refuses one that is another node's.
    pub(crate) fn claim(&mut self, identity: &Identity) -> Result<(), OpenError> {
        self.control.meta = self.meta_properties(identity)?;
        Ok(())
    }

    /// Finds this node's place in its cluster: it decides metadata, or follows who does.
    pub(crate) fn open_control(&mut self, identity: &Identity, now: Now) -> Result<(), OpenError> {
        self.control.ids = FreshIds::seeded(identity.incarnation_id);
        let listed = |listener: &Listener| format!("{}://{}:{}", listener.name, listener.host, listener.port);
        let listeners: Vec<String> = identity.listeners.iter().map(listed).collect();
        self.config.settle("listeners", listeners.join(","));
        // Where none is named the controller is in this process and listens nowhere.
        if let Some(first) = identity.listeners.first() {
            let voter = format!("{}@{}:{}", self.config.node_id, first.host, first.port);
            self.config.settle("controller.quorum.voters", voter);
        }
        match self.config.cluster.roles {
            Roles::Both | Roles::Controller => self.open_controller(identity, now),
            Roles::Broker => {
                self.begin_writing()?;
                self.begin_observing(now)?;
                self.begin_life(identity, now);
                Ok(())
            }
        }
    }

    /// The metadata log as an observer has it: led by nobody here.
    pub(crate) fn open_metadata(&mut self, now: Now) -> Result<(), ErrorCode> {
        let tp = metadata();
        self.open_hosted(&tp, METADATA_ID, metadata_config(), Kept::Alone, now)
    }

    /// Replays the metadata log, registers, and leads what is this broker's to lead.
    fn open_controller(&mut self, identity: &Identity, now: Now) -> Result<(), OpenError> {
        let epoch = LeaderEpoch(self.last_quorum_epoch()? + 1);
        let tp = metadata();
        let storage = |error: ErrorCode| OpenError::Foreign(format!("{METADATA_TOPIC}: {error}"));
        let created = self.create_log(&tp, METADATA_ID, metadata_config(), epoch, now);
        created.map_err(|_| OpenError::Foreign(self.take_complaints().join("; ")))?;
        self.metadata_are_whole(&tp)?;
        self.replay_metadata(&tp)?;
        self.metadata_are_known()?;
        self.begin_writing()?;
        self.write_quorum_state(epoch)?;
        self.announce_leader(&tp, now).map_err(storage)?;
        self.begin_sessions(now);
        self.register(identity, now).map_err(storage)
    }

    /// Gives up what this broker leads and its place in the cluster.
    pub(crate) fn close_control(&mut self) -> Result<(), ErrorCode> {
        if self.follows_a_controller() {
            // The controller has been asked, or could not be.
            return Ok(());
        }
        let records = self.controller().fence_broker(self.broker_id());
        self.control
            .last_change
            .map_or(Ok(()), |then| self.commit_silently(records, then))
    }

    fn meta_properties(&mut self, identity: &Identity) -> Result<MetaProperties, OpenError> {
        let files = self.store.files("")?;
        let Some((_, size)) = files.iter().find(|(name, _)| name == meta::FILE) else {
            return self.format(identity);
        };
        let mut bytes = vec![0; usize::try_from(*size).unwrap_or(0).min(64 * 1024)];
        let read = self.store.read("", meta::FILE, 0, &mut bytes)?;
        let found = MetaProperties::parse(&bytes[..read]).map_err(OpenError::Foreign)?;
        match found.node_id == self.config.node_id {
            true => Ok(found),
            false => Err(OpenError::Foreign(format!(
                "{} says node.id={}, and this broker is started with node.id={}; start it with the id or the directory of the other",
                meta::FILE,
                found.node_id,
                self.config.node_id
            ))),
        }
    }

    /// A new directory. One that has logs and no `meta.properties` is not new, and nobody knows whose it is.
    fn format(&mut self, identity: &Identity) -> Result<MetaProperties, OpenError> {
        if self
            .store
            .directories()?
            .iter()
            .any(|directory| directory.starts_with(METADATA_TOPIC))
        {
            return Err(OpenError::Foreign(format!(
                "there are logs, but no {}: it was lost, or this is not Kafka's",
                meta::FILE
            )));
        }
        let meta = MetaProperties {
            cluster_id: TopicId(identity.cluster_id).to_string(),
            directory_id: identity.directory_id,
            node_id: self.config.node_id,
        };
        self.store.replace("", meta::FILE, meta.text().as_bytes())?;
        Ok(meta)
    }

    fn last_quorum_epoch(&self) -> Result<i32, OpenError> {
        let directory = format!("{METADATA_TOPIC}-0");
        if !self.store.directories()?.contains(&directory) {
            return Ok(0);
        }
        let files = self.store.files(&directory)?;
        let Some((_, size)) = files.iter().find(|(name, _)| name == QUORUM_STATE) else {
            return Ok(0);
        };
        let mut bytes = vec![0; usize::try_from(*size).unwrap_or(0).min(64 * 1024)];
        let read = self.store.read(&directory, QUORUM_STATE, 0, &mut bytes)?;
        let text = String::from_utf8_lossy(&bytes[..read]);
        let after = text.split_once("\"leaderEpoch\":").map(|(_, after)| after.trim_start());
        let digits = after.map(|after| after.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default());
        let unreadable = || OpenError::Foreign(format!("{directory}/{QUORUM_STATE} has no leaderEpoch"));
        digits.and_then(|digits| digits.parse().ok()).ok_or_else(unreadable)
    }

    fn write_quorum_state(&mut self, epoch: LeaderEpoch) -> Result<(), OpenError> {
        let id = self.config.node_id;
        let text = format!(
            r#"{{"clusterId":"","leaderId":{id},"leaderEpoch":{epoch},"votedId":-1,"appliedOffset":0,"currentVoters":[{{"voterId":{id}}}],"data_version":0}}"#
        );
        Ok(self
            .store
            .replace(&format!("{METADATA_TOPIC}-0"), QUORUM_STATE, text.as_bytes())?)
    }

    fn replay_metadata(&mut self, tp: &TopicPartition) -> Result<(), OpenError> {
        let mut image = crate::image::Image::default();
        let mut broken = None;
        self.read_records(tp, Offset(0), &mut |offset, _, value, _| {
            let bytes = value.unwrap_or_default();
            match MetadataRecord::decode(&bytes) {
                Ok((record, _)) => image.apply(&record, offset.0),
                Err(error) => {
                    let what = || format!("{METADATA_TOPIC}: the record at offset {offset}: {error}");
                    broken.get_or_insert_with(what);
                }
            }
        })?;
        self.control.image = image;
        broken.map_or(Ok(()), |what| Err(OpenError::Foreign(what)))
    }

    /// Where metadata are missing from the front, from the end, or altogether, topics would be lost and their records set aside.
    fn metadata_are_whole(&self, tp: &TopicPartition) -> Result<(), OpenError> {
        let (Some(log), known) = (self.log(tp), self.recovery_point_found(tp)) else {
            return Ok(());
        };
        let first = log.segments()[0].base;
        let what = if first > Offset(0) {
            format!("begins at offset {first}, and snapshots are not read")
        } else if log.log_end() < known {
            format!("ends at offset {}, and was on the disk up to {known}", log.log_end())
        } else if log.log_end() == Offset(0) && self.has_partitions()? {
            "is empty, and there are partitions".to_owned()
        } else {
            return Ok(());
        };
        let directory = log.directory();
        Err(OpenError::Foreign(format!(
            "{directory} {what}; topics would be lost: put its files back from a copy"
        )))
    }

    /// Features say what later records mean; a level that this broker does not know is of a newer one.
    pub(super) fn metadata_are_known(&self) -> Result<(), OpenError> {
        let features = self.image().features();
        let newer = features.iter().find(|(name, level)| {
            let known = FEATURES.iter().find(|(known, ..)| known == name);
            known.is_none_or(|(_, _, max, _)| *level > max)
        });
        newer.map_or(Ok(()), |(name, level)| {
            Err(OpenError::Foreign(format!(
                "{METADATA_TOPIC}-0 is of a newer Kafka: {name} is at level {level}, which this broker does not know"
            )))
        })
    }

    /// Every leader of the metadata quorum begins with a record that says so.
    fn announce_leader(&mut self, tp: &TopicPartition, now: Now) -> Result<(), ErrorCode> {
        let voter_id = self.config.node_id;
        let voter = || {
            vec![LeaderChangeMessageVoter {
                voter_id,
                ..Default::default()
            }]
        };
        let message = LeaderChangeMessage {
            leader_id: voter_id,
            voters: voter(),
            granting_voters: voter(),
            ..Default::default()
        };
        let value = message.encode(0).map_err(|_| ErrorCode::UnknownServerError)?;
        let mut batch = Batch::of(&[(Some(LEADER_CHANGE.into()), Some(value))], now.unix_ms);
        batch.header.attributes |= CONTROL;
        let last = self.append_batch(tp, batch.sealed(), now)?;
        self.flush_metadata()?;
        self.control.image.skip_to(last.0 + 1);
        Ok(())
    }

    fn register(&mut self, identity: &Identity, now: Now) -> Result<(), ErrorCode> {
        if self.image().features().is_empty() {
            let min_insync = self.config.value("min.insync.replicas").unwrap_or_default();
            self.commit_silently(bootstrap_records(&min_insync), now)?;
        }
        if !self.config.cluster.roles.has_broker() {
            return Ok(());
        }
        let id = self.broker_id();
        let registration = self.registration(identity);
        self.commit_silently(self.controller().fence_broker(id), now)?;
        self.commit_silently(self.controller().register_broker(&registration), now)?;
        self.commit_silently(self.controller().unfence_broker(id), now)?;
        self.follow_config();
        self.tell_cordoned(now)?;
        self.lead_all(now);
        Ok(())
    }

    /// Who this broker is.
    pub(crate) fn registration(&self, identity: &Identity) -> Registration {
        Registration {
            id: self.broker_id(),
            incarnation: identity.incarnation_id,
            cluster_id: self.cluster_id().to_owned(),
            listeners: identity.listeners.clone(),
            features: Registration::features_of_this_release(),
            rack: self.config.rack.clone(),
            log_dirs: vec![self.control.meta.directory_id],
            previous_epoch: self.previous_epoch(),
        }
    }

    /// Nothing is carried out yet: the logs are opened once, when all is known.
    fn commit_silently(&mut self, mut records: Vec<crate::controller::Change>, now: Now) -> Result<(), ErrorCode> {
        while !records.is_empty() {
            let rest = records.split_off(records.len().min(MAX_RECORDS_PER_REQUEST));
            self.append_changes(&records, now, &mut Consequences::default())?;
            records = rest;
        }
        Ok(())
    }

    pub(super) fn lead_all(&mut self, now: Now) {
        let of = |topic: &crate::image::TopicImage| {
            let (name, id) = (topic.name.clone(), topic.id);
            (0..topic.partition_count())
                .map(move |partition| {
                    (
                        TopicPartition {
                            topic: name.clone(),
                            partition,
                        },
                        id,
                    )
                })
                .collect::<Vec<_>>()
        };
        let partitions: BTreeSet<(TopicPartition, TopicId)> = self.image().topics().flat_map(of).collect();
        if let Err(error) = self.set_strays_aside(&partitions) {
            self.complain(format!("what belongs to no topic stays where it is: {error}"));
        }
        for (tp, id) in partitions {
            // A log that cannot be opened answers KAFKA_STORAGE_ERROR; the rest serves on.
            let _ = self.take_role(&tp, id, now);
            self.move_coordinator(&tp, now);
        }
    }
}

/// What the metadata log obeys: nothing in it expires before a snapshot replaces it.
fn metadata_config() -> TopicConfig {
    TopicConfig {
        retention_ms: -1,
        max_message_bytes: i32::MAX,
        delete: false,
        ..TopicConfig::default()
    }
}
