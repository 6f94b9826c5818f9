//! What the three ACL APIs have in common: without an authorizer each is answered SECURITY_DISABLED, and numbers that
//! stand for nothing close the connection, as a request that cannot be read.

use super::Answer;

/// Kafka's word for it.
pub(super) const DISABLED: &str = "No Authorizer is configured.";

/// The numbers of an ACL or of a filter for ACLs.
pub(super) struct Numbers {
    pub(super) resource_type: i8,
    pub(super) pattern_type: i8,
    pub(super) operation: i8,
    pub(super) permission: i8,
}

impl Numbers {
    /// Does each of them stand for something?
    pub(super) fn are_known(&self) -> bool {
        (1..=7).contains(&self.resource_type)
            && (1..=4).contains(&self.pattern_type)
            && (1..=15).contains(&self.operation)
            && (1..=3).contains(&self.permission)
    }
}

/// What becomes of a request with others.
pub(super) fn unknown() -> Answer {
    Answer::Close("an ACL has an unknown resource, pattern, operation or permission".into())
}
