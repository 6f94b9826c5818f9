//! A stream of events that looks like a real run: every verdict, both drivers, versions that differ in different ways.

use std::time::Duration;

use conformance::case::DriverKind;
use conformance::run::event::{
    DiffLine, Direction, Ending, Event, FieldSpan, FrameReport, Plan, RunReport, StepReport,
};
use conformance::verdict::Verdict;

/// The stream; `passed` more cases of eleven versions each stand behind those that need attention.
pub(crate) fn events(passed: usize) -> Vec<Event> {
    let mut runs = urgent();
    for at in 0..passed {
        runs.extend((3..14).map(|version| quiet(at, version)));
    }
    let cases = 8 + passed;
    let plan = Plan {
        target: "127.0.0.1:9092".to_owned(),
        target_name: "Tansu 0.6.0".to_owned(),
        oracle: "recorded:4.3.1".to_owned(),
        seed: 42,
        cases,
        runs: runs.len(),
    };
    let mut events = vec![Event::Started(plan)];
    for run in runs {
        events.push(Event::RunStarted { id: run.id.clone() });
        events.push(Event::RunFinished(run));
    }
    events.push(Event::Ended(Ending {
        elapsed: Duration::from_millis(5240),
        interrupted: false,
    }));
    events
}

fn urgent() -> Vec<RunReport> {
    let mut runs: Vec<RunReport> = (3..14).map(crc).collect();
    runs.push(config());
    runs.push(findings());
    runs.push(silent(
        "idempotent/second-producer-fences",
        "IDM",
        "IDM-4",
        "A producer that starts anew gets the next epoch.",
        22,
        Verdict::Known {
            reason: "Epochs are not kept over a restart yet.".to_owned(),
            link: Some("https://example.org/issues/17".to_owned()),
        },
    ));
    runs.push(silent(
        "metadata/cluster-id",
        "MET",
        "MET-2",
        "The answer names the cluster.",
        3,
        Verdict::Vanished {
            reason: "The cluster id was empty.".to_owned(),
        },
    ));
    for version in 0..6 {
        let mut run = silent(
            "topics/partitions-grow",
            "TOP",
            "TOP-9",
            "Partitions can be added and never taken away.",
            37,
            Verdict::Unclaimed {
                missing: "CreatePartitions is not advertised".to_owned(),
            },
        );
        run.id = format!("topics/partitions-grow@CreatePartitions.v{version}");
        run.version = Some(("CreatePartitions".to_owned(), version));
        run.apis = vec!["CreatePartitions".to_owned()];
        runs.push(run);
    }
    runs.push(silent(
        "fetch/after-kill",
        "FET",
        "FET-31",
        "What was acknowledged is served after kill -9.",
        1,
        Verdict::Unreachable {
            needs: "kill: an address cannot be restarted; give exec: or docker:".to_owned(),
        },
    ));
    runs.push(silent(
        "groups/two-members",
        "CLG",
        "CLG-8",
        "Two members share the partitions.",
        11,
        Verdict::Broken {
            why: "line 9: the step did not end within 30 s though the target answers ApiVersions".to_owned(),
        },
    ));
    runs
}

fn run(case: &str, family: &str, ids: &[&str], intent: &str, verdict: Verdict, steps: Vec<StepReport>) -> RunReport {
    RunReport {
        id: case.to_owned(),
        case: case.to_owned(),
        family: family.to_owned(),
        ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        intent: intent.to_owned(),
        apis: vec!["Produce".to_owned(), "ListOffsets".to_owned()],
        version: None,
        driver: DriverKind::Wire,
        verdict,
        elapsed: Duration::from_micros(12_345),
        steps,
    }
}

fn silent(case: &str, family: &str, id: &str, intent: &str, millis: u64, verdict: Verdict) -> RunReport {
    let mut run = run(case, family, &[id], intent, verdict, Vec::new());
    run.elapsed = Duration::from_millis(millis);
    run
}

fn step(line: usize, source: &str, expected: &[&str], actual: &[&str]) -> StepReport {
    let lines = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let count = expected.len().max(actual.len());
    let side = |texts: &[&str], at: usize| texts.get(at).map(|text| (*text).to_owned());
    let rows = (0..count).map(|at| DiffLine {
        expected: side(expected, at),
        actual: side(actual, at),
    });
    StepReport {
        line,
        source: source.to_owned(),
        expected: Some(lines(expected)),
        actual: lines(actual),
        difference: if expected == actual { Vec::new() } else { rows.collect() },
        findings: Vec::new(),
        frames: frames(),
    }
}

