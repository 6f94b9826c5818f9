//! What consumers of the classic protocol tell each other through the coordinator: bytes that a case gives in few words,
//! and reads in few.

use std::collections::BTreeMap;

/// ConsumerProtocolSubscription v0: what a member of a consumer group says it wants, without user data.
pub(super) fn subscription(topics: &[String]) -> Vec<u8> {
    let mut bytes = vec![0, 0];
    bytes.extend(count(topics.len()));
    for topic in topics {
        put(&mut bytes, topic);
    }
    bytes.extend([0xff; 4]);
    bytes
}

/// The same as v1, of one topic, with the partitions that the member owns.
pub(super) fn owning(topic: &str, owned: &[String]) -> Option<Vec<u8>> {
    let mut bytes = subscription(&[topic.to_owned()]);
    bytes[1] = 1;
    put_partitions(&mut bytes, owned)?;
    Some(bytes)
}

/// ConsumerProtocolAssignment v0, without user data.
pub(super) fn assignment(given: &[String]) -> Option<Vec<u8>> {
    let mut bytes = vec![0, 0];
    put_partitions(&mut bytes, given)?;
    bytes.extend([0xff; 4]);
    Some(bytes)
}

fn put_partitions(bytes: &mut Vec<u8>, places: &[String]) -> Option<()> {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for place in places {
        let (topic, partition) = place.rsplit_once('/')?;
        topics.entry(topic).or_default().push(partition.parse().ok()?);
    }
    bytes.extend(count(topics.len()));
    for (topic, partitions) in topics {
        put(bytes, topic);
        bytes.extend(count(partitions.len()));
        bytes.extend(partitions.iter().flat_map(|partition| partition.to_be_bytes()));
    }
    Some(())
}

fn put(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend(text.as_bytes());
}

fn count(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

/// An assignment as a case shows it: its version, its partitions in order, and how much user data it has.
pub(crate) fn assigned(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "nothing".to_owned();
    }
    read(bytes).unwrap_or_else(|| "unreadable".to_owned())
}

fn read(bytes: &[u8]) -> Option<String> {
    let mut rest = bytes;
    let version = i16::from_be_bytes(take(&mut rest)?);
    let mut shown = Vec::new();
    for _ in 0..i32::from_be_bytes(take(&mut rest)?) {
        let length = usize::from(u16::from_be_bytes(take(&mut rest)?));
        let (topic, after) = rest.split_at_checked(length)?;
        rest = after;
        let topic = std::str::from_utf8(topic).ok()?;
        for _ in 0..i32::from_be_bytes(take(&mut rest)?) {
            shown.push((topic, i32::from_be_bytes(take(&mut rest)?)));
        }
    }
    shown.sort_unstable();
    let shown: Vec<String> = shown
        .iter()
        .map(|(topic, partition)| format!("{topic}/{partition}"))
        .collect();
    let user_data = match i32::from_be_bytes(take(&mut rest)?) {
        -1 => String::new(),
        length => format!(" user-data={length}"),
    };
    Some(format!("v{version} [{}]{user_data}", shown.join(", ")))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::{assigned, assignment, owning};

    #[test]
    fn an_assignment_reads_as_it_was_given() {
        let given = ["t/1".to_owned(), "t/0".to_owned(), "a/b/7".to_owned()];
        let bytes = assignment(&given).expect("places");
        assert_eq!(assigned(&bytes), "v0 [a/b/7, t/0, t/1]");
        assert_eq!(assigned(&[]), "nothing");
        assert_eq!(assigned(&bytes[..9]), "unreadable");
        assert_eq!(assignment(&["t".to_owned()]), None);
    }

    #[test]
    fn what_is_owned_follows_the_subscription() {
        let bytes = owning("t", &["t/3".to_owned()]).expect("places");
        assert_eq!(
            bytes,
            b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x03"
        );
    }
}
