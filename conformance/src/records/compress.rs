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
        let mut records = Vec::new();
        let read =
            |reader: &mut dyn Read, out: &mut Vec<u8>| reader.read_to_end(out).map_err(|error| error.to_string());
        match self {
            Self::None => records.extend_from_slice(section),
            Self::Gzip => drop(read(&mut flate2::read::MultiGzDecoder::new(section), &mut records)?),
            Self::Snappy => records = expand_snappy(section)?,
            Self::Lz4 => drop(read(&mut lz4_flex::frame::FrameDecoder::new(section), &mut records)?),
            Self::Zstd => records = zstd::decode_all(section).map_err(|error| error.to_string())?,
            Self::Unknown(id) => return Err(format!("codec {id}")),
        }
        Ok(records)
    }
}

fn expand_snappy(section: &[u8]) -> Result<Vec<u8>, String> {
    let raw = |block: &[u8]| {
        snap::raw::Decoder::new()
            .decompress_vec(block)
            .map_err(|error| error.to_string())
    };
    if !section.starts_with(&XERIAL[..8]) {
        return raw(section);
    }
    let mut rest = section.get(XERIAL.len()..).ok_or("a snappy header cut short")?;
    let mut records = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        records.extend(raw(after.get(..length).ok_or("a snappy block cut short")?)?);
        rest = &after[length..];
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::Codec;

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
