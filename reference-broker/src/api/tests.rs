//! What holds for the table as a whole: its order, what Kafka advertises, what the README says.

use std::fmt::Write;
use std::path::Path;

use broker_core::config::BrokerConfig;
use broker_core::image;
use broker_core::node::Identity;
use broker_core::store::memory::MemoryStore;
use broker_core::{Node, Now};
use kafka_fixtures::schema::Schemas;
use kafka_fixtures::value::Value;
use kafka_fixtures::{arbitrary, codec};

use super::{APIS, Answer, Call, Listener, Unstable};

#[test]
fn the_table_is_in_order_of_key_without_repetition() {
    assert!(APIS.windows(2).all(|pair| pair[0].key < pair[1].key));
}

#[test]
fn every_api_is_served_at_all_the_versions_that_kafka_has() {
    for entry in APIS {
        let schema = Schemas::latest().request(entry.key).expect("an API of Kafka's");
        let stable: Vec<i16> = schema.versions.iter().collect();
        let stable = &stable[..stable.len() - usize::from(schema.unstable)];
        let served: Vec<i16> = entry.versions.clone().collect();
        assert_eq!(served, stable, "{}", entry.name);
        assert_eq!(entry.last(Unstable::Served), schema.versions.max, "{}", entry.name);
    }
}

const BEGIN: &str = "<!-- generated: served APIs -->\n";
const END: &str = "<!-- end -->";

#[test]
fn the_readme_lists_what_is_served() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = std::fs::read_to_string(&readme).expect("the README");
    let (before, rest) = text.split_once(BEGIN).expect("the list's beginning");
    let (_, after) = rest.split_once(END).expect("the list's end");
    let right = format!("{before}{BEGIN}{}{END}{after}", listed());
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&readme, &right).expect("the README is written");
    } else {
        assert!(
            text == right,
            "README.md lists other APIs than are served; run this test again with UPDATE_README=1"
        );
    }
}

fn listed() -> String {
    let mut table = String::from("| key | API | versions |\n|---|---|---|\n");
    for entry in APIS.iter().filter(|entry| Listener::Broker.serves(entry.key)) {
        let (low, high) = (entry.versions.start(), entry.versions.end());
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| {} | {} | {low}–{high} |", entry.key, entry.name);
    }
    table
}

/// How many legal requests of each API and version are asked.
const SEEDS: u64 = 100;

#[test]
fn every_answer_encodes_at_every_version_that_is_advertised() {
    let mut node = node();
    let mut now = Now {
        unix_ms: 1_700_000_000_000,
        monotonic_ms: 0,
    };
    for (entry, version) in APIS
        .iter()
        .flat_map(|entry| (*entry.versions.start()..=entry.last(Unstable::Served)).map(move |version| (entry, version)))
    {
        let schema = Schemas::latest().request(entry.key).expect("an API of Kafka's");
        for seed in 0..SEEDS {
            now.monotonic_ms += 1;
            let mut request = arbitrary::message(schema, version, seed, true);
            if is_of_acls(entry.key) {
                with_known_numbers(&mut request);
            }
            let body = codec::encode(schema, version, &request).expect("a legal request");
            let mut call = Call {
                version,
                client_id: "c",
                client_host: "/127.0.0.1",
                listener: Listener::Broker,
                listener_name: &"PLAINTEXT".into(),
                node: &mut node,
                now,
            };
            if let Answer::Close(reason) = entry.serve(body, &mut call) {
                assert!(
                    asks_for_no_answer(entry.key, &request),
                    "{} v{version}, seed {seed}: {reason}",
                    entry.name
                );
            }
        }
    }
}

/// Produce with acks=0: a failure closes the connection, the only way to tell it.
fn asks_for_no_answer(key: i16, request: &Value) -> bool {
    key == 0 && request.get("Acks") == Some(&Value::Int(0))
}

fn is_of_acls(key: i16) -> bool {
    (29..=31).contains(&key)
}

/// An ACL with a number that stands for nothing closes the connection: hardly a drawn one would be answered.
fn with_known_numbers(request: &mut Value) {
    match request {
        Value::Struct(body) => body.fields.iter_mut().for_each(|(_, field)| with_known_numbers(field)),
        Value::Array(items) => items.iter_mut().for_each(with_known_numbers),
        Value::Int(number) => *number = 2,
        _ => {}
    }
}

fn node() -> Node {
    let identity = Identity {
        listeners: vec![image::Listener::plaintext("PLAINTEXT", "localhost", 9092)],
        cluster_id: [1; 16],
        directory_id: [2; 16],
        incarnation_id: [3; 16],
    };
    let now = Now {
        unix_ms: 1_700_000_000_000,
        monotonic_ms: 0,
    };
    Node::open(Box::new(MemoryStore::default()), BrokerConfig::default(), identity, now).expect("a new directory")
}
