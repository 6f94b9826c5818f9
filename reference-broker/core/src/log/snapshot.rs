//! The `.snapshot` files of a log: its producers at an offset, so that recovery need not read from the beginning.

use super::batch::{i16_at, i32_at, i64_at};
use super::producers::{Producer, Producers, Remembered};
use crate::units::{Offset, ProducerEpoch, ProducerId};

/// Bytes before the entries: version, checksum, count.
const HEAD: usize = 10;
/// Bytes before the part that the checksum covers.
const CHECKED_FROM: usize = 6;
/// Bytes of an entry.
const ENTRY: usize = 46;

/// The file's bytes, version 1. Of each producer only the last batch is kept, as Kafka does.
pub fn to_bytes(producers: &Producers) -> Vec<u8> {
    let all = producers.sorted();
    let mut bytes = Vec::with_capacity(HEAD + all.len() * ENTRY);
    bytes.extend_from_slice(&1i16.to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&(all.len() as i32).to_be_bytes());
    for (id, producer) in all {
        put(&mut bytes, id, producer);
    }
    let crc = crc32c::crc32c(&bytes[CHECKED_FROM..]);
    bytes[2..CHECKED_FROM].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// Producers from such a file; None when it is damaged.
pub fn from_bytes(bytes: &[u8]) -> Option<Producers> {
    if bytes.len() < HEAD || i16_at(bytes, 0) != 1 {
        return None;
    }
    let crc_holds = crc32c::crc32c(&bytes[CHECKED_FROM..]) == i32_at(bytes, 2) as u32;
    let count = usize::try_from(i32_at(bytes, 6)).ok()?;
    if !crc_holds || bytes.len() - HEAD != count.checked_mul(ENTRY)? {
        return None;
    }
    let mut producers = Producers::default();
    for entry in bytes[HEAD..].chunks_exact(ENTRY) {
        producers.restore(ProducerId(i64_at(entry, 0)), take(entry));
    }
    Some(producers)
}

fn put(bytes: &mut Vec<u8>, id: ProducerId, producer: &Producer) {
    let last = producer.batches.back();
    bytes.extend_from_slice(&id.0.to_be_bytes());
    bytes.extend_from_slice(&producer.epoch.0.to_be_bytes());
    bytes.extend_from_slice(&last.map_or(-1, |batch| batch.last_sequence).to_be_bytes());
    bytes.extend_from_slice(&last.map_or(-1, |batch| batch.last_offset.0).to_be_bytes());
    bytes.extend_from_slice(&last.map_or(0, |batch| batch.offset_delta).to_be_bytes());
    bytes.extend_from_slice(&producer.last_timestamp.to_be_bytes());
    bytes.extend_from_slice(&producer.coordinator_epoch.to_be_bytes());
    bytes.extend_from_slice(&producer.transaction_start.map_or(-1, |start| start.0).to_be_bytes());
}

fn take(entry: &[u8]) -> Producer {
    let last = Remembered {
        last_sequence: i32_at(entry, 10),
        last_offset: Offset(i64_at(entry, 14)),
        offset_delta: i32_at(entry, 22),
        timestamp: i64_at(entry, 26),
    };
    let transaction_start = i64_at(entry, 38);
    Producer {
        epoch: ProducerEpoch(i16_at(entry, 8)),
        batches: (last.last_offset.0 >= 0).then_some(last).into_iter().collect(),
        coordinator_epoch: i32_at(entry, 34),
        last_timestamp: last.timestamp,
        transaction_start: (transaction_start >= 0).then_some(Offset(transaction_start)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_reads_back_and_damage_shows() {
        let mut producers = Producers::default();
        let last = Remembered {
            last_sequence: 9,
            last_offset: Offset(19),
            offset_delta: 4,
            timestamp: 77,
        };
        producers.restore(
            ProducerId(3),
            Producer {
                epoch: ProducerEpoch(2),
                batches: [last].into(),
                coordinator_epoch: 5,
                last_timestamp: 77,
                transaction_start: Some(Offset(15)),
            },
        );
        let mut bytes = to_bytes(&producers);
        assert_eq!(from_bytes(&bytes), Some(producers));
        bytes[20] ^= 1;
        assert_eq!(from_bytes(&bytes), None);
        assert_eq!(from_bytes(&bytes[..7]), None);
    }
}
