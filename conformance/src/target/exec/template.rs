//! A command line with gaps, and who is to run it: the words that one node is started with.
//!
//! `{port}` is where it listens and `{data}` a directory of its own. `{config}` is one `KEY=VALUE` in Kafka's words: its word is
//! said once for each property, and the flag before it too. So is `{listener}`, `NAME://HOST:PORT`, where clients come besides, for
//! the brokers of which a case wants one. A command that says `{id}` and `{roles}` is started for each node of
//! a cluster: a controller and three brokers, who find it at `{controller}`; `{rack}` is a rack for each.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::target::Listener;
use crate::target::layout::Layout;

/// Two cannot lose one, and more show nothing new.
const BROKERS: usize = 3;
const CONFIG: &str = "{config}";
const LISTENER: &str = "{listener}";

/// A command with gaps to fill in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    words: Vec<String>,
}

/// The command that it was read from.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Who a node is among the others.
#[derive(Debug)]
pub(super) struct Seat {
    id: usize,
    roles: &'static str,
    pub(super) port: u16,
    controller: u16,
    /// Where it listens besides.
    more: Vec<String>,
}

impl Seat {
    /// The one broker, which is its own controller.
    pub(super) fn alone(port: u16, listeners: &[Listener]) -> Self {
        Self {
            id: 1,
            roles: "broker,controller",
            port,
            controller: port,
            more: listeners.iter().map(Listener::spelled).collect(),
        }
    }

    pub(super) fn broker(id: usize, port: u16, layout: &Layout) -> Self {
        Self {
            id,
            roles: "broker",
            port,
            controller: layout.controller,
            more: layout.more_of(id).collect(),
        }
    }

    pub(super) fn controller(id: usize, port: u16) -> Self {
        let (roles, controller) = ("controller", port);
        Self {
            id,
            roles,
            port,
            controller,
            more: Vec::new(),
        }
    }
}

impl Template {
    /// Reads a command.
    ///
    /// # Errors
    /// What it lacks, in words.
    pub(in crate::target) fn parse(command: &str) -> Result<Self, &'static str> {
        let words = shell_words::split(command).map_err(|_| "the command has an unclosed quote")?;
        let text = command.trim().to_owned();
        let template = Self { text, words };
        if template.words.is_empty() {
            return Err("no command after exec:");
        }
        if !template.says("{port}") {
            return Err("the command must say {port} where the port to listen on goes");
        }
        let of_a_node = ["{id}", "{roles}", "{controller}"].map(|gap| template.says(gap));
        if of_a_node.contains(&true) && of_a_node.contains(&false) {
            return Err("a command for each node of a cluster says {id}, {roles} and {controller}");
        }
        let is_repeated = |word: &&String| [CONFIG, LISTENER].iter().any(|gap| word.contains(gap));
        let mut repeated = template.words.iter().filter(is_repeated);
        if repeated.any(|word| word.contains(char::is_whitespace)) {
            return Err(
                "{config} and {listener} are words of their own, or stand in one word without spaces: the word is said once for \
                 each property or listener",
            );
        }
        Ok(template)
    }

    /// How many brokers run it.
    pub(in crate::target) fn brokers(&self) -> usize {
        if self.says("{roles}") { BROKERS } else { 1 }
    }

    /// Whether its brokers take configuration.
    pub(in crate::target) fn takes_config(&self) -> bool {
        self.says(CONFIG)
    }

    /// Whether its brokers can be told to listen elsewhere too.
    pub(in crate::target) fn takes_listeners(&self) -> bool {
        self.says(LISTENER)
    }

    /// Whether what lies in its directory is known: who has Kafka's roles has Kafka's files.
    pub(in crate::target) fn shows_files(&self) -> bool {
        self.says("{data}") && self.says("{roles}")
    }

    fn says(&self, gap: &str) -> bool {
        self.words.iter().any(|word| word.contains(gap))
    }

    /// The words for one node.
    pub(super) fn words(&self, seat: &Seat, data: &Path, config: &BTreeMap<String, String>) -> Vec<String> {
        let config: Vec<String> = config.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let repeated = [(CONFIG, &config), (LISTENER, &seat.more)];
        let (mut said, mut rest) = (Vec::new(), &self.words[..]);
        while !rest.is_empty() {
            let is_gap = |word: &String| repeated.iter().any(|(gap, _)| word == gap);
            let has_flag = rest[0].starts_with('-') && rest.get(1).is_some_and(is_gap);
            let (group, after) = rest.split_at(1 + usize::from(has_flag));
            let filled = |word: &String| seat.fill(word, data);
            match repeated
                .iter()
                .find(|(gap, _)| group.iter().any(|word| word.contains(gap)))
            {
                Some((gap, values)) => {
                    let each = values.iter();
                    said.extend(each.flat_map(|value| group.iter().map(move |word| filled(word).replace(gap, value))));
                }
                None => said.extend(group.iter().map(filled)),
            }
            rest = after;
        }
        said
    }
}

