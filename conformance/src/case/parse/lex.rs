//! Words, values and arguments of one step, read character by character so that an error knows its column.

use super::Fault;
use crate::case::{Arg, Args};

/// A place in the text of one step.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    first_line: usize,
    depth: usize,
}

/// How deep lists, records and calls may lie in each other: deeper than any request of Kafka, and not so deep that the
/// stack or a reader of JSON gives in (a level is up to three levels of JSON there, and 128 are read).
pub(crate) const DEEPEST: usize = 32;

const ENDS_A_WORD: &[char] = &[',', '[', ']', '{', '}', '(', ')', '"', '=', '|', ':'];

impl<'a> Cursor<'a> {
    /// Starts at the first character of a text that begins on the given line.
    pub(super) fn new(text: &'a str, first_line: usize) -> Self {
        Self {
            text,
            at: 0,
            first_line,
            depth: 0,
        }
    }

    /// A fault at this place.
    pub(super) fn fault(&self, expected: impl Into<String>) -> Fault {
        let before = &self.text[..self.at];
        let line = self.first_line + before.matches('\n').count();
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Fault::at(line, column, expected)
    }

    /// The next character after white space, if any is left.
    pub(super) fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text[self.at..].chars().next()
    }

    /// Takes a token if it comes next.
    pub(super) fn take(&mut self, token: &str) -> bool {
        self.peek();
        let found = self.text[self.at..].starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// A bare word.
    pub(super) fn word(&mut self) -> Result<String, Fault> {
        self.peek();
        let word = self.bare_word();
        if word.is_empty() {
            Err(self.fault("a word"))
        } else {
            Ok(word)
        }
    }

    /// Positional and `key=value` arguments, up to `->`, `|` or the end.
    pub(super) fn arguments(&mut self, args: &mut Args) -> Result<(), Fault> {
        while let Some(next) = self.peek() {
            if next == '|' || self.text[self.at..].starts_with("->") {
                break;
            }
            let before = self.at;
            let word = self.bare_word();
            if !word.is_empty() && self.text[self.at..].starts_with('=') {
                self.at += 1;
                let value = self.value("a value")?;
                args.named.push((word, value));
            } else {
                self.at = before;
                let value = self.value("an argument: a value or key=value")?;
                args.positional.push(value);
            }
        }
        Ok(())
    }

    /// A name or path up to a separator: `Topics[0].Name`.
    pub(super) fn path(&mut self) -> Result<String, Fault> {
        self.peek();
        let mut path = self.bare_word();
        while self.text[self.at..].starts_with('[') {
            let rest = &self.text[self.at..];
            let end = rest.find(']').ok_or_else(|| self.fault("]"))?;
            path.push_str(&rest[..=end]);
            self.at += end + 1;
            path.push_str(&self.bare_word());
        }
        if path.is_empty() {
            Err(self.fault("a field path such as Topics[0].Name"))
        } else {
            Ok(path)
        }
    }

    fn value(&mut self, expected: &str) -> Result<Arg, Fault> {
        let next = self.peek();
        if self.depth > DEEPEST {
            return Err(self.fault(format!("a value in at most {DEEPEST} brackets")));
        }
        self.depth += 1;
        let value = match next {
            Some('[') => self.list(),
            Some('{') => self.record(),
            Some('"') => self.quoted().map(Arg::Text),
            Some(_) => self.simple(expected),
            None => Err(self.fault(expected)),
        };
        self.depth -= 1;
        value
    }

    fn list(&mut self) -> Result<Arg, Fault> {
        self.take("[");
        let mut items = Vec::new();
        while !self.take("]") {
            items.push(self.value("a value or ]")?);
            self.take(",");
        }
        Ok(Arg::List(items))
    }

    fn record(&mut self) -> Result<Arg, Fault> {
        self.take("{");
        let mut fields = Vec::new();
        while !self.take("}") {
            let key = match self.peek() {
                Some('"') => self.quoted()?,
                Some(_) => self.path().map_err(|fault| Fault {
                    expected: "a field name or }".to_owned(),
                    ..fault
                })?,
                None => return Err(self.fault("a field name or }")),
            };
            if !self.take(":") {
                return Err(self.fault("a colon after the field name"));
            }
            let value = self.value("a value")?;
            fields.push((key, value));
            self.take(",");
        }
        Ok(Arg::Record(fields))
    }

    fn simple(&mut self, expected: &str) -> Result<Arg, Fault> {
        let before = self.at;
        let word = self.bare_word();
        if word.is_empty() {
            return Err(self.fault(expected));
        }
        if self.text[self.at..].starts_with('(') {
            self.at += 1;
            let mut items = Vec::new();
            while !self.take(")") {
                items.push(self.value("a value or )")?);
                self.take(",");
            }
            return Ok(Arg::Call(word, items));
        }
        if let Some(digits) = word.strip_prefix("0x") {
            return hex(digits).map(Arg::Bytes).ok_or_else(|| {
                self.at = before;
                self.fault("an even number of hex digits after 0x")
            });
        }
        Ok(classify(word))
    }

    fn bare_word(&mut self) -> String {
        let start = self.at;
        let mut in_braces = false;
        let mut before = ' ';
        for letter in self.text[start..].chars() {
            if before == '$' && letter == '{' {
                in_braces = true;
            } else if in_braces {
                in_braces = letter != '}';
            } else if letter.is_whitespace() || ENDS_A_WORD.contains(&letter) {
                break;
            }
            before = letter;
            self.at += letter.len_utf8();
        }
        self.text[start..self.at].to_owned()
    }

    fn quoted(&mut self) -> Result<String, Fault> {
        self.take("\"");
        let mut text = String::new();
        let mut letters = self.text[self.at..].char_indices();
        while let Some((offset, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.at += offset + 1;
                    return Ok(text);
                }
                '\\' => match letters.next().map(|(_, escaped)| escaped) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('0') => text.push('\0'),
                    Some(other) => text.push(other),
                    None => break,
                },
                other => text.push(other),
            }
        }
        Err(self.fault("a closing quote"))
    }
}

fn classify(word: String) -> Arg {
    if word == "null" {
        return Arg::Null;
    }
    if let Ok(number) = word.parse() {
        return Arg::Number(number);
    }
    match word.strip_prefix('$') {
        Some(name) if !name.is_empty() && name.chars().all(is_symbol_letter) => Arg::Symbol(name.to_owned()),
        _ => Arg::Word(word),
    }
}

/// Letters of a symbol after `$`; a dot reaches into it: `$t.id`.
fn is_symbol_letter(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.')
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok())
        .collect()
}
