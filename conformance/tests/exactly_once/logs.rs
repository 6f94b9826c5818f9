//! What the log files of a topic tell of its transactions: batches are read as they lie there.

use std::collections::BTreeSet;
use std::path::Path;

const TRANSACTIONAL: u8 = 0x10;
const CONTROL: u8 = 0x20;

/// The transactions of a topic.
#[derive(Debug)]
pub(crate) struct Transactions {
    /// How many pairs of producer id and epoch wrote records.
    pub(crate) epochs: usize,
    /// How many transactions ended, counted where most of them did.
    pub(crate) ended: usize,
}

pub(crate) fn transactions(data: &Path, topic: &str) -> Transactions {
    let (mut epochs, mut ended) = (BTreeSet::new(), 0);
    for partition in 0..super::arena::PARTITIONS {
        let file = data.join(format!("{topic}-{partition}/00000000000000000000.log"));
        let bytes = std::fs::read(file).unwrap();
        let (mut rest, mut markers) = (bytes.as_slice(), 0);
        // Base offset, length, leader epoch, magic, CRC, attributes (21..23), …, producer id and epoch (43..53).
        while rest.len() > 61 {
            let size = 12 + u32::from_be_bytes(rest[8..12].try_into().unwrap()) as usize;
            match rest[22] & (TRANSACTIONAL | CONTROL) {
                TRANSACTIONAL => drop(epochs.insert(rest[43..53].to_vec())),
                0 => {}
                _ => markers += 1,
            }
            rest = &rest[size..];
        }
        ended = ended.max(markers);
    }
    Transactions {
        epochs: epochs.len(),
        ended,
    }
}
