//! Our broker among Kafka's: it registers with a real controller, follows and leads in turn beside real brokers, and at the end the
//! logs of all are the same bytes.

mod beside_kafka {
    pub(crate) mod clients;
    pub(crate) mod logs;
    pub(crate) mod nodes;
}

use beside_kafka::clients::{TOPIC, come, create, produce, stands, transact, until};
use beside_kafka::logs;
use beside_kafka::nodes::{Mixed, OURS};

/// Whom their assignments put first.
const PREFERRED: [i32; 3] = [1, OURS, 2];

/// Nobody but this broker has what it wrote last; it comes back and gives it up.
fn comes_back_with_more(cluster: &mut Mixed, id: i32, partition: i32) {
    let name = format!("{TOPIC}-{partition}");
    logs::append_unreplicated(&cluster.data(id), &name);
    cluster.launch(id);
    stands(cluster, &[1, 2, 3], PREFERRED);
}

fn same_everywhere(cluster: &Mixed, topic: &str, markers: usize) {
    for partition in 0..3 {
        let name = format!("{topic}-{partition}");
        let of = |id| logs::bytes(&cluster.data(id), &name);
        until(cluster, &format!("{name} is the same everywhere"), || {
            let [first, second, ours] = [1, 2, OURS].map(of);
            match first == second && first == ours {
                true => Ok(()),
                false => Err(format!("{:?}", [first, second, ours].map(|log| logs::offsets(&log)))),
            }
        });
        assert!(logs::markers(&of(OURS)) >= markers, "{name}");
    }
}

#[tokio::test]
#[ignore = "needs Java and the jars of scripts/kafka-jars"]
async fn a_broker_of_ours_follows_and_leads_among_those_of_kafka_and_all_logs_are_the_same_bytes() {
    let mut cluster = Mixed::start();
    come(&cluster, &[1, 2, OURS]);
    create(&cluster).await;
    stands(&cluster, &[1, 2, OURS], PREFERRED);
    produce(&cluster, "all");
    transact(&cluster, "all", 10);

    cluster.kill(OURS);
    stands(&cluster, &[1, 2], [1, 1, 2]);
    produce(&cluster, "without ours");
    transact(&cluster, "without ours", 20);
    comes_back_with_more(&mut cluster, OURS, 1);
    produce(&cluster, "ours is back");

    cluster.kill(1);
    stands(&cluster, &[2, OURS], [OURS, OURS, 2]);
    produce(&cluster, "without one of Kafka's");
    transact(&cluster, "without one of Kafka's", 30);
    comes_back_with_more(&mut cluster, 1, 0);
    transact(&cluster, "it is back", 40);

    cluster.stop(2);
    stands(&cluster, &[1, OURS], [1, OURS, OURS]);
    produce(&cluster, "another left in order");
    cluster.launch(2);
    stands(&cluster, &[1, 2, OURS], PREFERRED);

    cluster.stop(OURS);
    stands(&cluster, &[1, 2], [1, 1, 2]);
    transact(&cluster, "ours left in order", 50);
    cluster.launch(OURS);
    stands(&cluster, &[1, 2, OURS], PREFERRED);
    transact(&cluster, "the end", 60);

    same_everywhere(&cluster, TOPIC, 12);
    for internal in ["__consumer_offsets", "__transaction_state"] {
        same_everywhere(&cluster, internal, 0);
    }
}
