//! Accepts connections and gives each its task.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use broker_core::config::ConnectionLimits;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::connection::{Closed, Link, serve};
use crate::faults::Faults;

/// Pause after a failed accept (out of file descriptors, say), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts until it is dropped; dropping it cuts every connection.
pub(crate) async fn run(listener: TcpListener, link: Link, mut limits: watch::Receiver<ConnectionLimits>) {
    let open = Arc::new(PerIp::default());
    let mut connections = JoinSet::new();
    let links = link.faults.links();
    let mut refusals = links.refusals();
    loop {
        let now = limits.borrow_and_update().clone();
        tokio::select! {
            // Beyond `max.connections` the next one waits unaccepted, as with Kafka.
            accepted = listener.accept(), if connections.len() < now.total => match accepted {
                Ok((socket, peer)) => {
                    // Beyond the limit Kafka accepts and closes at once.
                    if let Some(place) = PerIp::take(&open, peer.ip(), now.of(peer.ip())) {
                        connections.spawn(converse(socket, peer, link.clone(), place));
                    } else {
                        drop(Ending::of(peer, &link, Closed::PerIp));
                    }
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
            // Who is no client comes back at once.
            Ok(()) = refusals.changed() => connections.abort_all(),
            // A broker that is gone changes nothing any more.
            Ok(()) = limits.changed() => {}
            else => sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn converse(socket: TcpStream, peer: SocketAddr, link: Link, _place: Place) {
    // A socket that refuses TCP_NODELAY is already closing.
    let _ = socket.set_nodelay(true);
    let host: Arc<str> = format!("/{}", peer.ip()).into();
    // Cut off where it is, this task says nothing more: then the broker stops.
    let mut ending = Ending::of(peer, &link, Closed::Stopped);
    ending.why = serve(socket, host, link).await;
}

/// Explains the end of a connection when it goes.
struct Ending {
    peer: SocketAddr,
    explain: fn(&str),
    faults: Faults,
    why: Closed,
}

impl Ending {
    fn of(peer: SocketAddr, link: &Link, why: Closed) -> Self {
        Self {
            peer,
            explain: link.explain,
            faults: link.faults.clone(),
            why,
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let why = match self.why {
            Closed::Stopped if self.faults.refuses_clients() => &Closed::Cut,
            ref why => why,
        };
        (self.explain)(&format!("{} closed: {why}", self.peer));
    }
}

/// How many connections each address has open: `max.connections.per.ip`.
#[derive(Default)]
struct PerIp(Mutex<HashMap<IpAddr, usize>>);

struct Place(Arc<PerIp>, IpAddr);

impl PerIp {
    fn take(open: &Arc<Self>, ip: IpAddr, max: usize) -> Option<Place> {
        let mut counts = open.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(ip).or_default();
        (*count < max).then(|| {
            *count += 1;
            Place(Arc::clone(open), ip)
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.1);
            }
        }
    }
}
