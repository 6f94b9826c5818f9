//! Numbers, lengths and tagged fields on the wire, for the generated messages. Owns layout only. Reading never panics and
//! allocates no more than the bytes that are there can fill.

use bytes::Bytes;

/// Why a message cannot be written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Kafka 4.3.1 has no such version of it.
    #[error("{message} has no version {version}")]
    Version {
        /// The message.
        message: &'static str,
        /// The version asked for.
        version: i16,
    },
    /// No metadata record has this type.
    #[error("no metadata record has type {0}")]
    Type(i16),
    /// A field that the version lacks holds something that must not go unsaid.
    #[error("{field} is set, which the version lacks")]
    Absent {
        /// `Message.field`.
        field: &'static str,
    },
    /// A field is null in a version that has no null for it.
    #[error("{field} is null, which the version cannot say")]
    Null {
        /// `Message.field`.
        field: &'static str,
    },
    /// A string of so many bytes, more than an int16 can tell.
    #[error("a string of {0} bytes, more than an int16 can tell")]
    TooLong(usize),
    /// The bytes are not this message.
    #[error("at byte {offset}: {what}")]
    Bytes {
        /// Where.
        offset: usize,
        /// What is wrong there.
        what: &'static str,
    },
}

/// Bytes being written.
#[derive(Debug)]
pub struct Writer {
    out: Vec<u8>,
    flexible: bool,
}

/// The tagged fields of a struct, in rising order.
#[derive(Debug, Default)]
pub struct Tags(Vec<(u32, Vec<u8>)>);

macro_rules! numbers {
    ($($name:ident $of:ty),* $(,)?) => {
        #[expect(missing_docs, reason = "the names are Kafka's types")]
        impl Writer {
            $(pub fn $name(&mut self, value: $of) {
                self.out.extend(value.to_be_bytes());
            })*
        }

        #[expect(missing_docs, reason = "the names are Kafka's types")]
        impl Reader<'_> {
            $(pub fn $name(&mut self) -> Result<$of, RecordError> {
                self.fixed().map(<$of>::from_be_bytes)
            })*
        }
    };
}

numbers!(int8 i8, int16 i16, uint16 u16, int32 i32, uint32 u32, int64 i64, float64 f64);

impl Writer {
    /// Nothing written yet.
    pub fn new(flexible: bool) -> Self {
        Self {
            out: Vec::new(),
            flexible,
        }
    }

    /// What was written.
    pub fn finish(self) -> Bytes {
        self.out.into()
    }

    /// One byte.
    pub fn bool(&mut self, value: bool) {
        self.out.push(value.into());
    }

    /// Sixteen bytes.
    pub fn uuid(&mut self, value: [u8; 16]) {
        self.out.extend(value);
    }

    /// An unsigned varint.
    pub fn varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }

    /// A string.
    pub fn string(&mut self, text: &str) -> Result<(), RecordError> {
        self.nullable_string(Some(text))
    }

    /// A string or null.
    pub fn nullable_string(&mut self, text: Option<&str>) -> Result<(), RecordError> {
        match (text, self.flexible) {
            (text, true) => self.length(text.map(str::len)),
            (None, false) => self.int16(-1),
            (Some(text), false) => self.int16(i16::try_from(text.len()).map_err(|_| RecordError::TooLong(text.len()))?),
        }
        self.out.extend_from_slice(text.unwrap_or_default().as_bytes());
        Ok(())
    }

    /// Bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.nullable_bytes(Some(bytes));
    }

    /// Bytes or null.
    pub fn nullable_bytes(&mut self, bytes: Option<&[u8]>) {
        self.length(bytes.map(<[u8]>::len));
        self.out.extend_from_slice(bytes.unwrap_or_default());
    }

    /// An array; `write` writes an element.
    pub fn array<T>(
        &mut self,
        elements: &[T],
        write: impl FnMut(&mut Self, &T) -> Result<(), RecordError>,
    ) -> Result<(), RecordError> {
        self.nullable_array(Some(elements), write)
    }

    /// An array or null.
    pub fn nullable_array<T>(
        &mut self,
        elements: Option<&[T]>,
        mut write: impl FnMut(&mut Self, &T) -> Result<(), RecordError>,
    ) -> Result<(), RecordError> {
        self.length(elements.map(<[T]>::len));
        elements
            .unwrap_or_default()
            .iter()
            .try_for_each(|element| write(self, element))
    }

    /// A struct or null: a byte tells which.
    pub fn nullable<T>(
        &mut self,
        value: Option<&T>,
        write: impl FnOnce(&mut Self, &T) -> Result<(), RecordError>,
    ) -> Result<(), RecordError> {
        self.int8(if value.is_some() { 1 } else { -1 });
        value.map_or(Ok(()), |value| write(self, value))
    }

    /// A struct or null in a tagged field, where the byte that tells which is a varint.
    pub fn nullable_tagged<T>(
        &mut self,
        value: Option<&T>,
        write: impl FnOnce(&mut Self, &T) -> Result<(), RecordError>,
    ) -> Result<(), RecordError> {
        self.varint(u32::from(value.is_some()));
        value.map_or(Ok(()), |value| write(self, value))
    }

    /// Ends a struct of a flexible version.
    pub fn tags(&mut self, tags: Tags) {
        self.varint(tags.0.len() as u32);
        for (tag, bytes) in tags.0 {
            self.varint(tag);
            self.varint(bytes.len() as u32);
            self.out.extend(bytes);
        }
    }

    fn length(&mut self, length: Option<usize>) {
        match self.flexible {
            true => self.varint(length.map_or(0, |length| length as u32 + 1)),
            false => self.int32(length.map_or(-1, |length| length as i32)),
        }
    }
}

