//! The head of a case: its ids and intent, the `apis:`, `driver:`, `needs:` and `releases:` lines, and `given topic`.

use super::Fault;
use super::lex::Cursor;
use crate::case::{ApiUse, Arg, Args, DriverKind, GivenTopic, Releases, is_listener_name};
use crate::target::Needs;

/// Everything above the first step.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) ids: Vec<String>,
    pub(super) intent: String,
    pub(super) why: Vec<String>,
    pub(super) apis: Vec<ApiUse>,
    pub(super) driver: DriverKind,
    pub(super) needs: Needs,
    pub(super) releases: Releases,
    pub(super) topics: Vec<GivenTopic>,
}

/// Reads the head; returns it with the index of the first line that does not belong to it.
pub(super) fn read(lines: &[&str]) -> Result<(Head, usize), Fault> {
    let (ids, intent) = title(lines.first().copied().unwrap_or(""))?;
    let why: Vec<String> = lines[1..]
        .iter()
        .map_while(|line| line.strip_prefix('#'))
        .map(|text| text.trim().to_owned())
        .collect();
    let mut at = 1 + why.len();
    let mut head = Head {
        ids,
        intent,
        why,
        apis: Vec::new(),
        driver: DriverKind::Wire,
        needs: Needs::default(),
        releases: Releases::default(),
        topics: Vec::new(),
    };
    let mut needs_at = at;
    while let Some(line) = lines.get(at) {
        if line.starts_with("needs:") {
            needs_at = at;
        }
        if !line.trim().is_empty() && !entry(&mut head, line, at + 1)? {
            break;
        }
        at += 1;
    }
    let brokers = head.needs.brokers.max(1);
    let mut listening = head.needs.listeners.iter().flat_map(|(_, on)| on);
    if listening.any(|place| *place >= brokers) {
        return Err(Fault::at(
            needs_at + 1,
            1,
            format!("listeners on brokers that there are: 0 to {}", brokers - 1),
        ));
    }
    Ok((head, at))
}

fn title(line: &str) -> Result<(Vec<String>, String), Fault> {
    let fault = || Fault::at(1, 1, "a first line such as `# PRO-17  One sentence of intent.`");
    let mut rest = line.strip_prefix('#').ok_or_else(fault)?.trim_start();
    let mut ids = Vec::new();
    loop {
        let word = rest.split_whitespace().next().unwrap_or("");
        let id = word.trim_end_matches(',');
        if !is_id(id) {
            break;
        }
        ids.push(id.to_owned());
        rest = rest[word.len()..].trim_start();
    }
    let intent = rest.trim_end();
    if ids.is_empty() || ids.len() > 3 || intent.is_empty() {
        return Err(fault());
    }
    Ok((ids, intent.to_owned()))
}

fn is_id(word: &str) -> bool {
    word.split_once('-').is_some_and(|(family, number)| {
        family.len() >= 2
            && family.chars().all(|letter| letter.is_ascii_uppercase())
            && !number.is_empty()
            && number.chars().all(|digit| digit.is_ascii_digit())
    })
}

