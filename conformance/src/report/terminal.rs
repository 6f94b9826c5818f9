//! The report for someone at a terminal: a progress line while it runs, then what needs attention, then the table.

mod attention;
mod paint;
mod progress;
mod sides;
mod table;

use std::io::{self, IsTerminal, Write};

use crate::report::{Collected, Reporter};
use crate::run::event::Event;
pub(super) use paint::Paint;
use progress::Progress;
pub(super) use sides::wrap;

/// How the place that we write to looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Columns; everything is laid out for 60 and more.
    pub width: usize,
    /// Whether colours may be used.
    pub colour: bool,
    /// Whether a line may be written over: someone is watching.
    pub live: bool,
}

impl Look {
    /// A terminal is as wide as it says and coloured unless `NO_COLOR` is set; a file or a pipe is 100 plain columns.
    pub fn of_stdout() -> Self {
        let live = io::stdout().is_terminal();
        let colour = live && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let width = terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0));
        Self {
            width: if live { width.clamp(40, 160) } else { 100 },
            colour,
            live,
        }
    }
}

/// Writes for people.
#[derive(Debug)]
pub struct Terminal<W> {
    out: W,
    look: Look,
    page: Option<String>,
    collected: Collected,
    progress: Progress,
}

impl<W: Write> Terminal<W> {
    /// `page` is where the reader finds the whole story.
    pub fn new(out: W, look: Look, page: Option<String>) -> Self {
        Self {
            out,
            look,
            page,
            collected: Collected::default(),
            progress: Progress::default(),
        }
    }
}

impl<W: Write + Send> Reporter for Terminal<W> {
    fn see(&mut self, event: &Event) -> io::Result<()> {
        self.collected.add_without_frames(event);
        match event {
            Event::Started(plan) => {
                let against = format!("{} against {}, seed {}", plan.target_name, plan.oracle, plan.seed);
                writeln!(self.out, "{against}")
            }
            Event::RunStarted { .. } | Event::RunFinished(_) if !self.look.live => Ok(()),
            Event::RunStarted { id } => self.progress.begun(id, &self.collected, self.look, &mut self.out),
            Event::RunFinished(run) => self.progress.finished(run, &self.collected, self.look, &mut self.out),
            Event::Ended(_) => {
                if self.look.live {
                    self.progress.clear(&mut self.out)?;
                }
                self.out
                    .write_all(summary(&self.collected, self.look, self.page.as_deref()).as_bytes())?;
                self.out.flush()
            }
        }
    }
}

/// Everything below the progress line, as one text.
pub fn summary(collected: &Collected, look: Look, page: Option<&str>) -> String {
    let paint = Paint { colour: look.colour };
    let mut out = String::new();
    attention::write(&mut out, collected, look.width, paint);
    table::write(&mut out, collected, look.width, paint);
    if let Some(page) = page {
        out.push_str(&format!("{} {page}\n", paint.dim("The whole story:")));
    }
    out
}
