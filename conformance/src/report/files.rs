//! The files under `--report DIR`, written when the run has ended: `index.html`, `junit.xml` and `result.json`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::report::{Collected, Reporter, document, junit, page};
use crate::run::event::Event;

/// Keeps the stream and writes the files at its end.
#[derive(Debug)]
pub struct Files {
    directory: PathBuf,
    collected: Collected,
}

impl Files {
    /// Makes the directory now, so that one that cannot be written is told before the run and not after it.
    pub fn create(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        Ok(Self {
            directory: directory.to_owned(),
            collected: Collected::default(),
        })
    }

    fn write(&self) -> io::Result<()> {
        let put = |name: &str, text: String| replace(&self.directory.join(name), &text);
        put("result.json", document(&self.collected)?)?;
        put("junit.xml", junit(&self.collected)?)?;
        put("index.html", page(&self.collected)?)
    }
}

impl Reporter for Files {
    fn see(&mut self, event: &Event) -> io::Result<()> {
        self.collected.add(event);
        match event {
            Event::Ended(_) => self.write(),
            Event::Started(_) | Event::RunStarted { .. } | Event::RunFinished(_) => Ok(()),
        }
    }
}

/// A reader never meets half a report: the old file stays until the new one is whole.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let whole = path.with_extension("part");
    fs::write(&whole, text)?;
    fs::rename(whole, path)
}
