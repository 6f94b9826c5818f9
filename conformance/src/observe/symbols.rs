//! The identities of one run: what the broker chose, by the name under which an answer shows it.

use std::collections::{BTreeMap, HashMap};

use crate::case::{Arg, Identity, Names};

/// A broker of the target, as Metadata lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerSeen {
    /// Node id.
    pub id: i32,
    /// Advertised host.
    pub host: String,
    /// Advertised port.
    pub port: i32,
}

/// Everything that maps to a name, in the order in which it was first seen.
#[derive(Debug, Default)]
pub struct Symbols {
    /// The names and captured values of the run.
    pub names: Names,
    brokers: Vec<BrokerSeen>,
    /// The names of further listeners, by their ports.
    listeners: BTreeMap<u16, String>,
    /// Whether brokers are told apart: a case that would do with one does not.
    many_brokers: bool,
    numbered: HashMap<(&'static str, String), usize>,
    counts: HashMap<&'static str, usize>,
    topic_ids: HashMap<[u8; 16], String>,
    times: BTreeMap<i64, String>,
    started_ms: i64,
    now_ms: i64,
}

/// How far the clocks of suite and target may be apart.
const CLOCK_SLACK_MS: i64 = 5_000;
/// Longer texts and bytes show only their start and their length.
const SHOWN: usize = 100;

impl Symbols {
    /// No identity seen yet; the run starts now.
    pub fn new(names: Names, mut brokers: Vec<BrokerSeen>, now_ms: i64) -> Self {
        brokers.sort_by_key(|broker| broker.id);
        let times = BTreeMap::from([(now_ms, "now".to_owned())]);
        Self {
            names,
            brokers,
            times,
            started_ms: now_ms,
            now_ms,
            ..Self::default()
        }
    }

    /// For a case that is about several brokers: they are told apart.
    #[must_use]
    pub fn telling_brokers_apart(mut self) -> Self {
        self.many_brokers = true;
        self
    }

    /// Brokers listen at these ports too, under these names.
    #[must_use]
    pub fn knowing_listeners(mut self, listeners: BTreeMap<u16, String>) -> Self {
        self.listeners = listeners;
        self
    }

    /// The name of the further listener at a port.
    pub fn listener_at(&self, port: i64) -> Option<&str> {
        let name = self.listeners.get(&u16::try_from(port).ok()?)?;
        Some(name)
    }

    /// When the run started: what `now` means in a case.
    pub fn started_ms(&self) -> i64 {
        self.started_ms
    }

    /// Says what time it is; a timestamp between the start and this is `<now>`.
    pub fn tick(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
    }

    /// The brokers of the target, by id.
    pub fn brokers(&self) -> &[BrokerSeen] {
        &self.brokers
    }

    /// A broker: `<broker>` where a case would do with one, else by first sight `<broker 1>`. Another id stays.
    pub fn broker(&mut self, id: i64) -> String {
        let is_one = self.brokers.iter().any(|broker| i64::from(broker.id) == id);
        match (is_one, self.many_brokers) {
            (true, false) => "<broker>".to_owned(),
            (true, true) => self.number("broker", id.to_string()),
            (false, _) => id.to_string(),
        }
    }

    /// A member id: the symbol that it was captured under, or `<member 1>`. What the case itself invented stays.
    pub fn member(&mut self, id: &str) -> String {
        if let Some(name) = self.names.symbol_of(Identity::Member, &Arg::Text(id.to_owned())) {
            return format!("${name}");
        }
        if ends_in_uuid(id) {
            self.number("member", id.to_owned())
        } else {
            quote(&self.names.plain(id))
        }
    }

    fn chosen(&mut self, kind: Identity, word: &'static str, number: i64) -> String {
        if number < 0 {
            return number.to_string();
        }
        match self.names.symbol_of(kind, &Arg::Number(number)) {
            Some(name) => format!("${name}"),
            None => self.number(word, number.to_string()),
        }
    }

    /// A producer id: `$p` or `<producer 1>`; -1 stays.
    pub fn producer(&mut self, id: i64) -> String {
        self.chosen(Identity::Producer, "producer", id)
    }

    /// The id of a fetch session: `$s` or `<session 1>`; 0 stays.
    pub fn session(&mut self, id: i64) -> String {
        if id == 0 {
            "0".to_owned()
        } else {
            self.chosen(Identity::Session, "session", id)
        }
    }

    /// A UUID that the broker chose and that is not a topic's.
    pub fn uuid(&mut self, kind: &'static str, id: [u8; 16]) -> String {
        match self.names.symbol_of(Identity::Uuid, &Arg::Uuid(id)) {
            Some(name) => format!("${name}"),
            None => self.number(kind, uuid::Uuid::from_bytes(id).to_string()),
        }
    }

    /// A topic id: `<id of t>`; a later id of the same name is `<id 2 of t>`.
    pub fn topic_id(&mut self, id: [u8; 16]) -> String {
        if let Some(shown) = self.topic_ids.get(&id) {
            return shown.clone();
        }
        self.uuid("id", id)
    }

    /// Learns which topic an id belongs to.
    pub fn learn_topic(&mut self, name: &str, id: [u8; 16]) {
        if id == [0; 16] || self.topic_ids.contains_key(&id) {
            return;
        }
        let name = self.names.plain(name);
        let ending = format!("of {name}>");
        let shown = match self.topic_ids.values().filter(|shown| shown.ends_with(&ending)).count() {
            0 => format!("<id {ending}"),
            known => format!("<id {} {ending}", known + 1),
        };
        self.topic_ids.insert(id, shown);
    }

