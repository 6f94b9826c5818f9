//! Which anomaly breaks which promise.

use super::Anomaly;
use crate::history::Semantics;

/// What an anomaly means under some semantics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Promise {
    /// It must not be.
    Never,
    /// It may be, and a load with faults shows that the promise is no stronger: a contrast.
    Shown,
    /// It may be, and nobody waits for it.
    Open,
}

pub(super) fn of(anomaly: Anomaly, semantics: Semantics) -> Promise {
    match anomaly {
        Anomaly::InconsistentOffsets
        | Anomaly::Phantom
        | Anomaly::DivergedReplicas
        | Anomaly::PollSkip
        | Anomaly::NonmonotonicPoll
        | Anomaly::AbortedRead
        | Anomaly::TornTransaction
        | Anomaly::SplitOwnership
        | Anomaly::ZombieCommit => Promise::Never,
        Anomaly::LostWrite => match semantics {
            Semantics::AtMostOnce => Promise::Open,
            Semantics::AtLeastOnce | Semantics::Idempotent | Semantics::ExactlyOnce => Promise::Never,
        },
        // With acks=0 a value counts as acknowledged when it has left.
        Anomaly::Unseen => match semantics {
            Semantics::AtMostOnce => Promise::Shown,
            Semantics::AtLeastOnce | Semantics::Idempotent | Semantics::ExactlyOnce => Promise::Never,
        },
        Anomaly::Unprocessed => match semantics {
            Semantics::AtMostOnce => Promise::Open,
            Semantics::AtLeastOnce | Semantics::Idempotent | Semantics::ExactlyOnce => Promise::Never,
        },
        Anomaly::Duplicate => match semantics {
            Semantics::AtLeastOnce => Promise::Shown,
            Semantics::AtMostOnce | Semantics::Idempotent | Semantics::ExactlyOnce => Promise::Never,
        },
        // Retries that overtake each other; and what nobody acknowledges may come out of a connection that was given up.
        Anomaly::NonmonotonicSend => match semantics {
            Semantics::AtMostOnce | Semantics::AtLeastOnce => Promise::Open,
            Semantics::Idempotent | Semantics::ExactlyOnce => Promise::Never,
        },
        // Idempotence is the producer's; its group still processes at least once.
        Anomaly::Reprocessed => match semantics {
            Semantics::AtLeastOnce | Semantics::Idempotent => Promise::Open,
            Semantics::AtMostOnce | Semantics::ExactlyOnce => Promise::Never,
        },
    }
}
