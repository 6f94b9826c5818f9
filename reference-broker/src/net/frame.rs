//! Length-prefixed frames. The length is checked before anything is allocated, and memory grows with the bytes that have
//! arrived, never with those that were promised.

use std::io;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// Why no further frame comes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("the peer closed the connection")]
    Ended,
    #[error("the peer closed the connection in the middle of a frame")]
    Truncated,
    #[error("frame length {0} is outside 0..={1}")]
    Length(i32, i32),
    #[error("nothing arrived for {0:?}")]
    Idle(Duration),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads frames from one connection.
pub(crate) struct FrameReader {
    buffer: BytesMut,
    max_bytes: i32,
    idle: Duration,
    /// How much is read at once: the next frame is thought to be as long as the last one was.
    expected: usize,
}

/// How much room is made ahead of the bytes that arrive.
const CHUNK: usize = 16 << 10;
/// And at most where long frames are expected.
const MOST_EXPECTED: usize = 64 << 10;

impl FrameReader {
    /// `max_bytes` is `socket.request.max.bytes`; `idle` is `connections.max.idle.ms`.
    pub(crate) fn new(max_bytes: i32, idle: Duration) -> Self {
        Self {
            buffer: BytesMut::new(),
            max_bytes,
            idle,
            expected: CHUNK,
        }
    }

    /// The next frame without its length prefix.
    pub(crate) async fn next(&mut self, socket: &mut (impl AsyncRead + Unpin)) -> Result<Bytes, FrameError> {
        while self.buffer.len() < 4 {
            if self.fill(socket, self.expected).await? == 0 {
                return Err(if self.buffer.is_empty() {
                    FrameError::Ended
                } else {
                    FrameError::Truncated
                });
            }
        }
        let claimed = i32::from_be_bytes([self.buffer[0], self.buffer[1], self.buffer[2], self.buffer[3]]);
        let length = usize::try_from(claimed).ok().filter(|_| claimed <= self.max_bytes);
        let length = length.ok_or(FrameError::Length(claimed, self.max_bytes))?;
        self.buffer.advance(4);
        while self.buffer.len() < length {
            // Doubling what has arrived keeps copies linear; capping at the frame keeps the next one out of its way.
            let room = (length - self.buffer.len()).min(self.buffer.len().max(CHUNK));
            if self.fill(socket, room).await? == 0 {
                return Err(FrameError::Truncated);
            }
        }
        // One byte more shows whether there is more, without another read that finds nothing.
        self.expected = (length + 5).clamp(CHUNK, MOST_EXPECTED);
        let frame = self.buffer.split_to(length).freeze();
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        Ok(frame)
    }

    async fn fill(&mut self, socket: &mut (impl AsyncRead + Unpin), room: usize) -> Result<usize, FrameError> {
        if self.buffer.capacity() - self.buffer.len() < room {
            self.buffer.reserve(room);
        }
        let mut room = (&mut self.buffer).limit(room);
        let reading = socket.read_buf(&mut room);
        // Who waits for ever needs no timer.
        if self.idle == Duration::MAX {
            return Ok(reading.await?);
        }
        match timeout(self.idle, reading).await {
            Ok(read) => Ok(read?),
            Err(_) => Err(FrameError::Idle(self.idle)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader() -> FrameReader {
        FrameReader::new(100, Duration::from_secs(5))
    }

    #[tokio::test]
    async fn two_frames_in_one_packet_are_two_frames() {
        let mut socket: &[u8] = &[0, 0, 0, 1, 7, 0, 0, 0, 2, 8, 9];
        let mut reader = reader();
        assert_eq!(reader.next(&mut socket).await.expect("first"), Bytes::from_static(&[7]));
        assert_eq!(
            reader.next(&mut socket).await.expect("second"),
            Bytes::from_static(&[8, 9])
        );
        assert!(matches!(reader.next(&mut socket).await, Err(FrameError::Ended)));
    }

    #[tokio::test]
    async fn as_much_is_read_at_once_as_the_last_frame_had_within_bounds() {
        let mut reader = FrameReader::new(i32::MAX, Duration::from_secs(5));
        for (length, expected) in [(10, CHUNK), (40 << 10, (40 << 10) + 5), (1 << 20, MOST_EXPECTED)] {
            let mut frame = u32::try_from(length).expect("small").to_be_bytes().to_vec();
            frame.resize(4 + length, 7);
            let mut socket = frame.as_slice();
            assert_eq!(reader.next(&mut socket).await.expect("a frame").len(), length);
            assert_eq!(reader.expected, expected);
        }
    }

    #[tokio::test]
    async fn a_length_that_is_negative_or_too_large_is_refused_before_its_bytes_arrive() {
        for length in [-1, i32::MIN, 101, i32::MAX] {
            let bytes = i32::to_be_bytes(length);
            let mut socket: &[u8] = &bytes;
            assert!(matches!(reader().next(&mut socket).await, Err(FrameError::Length(..))));
        }
    }

    #[tokio::test]
    async fn a_promise_of_many_bytes_reserves_little() {
        let mut reader = FrameReader::new(i32::MAX, Duration::from_secs(5));
        let mut socket: &[u8] = &[0x40, 0, 0, 0, 1];
        assert!(matches!(reader.next(&mut socket).await, Err(FrameError::Truncated)));
        assert!(reader.buffer.capacity() <= 64 << 10, "{}", reader.buffer.capacity());
    }
}
