//! Every report of one sample run, compared with what stands under `tests/expected/`. After a change that is meant,
//! `REWRITE_EXPECTED=1 cargo test -p conformance --test reports_look_right` writes those files anew: read the diff.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod sample;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use conformance::report::{Collected, Files, JsonLines, Look, Reporter, Terminal, document, junit, page};
use serde_json::Value;

fn collected(passed: usize) -> Collected {
    let mut collected = Collected::default();
    sample::events(passed).iter().for_each(|event| collected.add(event));
    collected
}

fn told(reporter: &mut impl Reporter) {
    sample::events(3).iter().for_each(|event| reporter.see(event).unwrap());
}

fn terminal(width: usize, colour: bool) -> String {
    let mut out = Vec::new();
    told(&mut Terminal::new(
        &mut out,
        Look {
            width,
            colour,
            live: false,
        },
        Some("report/index.html".to_owned()),
    ));
    String::from_utf8(out).unwrap()
}

fn is_as_expected(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected").join(name);
    if std::env::var_os("REWRITE_EXPECTED").is_some() {
        std::fs::write(&path, actual).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let lines = expected.lines().zip(actual.lines()).enumerate();
    if let Some((at, (expected, actual))) = lines.into_iter().find(|(_, (expected, actual))| expected != actual) {
        panic!("{name}:{}\n  expected {expected:?}\n  actual   {actual:?}", at + 1);
    }
    assert_eq!(
        expected.lines().count(),
        actual.lines().count(),
        "{name} has another length"
    );
}

#[test]
fn the_terminal_shows_what_needs_attention_at_every_width() {
    for width in [60, 80, 100] {
        let text = terminal(width, false);
        is_as_expected(&format!("terminal-{width}.txt"), &text);
        let widest = text.lines().max_by_key(|line| line.chars().count()).unwrap();
        assert!(
            widest.chars().count() <= width,
            "{width} columns are too few for {widest:?}"
        );
    }
}

#[test]
fn colours_change_nothing_but_the_paint() {
    let painted = terminal(80, true);
    let mut bare = String::new();
    let mut rest = painted.as_str();
    while let Some((before, after)) = rest.split_once("\x1b[") {
        bare.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    bare.push_str(rest);
    assert_eq!(bare, terminal(80, false));
    assert!(painted.len() > bare.len());
}

#[test]
fn junit_and_result_json_are_as_expected() {
    let collected = collected(0);
    is_as_expected("junit.xml", &junit(&collected).unwrap());
    is_as_expected("result.json", &document(&collected).unwrap());
}

#[test]
fn the_three_files_of_a_report_are_written_whole() {
    let directory = tempfile::tempdir().unwrap();
    let report = directory.path().join("deep/report");
    told(&mut Files::create(&report).unwrap());
    let mut names: Vec<_> = std::fs::read_dir(&report)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["index.html", "junit.xml", "result.json"]);
}

/// The names in the first column of the table that follows a heading, as `RESULT.md` writes them.
fn documented(after: &str) -> BTreeSet<String> {
    let text = include_str!("../src/report/RESULT.md");
    let rows = text
        .split_once(after)
        .unwrap()
        .1
        .trim_start()
        .lines()
        .take_while(|line| line.starts_with('|'));
    let first = rows.filter_map(|row| row.split('|').nth(1));
    first
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .map(|name| name.trim_end_matches("[]").to_owned())
        .collect()
}

fn keys<'a>(values: impl Iterator<Item = &'a Value>) -> BTreeSet<String> {
    values
        .flat_map(|value| value.as_object().unwrap().keys().cloned())
        .collect()
}

