//! What a run came to. A verdict is made once, by the executor, and never edited afterwards.

use serde::Serialize;

/// The judgement on one run of one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum Verdict {
    /// The target answered as Kafka did.
    Passed,
    /// It answered, and otherwise than Kafka. Also: it died, closed or stayed silent where Kafka answered.
    Differs,
    /// It differs, and the profile says so, with a reason and a link.
    Known {
        /// Why, in the words of the profile.
        reason: String,
        /// Where this is tracked.
        link: Option<String>,
    },
    /// A known difference that no longer shows: the profile must be updated.
    Vanished {
        /// The reason that the profile gave for the difference.
        reason: String,
    },
    /// The target does not advertise what the case needs.
    Unclaimed {
        /// The API and version, feature or profile line that is missing.
        missing: String,
    },
    /// The case needs control that the target string does not give.
    Unreachable {
        /// What it needs: configuration, kill, disk, three brokers.
        needs: String,
    },
    /// The harness failed. Never charged to the target.
    Broken {
        /// What went wrong, with what to do about it where we know.
        why: String,
    },
}

impl Verdict {
    /// The word that reports and JSON use.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Differs => "differs",
            Self::Known { .. } => "known",
            Self::Vanished { .. } => "vanished",
            Self::Unclaimed { .. } => "unclaimed",
            Self::Unreachable { .. } => "unreachable",
            Self::Broken { .. } => "broken",
        }
    }
}
