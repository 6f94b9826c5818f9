//! One broker's rooms, composed: a command goes to the room that owns it, its records are appended, then applied.
//!
//! The shell calls one method a request, drains the [`Outbox`], and calls [`Node::tick`] when [`Node::next_deadline`] falls
//! due. Each room adds its own methods to `Node` in a file beside this one.

use crate::machine::Ticket;
use crate::store::Store;

/// One broker.
pub struct Node {
    pub(crate) store: Box<dyn Store>,
    next_ticket: u64,
}

impl Node {
    pub(crate) fn issue_ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        Ticket(self.next_ticket)
    }
}
