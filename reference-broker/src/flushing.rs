//! Group commit: one task syncs for all that wait, away from the node; meanwhile the node serves on, and who comes is synced next.

use std::sync::Arc;

use broker_core::node::{Flush, Promise};
use broker_core::{Node, StoreError};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::broker::Outgoing;
use crate::store::Sources;

/// What was to be synced, and whether it was.
pub(crate) type Synced = (Flush, Result<(), StoreError>);

/// Answers that wait for the disk.
pub(crate) struct Flushing {
    sources: Arc<dyn Sources>,
    task: Option<JoinHandle<Vec<Synced>>>,
    held: Vec<Held>,
}

struct Held {
    promises: Vec<Promise>,
    answer: Outgoing,
    reply: oneshot::Sender<Outgoing>,
}

impl Flushing {
    /// Nothing waits yet.
    pub(crate) fn new(sources: Arc<dyn Sources>) -> Self {
        Self {
            sources,
            task: None,
            held: Vec::new(),
        }
    }

    /// Keeps an answer until all that it promises is on the disk.
    pub(crate) fn hold(&mut self, promises: Vec<Promise>, answer: Outgoing, reply: oneshot::Sender<Outgoing>) {
        self.held.push(Held {
            promises,
            answer,
            reply,
        });
    }

    /// Begins to sync for all that wait, unless a task is under way.
    pub(crate) fn begin(&mut self, node: &mut Node) {
        if self.task.is_some() {
            return;
        }
        let flushes = node.take_flushes();
        if flushes.is_empty() {
            return self.release(node);
        }
        let sources = self.sources.clone();
        let sync = move |flush: Flush| {
            let mut files = flush.files.iter();
            let synced = files.try_for_each(|(directory, file)| sources.sync(directory, file));
            (flush, synced)
        };
        self.task = Some(spawn_blocking(move || flushes.into_iter().map(sync).collect()));
    }

    /// What the task has come to, once it has.
    pub(crate) async fn done(&mut self) -> Vec<Synced> {
        let Some(task) = &mut self.task else {
            return std::future::pending().await;
        };
        let done = task.await;
        self.task = None;
        done.unwrap_or_else(|_| {
            // A task that broke off has synced nothing that anyone may rely on.
            self.held.clear();
            Vec::new()
        })
    }

    /// Lets go of the answers whose promises are settled. One that was not kept closes its connection: who asks again is told why.
    pub(crate) fn release(&mut self, node: &Node) {
        let (settled, held): (Vec<_>, Vec<_>) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|held| held.promises.iter().all(|promise| node.is_settled(promise)));
        self.held = held;
        for Held {
            promises,
            answer,
            reply,
        } in settled
        {
            let kept = promises.iter().all(|promise| node.is_kept(promise));
            let answer = if kept {
                answer
            } else {
                Outgoing::Close("the disk failed before what was sent was on it".to_owned())
            };
            // A connection that is gone by now needs no answer.
            drop(reply.send(answer));
        }
    }
}
