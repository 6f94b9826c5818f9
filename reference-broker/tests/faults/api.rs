//! Faults per API, as whoever writes a client sets them in a test of theirs.

use std::time::{Duration, Instant};

use crate::talk::{Client, Heard, LIMIT, SILENCE};
use kafka_fixtures::value::{Struct, Value};
use reference_broker::{Cluster, Config, Fault, FaultError, Faults, Side};

async fn started() -> (Cluster, Faults, Client) {
    let cluster = Cluster::start(Config::default()).await.expect("starts");
    let faults = cluster.faults(0).expect("the first broker");
    let client = Client::to(cluster.addresses()[0]).await;
    (cluster, faults, client)
}

fn group() -> Struct {
    Struct::new().with("CoordinatorKeys", vec!["g"])
}

/// The error code of the first coordinator that is asked for.
async fn coordinator(client: &mut Client) -> Option<i64> {
    let said = client.asks("FindCoordinator", 4, group()).await;
    said.at("Coordinators[0].ErrorCode").and_then(Value::as_i64)
}

#[tokio::test]
async fn an_error_is_answered_as_often_as_it_was_set_and_then_the_request_is_carried_out() {
    let (cluster, faults, mut client) = started().await;
    let fault = Fault::error("FindCoordinator", "COORDINATOR_LOAD_IN_PROGRESS").expect("a fault");
    faults.set(fault.clone().times(2)).expect("set");
    let mut said = Vec::new();
    for _ in 0..3 {
        said.push(coordinator(&mut client).await);
    }
    assert_eq!(said[..2], [Some(14), Some(14)]);
    assert_ne!(said[2], Some(14));
    assert!(faults.list().is_empty());

    faults.set(fault.clone().nth(2)).expect("set");
    assert_ne!(coordinator(&mut client).await, Some(14));
    assert_eq!(faults.list()[0].met, 1);
    assert_eq!(coordinator(&mut client).await, Some(14));

    faults.set(fault.until("Metadata").expect("another")).expect("set");
    for _ in 0..3 {
        assert_eq!(coordinator(&mut client).await, Some(14));
    }
    assert!(client.is_served().await);
    assert_ne!(coordinator(&mut client).await, Some(14));
    cluster.stop().await;
}

#[tokio::test]
async fn a_refused_request_is_not_carried_out_and_one_whose_answer_is_lost_is() {
    let (cluster, faults, mut client) = started().await;
    let error = |said: &Value| said.at("Topics[0].ErrorCode").cloned();
    let create = |topic| {
        let topic = Struct::new()
            .with("Name", topic)
            .with("NumPartitions", 1)
            .with("ReplicationFactor", 1i16);
        Struct::new().with("Topics", vec![topic]).with("timeoutMs", 5000)
    };
    faults
        .set(Fault::error("CreateTopics", "NOT_CONTROLLER").expect("a fault").once())
        .expect("set");
    let said = client.asks("CreateTopics", 5, create("a")).await;
    assert_eq!(error(&said), Some(Value::Int(41)));
    let said = client.asks("CreateTopics", 5, create("a")).await;
    assert_eq!(error(&said), Some(Value::Int(0)));

    let lost = Fault::close("CreateTopics").and_then(Fault::at_answer);
    faults.set(lost.expect("a fault").once()).expect("set");
    let heard = client.hears("CreateTopics", 5, create("b"), LIMIT).await;
    assert_eq!(heard, Heard::Closed);
    let mut client = Client::to(cluster.addresses()[0]).await;
    let said = client.asks("CreateTopics", 5, create("b")).await;
    assert_eq!(error(&said), Some(Value::Int(36)), "it is there already");
    cluster.stop().await;
}

#[test]
fn an_error_has_no_moment_of_its_own() {
    let fault = Fault::error("Metadata", "NOT_CONTROLLER").and_then(Fault::at_answer);
    assert_eq!(fault, Err(FaultError::NoMoment));
}

#[tokio::test]
async fn what_is_dropped_is_never_answered_and_the_next_on_the_connection_is() {
    let (cluster, faults, mut client) = started().await;
    faults
        .set(Fault::drop("FindCoordinator").expect("a fault").once())
        .expect("set");
    let heard = client.hears("FindCoordinator", 4, group(), SILENCE).await;
    assert_eq!(heard, Heard::Nothing);
    assert!(client.is_served().await);
    cluster.stop().await;
}

#[tokio::test]
async fn what_is_closed_closes_its_connection_alone() {
    let (cluster, faults, mut client) = started().await;
    let mut other = Client::called("other", cluster.addresses()[0]).await;
    let fault = Fault::close("Metadata").expect("a fault").of_client("tests");
    let id = faults.set(fault).expect("set");
    assert!(other.is_served().await);
    assert!(!client.is_served().await);
    assert!(other.is_served().await);
    assert!(faults.take_back(id) && !faults.take_back(id));
    let mut client = Client::to(cluster.addresses()[0]).await;
    assert!(client.is_served().await);
    cluster.stop().await;
}

#[tokio::test]
async fn what_is_delayed_comes_that_much_later_and_only_to_those_who_are_meant() {
    let (cluster, faults, mut client) = started().await;
    let by = Duration::from_millis(250);
    let delay = Fault::delay("Metadata", by).expect("a fault");
    faults.set(delay.clone().from(Side::Brokers)).expect("set");
    faults.set(delay.clone().once()).expect("set");
    let at_answer = delay.at_answer().expect("a delay has a moment");
    faults.set(at_answer.once()).expect("set");
    for _ in 0..2 {
        let began = Instant::now();
        assert!(client.is_served().await);
        assert!(began.elapsed() >= by);
    }
    assert_eq!(faults.list().len(), 1, "no broker came");
    faults.clear();
    assert!(faults.list().is_empty());
    cluster.stop().await;
}

#[tokio::test]
async fn what_is_set_outlives_the_broker() {
    let (mut cluster, faults, _) = started().await;
    faults
        .set(Fault::close("Metadata").expect("a fault").once())
        .expect("set");
    cluster.kill(0).await;
    cluster.restart(0).await.expect("comes back");
    let mut client = Client::to(cluster.addresses()[0]).await;
    assert!(!client.is_served().await);
    let mut client = Client::to(cluster.addresses()[0]).await;
    assert!(client.is_served().await);
    cluster.stop().await;
}

#[test]
fn a_fault_that_makes_no_sense_is_refused_with_the_reason() {
    let told = |fault: Result<Fault, FaultError>| fault.expect_err("nonsense").to_string();
    assert!(told(Fault::drop("Produced")).contains("'Produced' is no API"));
    assert!(told(Fault::drop("-1")).contains("no API"));
    assert!(told(Fault::error("Produce", "NONE")).contains("no error"));
    assert!(told(Fault::error("CreateDelegationToken", "-1")).contains("cannot be answered"));
    assert!(told(Fault::delay("Produce", Duration::MAX)).contains("too long"));
    let itself = Fault::close("Produce").expect("a fault").until("0");
    assert!(told(itself).contains("until another"));
}
