//! Takes down what happens, from any thread, in one order: in memory for the judges and, where asked, line by line in a file.

use std::fs::File;
use std::io::{self, LineWriter};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Event, Header, History, Line, Name, Outcome, Writer};

/// A history in the making.
#[derive(Debug)]
pub struct Recorder {
    began: Instant,
    ids: AtomicU64,
    taken: Mutex<Taken>,
}

#[derive(Debug)]
struct Taken {
    history: History,
    file: Option<Writer<LineWriter<File>>>,
    failed: Option<io::Error>,
}

impl Recorder {
    /// Begins, with a file where there is to be one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn begin(header: Header, file: Option<&Path>) -> io::Result<Self> {
        let file = match file {
            Some(path) => Some(Writer::begin(LineWriter::new(File::create(path)?), &header)?),
            None => None,
        };
        let lines = Vec::new();
        Ok(Self {
            began: Instant::now(),
            ids: AtomicU64::new(1),
            taken: Mutex::new(Taken {
                history: History { header, lines },
                file,
                failed: None,
            }),
        })
    }

    /// How long ago the load began.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Milliseconds since the load began.
    pub fn now(&self) -> u64 {
        u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Adds what happened.
    pub fn add(&self, process: &Name, event: Event) {
        let mut taken = self.taken();
        let line = Line {
            at: self.now(),
            process: process.clone(),
            event,
        };
        let written = taken.file.as_mut().map_or(Ok(()), |file| file.add(&line));
        if let Err(error) = written {
            taken.failed.get_or_insert(error);
            taken.file = None;
        }
        taken.history.lines.push(line);
    }

    /// Adds an invocation and says its id.
    pub fn invoke(&self, process: &Name, event: impl FnOnce(u64) -> Event) -> u64 {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        self.add(process, event(id));
        id
    }

    /// Adds a completion.
    pub fn done(&self, process: &Name, id: u64, outcome: Outcome, offset: Option<i64>, error: Option<String>) {
        self.add(
            process,
            Event::Done {
                id,
                outcome,
                offset,
                error,
            },
        );
    }

    /// What was taken down so far.
    ///
    /// # Errors
    /// The file could not be written.
    pub fn history(&self) -> io::Result<History> {
        let mut taken = self.taken();
        if let Some(error) = taken.failed.take() {
            return Err(error);
        }
        if let Some(file) = &mut taken.file {
            file.flush()?;
        }
        Ok(taken.history.clone())
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
