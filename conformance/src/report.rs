//! The rooms that turn the one stream of events into something to read. A reporter shows verdicts, it never makes one:
//! nothing here compares an answer with another or knows a target.

mod collected;
mod delivery;
mod files;
mod html;
mod json;
mod junit;
mod lines;
mod terminal;

use std::io;

pub use collected::{Collected, Family, Group, Overview};
pub use delivery::{delivery_junit, delivery_text};
pub use files::Files;
pub use html::page;
pub use json::{SCHEMA, document};
pub use junit::junit;
pub use lines::JsonLines;
pub use terminal::{Look, Terminal, summary};

use crate::run::event::{Event, FrameReport};

/// Someone who reads the stream of a run.
pub trait Reporter: Send {
    /// Takes the next event. An error means that this reporter cannot go on; the run does.
    fn see(&mut self, event: &Event) -> io::Result<()>;
}

/// No report keeps more bytes of one frame: whoever wants a whole megabyte can ask the case again.
const FRAME_BYTES: usize = 65_536;

/// The hex that a report keeps of a frame, and how many bytes the frame has.
fn kept(frame: &FrameReport) -> (&str, usize) {
    (
        frame.hex.get(..2 * FRAME_BYTES).unwrap_or(&frame.hex),
        frame.hex.len() / 2,
    )
}
