//! Our broker among Kafka's: it registers with a real controller, follows and leads in turn beside real brokers, and at the end the
//! logs of all are the same bytes. Then the same under a controller of ours.

mod child;
mod ports;

mod beside_kafka {
    pub(crate) mod clients;
    pub(crate) mod logs;
    pub(crate) mod nodes;
}

use beside_kafka::clients::{SHORT, TOPIC, come, create, produce, shorten, stands, transact, until};
use beside_kafka::logs;
use beside_kafka::nodes::{Controller, Mixed, OURS};
use tokio::sync::Mutex;

/// Whom their assignments put first.
const PREFERRED: [i32; 3] = [1, OURS, 2];

/// Three of Kafka's processes are enough for one machine.
static TURN: Mutex<()> = Mutex::const_new(());

/// All have come, and written.
async fn begun(whose: Controller) -> Mixed {
    let cluster = Mixed::start(whose);
    come(&cluster, &[1, 2, OURS]);
    create(&cluster).await;
    stands(&cluster, &[1, 2, OURS], PREFERRED);
    produce(&cluster, "all");
    transact(&cluster, "all", 10);
    cluster
}

/// Nobody but this broker has what it wrote last; it comes back and gives it up.
fn comes_back_with_more(cluster: &mut Mixed, id: i32, partition: i32, leaders: [i32; 3]) {
    let name = format!("{TOPIC}-{partition}");
    logs::append_unreplicated(&cluster.data(id), &name);
    cluster.launch(id);
    stands(cluster, &[1, 2, OURS], leaders);
}

fn all_logs_are_the_same(cluster: &Mixed, markers: usize) {
    same_from_where_ours_begins(cluster);
    same_everywhere(cluster, TOPIC, markers);
    for internal in ["__consumer_offsets", "__transaction_state"] {
        same_everywhere(cluster, internal, 0);
        let partitions = (0..3).map(|partition| logs_of(cluster, &format!("{internal}-{partition}")));
        assert!(partitions.flatten().any(|log| !log.is_empty()), "{internal}");
    }
}

fn same_everywhere(cluster: &Mixed, topic: &str, markers: usize) {
    for partition in 0..3 {
        let name = format!("{topic}-{partition}");
        until(cluster, &format!("{name} is the same everywhere"), || {
            match logs_of(cluster, &name) {
                [first, second, ours] if first == second && first == ours => Ok(()),
                differ => Err(told(&differ)),
            }
        });
        let [.., ours] = logs_of(cluster, &name);
        assert!(logs::markers(&ours) >= markers, "{name}");
    }
}

/// Kafka's two, which saw all of it, may keep what was deleted; ours came when it was gone.
fn same_from_where_ours_begins(cluster: &Mixed) {
    until(cluster, "the short log is the same from there on", || {
        let [first, second, ours] = logs_of(cluster, &format!("{SHORT}-0"));
        let begins = logs::offsets(&ours).first().copied().unwrap_or_default();
        let same = [&first, &second].map(|log| logs::from(log, begins) == ours);
        match begins > 0 && same == [true, true] {
            true => Ok(()),
            false => Err(told(&[first, second, ours])),
        }
    });
}

fn logs_of(cluster: &Mixed, partition: &str) -> [Vec<u8>; 3] {
    [1, 2, OURS].map(|id| logs::bytes(&cluster.data(id), partition))
}

fn told(differ: &[Vec<u8>; 3]) -> String {
    format!("{:?}", differ.each_ref().map(|log| logs::offsets(log)))
}

#[tokio::test]
#[ignore = "needs Java and the jars of scripts/kafka-jars"]
async fn a_broker_of_ours_follows_and_leads_among_those_of_kafka_and_all_logs_are_the_same_bytes() {
    let _turn = TURN.lock().await;
    let mut cluster = begun(Controller::Kafka).await;

    cluster.kill(OURS);
    stands(&cluster, &[1, 2], [1, 1, 2]);
    produce(&cluster, "without ours");
    transact(&cluster, "without ours", 20);
    shorten(&cluster).await;
    comes_back_with_more(&mut cluster, OURS, 1, PREFERRED);
    produce(&cluster, "ours is back");

    cluster.kill(1);
    stands(&cluster, &[2, OURS], [OURS, OURS, 2]);
    produce(&cluster, "without one of Kafka's");
    transact(&cluster, "without one of Kafka's", 30);
    comes_back_with_more(&mut cluster, 1, 0, PREFERRED);
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

    all_logs_are_the_same(&cluster, 12);
}

#[tokio::test]
#[ignore = "needs Java and the jars of scripts/kafka-jars"]
async fn brokers_of_kafka_and_of_ours_keep_the_same_logs_under_a_controller_of_ours_that_is_killed() {
    let _turn = TURN.lock().await;
    let mut cluster = begun(Controller::Ours).await;

    cluster.kill(OURS);
    stands(&cluster, &[1, 2], [1, 1, 2]);
    transact(&cluster, "without ours", 20);
    shorten(&cluster).await;
    // Nobody puts leaders back here: whoever took over goes on.
    comes_back_with_more(&mut cluster, OURS, 1, [1, 1, 2]);

    cluster.kill(1);
    stands(&cluster, &[2, OURS], [OURS, OURS, 2]);
    cluster.kill_controller();
    produce(&cluster, "without a controller");
    cluster.launch_controller();
    comes_back_with_more(&mut cluster, 1, 0, [OURS, OURS, 2]);
    transact(&cluster, "it is back", 30);

    cluster.stop(2);
    stands(&cluster, &[1, OURS], [OURS; 3]);
    produce(&cluster, "another left in order");
    cluster.launch(2);
    stands(&cluster, &[1, 2, OURS], [OURS; 3]);
    transact(&cluster, "the end", 40);
    all_logs_are_the_same(&cluster, 8);
}
