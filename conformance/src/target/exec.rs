//! `exec:CMD…`: any broker that a command line can start, or three of them and a controller where it says who is who. What a
//! command may ask for is told in `exec/template.rs`.

mod template;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::ground::Ground;
use super::layout::{CONTROLLER, Layout};
use super::post::Post;
use super::{LaunchError, Listener, Needs, TargetError, ports, properties};
use template::Seat;
pub use template::Template;

/// How long a broker may take to stop cleanly.
const GRACE: Duration = Duration::from_secs(30);

/// The nodes of one target.
#[derive(Debug)]
pub(super) struct Cluster {
    brokers: Vec<Node>,
    /// A node of its own where there are several brokers; it goes after them.
    controller: Option<Node>,
    shows_files: bool,
}

impl Cluster {
    pub(super) async fn start(template: &Template, needs: &Needs, listeners: &[Listener]) -> Result<Self, TargetError> {
        let config = properties::of(needs, &[], template.brokers());
        let laid_out = |seat: Seat| Node::laid_out(seat, |seat, data| template.words(seat, data, &config));
        let mut cluster = if template.brokers() == 1 {
            Self {
                brokers: vec![laid_out(Seat::alone(ports::free()?, listeners))?],
                controller: None,
                shows_files: template.shows_files(),
            }
        } else {
            let layout = Layout::of(template.brokers(), listeners)?;
            let seats = (1..).zip(&layout.brokers);
            let brokers = seats.map(|(id, port)| laid_out(Seat::broker(id, *port, &layout)));
            Self {
                controller: Some(laid_out(Seat::controller(CONTROLLER, layout.controller))?),
                brokers: brokers.collect::<Result<_, _>>()?,
                shows_files: template.shows_files(),
            }
        };
        cluster.launch().await?;
        Ok(cluster)
    }

    /// All at once: no broker is ready before its controller is.
    async fn launch(&mut self) -> Result<(), TargetError> {
        for node in self.controller.iter_mut().chain(&mut self.brokers) {
            node.spawn()?;
        }
        for node in self.controller.iter_mut().chain(&mut self.brokers) {
            node.ready().await?;
        }
        Ok(())
    }

    pub(super) fn addresses(&self) -> Vec<String> {
        self.brokers.iter().map(|node| node.post.address().to_owned()).collect()
    }

    /// The name of the program, without its directory.
    pub(super) fn program(&self) -> &str {
        self.brokers.first().map_or("exec", Node::program)
    }

    pub(super) fn node(&self, broker: usize) -> Option<&Node> {
        self.brokers.get(broker)
    }

    /// The directory of a broker, where what lies in it is known.
    pub(super) fn data_dir(&self, broker: usize) -> Option<&Path> {
        self.node(broker)
            .filter(|_| self.shows_files)
            .map(|node| node.data.as_path())
    }

    pub(super) fn node_mut(&mut self, broker: usize) -> Option<&mut Node> {
        self.brokers.get_mut(broker)
    }

    /// Stops what may have something to clean up; of a cluster the data goes, and there is nothing to hand over.
    pub(super) async fn stop(mut self) {
        if let ([alone], None) = (&mut self.brokers[..], &self.controller) {
            // Nobody asks any more how it went.
            let _ = alone.post.shut_down().await;
        }
    }
}

/// A process of the command, or the place where one was.
#[derive(Debug)]
pub(super) struct Node {
    post: Post,
    words: Vec<String>,
    data: PathBuf,
    _dir: TempDir,
    _ground: Arc<Ground>,
}

impl Node {
    fn laid_out(seat: Seat, words: impl FnOnce(&Seat, &Path) -> Vec<String>) -> Result<Self, TargetError> {
        let ground = Ground::hold()?;
        let dir = TempDir::with_prefix_in("exec-", ground.path());
        let dir = dir.map_err(|e| TargetError(format!("no temporary directory: {e}")))?;
        let data = dir.path().join("data");
        std::fs::create_dir(&data).map_err(|e| TargetError(format!("cannot make {}: {e}", data.display())))?;
        Ok(Self {
            post: Post::new(seat.port, dir.path().join("log"), GRACE),
            words: words(&seat, &data),
            data,
            _dir: dir,
            _ground: ground,
        })
    }

    fn program(&self) -> &str {
        let program = self.words.first().map(Path::new).and_then(Path::file_name);
        program.and_then(|name| name.to_str()).unwrap_or("exec")
    }

    pub(super) fn post(&self) -> &Post {
        &self.post
    }

    pub(super) fn post_mut(&mut self) -> &mut Post {
        &mut self.post
    }

    /// Starts it, again or for the first time, on its port and directory.
    pub(super) async fn launch(&mut self) -> Result<(), LaunchError> {
        self.spawn()?;
        self.ready().await
    }

    fn spawn(&mut self) -> Result<(), TargetError> {
        let Some((program, arguments)) = self.words.split_first() else {
            return Err(TargetError("exec: there is no command".to_owned()));
        };
        let mut command = Command::new(program);
        command.args(arguments);
        self.post.spawn(command)
    }

    async fn ready(&mut self) -> Result<(), LaunchError> {
        let program = self.program().to_owned();
        let died = |status: ExitStatus, said: &str| {
            format!("{program} ended ({status}) before it answered. Its last words:\n{said}")
        };
        self.post.ready(died).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refused(command: &str) -> String {
        let template = Template::parse(command).expect("a command");
        let started = Cluster::start(&template, &Needs::default(), &[]).await;
        started.expect_err("it does not start").0
    }

    #[tokio::test]
    async fn a_command_that_dies_early_is_reported_with_its_last_words() {
        let message = refused("sh -c 'echo port {port} is cursed >&2; exit 3'").await;
        assert!(message.contains("exit status: 3"), "{message}");
        assert!(message.contains("is cursed"), "{message}");
    }

    #[tokio::test]
    async fn a_command_that_does_not_exist_is_named() {
        let message = refused("/nowhere/broker {port}").await;
        assert!(message.contains("cannot start /nowhere/broker"), "{message}");
    }
}
