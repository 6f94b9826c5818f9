//! Logs on a store in memory, from the outside: appended to, damaged, opened again, and compared with something slower.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod appends;
mod compaction;
mod reads;
mod recovery;
mod replication;
mod retention;
mod walks;

use bytes::Bytes;

use super::append::{Appended, Refusal};
use super::batch::{BatchHeader, HEADER_LENGTH};
use super::build::{Batch, put_varlong};
use super::compression::{self, Codec};
use super::producers::TransactionResult;
use super::walk::Walked;
use super::{Log, read};
use crate::Node;
use crate::config::{BrokerConfig, TopicConfig};
use crate::image::Listener;
use crate::node::Identity;
use crate::store::Store;
pub(crate) use crate::store::memory::SharedStore as Shared;
use crate::units::{ErrorCode, LeaderEpoch, Now, Offset, ProducerEpoch, ProducerId, TopicId, TopicPartition};

pub(crate) const NOW: Now = Now {
    unix_ms: 1_700_000_000_000,
    monotonic_ms: 5_000,
};

/// The broker that lives here, in one of its lives.
pub(crate) fn identity(incarnation: u8) -> Identity {
    Identity {
        listeners: vec![Listener::plaintext("PLAINTEXT", "localhost", 9092)],
        cluster_id: [1; 16],
        directory_id: [2; 16],
        incarnation_id: [incarnation; 16],
    }
}

/// The metadata know nothing of this partition, so that its directory was set aside.
fn unstray(store: &Shared, tp: &TopicPartition) {
    let directories = store.directories().unwrap();
    if let Some(stray) = directories.iter().find(|name| name.ends_with("-stray")) {
        store.clone().rename_directory(stray, &tp.to_string()).unwrap();
    }
}

/// One partition of one broker.
pub(crate) struct Bench {
    pub(crate) store: Shared,
    pub(crate) node: Node,
    pub(crate) tp: TopicPartition,
}

impl Bench {
    pub(crate) fn new(config: TopicConfig) -> Self {
        Self::on(Shared::default(), config)
    }

    /// A broker that starts on a store, whatever is in it.
    pub(crate) fn on(store: Shared, config: TopicConfig) -> Self {
        Self::leading(store, config, LeaderEpoch(3))
    }

    /// The same in an epoch, -1 for no leader.
    pub(crate) fn leading(store: Shared, config: TopicConfig, epoch: LeaderEpoch) -> Self {
        let identity = identity(3);
        let mut node = Node::open(Box::new(store.clone()), BrokerConfig::default(), identity, NOW).unwrap();
        let tp = TopicPartition::new("t", 0);
        unstray(&store, &tp);
        node.create_log(&tp, TopicId([7; 16]), config, epoch, NOW).unwrap();
        Self { store, node, tp }
    }

    pub(crate) fn log(&self) -> &Log {
        self.node.log(&self.tp).unwrap()
    }

    pub(crate) fn produce(&mut self, bytes: &Bytes) -> Result<Appended, Refusal> {
        self.node.produce(&self.tp.clone(), Walked::new(bytes, 1 << 20), NOW)
    }

    pub(crate) fn error(&mut self, bytes: &Bytes) -> Option<ErrorCode> {
        self.produce(bytes).err().map(|refusal| refusal.error)
    }

    /// Every batch of the log: header and the bytes behind it.
    pub(crate) fn batches(&self) -> Vec<(BatchHeader, Vec<u8>)> {
        let store = self.store.lock();
        let mut batches = Vec::new();
        for segment in self.log().segments() {
            let size = segment.size;
            let bytes = read::read_all(&*store, self.log().directory(), &segment.file(), size).unwrap();
            let mut rest = &bytes[..];
            while let Some(header) = BatchHeader::read(rest) {
                let (batch, after) = rest.split_at(header.size() as usize);
                batches.push((header, batch[HEADER_LENGTH..].to_vec()));
                rest = after;
            }
            assert!(rest.is_empty(), "a segment ends with a batch");
        }
        batches
    }
}

/// A record of a test: time, key, value.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) timestamp: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
}

pub(crate) fn sample(timestamp: i64, value: &str) -> Sample {
    Sample {
        timestamp,
        key: Some(b"k".to_vec()),
        value: Some(value.as_bytes().to_vec()),
    }
}

