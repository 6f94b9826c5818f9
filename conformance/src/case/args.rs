//! The words of a step as values: what the parser yields and what every step and driver reads. No meaning is given here.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A value as written in a case, after names were bound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Arg {
    /// `null`
    Null,
    /// A bare word: `true`, `gzip`, `t/0`, `now-1000`.
    Word(String),
    /// `"a quoted string"`
    Text(String),
    /// `42`
    Number(i64),
    /// `0x00ff`
    Bytes(Vec<u8>),
    /// A UUID that a symbol stands for: `$t.id`.
    Uuid([u8; 16]),
    /// `$m1` or `$t.id`, before it is bound; [`Args`] given to a driver have none.
    Symbol(String),
    /// `[a, b]`
    List(Vec<Arg>),
    /// `{ Name: a, Count?: 1 }`; a trailing `?` stays part of the key.
    Record(Vec<(String, Arg)>),
    /// `repeat("a", 250)`, before it is bound.
    Call(String, Vec<Arg>),
}

/// A verb with what follows it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Args {
    /// `produce`
    pub verb: String,
    /// Arguments without a key, in order.
    pub positional: Vec<Arg>,
    /// `key=value`, in order; a key may repeat.
    pub named: Vec<(String, Arg)>,
}

/// `-> $name` or `-> $name=Path.To.Field`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    /// Name without `$`.
    pub name: String,
    /// Field path in the answer; None takes what the verb offers.
    pub path: Option<String>,
}

/// An argument that is missing or of the wrong kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ArgError(pub String);

impl Arg {
    /// The text of a word, quoted string or number.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Word(text) | Self::Text(text) => Some(text.clone()),
            Self::Number(number) => Some(number.to_string()),
            Self::Null
            | Self::Bytes(_)
            | Self::Uuid(_)
            | Self::Symbol(_)
            | Self::List(_)
            | Self::Record(_)
            | Self::Call(..) => None,
        }
    }

    /// The number, also where it was bound as text.
    pub fn int(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Word(text) | Self::Text(text) => text.parse().ok(),
            Self::Null
            | Self::Bytes(_)
            | Self::Uuid(_)
            | Self::Symbol(_)
            | Self::List(_)
            | Self::Record(_)
            | Self::Call(..) => None,
        }
    }

    /// The bytes that it stands for as a record key or value: None for `null`.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Some(bytes.clone()),
            Self::Null => None,
            other => other.text().map(String::into_bytes),
        }
    }

    /// The items of a list; a single value is a list of one.
    pub fn items(&self) -> Vec<Arg> {
        match self {
            Self::List(items) => items.clone(),
            other => vec![other.clone()],
        }
    }

    /// A field of a record.
    pub fn get(&self, key: &str) -> Option<&Arg> {
        match self {
            Self::Record(fields) => fields.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }
}

impl Args {
    /// The last value given for a key.
    pub fn get(&self, key: &str) -> Option<&Arg> {
        self.named
            .iter()
            .rev()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// Every value given for a key, in order.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Arg> {
        self.named
            .iter()
            .filter(move |(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// Text of a key.
    pub fn text(&self, key: &str) -> Option<String> {
        self.get(key).and_then(Arg::text)
    }

    /// Number of a key; an error where the value is not one.
    pub fn int(&self, key: &str) -> Result<Option<i64>, ArgError> {
        self.get(key)
            .map(|value| {
                value
                    .int()
                    .ok_or_else(|| ArgError(format!("{key}= wants a number, not {value}")))
            })
            .transpose()
    }

    /// Milliseconds of a key; an error where the value is no number of them.
    pub fn millis(&self, key: &str) -> Result<Option<Duration>, ArgError> {
        let ms = self.int(key)?.map(|ms| {
            u64::try_from(ms).map_err(|_| ArgError(format!("{key}= wants milliseconds from 0 on, not {ms}")))
        });
        Ok(ms.transpose()?.map(Duration::from_millis))
    }

    /// True where the key says `true`, or where it stands alone as a word.
    pub fn flag(&self, key: &str) -> bool {
        self.text(key).as_deref() == Some("true")
            || self.positional.iter().any(|value| *value == Arg::Word(key.to_owned()))
    }

    /// Items of a key; empty where it is absent.
    pub fn list(&self, key: &str) -> Vec<Arg> {
        self.get(key).map(Arg::items).unwrap_or_default()
    }

    /// The n-th positional argument as text; an error that says what was expected.
    pub fn at(&self, index: usize, what: &str) -> Result<String, ArgError> {
        self.positional
            .get(index)
            .and_then(Arg::text)
            .ok_or_else(|| ArgError(format!("{} wants {what}", self.verb)))
    }

    /// An error for the first key that is not in the list: a misspelt key must not pass unseen.
    pub fn only(&self, keys: &[&str]) -> Result<(), ArgError> {
        match self.named.iter().find(|(name, _)| !keys.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, _)) => Err(ArgError(format!(
                "{} does not know {name}=; it knows {}",
                self.verb,
                keys.join("= ") + "="
            ))),
        }
    }
}

impl fmt::Display for Arg {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => write!(out, "null"),
            Self::Word(text) => write!(out, "{text}"),
            Self::Text(text) => write!(out, "{text:?}"),
            Self::Number(number) => write!(out, "{number}"),
            Self::Bytes(bytes) => {
                write!(out, "0x")?;
                bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
            }
            Self::Uuid(id) => write!(out, "{}", uuid::Uuid::from_bytes(*id)),
            Self::Symbol(name) => write!(out, "${name}"),
            Self::List(items) => write_joined(out, "[", items.iter().map(ToString::to_string), "]"),
            Self::Record(fields) => write_joined(
                out,
                "{ ",
                fields.iter().map(|(name, value)| format!("{name}: {value}")),
                " }",
            ),
            Self::Call(name, items) => {
                write_joined(out, &format!("{name}("), items.iter().map(ToString::to_string), ")")
            }
        }
    }
}

fn write_joined(
    out: &mut fmt::Formatter<'_>,
    open: &str,
    items: impl Iterator<Item = String>,
    close: &str,
) -> fmt::Result {
    write!(out, "{open}{}{close}", items.collect::<Vec<_>>().join(", "))
}
