//! Names: what a case calls `t` has another name in every run, so that runs share a broker without meeting.

use super::consumers;
use std::collections::BTreeMap;

use super::{Arg, ArgError, Args};

/// The names and captured values of one run.
#[derive(Debug, Clone, Default)]
pub struct Names {
    prefix: String,
    captured: BTreeMap<String, Arg>,
    identities: BTreeMap<String, (Identity, Arg)>,
}

/// What kind of thing a captured value names; an epoch or an offset names nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// A member of a group.
    Member,
    /// A producer.
    Producer,
    /// A fetch session.
    Session,
    /// A topic or whatever else has a UUID.
    Uuid,
}

/// A time that the case wrote relative to `now`, with the number that it came to.
pub type WrittenTime = (i64, String);

impl Names {
    /// Names that start with a prefix which no other run uses. Its length is part of what a broker sees: keep it the same
    /// in every run.
    pub fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            ..Self::default()
        }
    }

    /// The prefix: what a case calls `t` is `{prefix}t` on the broker.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The name on the broker; one that has the prefix already stays, and so does one of Kafka's own (`__…`).
    pub fn unique(&self, name: &str) -> String {
        if name.starts_with("__") || (!self.prefix.is_empty() && name.starts_with(&self.prefix)) {
            name.to_owned()
        } else {
            format!("{}{name}", self.prefix)
        }
    }

    /// Whether a name on the broker belongs to another run that shares it: its prefix has the form of ours and is not ours.
    pub fn is_of_another_run(&self, name: &str) -> bool {
        let form = |prefix: &str| {
            prefix.starts_with('z')
                && prefix.ends_with('-')
                && prefix[1..prefix.len() - 1].chars().all(|d| d.is_ascii_hexdigit())
        };
        let theirs = name.get(..self.prefix.len()).filter(|theirs| !theirs.is_empty());
        theirs.is_some_and(|theirs| theirs != self.prefix && form(&self.prefix) && form(theirs))
    }

    /// A text of the broker with every unique name turned back into the name that the case uses, also inside of bytes that
    /// are shown as hex: what members of a group tell each other names topics.
    pub fn plain(&self, text: &str) -> String {
        if self.prefix.is_empty() {
            return text.to_owned();
        }
        let hex: String = self.prefix.bytes().map(|byte| format!("{byte:02x}")).collect();
        text.replace(&self.prefix, "").replace(&hex, "")
    }

    /// Binds what a step captured.
    pub fn capture(&mut self, name: &str, value: Arg) {
        self.captured.insert(name.to_owned(), value);
    }

    /// Binds what a step captured and shows the symbol wherever an answer names the same thing.
    pub fn capture_identity(&mut self, name: &str, kind: Identity, value: Arg) {
        self.identities.insert(name.to_owned(), (kind, value.clone()));
        self.capture(name, value);
    }

    /// The captured value of a symbol such as `m1` or `t.id`.
    pub fn captured(&self, name: &str) -> Option<&Arg> {
        self.captured.get(name)
    }

    /// The symbol that a thing was captured under.
    pub fn symbol_of(&self, kind: Identity, value: &Arg) -> Option<&str> {
        let same = |(held, known): &(Identity, Arg)| *held == kind && known == value;
        self.identities
            .iter()
            .find(|(_, identity)| same(identity))
            .map(|(name, _)| name.as_str())
    }

    /// The arguments with every symbol, call and relative time replaced by its value.
    pub fn bind_args(&self, args: &Args, now_ms: i64, times: &mut Vec<WrittenTime>) -> Result<Args, ArgError> {
        let mut bound = Args {
            verb: args.verb.clone(),
            ..Args::default()
        };
        for value in &args.positional {
            bound.positional.push(self.bind(value, now_ms, times)?);
        }
        for (key, value) in &args.named {
            bound.named.push((key.clone(), self.bind(value, now_ms, times)?));
        }
        Ok(bound)
    }

    /// One value likewise.
    pub fn bind(&self, value: &Arg, now_ms: i64, times: &mut Vec<WrittenTime>) -> Result<Arg, ArgError> {
        Ok(match value {
            Arg::Symbol(name) => self.symbol(name)?,
            Arg::Word(word) => match relative_time(word, now_ms) {
                Some(time) => {
                    times.push((time, word.clone()));
                    Arg::Number(time)
                }
                None => Arg::Word(self.interpolate(word)),
            },
            Arg::Text(text) => Arg::Text(self.interpolate(text)),
            Arg::List(items) => Arg::List(
                items
                    .iter()
                    .map(|item| self.bind(item, now_ms, times))
                    .collect::<Result<_, _>>()?,
            ),
            Arg::Record(fields) => Arg::Record(
                fields
                    .iter()
                    .map(|(key, value)| Ok((self.interpolate(key), self.bind(value, now_ms, times)?)))
                    .collect::<Result<_, ArgError>>()?,
            ),
            Arg::Call(name, items) => {
                let (mut bound, mut length) = (Vec::new(), 0);
                for item in items {
                    let item = self.bind(item, now_ms, times)?;
                    length += length_of(&item);
                    if length > LONGEST {
                        return Err(too_long(name));
                    }
                    bound.push(item);
                }
                call(name, &bound)?
            }
            Arg::Null | Arg::Number(_) | Arg::Bytes(_) | Arg::Uuid(_) => value.clone(),
        })
    }

    fn symbol(&self, name: &str) -> Result<Arg, ArgError> {
        match self.captured(name) {
            Some(value) => Ok(value.clone()),
            None if name.contains('.') => Err(ArgError(format!("${name} is not bound: no step above captured it"))),
            None => Ok(Arg::Text(self.unique(name))),
        }
    }

    /// `$name` and `${any text}` inside a word or a quoted text; `$$` is a dollar sign.
    fn interpolate(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                out.push('$');
                rest = after;
            } else if let Some((name, after)) = rest.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
                out.push_str(&self.unique(name));
                rest = after;
            } else {
                let end = rest.find(|letter: char| !(letter.is_alphanumeric() || matches!(letter, '_' | '-')));
                let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
                let value = self.captured(name).and_then(Arg::text);
                out.push_str(&value.unwrap_or_else(|| {
                    if name.is_empty() {
                        "$".to_owned()
                    } else {
                        self.unique(name)
                    }
                }));
                rest = after;
            }
        }
        out.push_str(rest);
        out
    }
}