impl Seat {
    fn fill(&self, word: &str, data: &Path) -> String {
        [
            ("{port}", self.port.to_string()),
            ("{data}", data.display().to_string()),
            ("{id}", self.id.to_string()),
            ("{roles}", self.roles.to_owned()),
            ("{controller}", format!("127.0.0.1:{}", self.controller)),
            ("{rack}", format!("r{}", self.id)),
        ]
        .iter()
        .fold(word.to_owned(), |word, (gap, with)| word.replace(gap, with))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &str, seat: &Seat) -> String {
        let config = [("a", "1"), ("b", "x y")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let template = Template::parse(command).expect("a command");
        template.words(seat, Path::new("/a b"), &config.into()).join("|")
    }

    #[test]
    fn gaps_are_filled_after_the_words_are_split() {
        let alone = Seat::alone(7, &[]);
        assert_eq!(
            words("b --at 127.0.0.1:{port} {data}", &alone),
            "b|--at|127.0.0.1:7|/a b"
        );
    }

    #[test]
    fn each_property_is_said_with_its_flag() {
        let alone = Seat::alone(7, &[]);
        assert_eq!(
            words("b {port} --set {config} -v", &alone),
            "b|7|--set|a=1|--set|b=x y|-v"
        );
        assert_eq!(words("b {port} --set={config}", &alone), "b|7|--set=a=1|--set=b=x y");
        assert_eq!(words("b {port} {config}", &alone), "b|7|a=1|b=x y");
    }

    #[test]
    fn a_node_is_told_who_it_is_and_where_its_controller_is() {
        let command = "b {id} {roles} {port} {controller} {rack}";
        let layout = Layout {
            brokers: vec![6, 7],
            controller: 9,
            listeners: Vec::new(),
        };
        assert_eq!(
            words(command, &Seat::broker(2, 7, &layout)),
            "b|2|broker|7|127.0.0.1:9|r2"
        );
        let controller = words(command, &Seat::controller(100, 9));
        assert!(controller.starts_with("b|100|controller|9|127.0.0.1:9"), "{controller}");
        assert!(Template::parse("b {id} {port}").is_err_and(|why| why.contains("{roles}")));
    }

    #[test]
    fn only_who_listens_besides_is_told_so() {
        let layout = Layout {
            brokers: vec![6, 7],
            controller: 9,
            listeners: vec![Listener::extra(1, 8)],
        };
        let command = "b {id} {roles} {port} {controller} --listen {listener} -v";
        let said = |id, port| words(command, &Seat::broker(id, port, &layout));
        assert_eq!(said(1, 6), "b|1|broker|6|127.0.0.1:9|-v");
        assert_eq!(said(2, 7), "b|2|broker|7|127.0.0.1:9|--listen|EXTRA://127.0.0.1:8|-v");
        let alone = Seat::alone(7, &[Listener::extra(0, 8), Listener::extra(0, 9)]);
        let twice = words("b {port} --also={listener}", &alone);
        assert_eq!(twice, "b|7|--also=EXTRA://127.0.0.1:8|--also=EXTRA://127.0.0.1:9");
    }

    #[test]
    fn what_a_command_says_is_the_control_that_it_gives() {
        let gives = |command: &str| {
            let template = Template::parse(command).expect("a command");
            (template.brokers(), template.takes_config(), template.shows_files())
        };
        assert_eq!(gives("b {port} {data}"), (1, false, false));
        assert_eq!(gives("b {port} {data} --set {config}"), (1, true, false));
        assert_eq!(gives("b {port} {id} {roles} {controller} {data}"), (3, false, true));
    }
}
