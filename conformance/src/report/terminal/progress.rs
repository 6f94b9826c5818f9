//! One line that is written over while the suite runs: how far, what went wrong so far, what is being asked.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::report::{Collected, Look};
use crate::run::event::RunReport;

/// Ten times a second is smooth to the eye and nothing to the run.
const EVERY: Duration = Duration::from_millis(100);

/// The state of that line.
#[derive(Debug, Default)]
pub(super) struct Progress {
    shown: Option<Instant>,
    asking: Vec<String>,
    wrong: usize,
}

impl Progress {
    pub(super) fn begun(&mut self, id: &str, so_far: &Collected, look: Look, out: &mut impl Write) -> io::Result<()> {
        self.asking.push(id.to_owned());
        self.show(so_far, look, out)
    }

    pub(super) fn finished(
        &mut self,
        run: &RunReport,
        so_far: &Collected,
        look: Look,
        out: &mut impl Write,
    ) -> io::Result<()> {
        self.asking.retain(|id| *id != run.id);
        self.wrong += usize::from(matches!(run.verdict.word(), "differs" | "vanished" | "broken"));
        self.show(so_far, look, out)
    }

    pub(super) fn clear(&mut self, out: &mut impl Write) -> io::Result<()> {
        write!(out, "\r\x1b[K")
    }

    fn show(&mut self, so_far: &Collected, look: Look, out: &mut impl Write) -> io::Result<()> {
        if self.shown.is_some_and(|shown| shown.elapsed() < EVERY) {
            return Ok(());
        }
        self.shown = Some(Instant::now());
        let line: String = self.line(so_far).chars().take(look.width.saturating_sub(1)).collect();
        write!(out, "\r\x1b[K{line}")?;
        out.flush()
    }

    fn line(&self, so_far: &Collected) -> String {
        let planned = so_far.plan.as_ref().map_or(0, |plan| plan.runs);
        let wrong = if self.wrong == 0 {
            String::new()
        } else {
            format!("  {} to look at", self.wrong)
        };
        let asking = self.asking.first().map_or("", String::as_str);
        format!("{}/{planned}{wrong}  {asking}", so_far.runs.len())
    }
}
