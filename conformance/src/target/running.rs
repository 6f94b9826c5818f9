//! A broker that answers, whoever started it. Dropping it leaves no process, container or directory behind.

use std::path::Path;

use tokio::time::Instant;

use super::apart::apart;
use super::post::Post;
use super::{LaunchError, Listener, Needs, Target, TargetError, docker, exec, jvm, ready, reference};

/// A target that answers.
#[derive(Debug)]
pub struct Running {
    node: Node,
    bootstrap: Vec<String>,
    listeners: Vec<Listener>,
    description: String,
}

#[derive(Debug)]
enum Node {
    Reference(reference::Node),
    Elsewhere,
    Exec(exec::Cluster),
    Jvm(jvm::Cluster),
    Docker(docker::Cluster),
}

impl Node {
    fn post(&self, broker: usize) -> Option<&Post> {
        match self {
            Self::Exec(nodes) => nodes.node(broker).map(exec::Node::post),
            Self::Jvm(nodes) => nodes.node(broker).map(jvm::Node::post),
            Self::Reference(_) | Self::Docker(_) | Self::Elsewhere => None,
        }
    }

    fn post_mut(&mut self, broker: usize) -> Option<&mut Post> {
        match self {
            Self::Exec(nodes) => nodes.node_mut(broker).map(exec::Node::post_mut),
            Self::Jvm(nodes) => nodes.node_mut(broker).map(jvm::Node::post_mut),
            Self::Reference(_) | Self::Docker(_) | Self::Elsewhere => None,
        }
    }
}

impl Drop for Running {
    /// A process is killed; brokers in this one stop in order, which takes a moment.
    fn drop(&mut self) {
        if let Node::Reference(node) = std::mem::replace(&mut self.node, Node::Elsewhere) {
            apart(move || drop(node));
        }
    }
}

impl Running {
    pub(super) async fn start(target: &Target, needs: &Needs) -> Result<Self, TargetError> {
        let listeners = Listener::all(needs)?;
        let more = &listeners[..];
        let (node, bootstrap, description) = match target {
            Target::Reference { brokers } => {
                let node = reference::Node::start(brokers.unwrap_or(needs.brokers.max(1)), needs, more).await?;
                let bootstrap = node.addresses();
                let description = format!("reference-broker {}", env!("CARGO_PKG_VERSION"));
                (Node::Reference(node), bootstrap, description)
            }
            Target::Address(addresses) => {
                found(addresses).await?;
                (Node::Elsewhere, addresses.clone(), addresses.join(","))
            }
            Target::Exec(template) => {
                let nodes = exec::Cluster::start(template, needs, more).await?;
                let (addresses, program) = (nodes.addresses(), nodes.program().to_owned());
                let description = counted(program, addresses.len());
                (Node::Exec(nodes), addresses, description)
            }
            Target::Jvm { version, brokers } => {
                let nodes = jvm::Cluster::start(version, *brokers, needs, more).await?;
                let addresses = nodes.addresses();
                (
                    Node::Jvm(nodes),
                    addresses,
                    counted(format!("Apache Kafka {version}"), *brokers),
                )
            }
            Target::JvmZooKeeper { version } => {
                let nodes = jvm::Cluster::start_beside_zookeeper(version, needs).await?;
                let addresses = nodes.addresses();
                let description = format!("Apache Kafka {version} with ZooKeeper");
                (Node::Jvm(nodes), addresses, description)
            }
            Target::Docker { image, tag, brokers } => {
                let nodes = docker::Cluster::start(image, tag, *brokers, needs, more).await?;
                let addresses = nodes.addresses();
                (
                    Node::Docker(nodes),
                    addresses,
                    counted(format!("{image}:{tag}"), *brokers),
                )
            }
        };
        Ok(Self {
            node,
            bootstrap,
            listeners,
            description,
        })
    }

    /// Where its brokers listen, `host:port`, in the order of their ids.
    pub fn bootstrap(&self) -> &[String] {
        &self.bootstrap
    }

    /// Where some of them listen besides.
    pub fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// How many brokers were started; none where someone else did.
    pub fn brokers(&self) -> usize {
        match self.node {
            Node::Elsewhere => 0,
            _ => self.bootstrap.len(),
        }
    }

    /// What it is, for people: `Apache Kafka 4.3.1`.
    pub fn describe(&self) -> &str {
        &self.description
    }

    /// The directory that holds the log directories of a broker, where we know it.
    pub fn data_dir(&self, broker: usize) -> Option<&Path> {
        match &self.node {
            Node::Reference(node) => node.data_dir(broker),
            Node::Exec(nodes) => nodes.data_dir(broker),
            Node::Jvm(nodes) => nodes.node(broker).map(jvm::Node::data_dir),
            Node::Docker(nodes) => nodes.node(broker).and_then(docker::Node::data_dir),
            Node::Elsewhere => None,
        }
    }

    /// Whether the first broker still answers ApiVersions; otherwise what happened instead.
    ///
    /// # Errors
    /// What came instead of an answer, in words.
    pub async fn answers(&self) -> Result<(), String> {
        match self.bootstrap.first() {
            Some(address) => ready::answers(address).await,
            None => Err("it has no address".to_owned()),
        }
    }

    /// As `kill -9`: nothing flushed, connections cut. Returns when it is gone.
    ///
    /// # Errors
    /// This target cannot be killed, or has no such broker.
    pub async fn kill(&mut self, broker: usize) -> Result<(), TargetError> {
        self.known(broker)?;
        match &mut self.node {
            Node::Reference(node) => {
                node.kill(broker).await;
                Ok(())
            }
            Node::Exec(_) | Node::Jvm(_) => {
                one(self.node.post_mut(broker))?.kill();
                Ok(())
            }
            Node::Docker(nodes) => one(nodes.node(broker))?.kill().await,
            Node::Elsewhere => Err(elsewhere()),
        }
    }