fn names(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn result_md_describes_every_field_of_result_json_and_no_other() {
    let result: Value = serde_json::from_str(&document(&collected(1)).unwrap()).unwrap();
    let list = |value: &Value, name: &str| value[name].as_array().unwrap().clone();
    let mut top = keys([&result].into_iter());
    assert!(top.remove("plan"));
    top.extend(
        keys([&result["plan"]].into_iter())
            .iter()
            .map(|name| format!("plan.{name}")),
    );
    assert_eq!(
        top,
        documented("All times are milliseconds (three decimals), all hex is lower case.\n")
    );

    let counts = [
        "cases",
        "runs",
        "passed",
        "differs",
        "known",
        "vanished",
        "unclaimed",
        "unreachable",
        "broken",
    ];
    assert_eq!(keys([&result["totals"]].into_iter()), names(&counts));
    assert_eq!(
        keys(list(&result, "families").iter()),
        names(&[&counts[..], &["family"]].concat())
    );
    let text = include_str!("../src/report/RESULT.md");
    assert!(counts.iter().all(|word| text.contains(&format!("`{word}`"))));

    let runs = list(&result, "runs");
    assert_eq!(keys(runs.iter()), documented("**run**\n"));
    let steps: Vec<Value> = runs.iter().flat_map(|run| list(run, "steps")).collect();
    assert_eq!(keys(steps.iter()), documented("**step**\n"));
    let within = |name: &str| steps.iter().flat_map(|step| list(step, name)).collect::<Vec<_>>();
    assert_eq!(
        keys(within("frames").iter()),
        names(&["direction", "api", "version", "size", "hex"])
    );
    assert_eq!(keys(within("difference").iter()), names(&["expected", "actual"]));
    assert!(text.contains("`{direction, api, version, size, hex}`") && text.contains("`{expected, actual}`"));
}

#[test]
fn a_frame_of_a_megabyte_does_not_swell_the_reports() {
    let mut collected = collected(0);
    let frames = collected
        .runs
        .iter_mut()
        .flat_map(|run| &mut run.steps)
        .flat_map(|step| &mut step.frames);
    frames.for_each(|frame| frame.hex = "00".repeat(1 << 20));
    let result: Value = serde_json::from_str(&document(&collected).unwrap()).unwrap();
    let frame = &result["runs"][0]["steps"][0]["frames"][0];
    assert_eq!(frame["size"], 1 << 20);
    assert_eq!(frame["hex"].as_str().unwrap().len(), 2 * 65_536);
    assert!(page(&collected).unwrap().len() < 1 << 20);
}

#[test]
fn json_lines_tell_the_events_that_result_md_names() {
    let mut out = Vec::new();
    told(&mut JsonLines(&mut out));
    let lines: Vec<Value> = String::from_utf8(out)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds: BTreeSet<String> = lines
        .iter()
        .map(|line| line["event"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, names(&["started", "run_started", "run_finished", "ended"]));
    let text = include_str!("../src/report/RESULT.md");
    assert!(kinds.iter().all(|kind| text.contains(&format!("`{kind}`"))));
}

#[test]
fn the_page_needs_nothing_from_elsewhere_and_stays_small() {
    let html = page(&collected(180)).unwrap();
    for outward in ["src=", "<link", "@import", "url("] {
        assert!(!html.contains(outward), "{outward} in the page");
    }
    let runs = collected(180).runs.len();
    assert!(runs >= 2_000, "{runs}");
    assert!(html.len() < 2 << 20, "{} bytes for {runs} runs", html.len());
}

#[test]
fn nothing_that_a_target_says_becomes_markup() {
    let evil = "</script><script>alert(1)</script><img onerror=alert(1)>";
    let mut collected = collected(0);
    let plan = collected.plan.as_mut().unwrap();
    plan.target_name = evil.to_owned();
    for run in &mut collected.runs {
        run.intent = evil.to_owned();
        run.steps
            .iter_mut()
            .for_each(|step| step.actual = vec![evil.to_owned()]);
    }
    let html = page(&collected).unwrap();
    assert!(!html.contains("<script>alert") && !html.contains("<img"));
}

#[test]
#[ignore = "proves nothing: writes a page to look at, PAGE=path PASSED=count cargo test … -- --ignored"]
fn the_sample_page_is_written_for_looking_at() {
    let passed = std::env::var("PASSED").map_or(20, |count| count.parse().unwrap());
    let path = std::env::var_os("PAGE").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).join("page.html"),
        PathBuf::from,
    );
    std::fs::write(path, page(&collected(passed)).unwrap()).unwrap();
}
