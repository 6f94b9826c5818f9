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

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::cluster::Nodes;
use order::Order;

/// So many orders may wait; beyond that, connections wait to be read.
const WAITING: usize = 16;

/// A control port that listens.
pub struct Control {
    address: SocketAddr,
    orders: mpsc::Receiver<Ordered>,
    listening: JoinHandle<()>,
}

/// An order, and where its answer goes.
pub(crate) struct Ordered {
    order: Order,
    answer: oneshot::Sender<Value>,
}

impl Control {
    /// Listens. What comes in is done by whoever obeys it.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn listen(address: SocketAddr) -> io::Result<Self> {
        let door = TcpListener::bind(address).await?;
        let address = door.local_addr()?;
        let (give, orders) = mpsc::channel(WAITING);
        Ok(Self {
            address,
            orders,
            listening: tokio::spawn(lines::accept(door, give)),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// The next order; never where there is no control port.
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

impl Ordered {
    /// Does it and answers.
    pub(crate) async fn carry_out(self, nodes: Nodes<'_>) {
        let answer = act::act(self.order, nodes).await.unwrap_or_else(refused);
        // Who has left needs no answer.
        let _ = self.answer.send(answer);
    }
}

fn refused(why: String) -> Value {
    json!({ "error": why })
}
