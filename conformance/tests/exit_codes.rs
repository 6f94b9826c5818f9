//! The contract of exit codes, through the binary as a script would use it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A directory with one case of each kind: half a length prefix is sent, and the broker waits for the rest.
struct Bench {
    dir: tempfile::TempDir,
}

const SAME: &str = "# ZZZ-01  A connection that nobody closes is open.\n\nraw 0x0000 reply=none\n----\n\nclosed within=50\n----\nopen\n";
const OTHER: &str = "# ZZZ-02  A connection that nobody closes is closed.\n\nraw 0x0000 reply=none\n----\n\nclosed within=50\n----\nclosed\n";
const FOUR: &str = "# ZZZ-03  Wants more brokers than are given where nobody asks for them.\nneeds: brokers 4\n\nraw 0x0000 reply=none\n----\n\nclosed within=50\n----\nopen\n";
const SLOW: &str = "# ZZZ-04  Takes its time.\n\nraw 0x0000 reply=none\n----\n\nclosed within=30000\n----\nopen\n";

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let cases = dir.path().join("cases/bench");
        fs::create_dir_all(&cases).expect("a directory in it");
        for (name, text) in [("same", SAME), ("other", OTHER), ("four", FOUR), ("slow", SLOW)] {
            fs::write(cases.join(name).with_extension("case"), text).expect("a case");
        }
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
        command
            .arg("run")
            .arg("--cases")
            .arg(self.path("cases"))
            .arg("--report")
            .arg(self.path("report"))
            .args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        said(self.command(arguments).output().expect("the binary runs"))
    }

    fn profile(&self, case: &str) -> String {
        let path = self.path("profile.toml");
        let text = format!("[[known]]\ncase = \"{case}\"\nreason = \"It is so.\"\nlink = \"https://example.org/1\"\n");
        fs::write(&path, text).expect("a profile");
        path.display().to_string()
    }
}

