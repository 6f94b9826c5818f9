//! What a user of librdkafka waits for: a consumer of a new group, from its subscription to its first message.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use super::life::Life;
use super::work::{ONE, median};

/// Of the groups of a round the median counts; the first ones warm up.
const GROUPS: usize = 6;
const PATIENCE: Duration = Duration::from_secs(10);

/// Milliseconds, with `group.protocol` as said. The topic has its record since `joined`.
pub(crate) fn subscribed(life: &Life, protocol: &str) -> Result<f64, String> {
    median((0..GROUPS).map(|n| first_message(life, protocol, &format!("{protocol}-{n}"))))
}

fn first_message(life: &Life, protocol: &str, group: &str) -> Result<Duration, String> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", life.address.to_string())
        .set("group.id", group)
        .set("group.protocol", protocol)
        .set("auto.offset.reset", "earliest")
        .create()
        .map_err(|error| error.to_string())?;
    let began = Instant::now();
    consumer.subscribe(&[ONE]).map_err(|error| error.to_string())?;
    // A poll also ends without a message where the group moved.
    while began.elapsed() < PATIENCE {
        match consumer.poll(PATIENCE.saturating_sub(began.elapsed())) {
            Some(Ok(_)) => return Ok(began.elapsed()),
            Some(Err(error)) => return Err(error.to_string()),
            None => {}
        }
    }
    Err(format!("no message within {PATIENCE:?} of the subscription"))
}
