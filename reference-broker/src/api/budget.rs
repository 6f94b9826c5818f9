//! What one answer may hold, where a short request can ask for much: the same group a million times over.

use broker_core::units::ErrorCode;

/// As much as Kafka lets a request be: `socket.request.max.bytes`.
const MOST: usize = 100 << 20;

/// Bytes that an answer may still take.
pub(super) struct ReplyBudget(usize);

impl Default for ReplyBudget {
    fn default() -> Self {
        Self(MOST)
    }
}

impl ReplyBudget {
    /// Takes this many bytes, or refuses with an error that has the client ask again; ask for less, it will find.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), ErrorCode> {
        self.0 = self.0.checked_sub(bytes).ok_or(ErrorCode::CoordinatorNotAvailable)?;
        Ok(())
    }
}