impl Tags {
    /// Adds a tagged field.
    pub fn add(
        &mut self,
        tag: u32,
        write: impl FnOnce(&mut Writer) -> Result<(), RecordError>,
    ) -> Result<(), RecordError> {
        let mut to = Writer::new(true);
        write(&mut to)?;
        self.0.push((tag, to.out));
        Ok(())
    }
}

/// Bytes being read.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    flexible: bool,
}

impl<'a> Reader<'a> {
    /// From the first byte.
    pub fn new(bytes: &'a [u8], flexible: bool) -> Self {
        Self { bytes, at: 0, flexible }
    }

    /// What was not read yet.
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// One byte; anything but zero is true.
    pub fn bool(&mut self) -> Result<bool, RecordError> {
        self.int8().map(|byte| byte != 0)
    }

    /// Sixteen bytes.
    pub fn uuid(&mut self) -> Result<[u8; 16], RecordError> {
        self.fixed()
    }

    /// An unsigned varint of at most five bytes.
    pub fn varint(&mut self) -> Result<u32, RecordError> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.fixed()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.bad("a varint of more than five bytes"))
    }

    /// A string.
    pub fn string(&mut self) -> Result<String, RecordError> {
        let start = self.clone();
        self.nullable_string()?
            .ok_or_else(|| start.bad("null where it may not be"))
    }

    /// A string or null.
    pub fn nullable_string(&mut self) -> Result<Option<String>, RecordError> {
        let start = self.clone();
        let length = if self.flexible {
            i64::from(self.varint()?) - 1
        } else {
            i64::from(self.int16()?)
        };
        let Some(length) = start.length_of(length)? else {
            return Ok(None);
        };
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| start.bad("not UTF-8"))?;
        Ok(Some(text.to_owned()))
    }

    /// Bytes.
    pub fn bytes(&mut self) -> Result<Bytes, RecordError> {
        let start = self.clone();
        self.nullable_bytes()?
            .ok_or_else(|| start.bad("null where it may not be"))
    }

    /// Bytes or null.
    pub fn nullable_bytes(&mut self) -> Result<Option<Bytes>, RecordError> {
        let length = self.length()?;
        length
            .map(|length| self.take(length).map(Bytes::copy_from_slice))
            .transpose()
    }

    /// An array; `read` reads an element.
    pub fn array<T>(&mut self, read: impl FnMut(&mut Self) -> Result<T, RecordError>) -> Result<Vec<T>, RecordError> {
        let start = self.clone();
        self.nullable_array(read)?
            .ok_or_else(|| start.bad("null where it may not be"))
    }

    /// An array or null.
    pub fn nullable_array<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, RecordError>,
    ) -> Result<Option<Vec<T>>, RecordError> {
        let start = self.clone();
        match self.length()? {
            None => Ok(None),
            Some(count) if count > self.rest().len() => Err(start.bad("more elements than the bytes can hold")),
            Some(count) => (0..count).map(|_| read(self)).collect::<Result<_, _>>().map(Some),
        }
    }

    /// A struct or null.
    pub fn nullable<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, RecordError>,
    ) -> Result<Option<T>, RecordError> {
        if self.int8()? < 0 {
            Ok(None)
        } else {
            read(self).map(Some)
        }
    }

    /// A struct or null in a tagged field.
    pub fn nullable_tagged<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, RecordError>,
    ) -> Result<Option<T>, RecordError> {
        match self.varint()? {
            0 => Ok(None),
            _ => read(self).map(Some),
        }
    }

    /// The tagged fields that end a struct of a flexible version. `read` takes those it knows and says whether it did.
    pub fn tags(
        &mut self,
        mut read: impl FnMut(u32, &mut Self) -> Result<bool, RecordError>,
    ) -> Result<(), RecordError> {
        for _ in 0..self.varint()? {
            let tag = self.varint()?;
            let size = self.varint()? as usize;
            let mut field = Self::new(self.take(size)?, true);
            if read(tag, &mut field)? && !field.rest().is_empty() {
                return Err(self.bad("a tagged field of another size than announced"));
            }
        }
        Ok(())
    }

    fn length(&mut self) -> Result<Option<usize>, RecordError> {
        let start = self.clone();
        let length = if self.flexible {
            i64::from(self.varint()?) - 1
        } else {
            i64::from(self.int32()?)
        };
        start.length_of(length)
    }

    fn length_of(&self, length: i64) -> Result<Option<usize>, RecordError> {
        match usize::try_from(length) {
            Ok(length) => Ok(Some(length)),
            Err(_) if length == -1 => Ok(None),
            Err(_) => Err(self.bad("a negative length")),
        }
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let bad = self.bad("the bytes end here");
        self.take(N)?.try_into().map_err(|_| bad)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], RecordError> {
        let taken = self
            .rest()
            .get(..length)
            .ok_or_else(|| self.bad("the bytes end here"))?;
        self.at += length;
        Ok(taken)
    }

    fn bad(&self, what: &'static str) -> RecordError {
        RecordError::Bytes { offset: self.at, what }
    }
}
