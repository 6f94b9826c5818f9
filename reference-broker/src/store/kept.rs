//! What was appended for those who wait for it, shared with their answers: it goes from one connection to others without being
//! read again. It lasts for one turn of the node's loop, so that only answers on their way hold memory by it.

use broker_core::Span;
use bytes::Bytes;

use super::Keeping;
use crate::broker::SHARED_BYTES;

/// Of a request with more partitions the rest is read from the files.
const MOST: usize = 16;

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

    /// A turn begins or ends.
    pub(super) fn turn(&mut self, keeping: Keeping) {
        self.keeping = keeping;
        self.appends.clear();
    }

    /// Keeps an append, if that is wanted and there is room.
    pub(super) fn put(&mut self, directory: &str, file: &str, position: u64, bytes: [Bytes; 2]) {
        if self.keeping == Keeping::Nothing || self.appends.len() >= MOST {
            return;
        }
        let length = bytes.iter().map(Bytes::len).sum();
        // A small request may grow: records that are stored in another compression, or what a coordinator makes of it.
        if length > SHARED_BYTES {
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

    /// The append that a span is, if it is kept.
    pub(super) fn get(&self, span: &Span) -> Option<[Bytes; 2]> {
        let found = self.appends.iter().find(|(kept, _)| kept == span);
        found.map(|(_, bytes)| bytes.clone())
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
        kept.turn(Keeping::Appends);
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
        kept.turn(Keeping::Nothing);
        assert_eq!(kept.get(&span(40, 13)), None);
    }

    #[test]
    fn a_request_of_many_partitions_keeps_no_more_than_a_few() {
        let mut kept = Kept::new();
        kept.turn(Keeping::Appends);
        (0..1_000).for_each(|n| append(&mut kept, n));
        assert_eq!(kept.appends.len(), MOST);
    }
}
