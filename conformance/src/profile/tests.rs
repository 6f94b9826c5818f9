//! Profiles as someone would write them, right and wrong.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::Path;

use super::Profile;
use crate::case::{Case, Cell, load_embedded, parse};
use crate::run::Profiled;

fn cases() -> Vec<Case> {
    let case = |name: &str, head: &str| parse(name, &format!("{head}\n\nsend Metadata {{}}\n")).unwrap();
    vec![
        case(
            "produce/crc-wrong",
            "# PRO-17  A batch is refused.\napis: Produce 3..13, ListOffsets",
        ),
        case(
            "groups/first-join",
            "# CLG-02  A join is sent back.\napis: JoinGroup 0..9",
        ),
        case("framing/unknown-key", "# FRM-03  The connection ends."),
    ]
}

fn read(text: &str) -> Profile {
    Profile::parse(Path::new("p.toml"), text, &cases()).unwrap()
}

fn refused(text: &str) -> String {
    Profile::parse(Path::new("p.toml"), text, &cases())
        .unwrap_err()
        .to_string()
}

fn excludes(what: &str, case: usize, version: Option<(&str, i16)>) -> bool {
    let cell = version.map_or_else(Cell::bare, |(api, version)| Cell::of(api, version));
    read(&format!("[claims]\nexclude = [{what:?}]"))
        .unclaimed(&cases()[case], &cell)
        .is_some()
}

#[test]
fn what_is_excluded_is_named_by_family_api_version_id_or_glob() {
    let produce = |version| Some(("Produce", version));
    assert!(excludes("family pro", 0, produce(3)) && !excludes("family CLG", 0, produce(3)));
    assert!(excludes("api 0", 0, produce(3)) && excludes("api ListOffsets", 0, produce(3)));
    assert!(excludes("api Produce 12..", 0, produce(12)) && !excludes("api Produce 12..", 0, produce(11)));
    assert!(excludes("PRO-17", 0, produce(3)) && excludes("framing/*", 2, None));
    let profile = read("[claims]\nexclude = [\"family PRO\"]");
    let words = profile.unclaimed(&cases()[0], &Cell::of("Produce", 3));
    assert_eq!(words.as_deref(), Some("the profile does not claim family PRO"));
}

#[test]
fn a_known_difference_covers_its_versions_only() {
    let profile =
        read("[[known]]\ncase = \"produce/*\"\nversions = \"3..8\"\nreason = \"R.\"\nlink = \"https://e.org/1\"");
    let known = |version| profile.known(&cases()[0], &Cell::of("Produce", version));
    assert_eq!(known(8), Some(("R.".to_owned(), Some("https://e.org/1".to_owned()))));
    assert_eq!(known(9), None);
    assert_eq!(profile.known(&cases()[1], &Cell::of("JoinGroup", 3)), None);
}

#[test]
fn an_empty_profile_claims_everything() {
    let profile = read("# nothing yet\n");
    assert!(
        profile.unclaimed(&cases()[2], &Cell::bare()).is_none() && profile.known(&cases()[2], &Cell::bare()).is_none()
    );
}

#[test]
fn every_fault_is_told_with_its_line_and_what_was_expected() {
    let entry = |lines: &str| format!("[claims]\n\n[[known]]\n{lines}\n");
    let told: Vec<String> = [
        "exclude = [".to_owned(),
        "[claim]\nexclude = []".to_owned(),
        "[claims]\nexclude = [\n  \"family FET\",\n]".to_owned(),
        "[claims]\nexclude = [\"api Prodce\"]".to_owned(),
        "[claims]\nexclude = [\"the whole lot\"]".to_owned(),
        "[claims]\nexclude = [7]".to_owned(),
        entry("reason = \"R.\"\nlink = \"https://e.org\""),
        entry("case = \"produce/*\"\nlink = \"https://e.org\""),
        entry("case = \"produce/*\"\nreason = \" \"\nlink = \"https://e.org\""),
        entry("case = \"produce/*\"\nreason = \"R.\""),
        entry("case = \"produce/*\"\nreason = \"R.\"\nlink = \"issue 7\""),
        entry("case = \"produce/crc-rong\"\nreason = \"R.\"\nlink = \"https://e.org\""),
        entry("case = \"produce/*\"\nversions = \"20..\"\nreason = \"R.\"\nlink = \"https://e.org\""),
        entry("case = \"produce/*\"\nversions = \"8..3\"\nreason = \"R.\"\nlink = \"https://e.org\""),
        entry("case = \"produce/*\"\nversion = \"8\"\nreason = \"R.\"\nlink = \"https://e.org\""),
    ]
    .iter()
    .map(|text| refused(text))
    .collect();
    let expected = include_str!("faults.txt");
    assert_eq!(told.join("\n") + "\n", expected);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Profile::load(Path::new("/nowhere/p.toml"), &[]).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("/nowhere/p.toml: the profile cannot be read"),
        "{error}"
    );
}

#[test]
fn every_profile_of_this_repository_fits_its_cases() {
    let cases = load_embedded().unwrap();
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/profiles")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            Profile::load(&path, &cases).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}