fn crc(version: i16) -> RunReport {
    let refused: &[&str] = &["t/0 error=CORRUPT_MESSAGE base=-1 append_time=-1", "throttle=0"];
    let taken: &[&str] = &["t/0 error=NONE base=0 append_time=-1", "throttle=0"];
    let wrong = version > 7;
    let steps = vec![
        step(
            7,
            "produce t/0 values=[a] crc=wrong",
            refused,
            if wrong { taken } else { refused },
        ),
        step(11, "end-offset t/0", &["0"], if wrong { &["1"] } else { &["0"] }),
    ];
    let verdict = if wrong { Verdict::Differs } else { Verdict::Passed };
    let intent = "A batch whose CRC is wrong is refused, and nothing is written.";
    let mut run = run(
        "produce/crc-wrong",
        "PRO",
        &["PRO-17", "PRO-18"],
        intent,
        verdict,
        steps,
    );
    run.id = format!("produce/crc-wrong@Produce.v{version}");
    run.version = Some(("Produce".to_owned(), version));
    run.elapsed = Duration::from_millis(40 + u64::from(version.unsigned_abs()));
    run
}

fn config() -> RunReport {
    let kafka = [
        "error=NONE",
        "cleanup.policy=delete source=DEFAULT_CONFIG read_only=false sensitive=false",
        "compression.type=producer source=DEFAULT_CONFIG",
        "delete.retention.ms=86400000 source=DEFAULT_CONFIG",
        "file.delete.delay.ms=60000 source=DEFAULT_CONFIG",
        "flush.messages=9223372036854775807 source=DEFAULT_CONFIG",
        "flush.ms=9223372036854775807 source=DEFAULT_CONFIG",
        "index.interval.bytes=4096 source=DEFAULT_CONFIG",
        "max.compaction.lag.ms=9223372036854775807 source=DEFAULT_CONFIG",
        "max.message.bytes=1048588 source=DEFAULT_CONFIG",
        "message.timestamp.type=CreateTime source=DEFAULT_CONFIG",
        "min.insync.replicas=1 source=DEFAULT_CONFIG",
        "retention.ms=604800000 source=DEFAULT_CONFIG synonyms=[log.retention.ms DEFAULT_CONFIG, log.retention.hours STATIC_BROKER_CONFIG]",
    ];
    let mut target = kafka;
    target[10] = "message.timestamp.type=LogAppendTime source=STATIC_BROKER_CONFIG";
    target[12] = "retention.ms=604800000 source=DEFAULT_CONFIG synonyms=[]";
    let source = "client describe-configs topic=$t\n  # every entry, sorted by name";
    let mut it = step(5, source, &kafka, &target[..]);
    it.frames.clear();
    let mut run = run(
        "configs/topic-defaults",
        "CFG",
        &["CFG-3"],
        "A new topic shows the defaults, and where each comes from.",
        Verdict::Differs,
        vec![it],
    );
    run.driver = DriverKind::Client;
    run.apis = vec!["DescribeConfigs".to_owned()];
    run
}

fn findings() -> RunReport {
    let mut it = step(
        4,
        "send ApiVersions v3 { ClientSoftwareName: \"x\" }",
        &["error=NONE"],
        &["error=NONE"],
    );
    it.findings.push(
        "ZkMigrationReady is sent with its default value: tag 3, 1 byte at 312, which Kafka leaves out".to_owned(),
    );
    let mut run = run(
        "api-versions/tags",
        "API",
        &["API-6"],
        "Fields at their default are not sent as tags.",
        Verdict::Differs,
        vec![it],
    );
    run.id = "api-versions/tags@ApiVersions.v3".to_owned();
    run.version = Some(("ApiVersions".to_owned(), 3));
    run
}

