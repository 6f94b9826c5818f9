//! How long a step goes on asking, and what it says of the time that it took.

use std::time::Duration;

use super::TRANSIENT;
use crate::case::{Arg, ArgError, Args};

const PATIENCE_KEYS: &[&str] = &["until", "retry", "at-least", "at-most", "api-version"];

/// `until="…"` and `retry=…`: repeat the step while its answer is not the awaited one. `at-least=` and `at-most=`: say
/// whether it took that long, in milliseconds. `api-version=`: asks at this version, whatever the run's is.
#[derive(Debug, Default)]
pub(super) struct Patience {
    until: Option<String>,
    retry: Vec<String>,
    pub(super) takes_the_first_answer: bool,
    at_least: Option<Duration>,
    at_most: Option<Duration>,
    pub(super) version: Option<i16>,
}

impl Patience {
    /// Takes its keys out of the arguments.
    pub(super) fn take(args: &mut Args) -> Result<Self, ArgError> {
        let until = args.get("until").map(|value| {
            value
                .text()
                .ok_or_else(|| ArgError("until= wants a text that a line of the answer must contain".to_owned()))
        });
        let until = until.transpose()?;
        let retry = args.list("retry").iter().map(Arg::text).collect::<Option<Vec<_>>>();
        let mut retry = retry.ok_or_else(|| ArgError("retry= wants transient, none or names of errors".to_owned()))?;
        if retry == ["transient"] {
            retry = TRANSIENT.iter().map(|&name| name.to_owned()).collect();
        }
        let takes_the_first_answer = retry == ["none"];
        let (at_least, at_most) = (args.millis("at-least")?, args.millis("at-most")?);
        let version = args.int("api-version")?.map(|version| {
            i16::try_from(version).map_err(|_| ArgError(format!("api-version= wants an int16, not {version}")))
        });
        let version = version.transpose()?;
        args.named.retain(|(key, _)| !PATIENCE_KEYS.contains(&key.as_str()));
        Ok(Self {
            until,
            retry,
            takes_the_first_answer,
            at_least,
            at_most,
            version,
        })
    }

    /// What the step says of the time that it took.
    pub(super) fn timed(&self, took: Duration) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(bound) = self.at_least {
            lines.push(format!(
                "took {} {} ms",
                if took >= bound { "at least" } else { "less than" },
                bound.as_millis()
            ));
        }
        if let Some(bound) = self.at_most {
            lines.push(format!(
                "took {} {} ms",
                if took <= bound { "at most" } else { "more than" },
                bound.as_millis()
            ));
        }
        lines
    }

    /// Whether this answer is not yet the one. A connection that ended is none either while one is awaited.
    pub(super) fn wants_more(&self, lines: &[String]) -> bool {
        let has = |what: &str| lines.iter().any(|line| line.contains(what));
        let arrived = |until: &str| has(until) && !lines.iter().any(|line| is_of_two_moments(line));
        self.until.as_deref().is_some_and(|until| !arrived(until))
            || self.retry.iter().any(|error| has(&format!("={error}")))
    }
}

/// No last stable offset is above the high watermark: a Kafka reads the one after the other, and here both have moved in between.
fn is_of_two_moments(line: &str) -> bool {
    let offset = |name: &str| {
        let named = line.split(' ').find_map(|word| word.strip_prefix(name));
        named.and_then(|offset| offset.parse::<i64>().ok())
    };
    matches!((offset("hw="), offset("lso=")), (Some(watermark), Some(stable)) if stable > watermark)
}

#[cfg(test)]
mod tests {
    use super::Patience;
    use crate::case::{Arg, Args};

    fn patience(key: &str, value: Arg) -> Patience {
        let mut args = Args {
            named: vec![(key.to_owned(), value), ("acks".to_owned(), Arg::Number(1))],
            ..Args::default()
        };
        let patience = Patience::take(&mut args).expect("a known key");
        assert_eq!(args.named.len(), 1, "the verb never sees the key");
        patience
    }

    #[test]
    fn a_step_goes_on_until_a_line_holds_the_text_also_after_an_end_of_the_connection() {
        let patience = patience("until", Arg::Text("error=NONE".to_owned()));
        assert!(patience.wants_more(&["closed".to_owned()]));
        assert!(!patience.wants_more(&["error=NONE producer=$p".to_owned()]));
        assert!(patience.wants_more(&["t/0 error=NONE hw=2 lso=3".to_owned()]));
        assert!(!patience.wants_more(&["t/0 error=NONE hw=3 lso=2".to_owned()]));
    }

    #[test]
    fn transient_errors_are_asked_again_and_others_are_the_answer() {
        let patience = patience("retry", Arg::Word("transient".to_owned()));
        assert!(patience.wants_more(&["t/0 error=NOT_LEADER_OR_FOLLOWER base=-1".to_owned()]));
        assert!(!patience.wants_more(&["t/0 error=CORRUPT_MESSAGE base=-1".to_owned()]));
    }

    #[test]
    fn a_bound_or_a_version_that_cannot_be_is_refused() {
        for (key, value) in [
            ("at-least", Arg::Number(-1)),
            ("at-most", Arg::Number(-1)),
            ("api-version", Arg::Number(40_000)),
            ("retry", Arg::List(vec![Arg::Null])),
        ] {
            let mut args = Args {
                named: vec![(key.to_owned(), value)],
                ..Args::default()
            };
            let error = Patience::take(&mut args).expect_err(key).to_string();
            assert!(error.starts_with(&format!("{key}= wants")), "{error}");
        }
    }

    #[test]
    fn time_is_told_by_its_bounds() {
        let took = std::time::Duration::from_millis(300);
        assert_eq!(
            patience("at-least", Arg::Number(300)).timed(took),
            ["took at least 300 ms"]
        );
        assert_eq!(
            patience("at-most", Arg::Number(200)).timed(took),
            ["took more than 200 ms"]
        );
    }
}
