//! Record batches of magic 2, byte by byte, also wrong on purpose. Nothing here knows requests or brokers.

mod compress;
mod read;
mod varint;
mod write;

pub use compress::Codec;
pub use read::{Batch, ReadRecord, first, read_all};
pub use write::{BatchSpec, RecordSpec};

/// Bytes from the start of a batch up to its records.
pub(crate) const HEADER: usize = 61;
/// Where the CRC stands; it covers everything after itself.
pub(crate) const CRC_AT: usize = 17;