    /// As SIGSTOP: it keeps its connections and answers nothing until it is resumed.
    ///
    /// # Errors
    /// This target cannot be paused, or has no such broker.
    pub async fn pause(&mut self, broker: usize) -> Result<(), TargetError> {
        self.known(broker)?;
        match &self.node {
            Node::Exec(_) | Node::Jvm(_) => {
                one(self.node.post(broker))?.pause().await;
                Ok(())
            }
            Node::Docker(nodes) => one(nodes.node(broker))?.pause().await,
            Node::Reference(node) => node.pause(broker).await,
            Node::Elsewhere => Err(elsewhere()),
        }
    }

    /// As SIGCONT.
    ///
    /// # Errors
    /// As for [`Self::pause`].
    pub async fn resume(&mut self, broker: usize) -> Result<(), TargetError> {
        self.known(broker)?;
        match &self.node {
            Node::Exec(_) | Node::Jvm(_) => {
                one(self.node.post(broker))?.resume();
                Ok(())
            }
            Node::Docker(nodes) => one(nodes.node(broker))?.resume().await,
            Node::Reference(node) => node.resume(broker),
            Node::Elsewhere => Err(elsewhere()),
        }
    }

    /// Nothing passes between a broker and all other nodes from now on, and who is connected is not told. A container's clients are
    /// cut off with it.
    ///
    /// # Errors
    /// The links of this target cannot be cut, or it has no such broker.
    pub async fn disconnect(&mut self, broker: usize) -> Result<(), TargetError> {
        self.known(broker)?;
        match &self.node {
            Node::Reference(node) => node.disconnect(broker),
            Node::Docker(nodes) => one(nodes.node(broker))?.disconnect().await,
            Node::Exec(_) | Node::Jvm(_) | Node::Elsewhere => Err(without_links()),
        }
    }

    /// All passes again.
    ///
    /// # Errors
    /// As for [`Self::disconnect`].
    pub async fn reconnect(&mut self, broker: usize) -> Result<(), TargetError> {
        self.known(broker)?;
        match &self.node {
            Node::Reference(node) => node.reconnect(broker),
            Node::Docker(nodes) => one(nodes.node(broker))?.connect().await,
            Node::Exec(_) | Node::Jvm(_) | Node::Elsewhere => Err(without_links()),
        }
    }

    /// As SIGTERM: it writes down what it has and leaves. Returns when it is gone.
    ///
    /// # Errors
    /// This target cannot be stopped, or has no such broker, or that one did not leave by itself.
    pub async fn close(&mut self, broker: usize) -> Result<(), TargetError> {
        self.known(broker)?;
        match &mut self.node {
            Node::Reference(node) => {
                node.close(broker).await;
                Ok(())
            }
            Node::Exec(_) | Node::Jvm(_) => one(self.node.post_mut(broker))?.shut_down().await,
            Node::Docker(nodes) => one(nodes.node(broker))?.close().await,
            Node::Elsewhere => Err(elsewhere()),
        }
    }

    /// Starts a killed broker again, on the same port and data, and waits until it answers.
    ///
    /// # Errors
    /// This target cannot be restarted, or it did not come up again: told apart where the broker itself ended.
    pub async fn restart(&mut self, broker: usize) -> Result<(), LaunchError> {
        self.known(broker)?;
        match &mut self.node {
            Node::Reference(node) => node.restart(broker).await,
            Node::Exec(nodes) => one(nodes.node_mut(broker))?.launch().await,
            Node::Jvm(nodes) => one(nodes.node_mut(broker))?.launch().await,
            Node::Docker(nodes) => one(nodes.node(broker))?.launch().await,
            Node::Elsewhere => Err(elsewhere().into()),
        }
    }

    /// Stops it and removes what it left.
    pub async fn stop(mut self) {
        match std::mem::replace(&mut self.node, Node::Elsewhere) {
            Node::Reference(node) => node.stop().await,
            Node::Exec(nodes) => nodes.stop().await,
            Node::Docker(nodes) => nodes.remove().await,
            // The data of a Java broker goes with it: there is nothing to flush.
            Node::Jvm(_) | Node::Elsewhere => {}
        }
    }

    fn known(&self, broker: usize) -> Result<(), TargetError> {
        if broker < self.bootstrap.len() {
            return Ok(());
        }
        let count = self.bootstrap.len();
        Err(TargetError(format!(
            "there is no broker {broker}; {} has {count}, counted from 0",
            self.description
        )))
    }
}

/// A node that [`Running::known`] has found already.
fn one<N>(node: Option<N>) -> Result<N, TargetError> {
    node.ok_or_else(|| TargetError("there is no such broker".to_owned()))
}

/// `Apache Kafka 4.3.1`, and of how many nodes if of several.
fn counted(name: String, brokers: usize) -> String {
    match brokers {
        1 => name,
        several => format!("{name}, {several} nodes"),
    }
}

fn elsewhere() -> TargetError {
    TargetError("a broker given by its address is neither killed nor started here".to_owned())
}

fn without_links() -> TargetError {
    TargetError("links between nodes that share a network of others cannot be cut".to_owned())
}

/// A broker that runs already answers at once or is not there.
async fn found(addresses: &[String]) -> Result<(), TargetError> {
    for address in addresses {
        ready::wait(address, Instant::now(), || std::future::ready(None))
            .await
            .map_err(|error| {
                TargetError(format!(
                    "{error}\nIs a broker listening there? It has to speak Kafka's protocol without TLS or SASL."
                ))
            })?;
    }
    Ok(())
}
