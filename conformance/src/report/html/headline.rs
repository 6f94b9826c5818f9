//! How it went, in sentences: the head of the page.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::report::{Collected, Overview};

/// The sentence that says how it went, and what else needs a look.
pub(super) fn of(collected: &Collected, overview: &Overview) -> (String, Vec<String>) {
    let cases = |words: &[&str]| {
        let named = collected
            .runs
            .iter()
            .filter(|run| words.contains(&run.verdict.word()))
            .map(|run| run.case.as_str());
        named.collect::<BTreeSet<_>>().len()
    };
    let asked = cases(&["passed", "differs", "known", "vanished"]);
    let (differs, vanished, broken) = (cases(&["differs"]), cases(&["vanished"]), cases(&["broken"]));
    let many = |count: usize| {
        if count == 1 {
            "1 case".to_owned()
        } else {
            format!("{count} cases")
        }
    };
    let mut sentences = Vec::new();
    if differs > 0 {
        sentences.push(format!("{differs} of {} answered otherwise than Kafka.", many(asked)));
    }
    if vanished > 0 {
        sentences.push(format!(
            "{} no longer {} a known difference.",
            many(vanished),
            if vanished == 1 { "shows" } else { "show" }
        ));
    }
    if broken > 0 {
        sentences.push(format!("{} could not be judged.", many(broken)));
    }
    if sentences.is_empty() {
        sentences.push(calm(asked, overview).to_owned());
    }
    (sentences.remove(0), sentences)
}

fn calm(asked: usize, overview: &Overview) -> &'static str {
    match (asked, overview.count("known")) {
        (0, _) => "Nothing was compared.",
        (_, 0) => "Every case that was asked answered as Kafka does.",
        (_, _) => "Nothing unexpected: every difference is a known one.",
    }
}

/// Where Kafka's answers come from, in words.
pub(super) fn origin(oracle: &str) -> String {
    match oracle.split_once(':') {
        Some(("recorded", release)) => {
            format!("what a real Apache Kafka {release} was recorded to answer to the same steps")
        }
        Some(("jvm" | "docker", _)) => {
            format!("what a real Apache Kafka ({oracle}) answered to the same steps in the same run")
        }
        Some(_) | None => format!("what {oracle} answered to the same steps in the same run"),
    }
}

/// The word whose colour the headline takes.
pub(super) fn tone(overview: &Overview) -> &'static str {
    let worst = ["differs", "vanished", "broken"]
        .into_iter()
        .find(|word| overview.count(word) > 0);
    worst.unwrap_or(if overview.count("passed") > 0 {
        "passed"
    } else {
        "unclaimed"
    })
}

/// `1m 04s`, `5.2 s`, `80 ms`
pub(super) fn time(time: Duration) -> String {
    match time.as_secs_f64() {
        s if s >= 60.0 => format!("{}m {:02}s", time.as_secs() / 60, time.as_secs() % 60),
        s if s >= 1.0 => format!("{s:.1} s"),
        s => format!("{:.0} ms", s * 1e3),
    }
}
