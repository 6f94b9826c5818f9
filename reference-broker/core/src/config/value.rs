//! Values of config keys: Kafka's text forms, the one form they are shown in, and what a key accepts.

use super::table::{Key, Type};

/// What a key accepts beyond its type.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// Everything of its type.
    Any,
    /// Not empty.
    NonEmpty,
    /// A number in a range; the flag lets -1 pass as well.
    Range {
        /// Lowest.
        min: f64,
        /// Highest.
        max: f64,
        /// -1 is accepted although it is outside.
        or_minus_one: bool,
    },
    /// One of these words.
    OneOf(Vec<&'static str>),
    /// One of these words, in any case.
    OneOfAnyCase(Vec<&'static str>),
    /// A list of these words.
    SubsetOf(Vec<&'static str>),
    /// `*`, or pairs of partition and broker.
    Replicas,
    /// `earliest`, `latest` or `by_duration:` with an ISO 8601 duration.
    OffsetReset,
}

impl Rule {
    pub(super) fn parse(text: &'static str) -> Self {
        let words = |list: &'static str| list.split(',').collect();
        let number = |word: &str| word.parse().expect("a bound in a table is a number");
        if let Some(min) = text.strip_prefix(">=") {
            return Self::Range {
                min: number(min),
                max: f64::INFINITY,
                or_minus_one: false,
            };
        }
        if let Some((min, max)) = text.split_once("..") {
            let (or_minus_one, min) = match min.strip_prefix("-1|") {
                Some(min) => (true, min),
                None => (false, min),
            };
            return Self::Range {
                min: number(min),
                max: number(max),
                or_minus_one,
            };
        }
        match text.split_once(':') {
            Some(("one-of", list)) => Self::OneOf(words(list)),
            Some(("one-of-any-case", list)) => Self::OneOfAnyCase(words(list)),
            Some(("subset-of", list)) => Self::SubsetOf(words(list)),
            _ => match text {
                "non-empty" => Self::NonEmpty,
                "replicas" => Self::Replicas,
                "offset-reset" => Self::OffsetReset,
                _ => Self::Any,
            },
        }
    }
}

impl Key {
    /// The value as Kafka shows it, or why it is refused, in Kafka's words.
    pub fn parse(&self, text: &str) -> Result<String, String> {
        let shown = canonical(self.ty, text).map_err(|why| self.refusal(text, &why))?;
        match (&self.rule, self.ty) {
            (Rule::SubsetOf(_), _) if shown.split(',').any(str::is_empty) && !shown.is_empty() => {
                Err(format!("Configuration '{}' values must not be empty.", self.name))
            }
            (Rule::Replicas, _) if !is_replicas(&shown) => {
                let format = "[partitionId]:[brokerId],[partitionId]:[brokerId],...";
                let why = format!(
                    "{} must be the literal '*' or a list of replicas in the following format: {format}",
                    self.name
                );
                Err(self.refusal(&format!("[{}]", shown.replace(',', ", ")), &why))
            }
            _ => self
                .accept(&shown)
                .map_err(|(value, why)| self.refusal(&value, &why))
                .map(|()| self.without_repetition(shown)),
        }
    }

    /// Only a list of known words drops what it repeats; others are shown as given.
    fn without_repetition(&self, shown: String) -> String {
        match self.rule {
            Rule::SubsetOf(_) => distinct(&shown).join(","),
            _ => shown,
        }
    }

    fn accept(&self, shown: &str) -> Result<(), (String, String)> {
        let refuse = |why: String| Err((shown.to_owned(), why));
        let listed = |words: &[&str]| format!("String must be one of: {}", words.join(", "));
        match &self.rule {
            Rule::Any | Rule::Replicas => Ok(()),
            Rule::NonEmpty if shown.is_empty() => refuse("String must be non-empty".into()),
            Rule::NonEmpty => Ok(()),
            Rule::Range { min, max, or_minus_one } => in_range(shown, *min, *max, *or_minus_one).or_else(refuse),
            Rule::OneOf(words) if words.contains(&shown) => Ok(()),
            Rule::OneOf(words) => refuse(listed(words)),
            Rule::OneOfAnyCase(words) if words.iter().any(|word| word.eq_ignore_ascii_case(shown)) => Ok(()),
            Rule::OneOfAnyCase(words) => refuse(format!(
                "String must be one of (case insensitive): {}",
                words.join(", ")
            )),
            Rule::SubsetOf(words) => match shown.split(',').find(|word| !word.is_empty() && !words.contains(word)) {
                Some(word) => Err((word.to_owned(), listed(words))),
                None => Ok(()),
            },
            Rule::OffsetReset if is_offset_reset(shown) => Ok(()),
            Rule::OffsetReset => refuse("Not one of earliest, latest, by_duration:PnDTnHnMn.nS".into()),
        }
    }

    fn refusal(&self, value: &str, why: &str) -> String {
        format!("Invalid value {value} for configuration {}: {why}", self.name)
    }
}

/// The one form in which Kafka shows a value of a type.
fn canonical(ty: Type, text: &str) -> Result<String, String> {
    let trimmed = text.trim_matches(|c: char| c <= ' ');
    let number = |name: &str| format!("Not a number of type {name}");
    match ty {
        Type::Boolean if trimmed.eq_ignore_ascii_case("true") => Ok("true".into()),
        Type::Boolean if trimmed.eq_ignore_ascii_case("false") => Ok("false".into()),
        Type::Boolean => Err("Expected value to be either true or false".into()),
        Type::Short => trimmed
            .parse::<i16>()
            .map(|n| n.to_string())
            .map_err(|_| number("SHORT")),
        Type::Int => trimmed.parse::<i32>().map(|n| n.to_string()).map_err(|_| number("INT")),
        Type::Long => trimmed
            .parse::<i64>()
            .map(|n| n.to_string())
            .map_err(|_| number("LONG")),
        Type::Double => trimmed.parse::<f64>().map(java_double).map_err(|_| number("DOUBLE")),
        Type::List => Ok(list(trimmed).join(",")),
        Type::String | Type::Class | Type::Password => Ok(trimmed.to_owned()),
    }
}

/// The items of a list.
pub(crate) fn list(text: &str) -> Vec<&str> {
    match text.trim() {
        "" => Vec::new(),
        items => items.split(',').map(str::trim).collect(),
    }
}

/// The items of a list, each once, in order of first appearance.
pub(crate) fn distinct(text: &str) -> Vec<&str> {
    let mut seen = std::collections::HashSet::new();
    list(text).into_iter().filter(|item| seen.insert(*item)).collect()
}

/// A double as `Double.toString` prints it.
fn java_double(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude != 0.0 && magnitude.is_finite() && !(1e-3..1e7).contains(&magnitude) {
        let scientific = format!("{value:E}");
        return match scientific.split_once('E') {
            Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0E{exponent}"),
            _ => scientific,
        };
    }
    match value {
        value if value.is_infinite() => if value > 0.0 { "Infinity" } else { "-Infinity" }.into(),
        value => format!("{value:?}"),
    }
}

fn in_range(shown: &str, min: f64, max: f64, or_minus_one: bool) -> Result<(), String> {
    // Not a number lies in every range, as in Kafka: both comparisons are false.
    let value: f64 = shown.parse().unwrap_or(f64::NAN);
    match or_minus_one {
        true if value == -1.0 || (min..=max).contains(&value) => Ok(()),
        true => Err(format!("Value must be between {min} and {max} or equal to -1")),
        false if value < min => Err(format!("Value must be at least {min}")),
        false if value > max => Err(format!("Value must be no more than {max}")),
        false => Ok(()),
    }
}

fn is_replicas(list: &str) -> bool {
    let digits = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let pair = |item: &str| {
        item.split_once(':')
            .is_some_and(|(partition, broker)| digits(partition) && digits(broker))
    };
    list.is_empty() || list == "*" || list.split(',').all(pair)
}

fn is_offset_reset(word: &str) -> bool {
    match word.strip_prefix("by_duration:") {
        Some(duration) => is_duration(duration),
        None => word == "earliest" || word == "latest",
    }
}

/// `PnDTnHnMn.nS`, not negative.
fn is_duration(text: &str) -> bool {
    let Some(text) = text.strip_prefix('P') else {
        return false;
    };
    let (days, time) = match text.split_once('T') {
        Some((days, time)) if !time.is_empty() => (days, time),
        Some(_) => return false,
        None => (text, ""),
    };
    let mut rest = time;
    let days_fit = days.is_empty() || days.strip_suffix('D').is_some_and(|n| n.parse::<u32>().is_ok());
    for unit in ['H', 'M', 'S'] {
        if let Some((amount, after)) = rest.split_once(unit) {
            if amount.parse::<f64>().map_or(true, |n| n < 0.0) {
                return false;
            }
            rest = after;
        }
    }
    days_fit && rest.is_empty() && !(days.is_empty() && time.is_empty())
}

#[cfg(test)]
mod tests {
    use crate::config::table;

    fn topic(key: &str, value: &str) -> Result<String, String> {
        table::topic().get(key).expect("a topic config").parse(value)
    }

    /// Each pair as a real 4.3.1 showed it.
    #[test]
    fn values_are_shown_in_kafkas_form() {
        for (key, given, shown) in [
            ("retention.ms", " 7 ", "7"),
            ("retention.ms", "+7", "7"),
            ("preallocate", "TRUE", "true"),
            ("cleanup.policy", " compact , delete ", "compact,delete"),
            ("cleanup.policy", "compact,compact", "compact"),
            ("cleanup.policy", "", ""),
            ("min.cleanable.dirty.ratio", ".25", "0.25"),
            ("min.cleanable.dirty.ratio", "1", "1.0"),
            ("min.cleanable.dirty.ratio", "NaN", "NaN"),
            ("leader.replication.throttled.replicas", "*", "*"),
            ("leader.replication.throttled.replicas", "0:1,0:1", "0:1,0:1"),
        ] {
            assert_eq!(topic(key, given).as_deref(), Ok(shown), "{key}={given}");
        }
    }

    #[test]
    fn refusals_say_what_a_real_kafka_says() {
        for (key, given, why) in [
            (
                "retention.ms",
                "x",
                "Invalid value x for configuration retention.ms: Not a number of type LONG",
            ),
            (
                "retention.ms",
                "1.5",
                "Invalid value 1.5 for configuration retention.ms: Not a number of type LONG",
            ),
            (
                "segment.bytes",
                "14",
                "Invalid value 14 for configuration segment.bytes: Value must be at least 1048576",
            ),
            (
                "min.cleanable.dirty.ratio",
                "2",
                "Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must be no more than 1",
            ),
            (
                "compression.gzip.level",
                "0",
                "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1",
            ),
            (
                "cleanup.policy",
                "bogus",
                "Invalid value bogus for configuration cleanup.policy: String must be one of: compact, delete",
            ),
            (
                "cleanup.policy",
                "compact,,delete",
                "Configuration 'cleanup.policy' values must not be empty.",
            ),
        ] {
            assert_eq!(topic(key, given), Err(why.to_owned()), "{key}={given}");
        }
        assert!(topic("leader.replication.throttled.replicas", "x").is_err());
    }

    #[test]
    fn doubles_print_as_java_prints_them() {
        assert_eq!(super::java_double(f64::MAX), "1.7976931348623157E308");
        assert_eq!(super::java_double(1e10), "1.0E10");
        assert_eq!(super::java_double(0.05), "0.05");
    }
}
