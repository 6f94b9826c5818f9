//! A coordinator that dies at any write of a transaction, and again while it recovers: what is committed is visible as a
//! whole or not at all, and every transaction comes to its end.

use super::*;
use crate::config::BrokerConfig;
use crate::controller::Intent;
use crate::controller::topics::NewTopic;
use crate::group::tests::commit;
use crate::group::{TxnCommit, View};
use crate::log::tests::{Bench, Sent, Shared, identity};
use crate::log::walk::Walked;
use crate::txn::State;

const NOW: Now = Now {
    unix_ms: 1_700_000_000_000,
    monotonic_ms: 0,
};
/// At which writes of a recovery it dies again.
const OF_A_RECOVERY: [usize; 8] = [0, 1, 2, 3, 5, 8, 13, 21];

fn open(store: &Shared) -> Option<Node> {
    let identity = identity(3);
    let properties = [
        "offsets.topic.replication.factor",
        "offsets.topic.num.partitions",
        "transaction.state.log.replication.factor",
        "transaction.state.log.min.isr",
        "transaction.state.log.num.partitions",
    ];
    let properties = properties.map(|key| (key.to_owned(), "1".to_owned()));
    let config = BrokerConfig::from_properties(&properties).expect("valid properties");
    Node::open(Box::new(store.clone()), config, identity, NOW).ok()
}

fn opened(store: &Shared) -> Node {
    store.lock().writes_left = None;
    open(store).expect("it starts again")
}

/// A broker with coordinators and a topic `t` of two partitions.
fn ready() -> Shared {
    let store = Shared::default();
    let mut node = opened(&store);
    for kind in [CoordinatorKind::Group, CoordinatorKind::Transaction] {
        node.make_coordinators(kind, NOW);
    }
    let topic = NewTopic {
        name: "t".into(),
        partitions: 2,
        replication_factor: 1,
        ..NewTopic::default()
    };
    node.create_topics(vec![topic], Intent::Commit, NOW).expect("written");
    store
}

fn tp(partition: i32) -> TopicPartition {
    TopicPartition::new("t", partition)
}

/// What a transaction did before it was cut short: was its end acknowledged?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    ToItsEnd,
    NotSoFar,
}

/// One transaction from its beginning to its end: a record in each partition, and an offset.
fn run(node: &mut Node, result: TransactionResult, version: Version) -> Result<Producer, ErrorCode> {
    let of = node.init_transactions("x", 60_000, None, NOW)?;
    node.add_partitions("x", of, BTreeSet::from([tp(0), tp(1)]), version, NOW)?;
    for partition in 0..2 {
        let sent = Sent::new(&["v"]).by(of.id.0, of.epoch.0, 0);
        let bytes = sent.forged(|header| header.attributes |= 0x10);
        let walked = Walked::new(&bytes, 1 << 20);
        node.produce(&tp(partition), walked, NOW)
            .map_err(|refusal| refusal.error)?;
    }
    node.add_offsets("x", of, "g", NOW)?;
    let committed = node.commit_offsets_in_transaction("x", offset(of), Enlistment::Abortable, NOW);
    if let [Some(error)] = committed[..] {
        return Err(error);
    }
    node.end_transaction("x", of, result, version, NOW)
}

fn offset(of: Producer) -> TxnCommit {
    TxnCommit {
        commit: commit("g", &[("t", 0, 5)]),
        producer: of,
    }
}

/// How many of the three a reader of what is committed sees: the two records and the offset.
fn visible(store: &Shared, mut node: Node) -> (usize, Node) {
    let committed = node
        .all_committed("g", View::Replicated, NOW)
        .expect("we coordinate")
        .len();
    let mut seen = committed;
    for partition in 0..2 {
        let bench = Bench {
            store: store.clone(),
            node,
            tp: tp(partition),
        };
        let (log, stable) = (bench.log(), bench.log().last_stable_offset());
        let aborted = log.aborted(log.log_start(), log.log_end());
        let is_aborted = |offset| {
            aborted
                .iter()
                .any(|entry| entry.first_offset <= offset && offset < entry.last_offset)
        };
        let batches = bench.batches();
        let data = batches.iter().filter(|(header, _)| !header.is_control());
        seen += data
            .filter(|(header, _)| header.base_offset < stable && !is_aborted(header.base_offset))
            .count();
        node = bench.node;
    }
    (seen, node)
}

/// All or nothing is to be seen, and it is what the coordinator says.
fn is_whole(store: &Shared, mut node: Node, result: TransactionResult, came: Came) -> Node {
    let state = node.describe_transaction("x", NOW).map(|known| known.state);
    let (seen, node) = visible(store, node);
    let is_committed = state == Ok(State::CompleteCommit);
    assert_eq!(seen, if is_committed { 3 } else { 0 }, "{state:?} {came:?}");
    match (came, result) {
        (Came::ToItsEnd, TransactionResult::Commit) => assert_eq!(state, Ok(State::CompleteCommit)),
        (Came::ToItsEnd, TransactionResult::Abort) => assert_eq!(state, Ok(State::CompleteAbort)),
        (Came::NotSoFar, _) => assert!(
            !matches!(state, Ok(State::PrepareCommit | State::PrepareAbort)),
            "{state:?}"
        ),
    }
    node
}

