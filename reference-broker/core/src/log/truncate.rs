//! A log cut at its end (KIP-101), or begun anew elsewhere: the files first, from the last on, so that whatever a crash leaves is a
//! log; then what is left is read as after a crash. The recovery point must be at or below the cut before.

use super::Log;
use super::checkpoint::{LEADER_EPOCHS, epochs_to_text};
use super::recover::{self, Opened, Opening, supersede};
use super::segment::{SEGMENT_FILES, Segment, file_name, offset_in};
use crate::store::{Store, StoreError};
use crate::units::{Now, Offset};

impl Log {
    /// The log without what stands at or behind `to`; a batch that reaches behind it goes as a whole.
    pub fn truncated(&self, store: &mut dyn Store, to: Offset, now: Now) -> Result<Self, StoreError> {
        self.cut_epochs(store, to)?;
        self.remove_snapshots(store, to)?;
        let (kept, gone): (Vec<_>, Vec<_>) = self.segments.iter().partition(|segment| segment.base <= to);
        for segment in gone.into_iter().rev() {
            self.remove_files(store, segment)?;
        }
        if let Some(last) = kept.last() {
            self.cut_file(store, last, to)?;
        }
        self.read_anew(store, self.log_start.min(to), self.high_watermark.min(to), now)
    }

    /// The log without an epoch that began at its end: this broker led in it and took nothing, and whoever led after it knows of no
    /// such epoch.
    pub fn without_empty_epoch(&self) -> Self {
        let mut left = self.clone();
        left.epochs.truncate_from_end(self.log_end);
        left
    }

    /// An empty log that begins at `at`: where the leader's has nothing that this one could go on from.
    pub fn restarted(&self, store: &mut dyn Store, at: Offset, now: Now) -> Result<Self, StoreError> {
        self.cut_epochs(store, Offset(0))?;
        self.remove_snapshots(store, Offset(-1))?;
        for segment in self.segments.iter().rev() {
            self.remove_files(store, segment)?;
        }
        store.append(&self.directory, &file_name(at, "log"), &[])?;
        self.read_anew(store, at, at, now)
    }

    /// Epochs come back from batches where those stay after all.
    fn cut_epochs(&self, store: &mut dyn Store, to: Offset) -> Result<(), StoreError> {
        let mut epochs = self.epochs.clone();
        epochs.truncate_from_end(to);
        let text = epochs_to_text(epochs.entries());
        supersede(store, &self.directory, LEADER_EPOCHS, text.as_bytes())
    }

    fn remove_snapshots(&self, store: &mut dyn Store, above: Offset) -> Result<(), StoreError> {
        for (file, _) in store.files(&self.directory)? {
            if offset_in(&file, "snapshot").is_some_and(|offset| offset > above) {
                store.remove(&self.directory, &file)?;
            }
        }
        Ok(())
    }

    fn remove_files(&self, store: &mut dyn Store, segment: &Segment) -> Result<(), StoreError> {
        SEGMENT_FILES
            .iter()
            .try_for_each(|suffix| store.remove(&self.directory, &file_name(segment.base, suffix)))
    }

    fn cut_file(&self, store: &mut dyn Store, segment: &Segment, to: Offset) -> Result<(), StoreError> {
        let Some((position, _)) = self.locate(store, segment, to)? else {
            return Ok(());
        };
        // Indexes may point behind the cut.
        for suffix in ["index", "timeindex", "txnindex"] {
            store.remove(&self.directory, &file_name(segment.base, suffix))?;
        }
        store.truncate(&self.directory, &segment.file(), position)
    }

    fn read_anew(
        &self,
        store: &mut dyn Store,
        log_start: Offset,
        high_watermark: Offset,
        now: Now,
    ) -> Result<Self, StoreError> {
        let opening = Opening {
            clean: false,
            recovery_point: self.recovery_point,
            log_start: Some(log_start),
            high_watermark: Some(high_watermark),
        };
        let Opened { log, .. } =
            recover::open(store, &self.directory, self.topic_id, self.config.clone(), opening, now)?;
        Ok(Self {
            leader_epoch: self.leader_epoch,
            ..log
        })
    }
}
