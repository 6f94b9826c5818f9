//! A broker that answers, whoever started it. Dropping it leaves no process, container or directory behind.

use std::path::Path;

use tokio::time::Instant;

use super::{LaunchError, Needs, Target, TargetError, docker, exec, jvm, ready, reference};

/// A target that answers.
#[derive(Debug)]
pub struct Running {
    node: Node,
    bootstrap: Vec<String>,
    description: String,
}

#[derive(Debug)]
enum Node {
    Reference(reference::Node),
    Elsewhere,
    Exec(exec::Node),
    Jvm(jvm::Node),
    Docker(Box<docker::Node>),
}

impl Running {
    pub(super) async fn start(target: &Target, needs: &Needs) -> Result<Self, TargetError> {
        let (node, bootstrap, description) = match target {
            Target::Reference { brokers } => {
                let node = reference::Node::start(*brokers, needs).await?;
                let bootstrap = node.addresses();
                let description = format!("reference-broker {}", env!("CARGO_PKG_VERSION"));
                (Node::Reference(node), bootstrap, description)
            }
            Target::Address(addresses) => {
                found(addresses).await?;
                (Node::Elsewhere, addresses.clone(), addresses.join(","))
            }
            Target::Exec(command) => {
                let node = exec::Node::start(command).await?;
                let (address, program) = (node.address().to_owned(), node.program().to_owned());
                (Node::Exec(node), vec![address], program)
            }
            Target::Jvm { version } => {
                let node = jvm::Node::start(version, needs).await?;
                let address = node.address().to_owned();
                let description = format!("Apache Kafka {version}");
                (Node::Jvm(node), vec![address], description)
            }
            Target::Docker { image, tag } => {
                let node = docker::Node::start(image, tag, needs).await?;
                let address = node.address().to_owned();
                (Node::Docker(Box::new(node)), vec![address], format!("{image}:{tag}"))
            }
        };
        Ok(Self {
            node,
            bootstrap,
            description,
        })
    }

    /// Where its brokers listen, `host:port`, in the order of their ids.
    pub fn bootstrap(&self) -> &[String] {
        &self.bootstrap
    }

    /// What it is, for people: `Apache Kafka 4.3.1`.
    pub fn describe(&self) -> &str {
        &self.description
    }

    /// The directory that holds its log directories, where we know it.
    pub fn data_dir(&self) -> Option<&Path> {
        match &self.node {
            Node::Reference(node) => Some(node.data_dir()),
            Node::Jvm(node) => Some(node.data_dir()),
            Node::Docker(node) => node.data_dir(),
            Node::Elsewhere | Node::Exec(_) => None,
        }
    }

    /// Whether a broker still answers ApiVersions; otherwise what happened instead.
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
            Node::Exec(node) => {
                node.kill();
                Ok(())
            }
            Node::Jvm(node) => {
                node.kill();
                Ok(())
            }
            Node::Docker(node) => node.kill().await,
            Node::Elsewhere => Err(elsewhere()),
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
            Node::Exec(node) => node.shut_down().await,
            Node::Jvm(node) => node.shut_down().await,
            Node::Docker(node) => node.close().await,
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
            Node::Exec(node) => node.launch().await,
            Node::Jvm(node) => node.launch().await,
            Node::Docker(node) => node.launch().await,
            Node::Elsewhere => Err(elsewhere().into()),
        }
    }

    /// Stops it and removes what it left.
    pub async fn stop(self) {
        match self.node {
            Node::Reference(node) => node.stop().await,
            // Nobody asks any more how it went.
            Node::Exec(mut node) => drop(node.shut_down().await),
            Node::Docker(node) => node.remove().await,
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

fn elsewhere() -> TargetError {
    TargetError("a broker given by its address is neither killed nor started here".to_owned())
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
