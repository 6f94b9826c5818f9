//! `--format json`: every event as one line of JSON, for programs that follow a run.

use std::io::{self, Write};

use crate::report::Reporter;
use crate::run::event::Event;

/// Writes events as JSON lines.
#[derive(Debug)]
pub struct JsonLines<W>(pub W);

impl<W: Write + Send> Reporter for JsonLines<W> {
    fn see(&mut self, event: &Event) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, event)?;
        self.0.write_all(b"\n")?;
        self.0.flush()
    }
}
