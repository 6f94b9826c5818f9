//! Reading partitions that the step names, outside any group's rebalances.

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientContext, Message as _};

use super::show::{self, Record};
use super::{Call, Clients, Lines, StepFailure, config, errors, offset};
use crate::case::Arg;

/// A consumer that is assigned by hand; look-ups share it.
pub(super) struct Reader(pub(super) BaseConsumer<Silent>);

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reader")
    }
}

/// librdkafka's own log is not part of what an application decides on.
pub(super) struct Silent;

impl ClientContext for Silent {
    fn log(&self, _level: RDKafkaLogLevel, _facility: &str, _message: &str) {}
    fn error(&self, _error: KafkaError, _reason: &str) {}
}

impl ConsumerContext for Silent {}

impl Clients {
    /// The reader with the properties of a step, of the group that it names.
    pub(super) fn reader(&mut self, call: &Call<'_>) -> Result<&Reader, StepFailure> {
        let given = config::properties(call.args)?;
        let group = call.args.text("group").unwrap_or_else(|| "reader".to_owned());
        let key = (self.unique(&group), given);
        if !self.readers.contains_key(&key) {
            let reader = config::consumer(&self.bootstrap, &key.0, &key.1)
                .create_with_context(Silent)
                .map_err(|e: KafkaError| StepFailure::usage(format!("no consumer with these properties: {e}")))?;
            self.readers.insert(key.clone(), Reader(reader));
        }
        self.readers
            .get(&key)
            .ok_or_else(|| StepFailure("no reader".to_owned()))
    }
}

pub(super) fn consume(clients: &mut Clients, call: &Call<'_>) -> Lines {
    call.only(&["from", "n", "show", "group"])?;
    let from = call.args.get("from").map_or(Ok(Offset::Beginning), offset)?;
    let wanted = call.args.int("n")?.and_then(|n| usize::try_from(n).ok());
    let (named, whole) = targets(clients, call, from)?;
    let reader = clients.reader(call)?;
    let list = match reader.with_whole(named, &whole, from, call) {
        Ok(list) => list,
        Err(line) => return Ok(vec![line]),
    };
    reader.acquaint(&list, call);
    let (records, ending) = match reader.0.assign(&list) {
        Ok(()) => reader.read(&list, wanted, call),
        Err(error) => (Vec::new(), Some(format!("error={}", errors::name(&error)))),
    };
    let _ = reader.0.unassign(); // fails only where the assignment did
    let mut lines = show::records(records, with_time(call));
    if lines.is_empty() && ending.is_none() {
        lines.push("no records".to_owned());
    }
    lines.extend(ending);
    Ok(lines)
}

/// `show=[timestamp]`
pub(super) fn with_time(call: &Call<'_>) -> bool {
    let shown = call.args.list("show");
    shown.iter().any(|word| word.text().as_deref() == Some("timestamp"))
}

/// The partitions that the step names, and the topics that it wants whole.
fn targets(clients: &Clients, call: &Call<'_>, from: Offset) -> Result<(TopicPartitionList, Vec<String>), StepFailure> {
    let is_place = |text: &str| {
        text.rsplit_once('/')
            .is_some_and(|(_, number)| number.parse::<i32>().is_ok())
    };
    let words: Vec<String> = call
        .args
        .positional
        .iter()
        .flat_map(Arg::items)
        .filter_map(|arg| arg.text())
        .collect();
    let mut list = TopicPartitionList::new();
    for word in words.iter().filter(|word| is_place(word)) {
        let (topic, partition) = clients.place(word)?;
        add(&mut list, &topic, partition, from);
    }
    for (key, value) in call.args.named.iter().filter(|(key, _)| is_place(key)) {
        let (topic, partition) = clients.place(key)?;
        add(&mut list, &topic, partition, offset(value)?);
    }
    let whole: Vec<String> = words
        .iter()
        .filter(|word| !is_place(word))
        .map(|name| clients.unique(name))
        .collect();
    if list.count() == 0 && whole.is_empty() {
        return Err(StepFailure::usage("consume wants a topic or TOPIC/PARTITION"));
    }
    Ok((list, whole))
}

fn add(list: &mut TopicPartitionList, topic: &str, partition: i32, offset: Offset) {
    // An offset that cannot be said leaves the partition at librdkafka's default.
    let _ = list.add_partition(topic, partition).set_offset(offset);
}

impl Reader {
    /// Adds every partition of the topics, as the broker tells them.
    fn with_whole(
        &self,
        mut list: TopicPartitionList,
        topics: &[String],
        from: Offset,
        call: &Call<'_>,
    ) -> Result<TopicPartitionList, String> {
        for topic in topics {
            for partition in 0..self.partitions(topic, call)? {
                add(&mut list, topic, partition, from);
            }
        }
        Ok(list)
    }

    /// A client that does not know a topic's leader yet waits half a second before it looks; asked for metadata, it knows.
    fn acquaint(&self, list: &TopicPartitionList, call: &Call<'_>) {
        let topics: BTreeSet<String> = show::partitions(list).into_iter().map(|(topic, _)| topic).collect();
        for topic in topics {
            let _ = self.0.fetch_metadata(Some(&topic), call.left()); // what is wrong shows when it reads
        }
    }

    /// How many partitions a topic has; otherwise the line that says why nobody knows.
    pub(super) fn partitions(&self, topic: &str, call: &Call<'_>) -> Result<i32, String> {
        let metadata = self
            .0
            .fetch_metadata(Some(topic), call.left())
            .map_err(|error| format!("{topic} error={}", errors::name(&error)))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        match found.map(|found| (found.error(), found.partitions().len())) {
            Some((Some(error), _)) => Err(format!("{topic} error={}", errors::native_name(error))),
            Some((None, count)) => Ok(i32::try_from(count).unwrap_or(0)),
            None => Err(format!("{topic} is not in the metadata")),
        }
    }

    /// Reads n records, or to the end of every partition; the second part tells what ended it otherwise.
    fn read(&self, list: &TopicPartitionList, wanted: Option<usize>, call: &Call<'_>) -> (Vec<Record>, Option<String>) {
        let mut records = Vec::new();
        let mut open: BTreeSet<(String, i32)> = show::partitions(list).into_iter().collect();
        loop {
            if wanted.map_or(open.is_empty(), |wanted| records.len() >= wanted) {
                return (records, None);
            }
            if call.left().is_zero() {
                return (records, Some("timed out".to_owned()));
            }
            match self.0.poll(call.left().min(Duration::from_millis(100))) {
                None => {}
                Some(Ok(message)) => {
                    open.insert((message.topic().to_owned(), message.partition()));
                    records.push(Record::of(&message));
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => ended(&mut open, partition),
                Some(Err(error)) if passes(&error) => {}
                Some(Err(error)) => return (records, Some(format!("error={}", errors::name(&error)))),
            }
        }
    }
}

/// librdkafka tells the partition of an end, not its topic: the first one of that number that is open.
fn ended(open: &mut BTreeSet<(String, i32)>, partition: i32) {
    let first = open.iter().find(|(_, number)| *number == partition).cloned();
    if let Some(place) = first {
        open.remove(&place);
    }
}

/// What librdkafka gets over by itself: a connection that was lost and comes back.
pub(super) fn passes(error: &KafkaError) -> bool {
    let transient = ["_ALL_BROKERS_DOWN", "_TRANSPORT", "_RESOLVE"];
    transient.contains(&errors::name(error).as_str())
}
