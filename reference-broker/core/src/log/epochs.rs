//! Which leader epoch began where (KIP-101): what tells replicas and consumers whether their history is the leader's.

use crate::units::{LeaderEpoch, Offset};

/// The epochs of one log with their first offsets, strictly increasing in both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Epochs(Vec<(LeaderEpoch, Offset)>);

impl Epochs {
    /// An epoch begins. What contradicts it, a later epoch or start, was never real and goes.
    pub fn assign(&mut self, epoch: LeaderEpoch, start: Offset) {
        if self.needs(epoch, start) {
            self.0.retain(|(known, begun)| *known < epoch && *begun < start);
            self.0.push((epoch, start));
        }
    }

    /// Would [`Self::assign`] change anything?
    pub fn needs(&self, epoch: LeaderEpoch, start: Offset) -> bool {
        epoch.0 >= 0
            && self
                .0
                .last()
                .is_none_or(|(known, begun)| *known != epoch || start < *begun)
    }

    /// The newest epoch.
    pub fn latest(&self) -> Option<LeaderEpoch> {
        self.0.last().map(|(epoch, _)| *epoch)
    }

    /// The epoch in which the record at `offset` was appended.
    pub fn at(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.0
            .iter()
            .rev()
            .find(|(_, start)| *start <= offset)
            .map(|(epoch, _)| *epoch)
    }

    /// The largest epoch not above `asked` and where it ended; None when `asked` is newer than all that is known.
    pub fn end_of(&self, asked: LeaderEpoch, log_end: Offset) -> Option<(LeaderEpoch, Offset)> {
        if asked.0 >= 0 && self.latest() == Some(asked) {
            return Some((asked, log_end));
        }
        if asked.0 < 0 {
            return None;
        }
        let next = self.0.iter().position(|(epoch, _)| *epoch > asked)?;
        let floor = next.checked_sub(1).map_or(asked, |before| self.0[before].0);
        Some((floor, self.0[next].1))
    }

    /// Forgets what begins at or after `end`: the log was cut there.
    pub fn truncate_from_end(&mut self, end: Offset) {
        self.0.retain(|(_, start)| *start < end);
    }

    /// Forgets what ended before `start`; the epoch that holds `start` now begins there.
    pub fn truncate_from_start(&mut self, start: Offset) {
        let gone = self.0.iter().take_while(|(_, begun)| *begun <= start).count();
        if let Some(last) = gone.checked_sub(1) {
            self.0.drain(..last);
            self.0[0].1 = start;
        }
    }

    /// All of them, oldest first.
    pub fn entries(&self) -> &[(LeaderEpoch, Offset)] {
        &self.0
    }
}

impl FromIterator<(LeaderEpoch, Offset)> for Epochs {
    fn from_iter<I: IntoIterator<Item = (LeaderEpoch, Offset)>>(entries: I) -> Self {
        let mut epochs = Self::default();
        entries
            .into_iter()
            .for_each(|(epoch, start)| epochs.assign(epoch, start));
        epochs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs(entries: &[(i32, i64)]) -> Epochs {
        entries
            .iter()
            .map(|(epoch, start)| (LeaderEpoch(*epoch), Offset(*start)))
            .collect()
    }

    #[test]
    fn an_epoch_ends_where_the_next_begins() {
        let epochs = epochs(&[(2, 10), (5, 20)]);
        let end = |asked| {
            epochs
                .end_of(LeaderEpoch(asked), Offset(30))
                .map(|(epoch, end)| (epoch.0, end.0))
        };
        assert_eq!(end(5), Some((5, 30)));
        assert_eq!(end(3), Some((2, 20)));
        assert_eq!(end(1), Some((1, 10)));
        assert_eq!(end(6), None);
        assert_eq!(end(-1), None);
    }

    #[test]
    fn a_new_epoch_removes_what_contradicts_it() {
        let mut epochs = epochs(&[(0, 0), (1, 5), (2, 9)]);
        epochs.assign(LeaderEpoch(3), Offset(5));
        assert_eq!(
            epochs.entries(),
            [(LeaderEpoch(0), Offset(0)), (LeaderEpoch(3), Offset(5))]
        );
    }
}