/// `now`, `now-1000`, `now+2h`: milliseconds, or with a unit of `ms`, `s`, `m`, `h`, `d`.
fn relative_time(word: &str, now_ms: i64) -> Option<i64> {
    let rest = word.strip_prefix("now")?;
    if rest.is_empty() {
        return Some(now_ms);
    }
    let (sign, amount) = match (rest.strip_prefix('-'), rest.strip_prefix('+')) {
        (Some(amount), _) => (-1, amount),
        (_, Some(amount)) => (1, amount),
        (None, None) => return None,
    };
    let digits = amount.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    let unit = match &amount[digits.len()..] {
        "" | "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    now_ms.checked_add(digits.parse::<i64>().ok()?.checked_mul(sign * unit)?)
}

/// A case has no use for a longer text than the largest frame.
const LONGEST: usize = 128 << 20;

fn too_long(name: &str) -> ArgError {
    ArgError(format!("{name}(…) comes to more than {LONGEST} bytes"))
}

fn length_of(arg: &Arg) -> usize {
    match arg {
        Arg::Word(text) | Arg::Text(text) => text.len(),
        Arg::Bytes(bytes) => bytes.len(),
        _ => 0,
    }
}

/// `repeat("a", 250)`, `join("0:", repeat("1", 250))`, `pad("$t", 249)`, `subscription("$t")`, `owning("$t", "$t/0")`,
/// `assignment("$t/0")`: long texts and bytes without writing them out.
fn call(name: &str, items: &[Arg]) -> Result<Arg, ArgError> {
    let size = |arg: &Arg| arg.int().and_then(|size| usize::try_from(size).ok());
    let times = |length: usize, count: usize| match length.checked_mul(count) {
        Some(whole) if whole <= LONGEST => Ok(count),
        _ => Err(too_long(name)),
    };
    match (name, items) {
        ("repeat", [what, count]) => match (what, what.text(), size(count)) {
            (Arg::Bytes(bytes), _, Some(count)) => Ok(Arg::Bytes(bytes.repeat(times(bytes.len(), count)?))),
            (_, Some(text), Some(count)) => Ok(Arg::Text(text.repeat(times(text.len(), count)?))),
            _ => Err(ArgError(
                "repeat(text, count) wants a text or bytes, and a count".to_owned(),
            )),
        },
        ("join", parts) => match parts.iter().map(Arg::text).collect::<Option<String>>() {
            Some(text) => Ok(Arg::Text(text)),
            None => Err(ArgError("join(text, text) wants texts".to_owned())),
        },
        ("pad", [text, length]) => match (text.text(), size(length)) {
            (Some(text), Some(length)) => {
                let missing = times(1, length)?.saturating_sub(text.chars().count());
                Ok(Arg::Text(text + &"x".repeat(missing)))
            }
            _ => Err(ArgError("pad(text, length) wants a text and a length".to_owned())),
        },
        ("uuid", [text]) => text
            .text()
            .and_then(|text| uuid::Uuid::try_parse(&text).ok())
            .map(|id| Arg::Uuid(id.into_bytes()))
            .ok_or_else(|| ArgError("uuid(\"00000000-0000-0000-0000-000000000001\") wants a UUID".to_owned())),
        ("subscription" | "owning" | "assignment", words) => {
            let words = words.iter().map(Arg::text).collect::<Option<Vec<_>>>();
            let bytes = words.and_then(|words| match (name, &words[..]) {
                ("subscription", topics) => Some(consumers::subscription(topics)),
                ("owning", [topic, owned @ ..]) => consumers::owning(topic, owned),
                ("assignment", given) => consumers::assignment(given),
                _ => None,
            });
            let wanted =
                "subscription(topic, …), owning(topic, \"topic/0\", …) and assignment(\"topic/0\", …) want texts";
            bytes.map(Arg::Bytes).ok_or_else(|| ArgError(wanted.to_owned()))
        }
        _ => Err(ArgError(format!(
            "{name}(…) is not known; repeat, join, pad, subscription, owning, assignment and uuid are"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::Names;
    use crate::case::Arg;

    fn bind(value: Arg) -> Arg {
        let mut names = Names::new("p-");
        names.capture("m1", Arg::Text("id".to_owned()));
        names
            .bind(&value, 1_000_000, &mut Vec::new())
            .expect("everything is bound")
    }

    #[test]
    fn symbols_are_captured_values_or_names_of_this_run() {
        assert_eq!(bind(Arg::Symbol("m1".to_owned())), Arg::Text("id".to_owned()));
        assert_eq!(bind(Arg::Symbol("t".to_owned())), Arg::Text("p-t".to_owned()));
        assert_eq!(
            bind(Arg::Text("$t/${a.b} $$".to_owned())),
            Arg::Text("p-t/p-a.b $".to_owned())
        );
        let unbound = Names::new("p-").bind(&Arg::Symbol("t.id".to_owned()), 0, &mut Vec::new());
        assert!(unbound.is_err());
    }

    #[test]
    fn names_of_other_runs_are_told_from_ones_own() {
        let names = Names::new("z1234560001-");
        assert!(names.is_of_another_run("z1234560002-t"));
        assert!(!names.is_of_another_run("z1234560001-t") && !names.is_of_another_run("__consumer_offsets"));
        assert!(!names.is_of_another_run("zebra") && !Names::default().is_of_another_run("z1234560002-t"));
    }

    #[test]
    fn relative_times_count_from_the_start_of_the_run() {
        assert_eq!(bind(Arg::Word("now-2s".to_owned())), Arg::Number(998_000));
        assert_eq!(bind(Arg::Word("nowhere".to_owned())), Arg::Word("nowhere".to_owned()));
    }

    #[test]
    fn long_texts_are_called_for() {
        assert_eq!(
            bind(Arg::Call(
                "repeat".to_owned(),
                vec![Arg::Text("ab".to_owned()), Arg::Number(2)]
            )),
            Arg::Text("abab".to_owned())
        );
        assert_eq!(
            bind(Arg::Call(
                "pad".to_owned(),
                vec![Arg::Symbol("t".to_owned()), Arg::Number(5)]
            )),
            Arg::Text("p-txx".to_owned())
        );
    }

    #[test]
    fn no_call_comes_to_more_than_a_frame_however_calls_lie_in_each_other() {
        let call = |name: &str, items: &[Arg]| Arg::Call(name.to_owned(), items.to_vec());
        let (text, bytes) = (Arg::Text("a".to_owned()), Arg::Bytes(vec![0]));
        let refused = |value: &Arg| {
            let bound = Names::new("p-").bind(value, 0, &mut Vec::new());
            bound.is_err_and(|error| error.to_string().contains("more than 134217728 bytes"))
        };
        for inner in [&text, &bytes] {
            let once = call("repeat", &[inner.clone(), Arg::Number(20_000)]);
            assert!(refused(&call("repeat", &[once, Arg::Number(20_000)])));
            assert!(refused(&call("repeat", &[inner.clone(), Arg::Number(i64::MAX)])));
        }
        assert!(refused(&call("pad", &[text.clone(), Arg::Number(1 << 40)])));
        let mebibyte = call("repeat", &[text, Arg::Number(1 << 20)]);
        assert!(refused(&call("join", &vec![mebibyte; 129])));
    }

    #[test]
    fn subscriptions_name_topics_of_this_run() {
        assert_eq!(
            bind(Arg::Call("subscription".to_owned(), vec![Arg::Text("$t".to_owned())])),
            Arg::Bytes(b"\0\0\0\0\0\x01\0\x03p-t\xff\xff\xff\xff".to_vec())
        );
    }
}
