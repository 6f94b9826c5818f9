//! What was appended for those who wait for it, shared with their answers: it goes from one connection to others without being
//! read again. It lasts for one turn of the node's loop, so that only answers on their way hold memory by it.

use broker_core::Span;
use bytes::Bytes;

use super::Keeping;
use crate::broker::SHARED_BYTES;

/// Of a turn with more appends the rest is read from the files.
const MOST: usize = 16;
/// And with more bytes: a slow reader must not hold much memory.
const MOST_BYTES: usize = 2 * SHARED_BYTES;

/// The appends of one turn.
#[derive(Debug)]
pub(super) struct Kept {
    keeping: Keeping,
    appends: Vec<(Span, [Bytes; 2])>,
}

impl Kept {
    /// Nothing yet, and nothing is to be kept.
    pub(super) fn new() -> Self {
        Self {
            keeping: Keeping::Nothing,
            appends: Vec::new(),
        }
    }

    /// Whether appends from now on are kept; where they are not, those that were go too.
    pub(super) fn keep(&mut self, keeping: Keeping) {
        self.keeping = keeping;
        if keeping == Keeping::Nothing {
            self.appends.clear();
        }
    }

    /// Keeps an append, if that is wanted and there is room.
    pub(super) fn put(&mut self, directory: &str, file: &str, position: u64, bytes: [Bytes; 2]) {
        if self.keeping == Keeping::Nothing || self.appends.len() >= MOST {
            return;
        }
        let length = bytes.iter().map(Bytes::len).sum();
        // A small request may grow: records that are stored in another compression, or what a coordinator makes of it.
        let kept: usize = self.appends.iter().map(|(span, _)| span.length).sum();
        if length > SHARED_BYTES || kept + length > MOST_BYTES {
            return;
        }
        let span = Span {
            directory: directory.to_owned(),
            file: file.to_owned(),
            position,
            length,
        };
        self.appends.push((span, bytes));
    }

    /// The appends that a span is, if all of it is kept.
    pub(super) fn get(&self, span: &Span) -> Option<Vec<Bytes>> {
        let (mut position, end) = (span.position, span.position + span.length as u64);
        let mut found = Vec::new();
        for (kept, bytes) in &self.appends {
            if kept.position == position && kept.file == span.file && kept.directory == span.directory {
                position += kept.length as u64;
                found.extend(bytes.iter().cloned());
            }
        }
        (position == end).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(kept: &mut Kept, position: u64) {
        let bytes = [Bytes::from_static(b"header"), Bytes::from_static(b"records")];
        kept.put("t-0", "0.log", position, bytes);
    }

    fn span(position: u64, length: usize) -> Span {
        let (directory, file) = ("t-0".to_owned(), "0.log".to_owned());
        Span {
            directory,
            file,
            position,
            length,
        }
    }

    #[test]
    fn an_append_is_at_hand_for_one_turn_and_only_as_a_whole() {
        let mut kept = Kept::new();
        append(&mut kept, 0);
        assert_eq!(kept.get(&span(0, 13)), None, "nothing was to be kept");
        kept.keep(Keeping::Appends);
        append(&mut kept, 40);
        let found = kept.get(&span(40, 13)).map(|bytes| bytes.concat());
        assert_eq!(found.as_deref(), Some(&b"headerrecords"[..]));
        kept.put(
            "t-0",
            "0.log",
            90,
            [Bytes::new(), Bytes::from(vec![0; SHARED_BYTES + 1])],
        );
        assert_eq!(kept.get(&span(90, SHARED_BYTES + 1)), None, "it is large");
        for other in [span(40, 12), span(40, 14), span(0, 13)] {
            assert_eq!(kept.get(&other), None);
        }
        append(&mut kept, 53);
        append(&mut kept, 80);
        let found = kept.get(&span(40, 26)).map(|bytes| bytes.concat());
        assert_eq!(
            found.as_deref(),
            Some(&b"headerrecordsheaderrecords"[..]),
            "two that follow each other"
        );
        assert_eq!(kept.get(&span(40, 53)), None, "there is a gap");
        kept.keep(Keeping::Nothing);
        assert_eq!(kept.get(&span(40, 13)), None);
    }

    #[test]
    fn many_appends_keep_no_more_than_a_few() {
        let mut kept = Kept::new();
        kept.keep(Keeping::Appends);
        (0..1_000).for_each(|n| append(&mut kept, n));
        assert_eq!(kept.appends.len(), MOST);
        kept.keep(Keeping::Nothing);
        kept.keep(Keeping::Appends);
        for n in 0..4 {
            kept.put("t-0", "0.log", n, [Bytes::new(), Bytes::from(vec![0; SHARED_BYTES])]);
        }
        assert_eq!(kept.appends.len(), 2, "nor more bytes");
    }
}
