//! Histories from anywhere. What cannot be read is told by file and line; what can be read is not judged here.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::{Event, FORMAT, Header, History, Line};

/// Longer lines than this are no history.
const LONGEST: usize = 16 << 20;

/// Why a file is no history.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refused it.
    #[error("{0}")]
    File(String),
    /// It is not what HISTORY.md describes: `file:line: why`.
    #[error("{0}")]
    Format(String),
}

/// Reads a file.
///
/// # Errors
/// It cannot be read, or one of its lines is not what the format wants.
pub fn load(path: &Path) -> Result<History, ReadError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| ReadError::File(format!("{name}: {error}")))?;
    parse(&name, BufReader::with_capacity(1 << 16, file))
}

/// Reads a history; `name` is what errors call it.
///
/// # Errors
/// As [`load`].
pub fn parse(name: &str, input: impl BufRead) -> Result<History, ReadError> {
    let mut numbered = Numbered { name, input, number: 0 };
    let Some(first) = numbered.next()? else {
        return Err(numbered.wrong("it is empty: a history begins with a header line"));
    };
    let header: Header = numbered.read(&first, "a header")?;
    if header.history != FORMAT {
        return Err(numbered.wrong(&format!(
            "this is format {}; format {FORMAT} is read here",
            header.history
        )));
    }
    let (mut lines, mut ids) = (Vec::new(), Ids::default());
    while let Some(text) = numbered.next()? {
        let line: Line = numbered.read(&text, "an event")?;
        if let Err(why) = ids.take(&line.event) {
            return Err(numbered.wrong(&why));
        }
        lines.push(line);
    }
    Ok(History { header, lines })
}

struct Numbered<'a, R> {
    name: &'a str,
    input: R,
    number: usize,
}

impl<R: BufRead> Numbered<'_, R> {
    /// The next line, whole: one without its end was cut off.
    fn next(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        let mut text = Vec::new();
        self.number += 1;
        let mut limited = std::io::Read::take(&mut self.input, LONGEST as u64);
        limited
            .read_until(b'\n', &mut text)
            .map_err(|error| ReadError::File(format!("{}: {error}", self.name)))?;
        match text.last() {
            None => Ok(None),
            Some(b'\n') => Ok(Some(text)),
            Some(_) if text.len() >= LONGEST => Err(self.wrong(&format!("the line is longer than {LONGEST} bytes"))),
            Some(_) => {
                Err(self.wrong("the file ends within this line: it is truncated. Remove the line to judge the rest"))
            }
        }
    }

    fn read<'t, T: serde::Deserialize<'t>>(&self, text: &'t [u8], what: &str) -> Result<T, ReadError> {
        serde_json::from_slice(text).map_err(|error| {
            let shown: String = String::from_utf8_lossy(text).trim_end().chars().take(100).collect();
            // serde_json counts lines within this one.
            let why = error.to_string();
            let why = why.split(" at line ").next().unwrap_or(&why);
            self.wrong(&format!("not {what}: {why}\n  {shown}"))
        })
    }

    fn wrong(&self, why: &str) -> ReadError {
        ReadError::Format(format!("{}:{}: {why}", self.name, self.number))
    }
}

/// Each invocation has an id of its own, and one completion at most.
#[derive(Default)]
struct Ids {
    seen: HashSet<u64>,
    open: HashSet<u64>,
}

impl Ids {
    fn take(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Send { id, .. } | Event::Commit { id, .. } | Event::Begin { id, .. } | Event::End { id, .. } => {
                self.open.insert(*id);
                match self.seen.insert(*id) {
                    true => Ok(()),
                    false => Err(format!("a second invocation has the id {id}")),
                }
            }
            Event::Done { id, .. } if !self.open.remove(id) => Err(match self.seen.contains(id) {
                true => format!("a second completion of {id}"),
                false => format!("a completion of {id}, which nobody invoked"),
            }),
            Event::Done { .. }
            | Event::Poll { .. }
            | Event::Process { .. }
            | Event::Assigned { .. }
            | Event::Revoked { .. }
            | Event::Session
            | Event::Seek { .. }
            | Event::Fault { .. }
            | Event::Read { .. }
            | Event::Batch { .. }
            | Event::Replica { .. }
            | Event::Drained { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"{"history":1,"semantics":"idempotent","seed":7,"target":"reference","version":"0.1.0"}"#;

    fn why(text: &str) -> String {
        parse("h.jsonl", text.as_bytes()).expect_err(text).to_string()
    }

    #[test]
    fn what_is_written_is_read() {
        let text = format!(
            "{HEADER}\n{}\n{}\n{}\n{}\n",
            r#"{"at":1,"process":"p1","event":"send","id":1,"partition":"t/0","value":{"producer":"p1","run":0,"sequence":0,"key":"k1","checksum":7}}"#,
            r#"{"at":2,"process":"p1","event":"done","id":1,"outcome":"ok","offset":0}"#,
            r#"{"at":3,"process":"c1","event":"assigned","group":"g","generation":1,"partitions":["t/0"]}"#,
            r#"{"at":3,"process":"c1","event":"commit","id":2,"group":"g","offsets":{"t/0":1}}"#,
        );
        let history = parse("h.jsonl", text.as_bytes()).expect("a history");
        assert_eq!(history.lines.len(), 4);
        let mut out = Vec::new();
        let mut writer = super::super::Writer::begin(&mut out, &history.header).expect("room");
        for line in &history.lines {
            writer.add(line).expect("room");
        }
        assert_eq!(String::from_utf8(out).expect("text"), text);
    }

    #[test]
    fn what_is_no_history_is_told_by_line() {
        assert!(why("").starts_with("h.jsonl:1: it is empty"), "{}", why(""));
        let other = HEADER.replace(":1,", ":9,");
        assert!(why(&format!("{other}\n")).contains("h.jsonl:1: this is format 9"));
        let cut = format!("{HEADER}\n{{\"at\":1,\"pro");
        assert!(why(&cut).contains("h.jsonl:2: the file ends within this line"));
        let wrong = format!("{HEADER}\n{{\"at\":1,\"process\":\"p\",\"event\":\"sing\"}}\n");
        assert!(
            why(&wrong).contains("h.jsonl:2: not an event: unknown variant `sing`"),
            "{}",
            why(&wrong)
        );
        let orphan =
            format!("{HEADER}\n{{\"at\":1,\"process\":\"p\",\"event\":\"done\",\"id\":3,\"outcome\":\"ok\"}}\n");
        assert!(why(&orphan).contains("h.jsonl:2: a completion of 3, which nobody invoked"));
    }
}
