//! A controller that has deleted the first of its metadata gives what they came to instead (KIP-630): a snapshot, part by part. It is
//! read into a new image, and the log here goes on behind it.
//!
//! It is kept in memory alone: a restart that finds a log without its beginning fetches another one.

use bytes::{Bytes, BytesMut};

use super::{MAX_BYTES, metadata};
use crate::node::Node;
use crate::node::peers::Purpose;
use crate::peer::{AskSnapshot, Peer, Question, SnapshotId, SnapshotPart};
use crate::units::{ErrorCode, Now, Offset};

/// No snapshot is longer: that is a million partitions.
const LONGEST: i64 = 256 << 20;

/// What has come of a snapshot.
#[derive(Debug)]
pub(super) struct Loading {
    id: SnapshotId,
    bytes: BytesMut,
}

impl Node {
    /// The log begins behind this one.
    pub(super) fn begin_snapshot(&mut self, id: SnapshotId) -> Result<(), String> {
        let applied = self.image().next_offset();
        if id.end.0 <= applied {
            return Err(format!(
                "the controller offers its metadata up to offset {}, and they were committed up to {applied}: it has lost some",
                id.end
            ));
        }
        let bytes = BytesMut::new();
        self.observer.loading = Some(Loading { id, bytes });
        Ok(())
    }

    /// Asks for what is still missing of a snapshot; false where none is being fetched.
    pub(super) fn fetch_snapshot(&mut self) -> bool {
        let Some(Loading { id, bytes }) = &self.observer.loading else {
            return false;
        };
        let question = AskSnapshot {
            replica: self.broker_id(),
            leader_epoch: self.observer.epoch,
            snapshot: *id,
            position: bytes.len() as i64,
            max_bytes: MAX_BYTES,
        };
        self.ask(Peer::Controller, Question::Snapshot(question), Purpose::Metadata);
        true
    }

    /// One that cannot be had is given up: the next answer to a Fetch names another one.
    pub(super) fn snapshot_answered(&mut self, part: Result<SnapshotPart, ErrorCode>, now: Now) -> Result<(), String> {
        let Some(mut loading) = self.observer.loading.take() else {
            return Ok(());
        };
        let part = part.map_err(|error| format!("the controller does not give its snapshot: {error}"))?;
        loading.take_in(&part)?;
        if (loading.bytes.len() as i64) < part.size {
            self.observer.loading = Some(loading);
            return Ok(());
        }
        self.begin_behind(loading.id, &loading.bytes.freeze(), now)
    }

    fn begin_behind(&mut self, id: SnapshotId, bytes: &Bytes, now: Now) -> Result<(), String> {
        self.replace_image(bytes, id.end, now)?;
        self.observer.before = Some(id.epoch);
        // All of it is looked at once more as soon as nothing is missing.
        self.observer.is_caught_up = false;
        let restarted = self.restart_log(&metadata(), id.end, now).map(drop);
        restarted.map_err(|error| format!("the metadata log cannot begin at offset {}: {error}", id.end))
    }

    /// A log whose beginning is in no image any more is fetched anew.
    pub(super) fn forget_headless_metadata(&mut self, now: Now) -> Result<(), ErrorCode> {
        let begins = self.log(&metadata()).map(|log| log.segments()[0].base);
        match begins.filter(|begins| *begins > Offset(0)) {
            Some(_) => self.restart_log(&metadata(), Offset(0), now).map(drop),
            None => Ok(()),
        }
    }
}

impl Loading {
    fn take_in(&mut self, part: &SnapshotPart) -> Result<(), String> {
        let position = self.bytes.len() as i64;
        let end = position + part.bytes.len() as i64;
        if part.size > LONGEST {
            return Err(format!(
                "the controller's snapshot has {} bytes, and at most {LONGEST} are read",
                part.size
            ));
        }
        if part.position != position || end > part.size || part.bytes.is_empty() {
            return Err(format!(
                "the controller gives {} bytes at {} of a snapshot of {}, and those at {position} were asked for",
                part.bytes.len(),
                part.position,
                part.size
            ));
        }
        // All of its room at once, and nothing is moved while it grows.
        self.bytes.reserve(usize::try_from(part.size - position).unwrap_or(0));
        self.bytes.extend_from_slice(&part.bytes);
        Ok(())
    }
}
