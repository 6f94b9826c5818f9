//! Java's string hash, where an answer of Kafka's depends on it: which partition coordinates a group, and in which
//! order a `HashMap` is walked when a vote is tied.

use crate::mutant::{self, Mutant};

/// The partition of an internal topic that owns a key: `Utils.abs(key.hashCode()) % partitions`.
pub fn partition_for(key: &str, partitions: i32) -> i32 {
    let (hash, partitions) = (java_hash(key), partitions.max(1));
    if mutant::on(Mutant::GroupHashWithoutAbs) {
        return hash.rem_euclid(partitions);
    }
    kafka_abs(hash) % partitions
}

/// `String.hashCode`: over UTF-16 units.
fn java_hash(text: &str) -> i32 {
    text.encode_utf16()
        .fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

/// Kafka's `Utils.abs`: the most negative number becomes 0, not itself.
fn kafka_abs(number: i32) -> i32 {
    number.checked_abs().unwrap_or(0)
}

/// Where a key stands when a `java.util.HashMap` of `entries` keys is walked: its bucket.
pub(super) fn hash_map_bucket(key: &str, entries: usize) -> u32 {
    let mut capacity = 16_u32;
    while entries > capacity as usize * 3 / 4 {
        capacity *= 2;
    }
    let hash = java_hash(key).cast_unsigned();
    (hash ^ (hash >> 16)) & (capacity - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_javas() {
        assert_eq!(java_hash(""), 0);
        assert_eq!(java_hash("hello"), 99_162_322);
        assert_eq!(java_hash("polygenelubricants"), i32::MIN);
        assert_eq!(
            java_hash("\u{1F600}"),
            0xD83D * 31 + 0xDE00,
            "a pair of surrogates counts as two units"
        );
    }

    #[test]
    fn the_most_negative_hash_goes_to_partition_zero() {
        assert_eq!(partition_for("polygenelubricants", 50), 0);
    }

    #[test]
    fn a_negative_hash_counts_by_its_magnitude() {
        let key = (0..)
            .map(|n: i32| format!("g{n}"))
            .find(|key| java_hash(key) < 0 && java_hash(key) % 50 != 0);
        let key = key.expect("some key has a negative hash");
        assert_eq!(partition_for(&key, 50), -(java_hash(&key) % 50));
    }
}