fn said(output: Output) -> (i32, String) {
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[test]
fn the_same_answer_is_0_and_writes_the_three_files() {
    let bench = Bench::new();
    let (code, text) = bench.run(&["--case", "bench/same"]);
    assert_eq!((code, text.contains("1 passed")), (0, true), "{text}");
    for file in ["index.html", "junit.xml", "result.json"] {
        assert!(bench.path("report").join(file).exists(), "{file}");
    }
}

#[test]
fn a_difference_is_1_and_a_known_one_is_0() {
    let bench = Bench::new();
    let (code, text) = bench.run(&["--case", "bench/other"]);
    assert_eq!((code, text.contains("Differs  bench/other")), (1, true), "{text}");
    let (code, text) = bench.run(&["--case", "bench/other", "--profile", &bench.profile("bench/other")]);
    assert_eq!((code, text.contains("1 known")), (0, true), "{text}");
}

#[test]
fn a_known_difference_that_has_vanished_is_1() {
    let bench = Bench::new();
    let (code, text) = bench.run(&["--case", "bench/same", "--profile", &bench.profile("bench/same")]);
    assert_eq!((code, text.contains("Vanished  bench/same")), (1, true), "{text}");
}

#[test]
fn wrong_usage_is_2_with_a_hint() {
    let bench = Bench::new();
    let wrong: [(&[&str], &str); 9] = [
        (&["--bogus"], "--help"),
        (&["--case", "bench/smae"], "did you mean 'bench/same'?"),
        (&["--target", "nothing"], "HOST:PORT"),
        (&["--target", "reference:0"], "the number of brokers"),
        (&["--target", "jvm:4.3.1x2"], "x3"),
        (&["--oracle", "recorded:1.0"], "4.3.1"),
        (
            &["--oracle", "recorded:4.0.2"],
            "recorded releases are 3.9.2, 4.3.1, 4.4.0",
        ),
        (&["--profile", "/no/such/file"], "/no/such/file"),
        (&["--jobs", "0"], "--jobs"),
    ];
    for (arguments, hint) in wrong {
        let (code, text) = bench.run(arguments);
        assert_eq!((code, text.contains(hint)), (2, true), "{arguments:?}: {text}");
    }
}

#[test]
fn a_case_file_that_is_none_is_2_with_its_line() {
    let bench = Bench::new();
    fs::write(bench.path("cases/bench/cut.case"), "# ZZZ-05  Ends early.\n").expect("a file");
    let (code, text) = bench.run(&[]);
    assert_eq!((code, text.contains("bench/cut.case:1:")), (2, true), "{text}");
}

#[test]
fn a_target_that_nobody_serves_is_3() {
    let bench = Bench::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("a port");
    let (code, text) = bench.run(&["--case", "bench/same", "--target", &free.to_string()]);
    assert_eq!((code, text.contains(&free.to_string())), (3, true), "{text}");
}

#[test]
fn nothing_that_could_be_asked_is_4_and_is_named() {
    let bench = Bench::new();
    let (code, text) = bench.run(&["--case", "bench/four"]);
    assert_eq!((code, text.contains("bench/four")), (4, true), "{text}");
}

#[test]
fn format_json_says_one_event_a_line() {
    let bench = Bench::new();
    let output = bench
        .command(&["--case", "bench/same", "--format", "json"])
        .output()
        .expect("the binary runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let event = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("a line of JSON")["event"].clone();
    let events: Vec<_> = text.lines().map(event).collect();
    assert_eq!(events, ["started", "run_started", "run_finished", "ended"]);
}

#[test]
fn ctrl_c_ends_with_a_report_of_what_ran() {
    let bench = Bench::new();
    let mut command = bench.command(&["--case", "bench/s*", "--format", "json", "--jobs", "8"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary runs");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().expect("a pipe")));
    // The quick case is done and the slow one waits.
    let done = lines
        .by_ref()
        .map_while(Result::ok)
        .any(|line| line.contains("run_finished"));
    assert!(done, "the quick case ends");
    let asked = Instant::now();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("a signal");
    lines.for_each(drop);
    child.wait().expect("it ends");
    assert!(asked.elapsed() < Duration::from_secs(15), "it waited for the slow case");
    assert!(report_says_interrupted(&bench.path("report")));
}

/// A broker that never answers says who it is, and its starter is told to end.
fn ends_with_what_it_started(mut command: Command, said: &Path) {
    let target = format!("exec:sh -c 'echo $$ > {}; exec sleep 600' {{port}}", said.display());
    let child = command
        .args(["--target", &target])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = child.spawn().expect("the binary runs");
    let deadline = Instant::now() + Duration::from_secs(30);
    let within = |what: &str, holds: &mut dyn FnMut() -> bool| {
        while !holds() {
            assert!(Instant::now() < deadline, "{what}: not in time");
            std::thread::yield_now();
        }
    };
    let pid = || fs::read_to_string(said).unwrap_or_default().trim().parse::<i32>().ok();
    within("its broker starts", &mut || pid().is_some());
    let own = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(own, rustix::process::Signal::TERM).expect("a signal");
    within("it ends", &mut || child.try_wait().expect("it is ours").is_some());
    // A killed orphan may stay a zombie where nobody reaps; it runs no more.
    let stat = format!("/proc/{}/stat", pid().expect("it said so"));
    within("its broker ends", &mut || {
        fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z"))
    });
}

#[test]
fn the_polite_signal_leaves_no_broker_behind() {
    let bench = Bench::new();
    ends_with_what_it_started(bench.command(&["--case", "bench/same"]), &bench.path("run"));
    let mut deliver = Command::new(env!("CARGO_BIN_EXE_conformance"));
    deliver.args(["deliver", "--semantics", "at-least-once"]);
    ends_with_what_it_started(deliver, &bench.path("deliver"));
}

fn report_says_interrupted(report: &Path) -> bool {
    let text = fs::read_to_string(report.join("result.json")).expect("a report");
    let result: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    result["interrupted"] == true
        && result["runs"]
            .as_array()
            .is_some_and(|runs| runs.iter().any(|run| run["case"] == "bench/same"))
}
