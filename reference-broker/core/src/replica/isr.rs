//! Who is in sync: what the controller has said, and what it has been asked for (KIP-497). Until it answers, both count as far as
//! they are the safer: nobody leaves before the controller says so, and who may join is waited for already.

use crate::units::BrokerId;

/// The in-sync replicas of a partition at its leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isr {
    committed: Vec<BrokerId>,
    pending: Option<Pending>,
}

/// What the controller has been asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pending {
    /// This one more.
    Expanding(BrokerId),
    /// Without these.
    Shrinking(Vec<BrokerId>),
}

impl Isr {
    /// As the controller has it.
    pub fn committed(isr: Vec<BrokerId>) -> Self {
        Self {
            committed: isr,
            pending: None,
        }
    }

    /// Those that surely are in sync.
    pub fn members(&self) -> &[BrokerId] {
        &self.committed
    }

    /// Does this one count, or will it once the controller has answered?
    pub fn may_have(&self, id: BrokerId) -> bool {
        self.committed.contains(&id) || self.pending == Some(Pending::Expanding(id))
    }

    /// The controller has not answered yet.
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// The controller is asked.
    pub fn asked(&mut self, pending: Pending) {
        self.pending = Some(pending);
    }

    /// What the controller said before is known now by the metadata too: what it is asked for since then is still open.
    pub fn confirmed(&mut self, isr: Vec<BrokerId>) {
        self.committed = isr;
    }

    /// It has refused, and all stays as it was.
    pub fn refused(&mut self) {
        self.pending = None;
    }

    /// What the controller is asked for.
    pub fn proposed(&self) -> Option<Vec<BrokerId>> {
        let committed = self.committed.iter().copied();
        Some(match self.pending.as_ref()? {
            Pending::Expanding(id) => committed.chain([*id]).collect(),
            Pending::Shrinking(gone) => committed.filter(|id| !gone.contains(id)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn until_the_controller_answers_the_larger_set_counts() {
        let [a, b, c] = [1, 2, 3].map(BrokerId);
        let mut isr = Isr::committed(vec![a, b]);
        isr.asked(Pending::Expanding(c));
        assert_eq!((isr.may_have(c), isr.members().len()), (true, 2));
        assert_eq!(isr.proposed(), Some(vec![a, b, c]));
        isr.refused();
        isr.asked(Pending::Shrinking(vec![b]));
        assert_eq!((isr.may_have(b), isr.may_have(c)), (true, false));
        assert_eq!(isr.proposed(), Some(vec![a]));
    }
}