/// A batch as a producer would send it.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) samples: Vec<Sample>,
    pub(crate) codec: Codec,
    pub(crate) producer: Option<(i64, i16, i32)>,
}

impl Sent {
    pub(crate) fn new(values: &[&str]) -> Self {
        let samples = values.iter().map(|value| sample(NOW.unix_ms, value)).collect();
        Self {
            samples,
            codec: Codec::None,
            producer: None,
        }
    }

    pub(crate) fn at(timestamps: &[i64]) -> Self {
        let samples = timestamps.iter().map(|timestamp| sample(*timestamp, "v")).collect();
        Self {
            samples,
            codec: Codec::None,
            producer: None,
        }
    }

    pub(crate) fn codec(self, codec: Codec) -> Self {
        Self { codec, ..self }
    }

    pub(crate) fn by(self, id: i64, epoch: i16, sequence: i32) -> Self {
        Self {
            producer: Some((id, epoch, sequence)),
            ..self
        }
    }

    pub(crate) fn batch(&self) -> Batch {
        let base = self.samples.first().map_or(-1, |sample| sample.timestamp);
        let mut body = Vec::new();
        for (delta, sample) in self.samples.iter().enumerate() {
            let mut record = vec![0];
            put_varlong(&mut record, sample.timestamp - base);
            put_varlong(&mut record, delta as i64);
            for field in [&sample.key, &sample.value] {
                put_varlong(&mut record, field.as_ref().map_or(-1, |field| field.len() as i64));
                record.extend(field.iter().flatten());
            }
            put_varlong(&mut record, 1);
            put_varlong(&mut record, 1);
            record.push(b'h');
            put_varlong(&mut record, -1);
            put_varlong(&mut body, record.len() as i64);
            body.extend(record);
        }
        let (id, epoch, sequence) = self.producer.unwrap_or((-1, -1, -1));
        let records = compression::compress(self.codec, &body).unwrap().into();
        let empty = Batch::of(&[], base);
        let header = BatchHeader {
            attributes: self.codec as i16,
            last_offset_delta: self.samples.len() as i32 - 1,
            max_timestamp: self.samples.iter().map(|sample| sample.timestamp).max().unwrap_or(-1),
            producer_id: ProducerId(id),
            producer_epoch: ProducerEpoch(epoch),
            base_sequence: sequence,
            count: self.samples.len() as i32,
            ..empty.header
        };
        Batch { header, records }.sealed()
    }

    pub(crate) fn bytes(&self) -> Bytes {
        self.batch().to_bytes()
    }

    /// The same with another header, its checksum made to hold.
    pub(crate) fn forged(&self, forge: impl FnOnce(&mut BatchHeader)) -> Bytes {
        let mut batch = self.batch();
        forge(&mut batch.header);
        batch.sealed().to_bytes()
    }
}

pub(crate) fn offsets(appended: &Appended) -> (i64, i64) {
    (appended.base_offset.0, appended.last_offset.0)
}

pub(crate) const CODECS: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

pub(crate) fn small_segments() -> TopicConfig {
    TopicConfig {
        segment_bytes: 1_000,
        index_interval_bytes: 200,
        ..TopicConfig::default()
    }
}

pub(crate) fn at(offset: i64) -> Offset {
    Offset(offset)
}

impl Bench {
    /// Writes an EndTxn marker as a coordinator would have it written.
    pub(crate) fn end_transaction(&mut self, producer_id: i64, verdict: TransactionResult) {
        let kind = match verdict {
            TransactionResult::Abort => 0,
            TransactionResult::Commit => 1,
        };
        let record = (
            Some(Bytes::from(vec![0, 0, 0, kind])),
            Some(Bytes::from_static(&[0, 0, 0, 0, 0, 2])),
        );
        let mut batch = Batch::of(&[record], NOW.unix_ms);
        (batch.header.producer_id, batch.header.producer_epoch) = (ProducerId(producer_id), ProducerEpoch(0));
        batch.header.attributes = 0x30;
        self.node.append_batch(&self.tp.clone(), batch.sealed(), NOW).unwrap();
    }
}
