//! Names: what a case calls `t` has another name in every run, so that runs share a broker without meeting.

use std::collections::BTreeMap;

use super::Arg;

/// The names and captured values of one run.
#[derive(Debug, Clone, Default)]
pub struct Names {
    prefix: String,
    captured: BTreeMap<String, Arg>,
}

impl Names {
    /// Names that start with a prefix which no other run uses. Its length is part of what a broker sees: keep it the same
    /// in every run.
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), captured: BTreeMap::new() }
    }

    /// The prefix: what a case calls `t` is `{prefix}t` on the broker.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The name on the broker.
    pub fn unique(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A text of the broker with every unique name turned back into the name that the case uses.
    pub fn plain(&self, text: &str) -> String {
        if self.prefix.is_empty() { text.to_owned() } else { text.replace(&self.prefix, "") }
    }

    /// Binds what a step captured.
    pub fn capture(&mut self, name: &str, value: Arg) {
        self.captured.insert(name.to_owned(), value);
    }

    /// The captured value of a symbol such as `m1` or `t.id`.
    pub fn captured(&self, name: &str) -> Option<&Arg> {
        self.captured.get(name)
    }

    /// The symbol that a value was captured under.
    pub fn symbol_of(&self, value: &Arg) -> Option<&str> {
        self.captured.iter().find(|(_, known)| *known == value).map(|(name, _)| name.as_str())
    }
}
