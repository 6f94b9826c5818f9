//! Regular expressions of clients, for whole names: in bounded memory, and like Kafka's RE2J in time in proportion to the
//! name, whatever they say.

use regex::{Error, Regex, RegexBuilder};

/// The most that one compiled expression may take.
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// An expression that must match all of a name.
///
/// # Errors
/// It is none, also where only what is put around it makes it one.
pub fn whole(pattern: &str) -> Result<Regex, Error> {
    compile(pattern)?;
    compile(&format!("^(?:{pattern})$"))
}

fn compile(pattern: &str) -> Result<Regex, Error> {
    RegexBuilder::new(pattern)
        .size_limit(MAX_COMPILED_BYTES)
        .dfa_size_limit(MAX_COMPILED_BYTES)
        .build()
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn an_expression_matches_whole_names_and_is_one_by_itself() {
        let matches = |pattern: &str, name: &str| whole(pattern).is_ok_and(|regex| regex.is_match(name));
        assert!(matches("a|ab", "ab") && !matches("a|ab", "abc") && !matches("b", "ab"));
        assert!(whole("a)(b").is_err() && whole("a)|(?:b").is_err() && whole("[").is_err());
    }

    #[test]
    fn an_expression_that_would_take_too_much_is_refused() {
        assert!(whole("(?:[a-z]{100}){1000}").is_err());
    }
}
