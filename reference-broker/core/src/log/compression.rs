//! The codecs of Kafka's batches, undone as a stream and under a cap, because a few bytes can claim to be gigabytes.

use std::io::{self, BufRead, BufReader, Read, Write};

/// The most that the records of one batch may grow to.
pub const INFLATED_LIMIT: u64 = 128 << 20;
/// What snappy-java writes before its blocks.
const XERIAL_MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
const XERIAL_HEADER: usize = 16;
const XERIAL_BLOCK: usize = 32 << 10;
/// A snappy copy of three bytes stands for at most 64.
const SNAPPY_GROWTH: usize = 22;

/// A codec by its id in the batch attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Codec {
    /// As they are.
    None = 0,
    /// RFC 1952.
    Gzip = 1,
    /// Snappy blocks in the framing of snappy-java, or one bare block.
    Snappy = 2,
    /// An LZ4 frame.
    Lz4 = 3,
    /// RFC 8878.
    Zstd = 4,
}

impl Codec {
    /// The codec with this id.
    pub fn from_id(id: u8) -> Option<Self> {
        [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd]
            .into_iter()
            .find(|codec| *codec as u8 == id)
    }

    /// The codec that `compression.type` names; `uncompressed` is none, `producer` is no codec.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "uncompressed" | "none" => Some(Self::None),
            "gzip" => Some(Self::Gzip),
            "snappy" => Some(Self::Snappy),
            "lz4" => Some(Self::Lz4),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// Reads what the codec made of the records: `left` bytes at most, which grow fewer as they are read.
pub fn open<'a>(codec: Codec, bytes: &'a [u8], left: &'a mut u64) -> io::Result<Box<dyn BufRead + 'a>> {
    Ok(match codec {
        Codec::None => Box::new(bytes),
        // Of no bytes at all Java's zstd makes no bytes; its other codecs miss their headers.
        Codec::Zstd if bytes.is_empty() => Box::new(bytes),
        _ if bytes.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
        Codec::Gzip => capped(Gzip::new(bytes), left),
        Codec::Snappy => capped(Snappy::new(bytes), left),
        Codec::Lz4 => capped(lz4_flex::frame::FrameDecoder::new(bytes), left),
        Codec::Zstd => capped(zstd::stream::read::Decoder::with_buffer(bytes)?, left),
    })
}

/// Puts records under a codec, at Kafka's default level.
pub fn compress(codec: Codec, bytes: &[u8]) -> io::Result<Vec<u8>> {
    match codec {
        Codec::None => Ok(bytes.to_vec()),
        Codec::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(bytes)?;
            encoder.finish()
        }
        Codec::Snappy => xerial(bytes),
        Codec::Lz4 => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
            encoder.write_all(bytes)?;
            encoder.finish().map_err(io::Error::other)
        }
        Codec::Zstd => zstd::bulk::compress(bytes, 3),
    }
}

fn capped<'a>(reader: impl Read + 'a, left: &'a mut u64) -> Box<dyn BufRead + 'a> {
    Box::new(BufReader::new(Capped { reader, left }))
}

/// Fails once more bytes come out than anyone has use for.
struct Capped<'a, R> {
    reader: R,
    left: &'a mut u64,
}

impl<R: Read> Read for Capped<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(into)?;
        *self.left = self.left.checked_sub(read as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(read)
    }
}

/// The members of a gzip file. As for Java's reader, what follows a member and is no member is nothing at all.
struct Gzip<'a> {
    member: flate2::bufread::GzDecoder<&'a [u8]>,
    is_first: bool,
}

/// Fewer bytes than this behind a member are not looked at: they cannot be one.
const LEAST_GZIP_MEMBER: usize = 19;

impl<'a> Gzip<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            member: flate2::bufread::GzDecoder::new(bytes),
            is_first: true,
        }
    }
}

impl Read for Gzip<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.member.read(into) {
                Ok(0) if !into.is_empty() && self.member.get_ref().len() >= LEAST_GZIP_MEMBER => {
                    *self = Self {
                        member: flate2::bufread::GzDecoder::new(self.member.get_ref()),
                        is_first: false,
                    };
                }
                Err(_) if !self.is_first && self.member.header().is_none() => return Ok(0),
                read => return read,
            }
        }
    }
}