    /// Remembers a time that the case wrote relative to `now`.
    pub fn learn_time(&mut self, ms: i64, shown: &str) {
        self.times.entry(ms).or_insert_with(|| shown.to_owned());
    }

    /// A time: as the case wrote it, `<now>` inside the window of the run, else the number.
    pub fn time(&self, ms: i64) -> String {
        match self.times.get(&ms) {
            Some(shown) => shown.clone(),
            None if (self.started_ms - CLOCK_SLACK_MS..=self.now_ms + CLOCK_SLACK_MS).contains(&ms) => {
                "<now>".to_owned()
            }
            None => ms.to_string(),
        }
    }

    /// A text that the case or the broker chose, with this run's names turned back.
    pub fn text(&self, text: &str) -> String {
        quote(&self.names.plain(text))
    }

    fn number(&mut self, kind: &'static str, value: String) -> String {
        let counts = &mut self.counts;
        let number = *self.numbered.entry((kind, value)).or_insert_with(|| {
            let count = counts.entry(kind).or_default();
            *count += 1;
            *count
        });
        format!("<{kind} {number}>")
    }
}

fn ends_in_uuid(text: &str) -> bool {
    text.len() >= 36
        && text.is_char_boundary(text.len() - 36)
        && uuid::Uuid::try_parse(&text[text.len() - 36..]).is_ok()
        || (text.len() == 22
            && text
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter)))
}

/// A text as a word where it reads as one, else in quotes; a long one by its start and length.
pub fn quote(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-/+:;@<>$%#*".contains(letter);
    if text.chars().count() > SHOWN {
        let start: String = text.chars().take(16).collect();
        return format!("{start:?}…({} characters)", text.chars().count());
    }
    if !text.is_empty() && text != "null" && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("{text:?}")
    }
}

/// Bytes as text where they read as one, else as hex; many by their start and length.
pub fn bytes_text(bytes: &[u8]) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(|letter| !letter.is_control()) => quote(text),
        _ if bytes.len() > SHOWN => format!("0x{}…({} bytes)", hex(&bytes[..16]), bytes.len()),
        _ => format!("0x{}", hex(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::{BrokerSeen, Symbols, bytes_text, quote};
    use crate::case::{Arg, Names};

    fn symbols() -> Symbols {
        let broker = BrokerSeen {
            id: 1,
            host: "h".to_owned(),
            port: 9092,
        };
        Symbols::new(Names::new("p-"), vec![broker], 1_000_000)
    }

    #[test]
    fn what_the_broker_chose_is_numbered_by_first_sight_and_captured_names_win() {
        let mut symbols = symbols();
        let id = "client-6ec5a39b-5f0c-4d39-9b0c-9e0c64e0e0aa";
        assert_eq!(symbols.member(id), "<member 1>");
        assert_eq!(symbols.member("invented"), "invented");
        symbols
            .names
            .capture_identity("m1", crate::case::Identity::Member, Arg::Text(id.to_owned()));
        assert_eq!(symbols.member(id), "$m1");
        assert_eq!(
            (symbols.producer(4_000), symbols.producer(-1)),
            ("<producer 1>".to_owned(), "-1".to_owned())
        );
        assert_eq!(
            (symbols.broker(1), symbols.broker(-1)),
            ("<broker>".to_owned(), "-1".to_owned())
        );
    }

    #[test]
    fn brokers_are_told_apart_by_first_sight_where_the_case_is_about_several() {
        let broker = |id| BrokerSeen {
            id,
            host: "h".to_owned(),
            port: 9092,
        };
        let seen = || Symbols::new(Names::new("p-"), vec![broker(1), broker(2), broker(3)], 1_000_000);
        let shown = |mut symbols: Symbols| [3, 1, 3, 4].map(|id| symbols.broker(id));
        assert_eq!(
            shown(seen().telling_brokers_apart()),
            ["<broker 1>", "<broker 2>", "<broker 1>", "4"]
        );
        assert_eq!(shown(seen()), ["<broker>", "<broker>", "<broker>", "4"]);
    }

    #[test]
    fn a_recreated_topic_shows_another_id() {
        let mut symbols = symbols();
        symbols.learn_topic("p-t", [1; 16]);
        symbols.learn_topic("p-t", [2; 16]);
        assert_eq!(symbols.topic_id([1; 16]), "<id of t>");
        assert_eq!(symbols.topic_id([2; 16]), "<id 2 of t>");
        assert_eq!(symbols.topic_id([3; 16]), "<id 1>");
    }

    #[test]
    fn times_of_the_run_are_now_and_others_are_exact() {
        let mut symbols = symbols();
        symbols.learn_time(5, "now-999995");
        symbols.tick(1_000_500);
        assert_eq!(symbols.time(1_000_100), "<now>");
        assert_eq!(
            (symbols.time(5), symbols.time(-1), symbols.time(7)),
            ("now-999995".to_owned(), "-1".to_owned(), "7".to_owned())
        );
    }

    #[test]
    fn texts_and_bytes_read_as_words_where_they_can() {
        assert_eq!(
            (quote("t-1"), quote("a b"), quote("")),
            ("t-1".to_owned(), "\"a b\"".to_owned(), "\"\"".to_owned())
        );
        assert_eq!(
            (bytes_text(b"v"), bytes_text(&[0, 255])),
            ("v".to_owned(), "0x00ff".to_owned())
        );
    }
}
