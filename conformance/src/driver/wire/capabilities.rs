//! What a target claims: the version ranges of its ApiVersions answer, asked once.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_fixtures::value::{Struct, Value};

use super::{Connection, Exchange, Layout, Reply, Request};

/// The API versions that a target advertises.
#[derive(Debug, Clone, Default)]
pub struct Capabilities {
    ranges: BTreeMap<String, (i16, i16)>,
}

impl Capabilities {
    /// Asks ApiVersions v0 on a fresh connection.
    pub async fn ask(address: &str, within: Duration) -> Result<Self, String> {
        let connection = Connection::open(address, within)
            .await
            .map_err(|error| format!("{address}: {error}"))?;
        let request = Request::new("ApiVersions", 0, Value::Struct(Struct::new()));
        let frame = request.encode(1).map_err(|error| error.to_string())?;
        match connection.ask(&frame).await.reply(within).await {
            Reply::Frame(bytes) => {
                let exchange = Exchange::decode(&request, &bytes).map_err(|error| format!("{address}: {error}"))?;
                Ok(Self::read(&exchange.body))
            }
            Reply::Closed => Err(format!("{address} closed the connection when asked ApiVersions")),
            Reply::Silence => Err(format!("{address} did not answer ApiVersions within {within:?}")),
        }
    }

    fn read(body: &Value) -> Self {
        let mut ranges = BTreeMap::new();
        for entry in body.get("ApiKeys").and_then(Value::as_array).unwrap_or_default() {
            let number = |field| {
                entry
                    .get(field)
                    .and_then(Value::as_i64)
                    .and_then(|number| i16::try_from(number).ok())
            };
            if let (Some(key), Some(low), Some(high)) = (number("ApiKey"), number("MinVersion"), number("MaxVersion")) {
                ranges.insert(Layout::api_name(key), (low, high));
            }
        }
        Self { ranges }
    }

    /// The range advertised for an API.
    pub fn range(&self, api: &str) -> Option<(i16, i16)> {
        self.ranges.get(api).copied()
    }

    /// Whether one version of an API is advertised.
    pub fn covers(&self, api: &str, version: i16) -> bool {
        self.range(api)
            .is_some_and(|(low, high)| (low..=high).contains(&version))
    }

    /// How many APIs are advertised.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether nothing is advertised.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}
