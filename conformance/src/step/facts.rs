//! What is known of a target before the first case: its addresses, its brokers and the versions that it advertises.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use kafka_fixtures::schema::Schemas;
use kafka_fixtures::value::{Struct, Value};

use crate::driver::wire::{Capabilities, Connection, Exchange, Reply, Request};
use crate::observe::BrokerSeen;
use crate::target::Listener;

/// Between two looks at who is there.
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// What the suite knows of a target before the first case.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Where to start.
    pub bootstrap: Vec<String>,
    /// The brokers that Metadata lists, by id.
    pub brokers: Vec<BrokerSeen>,
    /// Where some of them listen besides.
    pub listeners: Vec<Listener>,
    /// What the target advertises.
    pub capabilities: Capabilities,
}

impl Facts {
    /// Asks a target for its versions and its brokers.
    pub async fn learn(bootstrap: &[String], within: Duration) -> Result<Self, String> {
        let address = bootstrap.first().ok_or("a target without an address")?;
        let capabilities = Capabilities::ask(address, within).await?;
        let mut facts = Self {
            bootstrap: bootstrap.to_vec(),
            brokers: Vec::new(),
            listeners: Vec::new(),
            capabilities,
        };
        facts.brokers = facts.list_brokers(address, within).await?;
        Ok(facts)
    }

    async fn list_brokers(&self, address: &str, within: Duration) -> Result<Vec<BrokerSeen>, String> {
        let Some(version) = self.common_version("Metadata") else {
            return Ok(Vec::new());
        };
        let request = Request::new(
            "Metadata",
            version,
            Value::Struct(Struct::new().with("Topics", Vec::<Struct>::new())),
        );
        let connection = Connection::open(address, within)
            .await
            .map_err(|error| format!("{address}: {error}"))?;
        let frame = request.encode(1).map_err(|error| error.to_string())?;
        let Reply::Frame(frame) = connection.ask(&frame).await.reply(within).await else {
            return Ok(Vec::new());
        };
        let Ok(exchange) = Exchange::decode(&request, &frame) else {
            return Ok(Vec::new());
        };
        let listed = exchange
            .body
            .get("Brokers")
            .and_then(Value::as_array)
            .unwrap_or_default();
        let mut brokers: Vec<BrokerSeen> = listed.iter().filter_map(broker_seen).collect();
        brokers.sort_by_key(|broker| broker.id);
        Ok(brokers)
    }

    /// Waits until every broker knows of so many.
    ///
    /// # Errors
    /// One that does not, or does not answer.
    pub async fn wait_for_brokers(&mut self, count: usize, within: Duration) -> Result<(), String> {
        let deadline = Instant::now() + within;
        for address in self.bootstrap.clone() {
            loop {
                let brokers = self.list_brokers(&address, within).await?;
                match brokers.len() {
                    known if known >= count => self.brokers = brokers,
                    known if Instant::now() >= deadline => {
                        return Err(format!("{address} knows {known} of {count} brokers"));
                    }
                    _ => {
                        sleep(BETWEEN_TRIES).await;
                        continue;
                    }
                }
                break;
            }
        }
        Ok(())
    }

    /// The version that steps use where nothing says another: the highest that Kafka 3.9.2 has too and that the target
    /// advertises.
    pub fn common_version(&self, api: &str) -> Option<i16> {
        let (low, high) = self.capabilities.range(api)?;
        let common = Schemas::release("3.9.2")
            .and_then(|schemas| stable_maximum(schemas, api))
            .or_else(|| stable_maximum(Schemas::latest(), api))?;
        Some(common.min(high).max(low))
    }
}

fn stable_maximum(schemas: &'static Schemas, api: &str) -> Option<i16> {
    let message = schemas.request(schemas.api_key(api)?)?;
    (!message.versions.is_empty()).then(|| message.versions.max - i16::from(message.unstable))
}

fn broker_seen(broker: &Value) -> Option<BrokerSeen> {
    Some(BrokerSeen {
        id: i32::try_from(broker.get("NodeId")?.as_i64()?).ok()?,
        host: broker.get("Host")?.as_str()?.to_owned(),
        port: i32::try_from(broker.get("Port")?.as_i64()?).ok()?,
    })
}
