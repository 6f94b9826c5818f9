//! Kafka's small text files: a version, a count, and that many lines.

use crate::units::{LeaderEpoch, Offset, TopicId, TopicPartition};

/// Marks a clean stop: no log needs recovery.
pub const CLEAN_SHUTDOWN: &str = ".kafka_cleanshutdown";
/// Up to where each log is on the disk.
pub const RECOVERY_POINTS: &str = "recovery-point-offset-checkpoint";
/// Where each log begins, where DeleteRecords or retention moved it.
pub const LOG_STARTS: &str = "log-start-offset-checkpoint";
/// Up to where compaction has come in each log.
pub const CLEANER_OFFSETS: &str = "cleaner-offset-checkpoint";
/// The high watermarks.
pub const HIGH_WATERMARKS: &str = "replication-offset-checkpoint";
/// In a log's directory: its leader epochs.
pub const LEADER_EPOCHS: &str = "leader-epoch-checkpoint";
/// In a log's directory: its topic's id.
pub const PARTITION_METADATA: &str = "partition.metadata";

/// An offset for each of several partitions.
pub fn offsets_to_text<'a>(offsets: impl IntoIterator<Item = (&'a TopicPartition, Offset)>) -> String {
    let lines: Vec<String> = offsets
        .into_iter()
        .map(|(tp, offset)| format!("{} {} {}", tp.topic, tp.partition, offset))
        .collect();
    text(&lines)
}

/// Reads such a file; a line that cannot be read is left out, since a checkpoint only spares work.
pub fn offsets_from_text(text: &str) -> Vec<(TopicPartition, Offset)> {
    lines(text)
        .filter_map(|line| {
            let mut words = line.split(' ');
            let (topic, partition) = (words.next()?, words.next()?.parse().ok()?);
            Some((
                TopicPartition::new(topic, partition),
                Offset(words.next()?.parse().ok()?),
            ))
        })
        .collect()
}

/// Leader epochs and where they began.
pub fn epochs_to_text(epochs: &[(LeaderEpoch, Offset)]) -> String {
    text(
        &epochs
            .iter()
            .map(|(epoch, start)| format!("{epoch} {start}"))
            .collect::<Vec<_>>(),
    )
}

/// Reads such a file.
pub fn epochs_from_text(text: &str) -> Vec<(LeaderEpoch, Offset)> {
    lines(text)
        .filter_map(|line| {
            let (epoch, start) = line.split_once(' ')?;
            Some((LeaderEpoch(epoch.parse().ok()?), Offset(start.parse().ok()?)))
        })
        .collect()
}

/// The content of `partition.metadata`.
pub fn partition_metadata(id: TopicId) -> String {
    format!("version: 0\ntopic_id: {id}\n")
}

/// The id in the content of `partition.metadata`.
pub fn topic_id_of(text: &str) -> Option<TopicId> {
    let id = text.lines().find_map(|line| line.strip_prefix("topic_id:"))?;
    TopicId::parse(id.trim())
}

fn text(lines: &[String]) -> String {
    let mut text = format!("0\n{}\n", lines.len());
    lines.iter().for_each(|line| {
        text.push_str(line);
        text.push('\n');
    });
    text
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    let known = text.lines().next() == Some("0");
    let count = text
        .lines()
        .nth(1)
        .and_then(|count| count.trim().parse().ok())
        .filter(|_| known)
        .unwrap_or(0);
    text.lines().skip(2).take(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_read_back() {
        let partitions = [TopicPartition::new("a", 0), TopicPartition::new("b", 12)];
        let text = offsets_to_text(partitions.iter().zip([Offset(5), Offset(7)]));
        assert_eq!(text, "0\n2\na 0 5\nb 12 7\n");
        assert_eq!(
            offsets_from_text(&text),
            [(partitions[0].clone(), Offset(5)), (partitions[1].clone(), Offset(7))]
        );
        let epochs = [(LeaderEpoch(0), Offset(0)), (LeaderEpoch(4), Offset(9))];
        assert_eq!(epochs_from_text(&epochs_to_text(&epochs)), epochs);
    }

    #[test]
    fn garbage_is_an_empty_checkpoint() {
        assert_eq!(offsets_from_text("7\n1\na 0 5\n"), []);
        assert_eq!(offsets_from_text("0\nmany\na 0 5\n"), []);
        assert_eq!(epochs_from_text("0\n2\n1 x\n2 3\n"), [(LeaderEpoch(2), Offset(3))]);
    }
}
