//! The compression codecs of Kafka, in the framing that its Java client writes.

use std::io::{Read, Write};

/// The codec in the low three bits of a batch's attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Plain records.
    None,
    /// Gzip.
    Gzip,
    /// Snappy in the block framing of snappy-java.
    Snappy,
    /// An LZ4 frame of independent blocks.
    Lz4,
    /// A zstd frame.
    Zstd,
    /// An id that Kafka does not define; the bytes stay as they are.
    Unknown(u8),
}

/// Magic bytes of snappy-java's framing, with its version and its least compatible version.
const XERIAL: &[u8] = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";

impl Codec {
    /// The codec with a name as in `compression.type`, or with a bare id.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::None),
            "gzip" => Some(Self::Gzip),
            "snappy" => Some(Self::Snappy),
            "lz4" => Some(Self::Lz4),
            "zstd" => Some(Self::Zstd),
            id => id.parse().ok().filter(|id| *id < 8).map(Self::of_id),
        }
    }

    /// The codec with an id.
    pub fn of_id(id: u8) -> Self {
        match id {
            0 => Self::None,
            1 => Self::Gzip,
            2 => Self::Snappy,
            3 => Self::Lz4,
            4 => Self::Zstd,
            other => Self::Unknown(other),
        }
    }

    /// Its id.
    pub fn id(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
            Self::Unknown(id) => id,
        }
    }

    /// Its name as in `compression.type`.
    pub fn name(self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Gzip => "gzip".to_owned(),
            Self::Snappy => "snappy".to_owned(),
            Self::Lz4 => "lz4".to_owned(),
            Self::Zstd => "zstd".to_owned(),
            Self::Unknown(id) => format!("codec-{id}"),
        }
    }

    /// The records section of a batch.
    pub(super) fn compress(self, records: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Self::None | Self::Unknown(_) => Ok(records.to_vec()),
            Self::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(records)?;
                encoder.finish()
            }
            Self::Snappy => {
                let block = snap::raw::Encoder::new().compress_vec(records)?;
                let length = u32::try_from(block.len()).map_err(std::io::Error::other)?;
                Ok([XERIAL, &length.to_be_bytes(), &block].concat())
            }
            Self::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(
                    lz4_flex::frame::FrameInfo::new()
                        .block_size(lz4_flex::frame::BlockSize::Max64KB)
                        .block_mode(lz4_flex::frame::BlockMode::Independent),
                    Vec::new(),
                );
                encoder.write_all(records)?;
                encoder.finish().map_err(std::io::Error::other)
            }
            Self::Zstd => zstd::encode_all(records, 0),
        }
    }

    /// The records that a section holds.
    pub(super) fn expand(self, section: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Self::None => Ok(section.to_vec()),
            Self::Gzip => all_of(flate2::read::MultiGzDecoder::new(section)),
            Self::Snappy => expand_snappy(section),
            Self::Lz4 => all_of(lz4_flex::frame::FrameDecoder::new(section)),
            Self::Zstd => all_of(zstd::Decoder::new(section).map_err(|error| error.to_string())?),
            Self::Unknown(id) => Err(format!("codec {id}")),
        }
    }
}

/// The bytes are the target's: a few of them may claim to be very many.
const LARGEST: usize = 128 << 20;

fn too_large() -> String {
    format!("the records of a batch come to more than {LARGEST} bytes")
}

fn all_of(reader: impl Read) -> Result<Vec<u8>, String> {
    let mut records = Vec::new();
    let mut capped = reader.take(LARGEST as u64 + 1);
    capped.read_to_end(&mut records).map_err(|error| error.to_string())?;
    if records.len() > LARGEST {
        return Err(too_large());
    }
    Ok(records)
}

fn expand_snappy(section: &[u8]) -> Result<Vec<u8>, String> {
    let raw = |block: &[u8], before: usize| {
        // It is allocated before it is read.
        let length = snap::raw::decompress_len(block).map_err(|error| error.to_string())?;
        if length.saturating_add(before) > LARGEST {
            return Err(too_large());
        }
        snap::raw::Decoder::new()
            .decompress_vec(block)
            .map_err(|error| error.to_string())
    };
    if !section.starts_with(&XERIAL[..8]) {
        return raw(section, 0);
    }
    let mut rest = section.get(XERIAL.len()..).ok_or("a snappy header cut short")?;
    let mut records = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let block = after.get(..length).ok_or("a snappy block cut short")?;
        records.extend(raw(block, records.len())?);
        rest = &after[length..];
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::{Codec, LARGEST, too_large};

    #[test]
    fn few_bytes_that_claim_to_be_very_many_are_refused() {
        let blocks = vec![0; LARGEST + 1];
        for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
            let section = codec.compress(&blocks).expect("a Vec takes every write");
            assert_eq!(codec.expand(&section), Err(too_large()), "{}", codec.name());
        }
        let a_claim_alone = b"\xff\xff\xff\xff\x0f\0";
        assert_eq!(Codec::Snappy.expand(a_claim_alone), Err(too_large()));
    }

    #[test]
    fn every_codec_gives_back_what_it_took() {
        let records = b"some records, some records, some records".repeat(100);
        for id in 0..5 {
            let codec = Codec::of_id(id);
            let section = codec.compress(&records).expect("a Vec takes every write");
            assert_eq!(
                codec.expand(&section).as_deref(),
                Ok(records.as_slice()),
                "{}",
                codec.name()
            );
        }
    }
}
