//! The faults that are set, in order, and which of them a request meets.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Act, Fault, FaultError, Side, When};

/// The name of a fault that was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FaultId(pub u64);

/// A fault that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its name.
    pub id: FaultId,
    /// What was set.
    pub fault: Fault,
    /// How many requests have met it, acted on or not.
    pub met: u32,
}

/// More than anyone sets on purpose: each request looks through them.
const MOST: usize = 100;

#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Whether there is any: the one thing that is asked where there is none.
    any: AtomicBool,
    set: Mutex<Set>,
}

#[derive(Debug, Default)]
struct Set {
    last: u64,
    standing: Vec<Standing>,
}

/// A request, as far as a fault looks at it.
pub(super) struct Met<'a> {
    pub(super) key: i16,
    pub(super) client_id: &'a str,
    pub(super) side: Side,
}

impl Rules {
    pub(super) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    pub(super) fn add(&self, fault: Fault) -> Result<FaultId, FaultError> {
        let fault = fault.check()?;
        let mut set = self.lock();
        if set.standing.len() >= MOST {
            return Err(FaultError::TooMany(MOST));
        }
        set.last += 1;
        let id = FaultId(set.last);
        set.standing.push(Standing { id, fault, met: 0 });
        self.note(&set);
        Ok(id)
    }

    pub(super) fn remove(&self, id: FaultId) -> bool {
        let mut set = self.lock();
        let before = set.standing.len();
        set.standing.retain(|standing| standing.id != id);
        self.note(&set);
        set.standing.len() < before
    }

    pub(super) fn clear(&self) {
        let mut set = self.lock();
        set.standing.clear();
        self.note(&set);
    }

    pub(super) fn list(&self) -> Vec<Standing> {
        self.lock().standing.clone()
    }

    /// What becomes of this request; who waited for its like is used up by it.
    pub(super) fn meet(&self, met: &Met<'_>) -> Option<Act> {
        let mut set = self.lock();
        set.standing
            .retain(|standing| standing.fault.when != When::Until(met.key));
        let act = set.standing.iter_mut().find_map(|standing| standing.meet(met));
        set.standing.retain(|standing| !standing.is_used_up());
        self.note(&set);
        act
    }

    fn lock(&self) -> MutexGuard<'_, Set> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, set: &Set) {
        self.any.store(!set.standing.is_empty(), Ordering::Release);
    }
}

impl Standing {
    fn meet(&mut self, met: &Met<'_>) -> Option<Act> {
        let fault = &self.fault;
        let is_meant = fault.key == met.key
            && fault.side.is_none_or(|side| side == met.side)
            && fault.client_id.as_ref().is_none_or(|id| id == met.client_id);
        if !is_meant {
            return None;
        }
        self.met = self.met.saturating_add(1);
        match self.fault.when {
            When::Always | When::Until(_) | When::Times(_) => Some(self.fault.act),
            When::Nth(nth) => (self.met == nth).then_some(self.fault.act),
        }
    }

    fn is_used_up(&self) -> bool {
        match self.fault.when {
            When::Always | When::Until(_) => false,
            When::Times(most) | When::Nth(most) => self.met >= most,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meets(rules: &Rules, key: i16) -> Option<Act> {
        rules.meet(&Met {
            key,
            client_id: "c",
            side: Side::Clients,
        })
    }

    fn set(faults: impl IntoIterator<Item = Fault>) -> Rules {
        let rules = Rules::default();
        for fault in faults {
            rules.add(fault).expect("room");
        }
        rules
    }

    fn error(error: &str) -> Fault {
        Fault::error("Metadata", error).expect("known")
    }

    #[test]
    fn each_trigger_acts_as_often_as_it_says_and_is_gone() {
        let count = |fault: Fault| {
            let rules = set([fault]);
            let acted: Vec<bool> = (0..4).map(|_| meets(&rules, 3).is_some()).collect();
            (acted, rules.is_empty())
        };
        assert_eq!(count(error("1").once()), (vec![true, false, false, false], true));
        assert_eq!(count(error("1").times(3)), (vec![true, true, true, false], true));
        assert_eq!(count(error("1").nth(3)), (vec![false, false, true, false], true));
        assert_eq!(count(error("1")), (vec![true; 4], false));
    }

    #[test]
    fn until_another_request_is_seen_it_acts_and_then_no_more() {
        let rules = set([error("1").until("Fetch").expect("another")]);
        assert_eq!(meets(&rules, 3), Some(Act::Error(1)));
        assert_eq!((meets(&rules, 0), rules.is_empty()), (None, false));
        assert_eq!((meets(&rules, 1), rules.is_empty()), (None, true));
        assert_eq!(meets(&rules, 3), None);
    }

    #[test]
    fn the_earlier_goes_first_and_the_later_waits_for_its_turn() {
        let rules = set([error("1").once(), error("2").once()]);
        let acts: Vec<_> = (0..3).map(|_| meets(&rules, 3)).collect();
        assert_eq!(acts, [Some(Act::Error(1)), Some(Act::Error(2)), None]);
    }

    #[test]
    fn who_is_not_meant_meets_nothing() {
        let rules = set([error("1").of_client("d"), error("2").from(Side::Brokers)]);
        assert_eq!((meets(&rules, 3), meets(&rules, 0)), (None, None));
        assert!(rules.list().iter().all(|standing| standing.met == 0));
    }

    #[test]
    fn what_could_never_act_is_refused_and_so_are_too_many() {
        let rules = set([]);
        assert_eq!(rules.add(error("1").times(0)), Err(FaultError::Zero));
        assert_eq!(rules.add(error("1").nth(0)), Err(FaultError::Zero));
        for _ in 0..MOST {
            rules.add(error("1")).expect("room");
        }
        assert_eq!(rules.add(error("1")), Err(FaultError::TooMany(MOST)));
        rules.clear();
        assert!(rules.is_empty());
    }
}
