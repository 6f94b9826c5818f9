use kafka_fixtures::arbitrary;

use super::*;
use crate::api;

const ERROR: i16 = 1234;

/// Every field of an answer by its path, and what it says; `[]` for any element.
fn fields(value: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Struct(held) => held
            .fields
            .iter()
            .for_each(|(name, value)| fields(value, &format!("{path}.{name}"), found)),
        Value::Array(elements) => elements
            .iter()
            .for_each(|element| fields(element, &format!("{path}[]"), found)),
        value => found.push((path.to_owned(), value.clone())),
    }
}

#[test]
fn every_api_but_three_is_answered_with_the_error_at_every_version() {
    for key in (0..=100).filter(|key| api::is_served(*key) && is_answerable(*key)) {
        let (asked, answer) = (Schemas::latest().request(key), Schemas::latest().response(key));
        let (asked, answer) = (asked.expect("asked"), answer.expect("answered"));
        for (version, seed) in asked
            .versions
            .iter()
            .flat_map(|version| (0..20).map(move |seed| (version, seed)))
        {
            let request = arbitrary::message(asked, version, seed, false);
            let body = codec::encode(asked, version, &request).expect("a request");
            let Some(refused) = refusal(key, version, &body, ERROR).expect("answerable") else {
                assert_eq!((key, request.get("Acks")), (PRODUCE, Some(&Value::Int(0))));
                continue;
            };
            let decoded = codec::decode(answer, version, &refused).expect("an answer");
            assert_eq!(decoded.consumed, refused.len(), "{} v{version}", answer.name);
            let mut found = Vec::new();
            fields(&decoded.value, "", &mut found);
            for (path, said) in found.iter().filter(|(path, _)| path.ends_with("ErrorCode")) {
                assert!(
                    *said == Value::Int(ERROR.into()) || path.ends_with("TopicConfigErrorCode"),
                    "{} v{version} {path}: {said:?}",
                    answer.name
                );
            }
            let elements = ROWS.iter().any(|row| row.key == key);
            let says = found.iter().any(|(_, said)| *said == Value::Int(ERROR.into()));
            // Nobody was asked about, or the version has no place for it: Kafka says nothing either.
            assert!(
                says || elements || (key == 35 && version < 3),
                "{} v{version}",
                answer.name
            );
        }
    }
}

fn refused(key: i16, version: i16, request: Struct) -> Value {
    let schemas = Schemas::latest();
    let body =
        codec::encode(schemas.request(key).expect("asked"), version, &Value::Struct(request)).expect("a request");
    let answer = refusal(key, version, &body, ERROR)
        .expect("answerable")
        .expect("an answer");
    codec::decode(schemas.response(key).expect("answered"), version, &answer)
        .expect("an answer")
        .value
}

#[test]
fn each_element_that_was_asked_about_is_named_and_refused() {
    let partition = Struct::new().with("Index", 3);
    let topic = Struct::new().with("Name", "t").with("PartitionData", vec![partition]);
    let said = refused(
        PRODUCE,
        9,
        Struct::new().with("Acks", 1i16).with("TopicData", vec![topic]),
    );
    assert_eq!(said.at("Responses[0].Name").and_then(Value::as_str), Some("t"));
    let partition = said.at("Responses[0].PartitionResponses[0]").expect("one");
    let said: Vec<_> = ["Index", "ErrorCode", "BaseOffset", "LogStartOffset"]
        .iter()
        .map(|field| partition.get(field).and_then(Value::as_i64))
        .collect();
    assert_eq!(said, [Some(3), Some(ERROR.into()), Some(-1), Some(-1)]);

    let said = refused(10, 4, Struct::new().with("CoordinatorKeys", vec!["a", "b"]));
    assert_eq!(said.at("Coordinators[1].Key").and_then(Value::as_str), Some("b"));
    assert_eq!(said.at("Coordinators[1].NodeId").and_then(Value::as_i64), Some(-1));
}

#[test]
fn from_v13_on_a_fetch_is_refused_as_a_whole_and_before_that_each_partition_too() {
    let topic = |topic: Struct| topic.with("Partitions", vec![Struct::new().with("Partition", 7)]);
    let old = refused(
        FETCH,
        12,
        Struct::new().with("Topics", vec![topic(Struct::new().with("Topic", "t"))]),
    );
    assert_eq!(
        old.at("Responses[0].Partitions[0].PartitionIndex")
            .and_then(Value::as_i64),
        Some(7)
    );
    assert_eq!(old.get("ErrorCode").and_then(Value::as_i64), Some(ERROR.into()));
    let new = refused(
        FETCH,
        13,
        Struct::new()
            .with("Topics", vec![topic(Struct::new())])
            .with("SessionId", 5),
    );
    assert_eq!(
        new.get("Responses").and_then(Value::as_array).map(<[Value]>::len),
        Some(0)
    );
    assert_eq!(new.get("SessionId").and_then(Value::as_i64), Some(5));
}

#[test]
fn a_producer_that_wants_no_answer_gets_none() {
    let asked = Schemas::latest().request(PRODUCE).expect("asked");
    let request = Value::Struct(Struct::new().with("Acks", 0i16));
    let body = codec::encode(asked, 9, &request).expect("a request");
    assert_eq!(refusal(PRODUCE, 9, &body, ERROR), Ok(None));
}

#[test]
fn what_names_too_much_is_refused_before_a_tree_is_made_of_it_and_records_cost_nothing() {
    // Metadata v0: so many topics, each with an empty name.
    let topics = |count: i32| [count.to_be_bytes().to_vec(), vec![0; count as usize * 2]].concat();
    assert!(refusal(METADATA, 0, &topics(1000), ERROR).is_ok());
    let refused = refusal(METADATA, 0, &topics(1_000_000), ERROR).expect_err("too much");
    assert!(refused.contains("too much to be answered"), "{refused}");

    let partition = Struct::new()
        .with("Index", 0)
        .with("Records", Bytes::from(vec![0; 16 << 20]));
    let topic = Struct::new().with("Name", "t").with("PartitionData", vec![partition]);
    let request = Struct::new().with("Acks", -1i16).with("TopicData", vec![topic]);
    let asked = Schemas::latest().request(PRODUCE).expect("an API");
    let body = codec::encode(asked, 9, &Value::Struct(request)).expect("a request");
    assert!(matches!(refusal(PRODUCE, 9, &body, ERROR), Ok(Some(_))));
}