/// Snappy blocks, one at a time.
struct Snappy<'a> {
    rest: &'a [u8],
    framed: bool,
    block: Vec<u8>,
    at: usize,
}

impl<'a> Snappy<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let framed = bytes.len() >= XERIAL_HEADER && bytes.starts_with(&XERIAL_MAGIC);
        let rest = if framed { &bytes[XERIAL_HEADER..] } else { bytes };
        Self {
            rest,
            framed,
            block: Vec::new(),
            at: 0,
        }
    }

    fn next_block(&mut self) -> io::Result<()> {
        let compressed = if self.framed {
            self.take_framed()?
        } else {
            std::mem::take(&mut self.rest)
        };
        let length = snap::raw::decompress_len(compressed).map_err(io::Error::other)?;
        if length > compressed.len().saturating_mul(SNAPPY_GROWTH) {
            return Err(io::Error::other("a snappy block declares more than it can hold"));
        }
        self.block.resize(length, 0);
        self.at = 0;
        snap::raw::Decoder::new()
            .decompress(compressed, &mut self.block)
            .map_err(io::Error::other)?;
        Ok(())
    }

    fn take_framed(&mut self) -> io::Result<&'a [u8]> {
        let (length, rest) = self.rest.split_first_chunk::<4>().ok_or(io::ErrorKind::UnexpectedEof)?;
        let length = usize::try_from(i32::from_be_bytes(*length)).map_err(io::Error::other)?;
        let (block, rest) = rest.split_at_checked(length).ok_or(io::ErrorKind::UnexpectedEof)?;
        self.rest = rest;
        Ok(block)
    }
}

impl Read for Snappy<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.block.len() {
            if self.rest.is_empty() {
                return Ok(0);
            }
            self.next_block()?;
        }
        let read = (self.block.len() - self.at).min(into.len());
        into[..read].copy_from_slice(&self.block[self.at..self.at + read]);
        self.at += read;
        Ok(read)
    }
}

fn xerial(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut framed = XERIAL_MAGIC.to_vec();
    framed.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 1]);
    for chunk in bytes.chunks(XERIAL_BLOCK) {
        let block = snap::raw::Encoder::new()
            .compress_vec(chunk)
            .map_err(io::Error::other)?;
        framed.extend_from_slice(&(block.len() as u32).to_be_bytes());
        framed.extend_from_slice(&block);
    }
    Ok(framed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_gives_back_what_it_was_given() {
        let bytes: Vec<u8> = (0..100_000u32).flat_map(|n| (n / 7).to_be_bytes()).collect();
        for codec in [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
            let compressed = compress(codec, &bytes).expect("compresses");
            let mut back = Vec::new();
            open(codec, &compressed, &mut { INFLATED_LIMIT })
                .expect("opens")
                .read_to_end(&mut back)
                .expect("reads");
            assert_eq!(back, bytes, "{codec:?}");
        }
    }

    #[test]
    fn a_bare_snappy_block_is_read_as_librdkafka_writes_it() {
        let block = snap::raw::Encoder::new()
            .compress_vec(b"hello hello hello")
            .expect("compresses");
        let mut back = Vec::new();
        open(Codec::Snappy, &block, &mut { INFLATED_LIMIT })
            .expect("opens")
            .read_to_end(&mut back)
            .expect("reads");
        assert_eq!(back, b"hello hello hello");
    }

    #[test]
    fn a_snappy_block_that_declares_four_gigabytes_is_refused_unread() {
        let mut left = INFLATED_LIMIT;
        let mut reader = open(Codec::Snappy, &[0xff, 0xff, 0xff, 0xff, 0x0f, 0x00], &mut left).expect("opens");
        assert!(reader.read_to_end(&mut Vec::new()).is_err());
    }

    #[test]
    fn what_grows_without_end_is_cut_off() {
        let zeros = vec![0u8; 1 << 20];
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        for _ in 0..=(INFLATED_LIMIT >> 20) {
            encoder.write_all(&zeros).expect("compresses");
        }
        let bomb = encoder.finish().expect("compresses");
        let mut left = INFLATED_LIMIT;
        let mut reader = open(Codec::Gzip, &bomb, &mut left).expect("opens");
        let error = io::copy(&mut reader, &mut io::sink()).expect_err("too large");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