fn quiet(at: usize, version: i16) -> RunReport {
    let families = [
        ("FET", "fetch", "Fetch"),
        ("LOF", "offsets", "ListOffsets"),
        ("PRO", "produce", "Produce"),
        ("OFF", "commit", "OffsetCommit"),
    ];
    let (family, room, api) = families[at % families.len()];
    let case = format!("{room}/quiet-{at}");
    let lines: &[&str] = &[
        "t/0 error=NONE hw=3 start=0 aborted=[]",
        "  0 k=- v=a",
        "  1 k=- v=b",
        "  2 k=- v=c",
    ];
    let source = format!("fetch t/0 from={at}");
    let steps = (0..4).map(|n| step(6 + 6 * n, &source, lines, lines)).collect();
    let mut run = run(
        &case,
        family,
        &[&format!("{family}-{at}")],
        "What was written is read back in its order.",
        Verdict::Passed,
        steps,
    );
    run.id = format!("{case}@{api}.v{version}");
    run.version = Some((api.to_owned(), version));
    run.apis = vec![api.to_owned()];
    run.elapsed = Duration::from_micros(900 + 37 * at as u64);
    run
}

/// A Produce v9 request and its answer, as they would cross the wire.
fn frames() -> Vec<FrameReport> {
    let request = [
        ("ApiKey", "Produce (0)", "0000"),
        ("ApiVersion", "9", "0009"),
        ("CorrelationId", "7", "00000007"),
        ("ClientId", "\"suite\"", "00057375697465"),
        ("header tags", "none", "00"),
        ("TransactionalId", "null", "00"),
        ("Acks", "-1", "ffff"),
        ("TimeoutMs", "30000", "00007530"),
        ("TopicData", "1 element", "02"),
        ("TopicData[0].Name", "\"t-5b1f\"", "07742d35623166"),
        ("TopicData[0].PartitionData", "1 element", "02"),
        ("TopicData[0].PartitionData[0].Index", "0", "00000000"),
        (
            "TopicData[0].PartitionData[0].Records",
            "69 bytes",
            "46000000000000000000000039ffffffff02deadbeef0000000000000000019b3c1f2e400000019b3c1f2e40ffffffffffffffffffffffffffff000000010e000000010261000a",
        ),
        ("TopicData[0].PartitionData[0] tags", "none", "00"),
        ("TopicData[0] tags", "none", "00"),
        ("tags", "none", "00"),
    ];
    let response = [
        ("CorrelationId", "7", "00000007"),
        ("header tags", "none", "00"),
        ("Responses", "1 element", "02"),
        ("Responses[0].Name", "\"t-5b1f\"", "07742d35623166"),
        ("Responses[0].PartitionResponses", "1 element", "02"),
        ("Responses[0].PartitionResponses[0].Index", "0", "00000000"),
        (
            "Responses[0].PartitionResponses[0].ErrorCode",
            "CORRUPT_MESSAGE (2)",
            "0002",
        ),
        (
            "Responses[0].PartitionResponses[0].BaseOffset",
            "-1",
            "ffffffffffffffff",
        ),
        (
            "Responses[0].PartitionResponses[0].LogAppendTimeMs",
            "-1",
            "ffffffffffffffff",
        ),
        (
            "Responses[0].PartitionResponses[0].LogStartOffset",
            "-1",
            "ffffffffffffffff",
        ),
        ("Responses[0].PartitionResponses[0].RecordErrors", "0 elements", "01"),
        ("Responses[0].PartitionResponses[0].ErrorMessage", "null", "00"),
        ("Responses[0].PartitionResponses[0] tags", "none", "00"),
        ("Responses[0] tags", "none", "00"),
        ("ThrottleTimeMs", "0", "00000000"),
        ("tags", "none", "00"),
    ];
    vec![
        frame(Direction::Request, &request),
        frame(Direction::Response, &response),
    ]
}

fn frame(direction: Direction, parts: &[(&str, &str, &str)]) -> FrameReport {
    let hex: String = parts.iter().map(|(_, _, hex)| *hex).collect();
    let mut fields = vec![FieldSpan {
        start: 0,
        end: hex.len() / 2,
        path: "frame".to_owned(),
        value: String::new(),
    }];
    let mut start = 0;
    for (path, value, hex) in parts {
        let end = start + hex.len() / 2;
        fields.push(FieldSpan {
            start,
            end,
            path: (*path).to_owned(),
            value: (*value).to_owned(),
        });
        start = end;
    }
    FrameReport {
        direction,
        api: "Produce".to_owned(),
        version: 9,
        hex,
        fields,
    }
}
