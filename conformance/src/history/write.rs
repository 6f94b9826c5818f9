//! Lines go out as they happen, so that a load that is cut short leaves what it saw.

use std::io::{self, Write};

use super::{Header, Line};

/// Writes a header and then lines to what it is given.
#[derive(Debug)]
pub struct Writer<W>(W);

impl<W: Write> Writer<W> {
    /// Begins a history.
    ///
    /// # Errors
    /// What the output says.
    pub fn begin(mut out: W, header: &Header) -> io::Result<Self> {
        line(&mut out, header)?;
        Ok(Self(out))
    }

    /// Adds one line.
    ///
    /// # Errors
    /// What the output says.
    pub fn add(&mut self, event: &Line) -> io::Result<()> {
        line(&mut self.0, event)
    }

    /// Brings what was added to where it goes.
    ///
    /// # Errors
    /// What the output says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn line(out: &mut impl Write, what: &impl serde::Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(what)?;
    text.push(b'\n');
    out.write_all(&text)
}
