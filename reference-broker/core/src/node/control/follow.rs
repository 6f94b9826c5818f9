//! Metadata that a controller elsewhere has decided: applied in the order of its log, then carried out here.

use std::fmt::Display;

use bytes::Bytes;

use super::{Consequences, Node, Removed};
use crate::config::value::list;
use crate::image::{Image, TopicImage};
use crate::log::build::each_key_value;
use crate::log::replicate::whole_batches;
use crate::node::Purpose;
use crate::node::data::{METADATA_TOPIC, metadata};
use crate::peer::{Peer, Question, Reply};
use crate::records::MetadataRecord;
use crate::units::{ErrorCode, Now, Offset, ProducerId};

/// So few of a block's thousand ids are left when the next is asked for.
const FEW_LEFT: i64 = 100;

impl Node {
    /// Applies what is committed: all that stands below an offset. What follows from it is carried out once this broker has
    /// caught up; until then it is not known what of it still holds, but that a topic which is gone does not come back.
    ///
    /// # Errors
    /// A record cannot be read, and nothing behind it can be believed.
    pub(crate) fn apply_metadata(&mut self, end: Offset, now: Now) -> Result<(), String> {
        if end.0 <= self.image().next_offset() {
            return Ok(());
        }
        let mut consequences = Consequences::default();
        for (offset, record) in self.committed_records(end)? {
            self.control.foresee(&record, &mut consequences);
            self.control.image.apply(&record, offset.0);
        }
        self.control.image.skip_to(end.0);
        match self.is_caught_up() {
            true => self.carry_out(consequences, now),
            false => self.carry_out_removals(consequences.removed, now),
        }
        Ok(())
    }

    /// Takes a snapshot for all that stood before that offset. A topic that it does not have was deleted, whether or not there
    /// is another one of its name: its logs must not be served as the new one's.
    ///
    /// # Errors
    /// It is damaged, or a record of it cannot be read.
    pub(crate) fn replace_image(&mut self, snapshot: &Bytes, end: Offset, now: Now) -> Result<(), String> {
        let damaged = |why: &dyn Display| format!("the snapshot of the metadata up to offset {end}: {why}");
        let batches = whole_batches(snapshot).map_err(|refusal| damaged(&refusal.error))?;
        let mut image = Image::default();
        let mut broken = None;
        // Its head and its foot are control batches.
        for batch in batches.iter().filter(|batch| !batch.header.is_control()) {
            let visited =
                each_key_value(
                    &batch.header,
                    &batch.records,
                    &mut |_, _, value, _| match MetadataRecord::decode(&value.unwrap_or_default()) {
                        Ok((record, _)) => image.apply(&record, end.0 - 1),
                        Err(error) => broken = Some(damaged(&error)),
                    },
                );
            visited.map_err(|malformed| damaged(&malformed))?;
        }
        broken.map_or(Ok(()), Err)?;
        image.skip_to(end.0);
        let before = std::mem::replace(&mut self.control.image, image);
        let is_gone = |topic: &&TopicImage| self.image().topic_by_id(topic.id).is_none();
        let removed = before.topics().filter(is_gone).map(Removed::of).collect();
        self.carry_out_removals(removed, now);
        Ok(())
    }

    /// Caught up, for the first time or once more behind a snapshot: this broker keeps what the metadata say, as they say it,
    /// and nothing else.
    pub(crate) fn take_part(&mut self, now: Now) {
        if let Err(error) = self.metadata_are_known() {
            self.complain(error.to_string());
        }
        self.follow_config();
        self.lead_all(now);
        self.reconfigure_all();
    }

    /// The id of the log directory here.
    pub(crate) fn log_directory(&self) -> [u8; 16] {
        self.control.meta.directory_id
    }

    /// The directories here that `cordoned.log.dirs` closes to new replicas.
    pub(crate) fn cordoned_dirs(&self) -> Vec<[u8; 16]> {
        let layers = self.image().layers(self.broker_id(), &self.config.fixed);
        let cordoned = layers.value("cordoned.log.dirs").unwrap_or_default();
        let here = self.config.value("log.dirs").unwrap_or_default();
        let closed = list(&cordoned).into_iter().any(|dir| dir == "*" || dir == here);
        closed.then_some(self.control.meta.directory_id).into_iter().collect()
    }

    /// From the blocks that the controller gave; the next one is asked for while there is still something left, as in Kafka.
    pub(super) fn allocated_producer_id(&mut self) -> Result<ProducerId, ErrorCode> {
        let control = &mut self.control;
        if control.producer_ids.is_empty() {
            control.producer_ids = std::mem::take(&mut control.next_producer_ids);
        }
        let id = control.producer_ids.next();
        let left = control.producer_ids.end - control.producer_ids.start;
        if left <= FEW_LEFT && control.next_producer_ids.is_empty() && !self.is_asking(&Purpose::ProducerIds) {
            let question = Question::AllocateProducerIds(self.own_epoch());
            self.ask(Peer::Controller, question, Purpose::ProducerIds);
        }
        id.map(ProducerId).ok_or(ErrorCode::CoordinatorLoadInProgress)
    }

    /// A block that is none, or none at all: whoever needs one asks again.
    pub(crate) fn producer_ids_answered(&mut self, reply: &Reply) {
        if let Reply::ProducerIds(Ok((first, count))) = reply
            && let Some(end) = first.checked_add((*count).into())
        {
            self.control.next_producer_ids = *first..end;
        }
    }

    fn committed_records(&self, end: Offset) -> Result<Vec<(Offset, MetadataRecord)>, String> {
        let from = Offset(self.image().next_offset());
        let (mut records, mut broken) = (Vec::new(), None);
        let visited = self.read_records(&metadata(), from, &mut |offset, _, value, _| {
            if offset >= end || broken.is_some() {
                return;
            }
            match MetadataRecord::decode(&value.unwrap_or_default()) {
                Ok((record, _)) => records.push((offset, record)),
                Err(error) => broken = Some(format!("{METADATA_TOPIC}: the record at offset {offset}: {error}")),
            }
        });
        visited.map_err(|error| error.to_string())?;
        broken.map_or(Ok(records), Err)
    }
}
