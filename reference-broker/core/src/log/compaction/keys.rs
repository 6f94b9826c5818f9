//! The newest offset of each key, in bounded memory. Of a key only 128 bits of a hash are kept, as Kafka keeps an MD5.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use crate::units::Offset;

/// What a key costs here, the table's spare room included.
const BYTES_PER_KEY: usize = 64;

/// From key to its newest offset.
#[derive(Debug)]
pub(super) struct Keys {
    newest: HashMap<u128, i64>,
    /// Two, so that a collision takes 128 equal bits; seeded anew for each round, so that nobody can aim for one.
    hashers: [RandomState; 2],
    limit: usize,
}

impl Keys {
    /// As many as fit into so many bytes.
    pub(super) fn within(bytes: usize) -> Self {
        Self {
            newest: HashMap::new(),
            hashers: [RandomState::new(), RandomState::new()],
            limit: (bytes / BYTES_PER_KEY).max(1),
        }
    }

    /// Takes note of a key at an offset, which grows from call to call; false where there is no room for another key.
    pub(super) fn note(&mut self, key: &[u8], offset: Offset) -> bool {
        let hash = self.hash(key);
        if self.newest.len() >= self.limit && !self.newest.contains_key(&hash) {
            return false;
        }
        self.newest.insert(hash, offset.0);
        true
    }

    /// Is a record of this key superseded by one that stands behind it?
    pub(super) fn supersedes(&self, key: &[u8], offset: Offset) -> bool {
        self.newest
            .get(&self.hash(key))
            .is_some_and(|newest| *newest > offset.0)
    }

    fn hash(&self, key: &[u8]) -> u128 {
        let [high, low] = self.hashers.each_ref().map(|hasher| hasher.hash_one(key));
        u128::from(high) << 64 | u128::from(low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_takes_known_keys_and_no_others() {
        let mut keys = Keys::within(2 * BYTES_PER_KEY);
        assert!(keys.note(b"a", Offset(0)) && keys.note(b"b", Offset(1)));
        assert!(!keys.note(b"c", Offset(2)) && keys.note(b"a", Offset(3)));
        assert!(keys.supersedes(b"a", Offset(0)) && !keys.supersedes(b"a", Offset(3)));
        assert!(!keys.supersedes(b"c", Offset(2)));
    }
}
