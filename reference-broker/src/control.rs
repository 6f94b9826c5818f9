//! The control port: faults from any language. A line is a JSON object that asks for one thing; its answer is a line, `ok` or
//! the reason why not. Nothing that comes in can end a connection, and nothing is done but what a line says whole.
//!
//! There is no authentication: whoever reaches the port may stop the brokers.

mod act;
mod fields;
mod lines;
mod list;
mod order;

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::cluster::{Nodes, Roster};
use order::{AtOnce, InTurn, Order};

/// So many orders may wait; beyond that, connections wait to be read.
const WAITING: usize = 16;
/// So long an order may go on when the process is told to stop.
const FINISHES: Duration = Duration::from_secs(10);

/// A control port that listens.
pub struct Control {
    address: SocketAddr,
    orders: mpsc::Receiver<Ordered>,
    /// Who is here, once that is known; gone when orders are taken no more.
    roster: Option<watch::Sender<Option<Roster>>>,
    listening: JoinHandle<()>,
}

/// An order that waits for its turn, and where its answer goes.
pub(crate) struct Ordered {
    order: InTurn,
    answer: oneshot::Sender<Value>,
}

impl Control {
    /// Listens. What comes in is done once somebody obeys it.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn listen(address: SocketAddr) -> io::Result<Self> {
        let door = TcpListener::bind(address).await?;
        let address = door.local_addr()?;
        let (give, orders) = mpsc::channel(WAITING);
        let (roster, known) = watch::channel(None);
        Ok(Self {
            address,
            orders,
            roster: Some(roster),
            listening: tokio::spawn(lines::accept(door, Doers { known, give })),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on orders are done on these.
    pub(crate) fn begin(&self, nodes: Roster) {
        if let Some(roster) = &self.roster {
            roster.send_replace(Some(nodes));
        }
    }

    /// Whoever orders something from now on, or waits for a turn, is told that all is stopping.
    fn end(&mut self) {
        if let Some(roster) = self.roster.take() {
            roster.send_replace(None);
        }
        self.orders.close();
        while self.orders.try_recv().is_ok() {}
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// The next order that waits for its turn; never where there is no control port.
pub(crate) async fn next(control: &mut Option<Control>) -> Ordered {
    let next = match control {
        Some(control) => control.orders.recv().await,
        None => None,
    };
    match next {
        Some(ordered) => ordered,
        None => std::future::pending().await,
    }
}

/// No more orders are taken.
pub(crate) fn end(control: &mut Option<Control>) {
    if let Some(control) = control {
        control.end();
    }
}

impl Ordered {
    /// Does it and answers; true where the process was told to stop meanwhile. Then nothing keeps the nodes from finishing this, and
    /// if they have not soon, it is given up.
    pub(crate) async fn carry_out(self, mut nodes: Nodes<'_>, mut stop: Pin<&mut impl Future<Output = ()>>) -> bool {
        let roster = nodes.roster();
        let mut acting = pin!(act::in_turn(self.order, &mut nodes));
        let (done, stops) = tokio::select! {
            done = &mut acting => (Ok(done), false),
            () = &mut stop => {
                roster.heal();
                (timeout(FINISHES, acting).await, true)
            }
        };
        if let Ok(done) = done {
            // Who has left needs no answer.
            let _ = self.answer.send(done.unwrap_or_else(refused));
        }
        stops
    }
}

/// Who does what comes in, as a connection knows them.
#[derive(Clone)]
struct Doers {
    known: watch::Receiver<Option<Roster>>,
    give: mpsc::Sender<Ordered>,
}

impl Doers {
    async fn answer(&mut self, order: Order) -> Value {
        let done = match order {
            Order::AtOnce(order) => self.at_once(order).await,
            Order::InTurn(order) => self.in_turn(order).await,
        };
        done.unwrap_or_else(|| refused("the process is stopping".to_owned()))
    }

    async fn at_once(&mut self, order: AtOnce) -> Option<Value> {
        let roster = self.known.wait_for(Option::is_some).await.ok()?.clone()?;
        Some(act::at_once(order, &roster).await.unwrap_or_else(refused))
    }

    async fn in_turn(&self, order: InTurn) -> Option<Value> {
        let (answer, answered) = oneshot::channel();
        self.give.send(Ordered { order, answer }).await.ok()?;
        answered.await.ok()
    }
}

fn refused(why: String) -> Value {
    json!({ "error": why })
}
