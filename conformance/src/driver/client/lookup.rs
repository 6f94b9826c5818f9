//! Questions that change nothing: metadata, ends of logs, times, groups.

use rdkafka::consumer::Consumer;
use rdkafka::groups::{GroupInfo, GroupMemberInfo};
use rdkafka::topic_partition_list::Offset;

use super::consume::Reader;
use super::{Call, Clients, Lines, errors, show};

/// Broker ids and addresses are the broker's own; how many there are, and whether there is a leader, is shown.
pub(super) fn metadata(clients: &mut Clients, call: &Call<'_>) -> Lines {
    call.only(&["group"])?;
    let topics = if call.args.positional.is_empty() {
        Vec::new()
    } else {
        clients.names(call, 0, "a topic")?
    };
    let reader = clients.reader(call)?;
    if topics.is_empty() {
        return Ok(match reader.0.fetch_metadata(None, call.left()) {
            Ok(metadata) => vec![format!("brokers={}", metadata.brokers().len())],
            Err(error) => vec![format!("error={}", errors::name(&error))],
        });
    }
    let mut lines = Vec::new();
    for topic in &topics {
        match reader.0.fetch_metadata(Some(topic), call.left()) {
            Ok(metadata) => metadata
                .topics()
                .iter()
                .for_each(|topic| lines.extend(topic_lines(topic))),
            Err(error) => lines.push(format!("{topic} error={}", errors::name(&error))),
        }
    }
    Ok(lines)
}

fn topic_lines(topic: &rdkafka::metadata::MetadataTopic) -> Vec<String> {
    let name = topic.name();
    if let Some(error) = topic.error() {
        return vec![format!("{name} error={}", errors::native_name(error))];
    }
    let mut partitions: Vec<_> = topic.partitions().iter().collect();
    partitions.sort_by_key(|partition| partition.id());
    let mut lines = vec![format!("{name} partitions={}", partitions.len())];
    lines.extend(partitions.iter().map(|partition| {
        let leader = if partition.leader() >= 0 { "yes" } else { "no" };
        let error = partition
            .error()
            .map(|error| format!(" error={}", errors::native_name(error)));
        format!(
            "{name}/{} leader={leader} replicas={} isr={}{}",
            partition.id(),
            partition.replicas().len(),
            partition.isr().len(),
            error.unwrap_or_default()
        )
    }));
    lines
}

pub(super) fn watermarks(clients: &mut Clients, call: &Call<'_>) -> Lines {
    call.only(&["group"])?;
    let places = show::partitions(&clients.list(call, 0, Offset::Invalid)?);
    let reader = clients.reader(call)?;
    let line = |(topic, partition): &(String, i32)| match reader.0.fetch_watermarks(topic, *partition, call.left()) {
        Ok((low, high)) => format!("{topic}/{partition} low={low} high={high}"),
        Err(error) => format!("{topic}/{partition} error={}", errors::name(&error)),
    };
    Ok(places.iter().map(line).collect())
}

/// The time stands where an offset would: `t/0=1700000000000`.
pub(super) fn offsets_for_times(clients: &mut Clients, call: &Call<'_>) -> Lines {
    call.only(&["group"])?;
    let times = clients.list(call, 0, Offset::Offset(0))?;
    Ok(match clients.reader(call)?.0.offsets_for_times(times, call.left()) {
        Ok(list) => show::offsets(&list, "offset"),
        Err(error) => vec![format!("error={}", errors::name(&error))],
    })
}

/// The groups of this case alone: others share the broker.
pub(super) fn list_groups(clients: &mut Clients, call: &Call<'_>) -> Lines {
    call.only(&["group"])?;
    let prefix = clients.prefix.clone();
    let own_reader = clients.unique("reader");
    let reader = clients.reader(call)?;
    connected(reader, call);
    let groups = match reader.0.fetch_group_list(None, call.left()) {
        Ok(groups) => groups,
        Err(error) => return Ok(vec![format!("error={}", errors::name(&error))]),
    };
    let ours = groups.groups().iter();
    let ours = ours.filter(|group| group.name().starts_with(&prefix) && group.name() != own_reader);
    let mut lines: Vec<String> = ours.map(group_line).collect();
    lines.sort();
    if lines.is_empty() {
        lines.push("no groups".to_owned());
    }
    Ok(lines)
}

/// A client without a connection waits a whole second before it asks for groups; metadata it asks for at once.
fn connected(reader: &Reader, call: &Call<'_>) {
    let _ = reader.0.fetch_metadata(None, call.left()); // what is wrong shows in the question itself
}

pub(super) fn describe_group(clients: &mut Clients, call: &Call<'_>) -> Lines {
    call.only(&[])?;
    let names = clients.names(call, 0, "a group")?;
    let reader = clients.reader(call)?;
    connected(reader, call);
    let mut lines = Vec::new();
    for name in &names {
        match reader.0.fetch_group_list(Some(name), call.left()) {
            Ok(groups) if groups.groups().is_empty() => lines.push(format!("{name} is not there")),
            Ok(groups) => groups.groups().iter().for_each(|group| {
                lines.push(group_line(group));
                lines.extend(member_lines(group));
            }),
            Err(error) => lines.push(format!("{name} error={}", errors::name(&error))),
        }
    }
    Ok(lines)
}

fn group_line(group: &GroupInfo) -> String {
    format!(
        "{} state={} type={} protocol={} members={}",
        group.name(),
        group.state(),
        show::bytes(Some(group.protocol_type().as_bytes())),
        show::bytes(Some(group.protocol().as_bytes())),
        group.members().len()
    )
}

/// Member ids are random: members are told apart by what they own.
fn member_lines(group: &GroupInfo) -> Vec<String> {
    let mut lines: Vec<String> = group
        .members()
        .iter()
        .map(|member| {
            format!(
                "{} member client={} owns {}",
                group.name(),
                member.client_id(),
                owned(member)
            )
        })
        .collect();
    lines.sort();
    lines
}

fn owned(member: &GroupMemberInfo) -> String {
    match member.assignment() {
        None | Some([]) => "nothing yet".to_owned(),
        Some(bytes) => match assigned(bytes) {
            Some(mut partitions) => {
                partitions.sort();
                show::joined(&partitions)
            }
            None => show::bytes(Some(bytes)),
        },
    }
}

/// What the leader of a group of consumers writes: version, then topics with their partitions.
fn assigned(mut bytes: &[u8]) -> Option<Vec<(String, i32)>> {
    let _version = take(&mut bytes, 2)?;
    let mut partitions = Vec::new();
    for _ in 0..int(&mut bytes)? {
        let length = take(&mut bytes, 2)?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let topic = String::from_utf8(take(&mut bytes, length)?.to_vec()).ok()?;
        for _ in 0..int(&mut bytes)? {
            partitions.push((topic.clone(), int(&mut bytes)?));
        }
    }
    Some(partitions)
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

fn int(bytes: &mut &[u8]) -> Option<i32> {
    let taken = take(bytes, 4)?;
    taken.try_into().ok().map(i32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_is_read_and_a_cut_one_is_not() {
        let bytes = [
            0, 0, 0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff,
        ];
        let partitions = assigned(&bytes).expect("an assignment");
        assert_eq!(show::joined(&partitions), "t/0 t/1");
        assert_eq!(assigned(&bytes[..15]), None);
    }
}
