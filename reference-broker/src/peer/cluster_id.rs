//! DescribeCluster v1: which cluster is it? A broker with a new directory asks its controller before it formats one.

use std::time::Duration;

use kafka_protocol::error::ParseResponseErrorCode;
use kafka_protocol::messages::{DescribeClusterRequest, DescribeClusterResponse};
use tokio::time::{sleep, timeout};

use super::Address;
use super::wire::{CLIENT_ID, REQUEST, ask_once};

const KEY: i16 = 60;
const VERSION: i16 = 1;
/// The endpoint type of controllers (KIP-919).
const CONTROLLERS: i8 = 2;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(250);

/// Asks until there is an answer. Why there is none yet is said once for each reason.
pub(crate) async fn learn(address: &Address, complain: fn(&str)) -> String {
    let mut told = String::new();
    loop {
        let (host, port) = address;
        let why = match timeout(REQUEST, ask(address)).await {
            Ok(Ok(id)) => return id,
            Ok(Err(why)) => format!("the controller at {host}:{port}: {why}; it is tried again"),
            Err(_) => format!("the controller at {host}:{port} does not answer; it is tried again"),
        };
        if why != told {
            complain(&why);
            told = why;
        }
        sleep(PAUSE).await;
    }
}

async fn ask(address: &Address) -> Result<String, String> {
    let request = DescribeClusterRequest::default().with_endpoint_type(CONTROLLERS);
    let response: DescribeClusterResponse = ask_once(address, CLIENT_ID, (KEY, VERSION), &request).await?;
    match response.error_code.err() {
        None => Ok(response.cluster_id.to_string()),
        Some(error) => Err(format!("it does not say which cluster it is of: {error}")),
    }
}
