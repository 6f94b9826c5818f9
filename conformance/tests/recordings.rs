//! The case files and the lock of what was recorded agree, and every case has the answers of the baseline.

use std::fs;
use std::path::Path;

use conformance::case::load_dir;
use conformance::record::{Lock, Order, Outcome, Place, record};
use conformance::run::Filters;
use conformance::target::Target;
use tokio::sync::mpsc;

#[test]
fn every_case_has_the_answers_that_a_real_kafka_gave() {
    let place = Place::find(None, Path::new(env!("CARGO_MANIFEST_DIR"))).expect("a checkout");
    let cases = load_dir(&place.cases).unwrap_or_else(|error| panic!("{error}"));
    let lock = Lock::load(&place.lock).unwrap_or_else(|error| panic!("{error}"));
    let disagreements = lock.disagreements(&cases);
    assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
}

const CASE: &str = "\
# PRO-17  A batch whose CRC is wrong is refused.
apis: Produce 11..13, Fetch
given topic t partitions=1

# Kept as it is.
produce t/0 values=[a] crc=wrong

produce no-such-topic/0 values=[a]

&f fetch t/0 max-wait=200

await f
";

const RECORDED: &str = "\
# PRO-17  A batch whose CRC is wrong is refused.
apis: Produce 11..13, Fetch
given topic t partitions=1

# Kept as it is.
produce t/0 values=[a] crc=wrong
----
t/0 error=CORRUPT_MESSAGE base=-1

produce no-such-topic/0 values=[a]
----
no-such-topic/0 error=UNKNOWN_TOPIC_OR_PARTITION base=-1
---- v13
no-such-topic/0 error=UNKNOWN_TOPIC_ID base=-1

&f fetch t/0 max-wait=200

await f
----
t/0 error=NONE hw=0
";

async fn recorded(place: &Place) -> Vec<Outcome> {
    let order = Order {
        oracle: Target::parse("jvm:4.3.1").expect("a target"),
        filters: Filters::default(),
        jobs: 2,
        renew_frames: false,
    };
    let (sink, mut outcomes) = mpsc::unbounded_channel();
    record(order, place.clone(), sink).await.expect("Kafka starts");
    let mut told = Vec::new();
    while let Some(outcome) = outcomes.recv().await {
        told.push(outcome);
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Java and the jars of scripts/kafka-jars"]
async fn a_case_is_recorded_once_and_the_second_time_nothing_is_written() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("crc.case");
    fs::write(&file, CASE).expect("written");
    let place = Place::find(Some(dir.path()), dir.path()).expect("a place");
    for changed in [true, false] {
        assert_eq!(
            recorded(&place).await,
            [Outcome::Recorded {
                case: "crc".to_owned(),
                changed
            }]
        );
        assert_eq!(fs::read_to_string(&file).expect("it is there"), RECORDED);
    }
    let lock = Lock::load(&place.lock).expect("a lock");
    let cases = load_dir(dir.path()).expect("cases");
    assert!(lock.disagreements(&cases).is_empty());
}
