//! The topics that consumers subscribe to, read from the first fields of their protocol metadata. Every version of it
//! begins like version 0, so nothing else need be known.

use std::collections::BTreeSet;

use crate::units::TopicName;

/// The topics of one member's subscription; `None` where these bytes are none.
pub(super) fn topics(metadata: &[u8]) -> Option<BTreeSet<TopicName>> {
    let (version, mut rest) = take_i16(metadata)?;
    if version < 0 {
        return None;
    }
    let count = i32::from_be_bytes(*rest.first_chunk()?);
    rest = &rest[4..];
    let mut topics = BTreeSet::new();
    for _ in 0..usize::try_from(count).ok()? {
        let (length, after) = take_i16(rest)?;
        let (name, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
        topics.insert(std::str::from_utf8(name).ok()?.into());
        rest = after;
    }
    Some(topics)
}

fn take_i16(bytes: &[u8]) -> Option<(i16, &[u8])> {
    let (head, rest) = bytes.split_first_chunk()?;
    Some((i16::from_be_bytes(*head), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read_from_any_version() {
        for version in 0..4 {
            let bytes = [&[0, version, 0, 0, 0, 2, 0, 1, b'a', 0, 1, b'b'][..], &[9; 7]].concat();
            assert_eq!(topics(&bytes), Some(["a".into(), "b".into()].into()));
        }
    }

    #[test]
    fn what_is_no_subscription_says_nothing() {
        let hostile: [&[u8]; 6] = [
            b"",
            b"\0",
            &[0xff, 0xff, 0, 0, 0, 0],
            &[0, 0, 0xff, 0xff, 0xff, 0xff],
            &[0, 0, 0x7f, 0xff, 0xff, 0xff],
            &[0, 0, 0, 0, 0, 1, 0, 9, b'a'],
        ];
        for bytes in hostile {
            assert_eq!(topics(bytes), None, "{bytes:?}");
        }
    }
}
