//! A follower: whom it fetches from, and from when on. Where its history is not the leader's it is cut by epochs (KIP-101,
//! KIP-595), never to the high watermark: what is above that may be on every replica all the same.

use crate::log::epochs::Epochs;
use crate::mutant::{self, Mutant};
use crate::units::{BrokerId, Deadline, LeaderEpoch, Offset};

/// A partition that another broker leads, or nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follower {
    /// Who leads, if anybody does.
    pub leader: Option<BrokerId>,
    /// In which epoch.
    pub epoch: LeaderEpoch,
    /// It is not asked for before: the last answer was an error.
    pub not_before: Option<Deadline>,
}

/// The end of a follower's log, as far as cutting it is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Stand<'a> {
    /// Where epochs began.
    pub epochs: &'a Epochs,
    /// The first offset that it lacks.
    pub log_end: Offset,
    /// Up to where it is known to be replicated.
    pub high_watermark: Offset,
}

/// Where to cut, when the leader says that its history ends at `end` for the largest epoch that is not above the follower's last
/// one. Another question follows, until the histories meet.
pub fn truncation(stand: Stand<'_>, (epoch, end): (LeaderEpoch, Offset)) -> Offset {
    if mutant::on(Mutant::TruncatesToHighWatermark) {
        return stand.high_watermark;
    }
    let own = stand.epochs.end_of(epoch, stand.log_end);
    let cut = match own {
        Some((known, own_end)) if known == epoch => own_end.min(end),
        // The follower never saw that epoch: what it has of later ones goes, and the leader is asked about the one before.
        Some((_, own_end)) => own_end,
        None => end,
    };
    cut.min(stand.log_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(entries: &[(i32, i64)], log_end: i64, told: (i32, i64)) -> i64 {
        let epochs: Epochs = entries
            .iter()
            .map(|(epoch, start)| (LeaderEpoch(*epoch), Offset(*start)))
            .collect();
        let stand = Stand {
            epochs: &epochs,
            log_end: Offset(log_end),
            high_watermark: Offset(1),
        };
        truncation(stand, (LeaderEpoch(told.0), Offset(told.1))).0
    }

    #[test]
    fn a_log_is_cut_where_the_leaders_epoch_ended_or_its_own_did() {
        assert_eq!(cut(&[(1, 0), (2, 10)], 20, (1, 6)), 6);
        assert_eq!(cut(&[(1, 0), (2, 10)], 20, (1, 15)), 10);
        assert_eq!(cut(&[(1, 0)], 20, (1, 15)), 15);
        assert_eq!(cut(&[(1, 0)], 20, (1, 30)), 20);
    }

    #[test]
    fn an_epoch_that_was_never_seen_here_costs_only_what_is_later() {
        assert_eq!(cut(&[(1, 0), (4, 10)], 20, (3, 15)), 10);
        assert_eq!(cut(&[(4, 10)], 20, (3, 5)), 5);
    }
}
