//! Waits until a broker answers. The one frame here is ApiVersions v0, which every broker since 0.10 understands.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::{LaunchError, TargetError};

/// Size 10, api key 18, version 0, correlation id 7, no client id.
const API_VERSIONS_V0: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff];
const ONE_TRY: Duration = Duration::from_secs(2);
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// Asks until the broker answers, `gone` says why it never will, or the deadline passes.
pub(super) async fn wait<Gone: Future<Output = Option<LaunchError>>>(
    address: &str,
    deadline: Instant,
    mut gone: impl FnMut() -> Gone,
) -> Result<(), LaunchError> {
    loop {
        if let Some(why) = gone().await {
            return Err(why);
        }
        match answers(address).await {
            Ok(()) => return Ok(()),
            Err(why) if Instant::now() >= deadline => {
                return Err(TargetError(format!("{address} did not answer ApiVersions in time: {why}")).into());
            }
            Err(_) => sleep(BETWEEN_TRIES).await,
        }
    }
}

/// Whether the broker answers one ApiVersions request; otherwise what came instead.
pub(super) async fn answers(address: &str) -> Result<(), String> {
    timeout(ONE_TRY, ask(address))
        .await
        .unwrap_or_else(|_| Err("no answer within 2 s".to_owned()))
}

async fn ask(address: &str) -> Result<(), String> {
    let mut stream = TcpStream::connect(address).await.map_err(|e| e.to_string())?;
    stream.write_all(&API_VERSIONS_V0).await.map_err(|e| e.to_string())?;
    let mut head = [0; 8];
    match stream.read_exact(&mut head).await {
        Ok(_) if head[4..] == [0, 0, 0, 7] => Ok(()),
        Ok(_) => Err("what it said is not a Kafka answer".to_owned()),
        Err(_) => Err("it closed the connection".to_owned()),
    }
}