/// Takes one line into the head; false where the line is no head line.
fn entry(head: &mut Head, line: &str, number: usize) -> Result<bool, Fault> {
    if line.starts_with("given ") {
        head.topics.push(given(line, number)?);
        return Ok(true);
    }
    let Some((key, value)) = line.split_once(':') else {
        return Ok(false);
    };
    let column = key.len() + 2 + (value.len() - value.trim_start().len());
    let value = value.trim();
    match key {
        "apis" => head.apis = apis(value, number, column)?,
        "driver" => head.driver = driver(value, number, column)?,
        "needs" => needs(&mut head.needs, value, number, column)?,
        "releases" => head.releases = releases(value, number, column)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn apis(value: &str, line: usize, column: usize) -> Result<Vec<ApiUse>, Fault> {
    let mut apis = Vec::new();
    for entry in value.split(',').map(str::trim) {
        let fault = || {
            Fault::at(
                line,
                column,
                "API names with a version range where one is the matrix: `Produce 3..13, ListOffsets`",
            )
        };
        let mut words = entry.split_whitespace();
        let name = words.next().ok_or_else(fault)?.to_owned();
        let versions = words
            .next()
            .map(|range| range_of(range).ok_or_else(fault))
            .transpose()?;
        if words.next().is_some() {
            return Err(fault());
        }
        apis.push(ApiUse { name, versions });
    }
    Ok(apis)
}

/// `3..13` or `3`.
pub(super) fn range_of(text: &str) -> Option<(i16, i16)> {
    let (low, high) = text.split_once("..").unwrap_or((text, text));
    let (low, high) = (low.parse().ok()?, high.parse().ok()?);
    (low <= high).then_some((low, high))
}

fn driver(value: &str, line: usize, column: usize) -> Result<DriverKind, Fault> {
    match value {
        "wire" => Ok(DriverKind::Wire),
        "client" => Ok(DriverKind::Client),
        _ => Err(Fault::at(line, column, "`wire` or `client`")),
    }
}

fn needs(needs: &mut Needs, value: &str, line: usize, column: usize) -> Result<(), Fault> {
    let fault = || {
        Fault::at(
            line,
            column,
            "`fresh`, `kill`, `pause`, `disk`, `brokers N`, `listener NAME=0,1` or `config KEY=VALUE`, separated by spaces",
        )
    };
    let mut words = value.split_whitespace();
    while let Some(word) = words.next() {
        match word.trim_end_matches(',') {
            "fresh" => needs.fresh = true,
            "kill" => needs.kill = true,
            "pause" => needs.pause = true,
            "disk" => needs.disk = true,
            "brokers" => {
                let count = words.next().ok_or_else(fault)?.trim_end_matches(',');
                needs.brokers = count.parse().map_err(|_| fault())?;
            }
            "listener" => {
                let (name, on) = words.next().and_then(|pair| pair.split_once('=')).ok_or_else(fault)?;
                let why =
                    "a name of its own in capitals, and the places of the brokers that have it: `listener EXTRA=0,1`";
                let listener = listener(needs, name, on).ok_or_else(|| Fault::at(line, column, why))?;
                needs.listeners.push(listener);
            }
            "config" => {
                let (key, value) = words.next().and_then(|pair| pair.split_once('=')).ok_or_else(fault)?;
                needs.config.push((key.to_owned(), value.trim_matches('"').to_owned()));
            }
            _ => return Err(fault()),
        }
    }
    Ok(())
}

/// A listener that is not there yet: not one that every target has for itself, and none twice.
fn listener(needs: &Needs, name: &str, on: &str) -> Option<(String, Vec<usize>)> {
    const TAKEN: &[&str] = &["PLAINTEXT", "CONTROLLER", "CLIENT", "BROKER"];
    let is_new = !TAKEN.contains(&name) && needs.listeners.iter().all(|(other, _)| other != name);
    let places: Vec<usize> = (on.trim_end_matches(',').split(','))
        .map(|place| place.parse().ok())
        .collect::<Option<_>>()?;
    let is_twice = |place: &usize| places.iter().filter(|other| *other == place).count() > 1;
    let fits = is_listener_name(name) && is_new && !places.iter().any(is_twice);
    fits.then(|| (name.to_owned(), places))
}

fn releases(value: &str, line: usize, column: usize) -> Result<Releases, Fault> {
    let bound = |text: &str| -> Result<Option<String>, Fault> {
        let ok = text.split('.').all(|part| part.parse::<u32>().is_ok());
        match text {
            "" => Ok(None),
            _ if ok => Ok(Some(text.to_owned())),
            _ => Err(Fault::at(
                line,
                column,
                "a range of Kafka releases: `4.1..`, `..4.0` or `4.0..4.3`",
            )),
        }
    };
    let (from, to) = value.split_once("..").unwrap_or((value, value));
    Ok(Releases {
        from: bound(from)?,
        to: bound(to)?,
    })
}

fn given(line: &str, number: usize) -> Result<GivenTopic, Fault> {
    let fault = || {
        Fault::at(
            number,
            1,
            "`given topic NAME partitions=N [replicas=N | assignment=[[0],[1]]] [config K=V…]`",
        )
    };
    let mut cursor = Cursor::new(line, number);
    let mut args = Args {
        verb: cursor.word()?,
        ..Args::default()
    };
    cursor.arguments(&mut args)?;
    let mut words = args
        .positional
        .iter()
        .filter_map(Arg::text)
        .filter(|word| word != "config");
    let (Some("topic"), Some(name), None) = (words.next().as_deref(), words.next(), words.next()) else {
        return Err(fault());
    };
    let mut topic = GivenTopic {
        line: number,
        name,
        partitions: 1,
        replication_factor: 1,
        assignment: Vec::new(),
        config: Vec::new(),
    };
    for (key, value) in &args.named {
        let int = || value.int().ok_or_else(fault);
        match key.as_str() {
            "partitions" => topic.partitions = i32::try_from(int()?).map_err(|_| fault())?,
            "replicas" => topic.replication_factor = i16::try_from(int()?).map_err(|_| fault())?,
            "assignment" => topic.assignment = assignment(value).ok_or_else(fault)?,
            _ => topic.config.push((key.clone(), value.text().ok_or_else(fault)?)),
        }
    }
    Ok(topic)
}

fn assignment(value: &Arg) -> Option<Vec<Vec<usize>>> {
    let replicas = |partition: &Arg| {
        partition
            .items()
            .iter()
            .map(|id| usize::try_from(id.int()?).ok())
            .collect()
    };
    value.items().iter().map(replicas).collect()
}
