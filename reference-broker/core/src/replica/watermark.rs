//! The high watermark: the offset up to which every replica that is in sync, or may be once the controller has answered, has
//! the log. While too few are in sync it stays where it is (KIP-966), so that what is below it is on `min.insync.replicas`.

use super::leader::Leader;
use crate::mutant::{self, Mutant};
use crate::units::{BrokerId, Offset};

/// What the rule needs besides the leader's own knowledge.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    /// Where the leader's log ends, as far as that counts.
    pub log_end: Offset,
    /// Monotonic.
    pub now_ms: i64,
    /// `replica.lag.time.max.ms`
    pub lag_time_max_ms: i64,
    /// `min.insync.replicas`
    pub min_insync: usize,
}

/// Are fewer in sync than must be?
pub fn is_under_min_isr(leader: &Leader, min_insync: usize) -> bool {
    let needed = min_insync.min(leader.remotes.len() + 1);
    leader.isr.members().len() < needed && !mutant::on(Mutant::MinInsyncIgnored)
}

/// Where the high watermark may go. A replica that has caught up and could join is waited for, too: else it never would.
pub fn high_watermark(
    leader: &Leader,
    circumstances: Circumstances,
    may_join: impl Fn(BrokerId, Option<i64>) -> bool,
) -> Option<Offset> {
    let Circumstances {
        log_end,
        now_ms,
        lag_time_max_ms,
        min_insync,
    } = circumstances;
    if is_under_min_isr(leader, min_insync) {
        return None;
    }
    let mut lowest = Some(log_end);
    for (id, remote) in &leader.remotes {
        let joins = || remote.is_caught_up(log_end, now_ms, lag_time_max_ms) && may_join(*id, remote.broker_epoch);
        if leader.isr.may_have(*id) || joins() {
            lowest = lowest.min(remote.log_end);
        }
    }
    lowest
}

#[cfg(test)]
mod tests {
    use super::super::isr::Pending;
    use super::super::leader::tests::{IDS, asks, leader};
    use super::*;

    fn after(leader: &Leader, min_insync: usize) -> Option<Offset> {
        let circumstances = Circumstances {
            log_end: Offset(20),
            now_ms: 50_000,
            lag_time_max_ms: 10_000,
            min_insync,
        };
        high_watermark(leader, circumstances, |_, epoch| epoch == Some(3))
    }

    #[test]
    fn it_is_where_the_slowest_of_those_in_sync_stands() {
        let mut leader = leader(&IDS);
        assert_eq!(after(&leader, 2), None, "nobody has asked yet");
        asks(&mut leader, IDS[1], 15, 20, 49_000);
        assert_eq!(after(&leader, 2), None);
        asks(&mut leader, IDS[2], 12, 20, 49_000);
        assert_eq!(after(&leader, 2), Some(Offset(12)));
    }

    #[test]
    fn who_may_join_is_waited_for_and_who_lags_is_not() {
        let mut leader = leader(&IDS[..2]);
        asks(&mut leader, IDS[1], 20, 20, 49_000);
        asks(&mut leader, IDS[2], 12, 20, 49_000);
        assert_eq!(after(&leader, 2), Some(Offset(20)), "it has never had all");
        asks(&mut leader, IDS[2], 12, 12, 49_000);
        assert_eq!(after(&leader, 2), Some(Offset(12)));
        leader.ask(Pending::Expanding(IDS[2]));
        asks(&mut leader, IDS[2], 13, 20, 49_000);
        assert_eq!(after(&leader, 2), Some(Offset(13)));
    }

    #[test]
    fn who_leaves_counts_until_the_controller_has_said_so() {
        let mut leader = leader(&IDS);
        asks(&mut leader, IDS[1], 20, 20, 49_000);
        asks(&mut leader, IDS[2], 12, 20, 30_000);
        leader.ask(Pending::Shrinking(vec![IDS[2]]));
        assert_eq!(after(&leader, 1), Some(Offset(12)));
    }

    #[test]
    fn with_too_few_in_sync_it_stays() {
        let mut leader = leader(&IDS[..2]);
        asks(&mut leader, IDS[1], 20, 20, 49_000);
        assert_eq!(after(&leader, 3), None);
        assert_eq!(after(&leader, 2), Some(Offset(20)));
        assert!(
            is_under_min_isr(&leader, 9),
            "of three replicas three are the most that can be asked"
        );
    }
}
