//! After everything: what each replica of the load's partitions holds, batch by batch, from its broker's own files. A target whose
//! files are not ours to read says nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep};

use crate::history::{Event, Name, Place};
use crate::records::first;
use crate::target::Running;
use crate::workload::Stage;

/// Followers are given until then to have what their leaders have.
const BETWEEN: Duration = Duration::from_millis(300);

/// Where a batch says how far behind its first offset its last one is.
const LAST_OFFSET_DELTA: usize = 23;

/// A replica and its batches, in order.
struct Replica {
    broker: usize,
    place: Place,
    from: i64,
    batches: Vec<Batch>,
}

#[derive(PartialEq)]
struct Batch {
    offset: i64,
    to: i64,
    digest: String,
}

/// Notes what replicas hold, once they all hold the same or `patience` is over.
pub(super) async fn note(stage: &Stage, running: &Running, patience: Duration) {
    let brokers = 0..running.brokers();
    if brokers.len() < 2 {
        return;
    }
    let Some(dirs) = brokers
        .map(|broker| running.data_dir(broker).map(Path::to_owned))
        .collect::<Option<Vec<_>>>()
    else {
        return;
    };
    let deadline = Instant::now() + patience;
    loop {
        let (dirs, places) = (dirs.clone(), stage.places());
        let read = tokio::task::spawn_blocking(move || read_all(&dirs, &places)).await;
        // Files go while they are read, where segments are rolled and cut.
        if let Ok(Ok(replicas)) = read
            && (alike(&replicas) || Instant::now() >= deadline)
        {
            replicas.iter().for_each(|replica| replica.tell(stage));
            return;
        }
        if Instant::now() >= deadline {
            return;
        }
        sleep(BETWEEN).await;
    }
}

impl Replica {
    fn tell(&self, stage: &Stage) {
        let process = Name::from(format!("broker {}", self.broker));
        let recorder = stage.recorder();
        for batch in &self.batches {
            let event = Event::Batch {
                partition: self.place.clone(),
                offset: batch.offset,
                to: batch.to,
                digest: batch.digest.as_str().into(),
            };
            recorder.add(&process, event);
        }
        let event = Event::Replica {
            partition: self.place.clone(),
            from: self.from,
            to: self.batches.last().map_or(self.from, |batch| batch.to),
        };
        recorder.add(&process, event);
    }
}

fn alike(replicas: &[Replica]) -> bool {
    replicas.iter().all(|one| {
        let mut others = replicas.iter().filter(|other| other.place == one.place);
        others.all(|other| other.batches == one.batches)
    })
}

fn read_all(dirs: &[PathBuf], places: &[Place]) -> io::Result<Vec<Replica>> {
    let mut replicas = Vec::new();
    for place in places {
        for (broker, dir) in dirs.iter().enumerate() {
            replicas.push(read(dir, broker, place)?);
        }
    }
    Ok(replicas)
}

fn read(data: &Path, broker: usize, place: &Place) -> io::Result<Replica> {
    let segments = match directory(data, &format!("{}-{}", place.topic, place.partition))? {
        Some(directory) => segments(&directory)?,
        None => Vec::new(),
    };
    let mut batches = Vec::new();
    for (_, segment) in &segments {
        batches.extend(in_segment(&fs::read(segment)?));
    }
    Ok(Replica {
        broker,
        place: place.clone(),
        from: segments.first().map_or(0, |(base, _)| *base),
        batches,
    })
}

/// A partition lies in the data directory, or in a log directory within.
fn directory(data: &Path, name: &str) -> io::Result<Option<PathBuf>> {
    let within = fs::read_dir(data)?.map(|entry| entry.map(|entry| entry.path()));
    let places: Vec<PathBuf> = within.collect::<io::Result<_>>()?;
    let mut found = std::iter::once(data.to_owned())
        .chain(places)
        .map(|place| place.join(name));
    Ok(found.find(|place| place.is_dir()))
}

fn segments(directory: &Path) -> io::Result<Vec<(i64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let base = stem.and_then(|stem| stem.parse().ok());
        if let Some(base) = base.filter(|_| path.extension().is_some_and(|extension| extension == "log")) {
            found.push((base, path));
        }
    }
    found.sort();
    Ok(found)
}

/// All that is whole.
fn in_segment(bytes: &[u8]) -> Vec<Batch> {
    let mut batches = Vec::new();
    let mut rest = bytes;
    while let Some(batch) = first(rest) {
        let number = |at: usize, length: usize| {
            let bytes = batch[at..at + length].iter();
            bytes.fold(0_i64, |number, byte| number << 8 | i64::from(*byte))
        };
        let offset = number(0, 8);
        let to = offset + number(LAST_OFFSET_DELTA, 4) + 1;
        let digest = Sha256::digest(batch);
        let digest = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        batches.push(Batch { offset, to, digest });
        rest = &rest[batch.len()..];
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{BatchSpec, RecordSpec};

    fn record() -> RecordSpec {
        RecordSpec {
            key: None,
            value: Some(b"v".to_vec()),
            headers: Vec::new(),
            timestamp: 1,
        }
    }

    #[test]
    fn segments_are_read_in_their_order_up_to_what_is_cut_off() {
        let data = tempfile::tempdir().expect("a directory");
        let partition = data.path().join("logs/t-0");
        fs::create_dir_all(&partition).expect("a directory");
        let batch = |base_offset: i64| {
            let mut bytes = BatchSpec::of(vec![record(), record()]).bytes().expect("in memory");
            bytes[..8].copy_from_slice(&base_offset.to_be_bytes());
            bytes
        };
        let cut_off = [&batch(4)[..], &batch(6)[..30]].concat();
        fs::write(partition.join("00000000000000000004.log"), cut_off).expect("written");
        fs::write(partition.join("00000000000000000002.log"), batch(2)).expect("written");
        fs::write(partition.join("00000000000000000000.log.deleted"), batch(0)).expect("written");
        let place = Place::parse("t/0").expect("a partition");
        let found = read(data.path(), 0, &place).expect("readable");
        let offsets: Vec<(i64, i64)> = found.batches.iter().map(|batch| (batch.offset, batch.to)).collect();
        assert_eq!((found.from, offsets), (2, vec![(2, 4), (4, 6)]));
        let nothing = read(data.path(), 1, &Place::parse("t/1").expect("a partition")).expect("readable");
        assert!(nothing.batches.is_empty() && !alike(&[found, Replica { place, ..nothing }]));
    }
}