/// The next producer of the id finds nothing in its way, and leaves nothing undecided.
fn comes_to_an_end(store: &Shared, mut node: Node) {
    let before = node.describe_transaction("x", NOW).map(|known| known.state);
    let begun = (0..2).find_map(|_| node.init_transactions("x", 60_000, None, NOW).ok());
    let of = begun.expect("the second time at the latest");
    for partition in 0..2 {
        let log = node.log(&tp(partition)).expect("ours");
        assert_eq!(log.last_stable_offset(), log.log_end(), "{before:?}");
        log.check().expect("sound");
    }
    let (seen, mut node) = visible(store, node);
    assert_eq!(seen, if before == Ok(State::CompleteCommit) { 3 } else { 0 });
    node.add_partitions("x", of, BTreeSet::from([tp(0)]), Version::First, NOW)
        .expect("open to its producer");
}

/// The broker dies at its n-th write, and again at the m-th of its recovery.
fn dies(result: TransactionResult, version: Version, first: usize, second: Option<usize>) -> Came {
    let store = ready();
    let mut node = opened(&store);
    store.lock().writes_left = Some(first);
    let came = match run(&mut node, result, version) {
        Ok(_) => Came::ToItsEnd,
        Err(_) => Came::NotSoFar,
    };
    let had_enough = store.lock().writes_left > Some(0);
    drop(node);
    if second.is_some() {
        store.lock().writes_left = second;
        drop(open(&store));
    }
    let node = is_whole(&store, opened(&store), result, came);
    comes_to_an_end(&store, node);
    if had_enough { Came::ToItsEnd } else { Came::NotSoFar }
}

fn dies_everywhere(result: TransactionResult, version: Version, second: Option<usize>) -> usize {
    (0..)
        .find(|first| dies(result, version, *first, second) == Came::ToItsEnd)
        .expect("a transaction ends")
}

const ENDS: [(TransactionResult, Version); 4] = [
    (TransactionResult::Commit, Version::First),
    (TransactionResult::Commit, Version::Second),
    (TransactionResult::Abort, Version::First),
    (TransactionResult::Abort, Version::Second),
];

#[test]
fn a_broker_that_dies_at_any_write_of_a_transaction_leaves_no_half_of_it() {
    for (result, version) in ENDS {
        // A producer id, the producer, the partitions, the records, the offset, the decision, three markers, the completion.
        assert!(dies_everywhere(result, version, None) >= 10);
    }
}

#[test]
fn a_broker_that_dies_again_while_it_recovers_leaves_no_half_of_a_transaction() {
    for (result, version) in [ENDS[1], ENDS[2]] {
        for second in OF_A_RECOVERY {
            dies_everywhere(result, version, Some(second));
        }
    }
}

#[test]
fn what_was_deleted_while_it_was_pending_does_not_come_back_after_a_restart() {
    let store = ready();
    let mut node = opened(&store);
    let of = node.init_transactions("x", 60_000, None, NOW).expect("written");
    node.add_offsets("x", of, "g", NOW).expect("written");
    let committed = node.commit_offsets_in_transaction("x", offset(of), Enlistment::Abortable, NOW);
    assert_eq!(committed, [None]);
    node.delete_group(&"g".into(), NOW).expect("it is empty");
    let mut node = opened(&store);
    node.end_transaction("x", of, TransactionResult::Commit, Version::First, NOW)
        .expect("it is open");
    assert_eq!(
        node.all_committed("g", View::Replicated, NOW).expect("we coordinate"),
        []
    );
}

#[test]
fn a_marker_that_is_refused_is_written_again_by_a_later_coordinator() {
    let store = ready();
    let mut node = opened(&store);
    let of = node.init_transactions("x", 60_000, None, NOW).expect("written");
    node.add_partitions("x", of, BTreeSet::from([tp(0)]), Version::First, NOW)
        .expect("open");
    let epoch = node
        .log(&TopicPartition::new(TRANSACTIONS_TOPIC, 0))
        .map(|log| log.leader_epoch().0)
        .expect("ours");
    let of_another = Marked {
        producer: of,
        result: TransactionResult::Abort,
        coordinator_epoch: epoch + 1,
        version: Version::First,
    };
    node.write_marker(&tp(0), of_another, NOW).expect("taken");
    node.end_transaction("x", of, TransactionResult::Commit, Version::First, NOW)
        .expect("decided");
    let state = |node: &mut Node| node.describe_transaction("x", NOW).expect("known").state;
    assert_eq!(state(&mut node), State::PrepareCommit);
    assert_eq!(node.transactions.retry_markers, None, "nobody tries in vain");
    assert_eq!(
        node.init_transactions("x", 60_000, None, NOW),
        Err(ErrorCode::ConcurrentTransactions)
    );
    assert_eq!(state(&mut opened(&store)), State::CompleteCommit);
}
