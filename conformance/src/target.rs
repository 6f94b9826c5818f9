//! Where the cases are put: one string names a broker, this room starts it, stops it and says what control it gives.

mod apart;
mod docker;
mod exec;
mod ground;
mod jvm;
mod layout;
mod listeners;
mod parse;
mod ports;
mod post;
mod process;
mod properties;
mod ready;
mod reference;
mod running;

use std::fmt;
use std::time::Duration;

pub use exec::Template;
pub use listeners::Listener;
pub use running::Running;

/// A parsed target string; `parse.rs` knows its forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `reference` and `reference:N`: in this process.
    Reference {
        /// How many brokers; as many as each case needs where none is said.
        brokers: Option<usize>,
    },
    /// `host:port[,host:port]`: started by someone else.
    Address(Vec<String>),
    /// `exec:CMD…`: a command with gaps to fill in, `{port}` and others.
    Exec(Template),
    /// `docker:IMAGE[:TAG]` and `docker:IMAGE:TAGx3`, through testcontainers.
    Docker {
        /// Image name.
        image: String,
        /// Image tag.
        tag: String,
        /// How many brokers; several have a controller apart.
        brokers: usize,
    },
    /// `jvm:VERSION` and `jvm:VERSIONx3`: jars from Maven Central, cached.
    Jvm {
        /// Kafka release, `4.3.1`.
        version: String,
        /// How many brokers; several have a controller apart.
        brokers: usize,
    },
    /// `jvm:VERSION-zk`: one broker that keeps its metadata in ZooKeeper.
    JvmZooKeeper {
        /// Kafka release, `3.9.2`.
        version: String,
    },
}

/// What a case wants of the broker that it runs on. The default shares one broker with other cases.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Needs {
    /// A broker that no other case has touched.
    pub fresh: bool,
    /// Broker configuration, in Kafka's words.
    pub config: Vec<(String, String)>,
    /// How many brokers: exactly one for 1, at least so many for others. 0 does not care.
    pub brokers: usize,
    /// Listeners beside the one of all brokers, each with the places of the brokers that have it, from 0.
    pub listeners: Vec<(String, Vec<usize>)>,
    /// The case kills and restarts the broker.
    pub kill: bool,
    /// The case lets a broker stand still.
    pub pause: bool,
    /// Brokers are cut off from all other nodes.
    pub links: bool,
    /// The case reads or writes files of the data directory.
    pub disk: bool,
}

impl Target {
    /// Reads a target string.
    ///
    /// # Errors
    /// Says what is wrong with it and lists the forms that there are.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        parse::target(text)
    }

    /// Whether this target gives the control that a case needs; otherwise what it cannot give, in words.
    ///
    /// # Errors
    /// The missing control: `configuration`, `three brokers`, `kill and restart`, …
    pub fn provides(&self, needs: &Needs) -> Result<(), String> {
        let brokers = self.brokers(needs);
        if needs.brokers > brokers {
            return Err(format!("{} brokers", needs.brokers));
        }
        if needs.is_of_one_broker() && brokers > 1 {
            return Err("a broker that is alone".to_owned());
        }
        let (fresh, config, listeners, kill, disk) = match self {
            Self::Reference { .. } | Self::Jvm { .. } | Self::Docker { .. } => (true, true, true, true, true),
            Self::JvmZooKeeper { .. } => (true, true, false, true, true),
            Self::Exec(command) => (
                true,
                command.takes_config(),
                command.takes_listeners(),
                true,
                command.shows_files(),
            ),
            Self::Address(_) => (false, false, false, false, false),
        };
        let wanted = [
            (needs.fresh && !fresh, "a fresh broker"),
            (!needs.config.is_empty() && !config, "configuration"),
            (!needs.listeners.is_empty() && !listeners, "another listener"),
            (needs.kill && !kill, "kill and restart"),
            (needs.pause && !kill, "pause"),
            (
                needs.links && !(brokers > 1 && self.has_links()),
                "links between brokers",
            ),
            (needs.disk && !disk, "the data directory"),
        ];
        match wanted.iter().find(|(missing, _)| *missing) {
            Some((_, what)) => Err((*what).to_owned()),
            None => Ok(()),
        }
    }

    /// Whether links between its nodes can be cut. Processes of one host share its network.
    fn has_links(&self) -> bool {
        match self {
            Self::Reference { .. } | Self::Docker { .. } => true,
            Self::Address(_) | Self::Exec(_) | Self::Jvm { .. } | Self::JvmZooKeeper { .. } => false,
        }
    }

    /// How many brokers a case with these needs meets.
    pub fn brokers(&self, needs: &Needs) -> usize {
        match self {
            Self::Address(addresses) => addresses.len(),
            Self::Reference { brokers } => brokers.unwrap_or(needs.brokers.clamp(1, reference::MOST_UNASKED)),
            Self::Docker { brokers, .. } | Self::Jvm { brokers, .. } => *brokers,
            Self::Exec(command) => command.brokers(),
            Self::JvmZooKeeper { .. } => 1,
        }
    }

    /// What a case gets that needs this: one that does not care how many brokers there are gets as many as others.
    pub(crate) fn settled(&self, needs: &Needs) -> Needs {
        Needs {
            brokers: self.brokers(needs),
            ..needs.clone()
        }
    }

    /// Starts it, or for an address finds it, and waits until it answers ApiVersions.
    ///
    /// # Errors
    /// What happened and what to do: no Java, no Docker engine, a closed port, the last words of a broker that died.
    pub async fn start(&self, needs: &Needs) -> Result<Running, TargetError> {
        if let Err(missing) = self.provides(needs) {
            return Err(TargetError(format!("{self} cannot give {missing}")));
        }
        Running::start(self, needs).await
    }
}

/// The string that parses to this target.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference { brokers: None } => f.write_str("reference"),
            Self::Reference { brokers: Some(brokers) } => write!(f, "reference:{brokers}"),
            Self::Address(addresses) => f.write_str(&addresses.join(",")),
            Self::Exec(command) => write!(f, "exec:{command}"),
            Self::Docker { image, tag, brokers } => write!(f, "docker:{image}:{tag}{}", Nodes(*brokers)),
            Self::Jvm { version, brokers } => write!(f, "jvm:{version}{}", Nodes(*brokers)),
            Self::JvmZooKeeper { version } => write!(f, "jvm:{version}-zk"),
        }
    }
}

/// `x3`, or nothing for one.
struct Nodes(usize);

impl fmt::Display for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => Ok(()),
            several => write!(f, "x{several}"),
        }
    }
}

impl Needs {
    /// Whether the case is about a broker that has no others beside it: it says so, or what it kills is the only one.
    pub fn is_of_one_broker(&self) -> bool {
        self.brokers == 1 || (self.brokers == 0 && (self.kill || self.pause))
    }

    /// Whether the broker at this place has a listener of this name beside the one of all.
    pub(crate) fn listens(&self, (name, broker): (&str, usize)) -> bool {
        let mut listeners = self.listeners.iter();
        listeners.any(|(listener, on)| listener == name && on.contains(&broker))
    }

    /// Whether runs with these needs may share one broker.
    pub fn is_shared(&self) -> bool {
        !(self.fresh || self.kill || self.pause || self.disk)
    }
}

/// What is left of brokers in this process goes with the last hold on this.
///
/// # Errors
/// There can be no temporary directory.
pub fn hold_ground() -> Result<impl Sized, TargetError> {
    ground::Ground::hold()
}

/// Waits until everything that dropped brokers leave is gone. For the end of the process, outside of any task.
pub fn settle() {
    apart::settle();
}

/// Why a target did not come up, in words for the user: what happened and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(pub String);

/// Why a broker that was started does not answer.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// It ended by itself before it answered. Its last words are in it.
    #[error("{0}")]
    Ended(String),
    /// Nobody can say what it would have done: it could not be started, or it was silent until the deadline.
    #[error(transparent)]
    Other(#[from] TargetError),
}

impl From<LaunchError> for TargetError {
    fn from(error: LaunchError) -> Self {
        match error {
            LaunchError::Ended(last_words) => Self(last_words),
            LaunchError::Other(error) => error,
        }
    }
}

/// Deadline for a target to answer its first ApiVersions request.
pub const STARTUP_TIMEOUT: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use super::{Needs, Target};

    fn provides(target: &str, needs: &Needs) -> Result<(), String> {
        Target::parse(target).expect(target).provides(needs)
    }

    #[test]
    fn what_is_about_three_brokers_needs_three_and_what_is_about_the_only_one_needs_one() {
        let three = Needs {
            brokers: 3,
            kill: true,
            ..Needs::default()
        };
        let kills_the_only_one = Needs {
            kill: true,
            ..Needs::default()
        };
        assert_eq!(provides("jvm:4.3.1", &three), Err("3 brokers".to_owned()));
        assert_eq!(provides("jvm:3.9.2-zk", &three), Err("3 brokers".to_owned()));
        assert_eq!(provides("jvm:4.3.1x3", &three), Ok(()));
        assert_eq!(provides("docker:apache/kafka:4.3.1x3", &three), Ok(()));
        assert_eq!(provides("exec:b {id} {roles} {port} {controller}", &three), Ok(()));
        assert_eq!(provides("exec:b {port}", &three), Err("3 brokers".to_owned()));
        assert_eq!(provides("reference:3", &three), Ok(()));
        assert!(provides("jvm:4.3.1x3", &kills_the_only_one).is_err());
        assert_eq!(provides("jvm:4.3.1", &kills_the_only_one), Ok(()));
        assert_eq!(provides("jvm:4.3.1x3", &Needs::default()), Ok(()));
        let reads_files = Needs {
            disk: true,
            ..Needs::default()
        };
        assert_eq!(provides("reference:3", &reads_files), Ok(()));
    }

    #[test]
    fn links_are_cut_where_there_are_several_brokers_that_are_ours() {
        let links = Needs {
            brokers: 3,
            links: true,
            ..Needs::default()
        };
        let none = Err("links between brokers".to_owned());
        assert_eq!(provides("reference:3", &links), Ok(()));
        assert_eq!(provides("docker:apache/kafka:4.3.1x3", &links), Ok(()));
        assert_eq!(provides("jvm:4.3.1x3", &links), none);
        let of_one = Needs { brokers: 1, ..links };
        assert_eq!(provides("reference", &of_one), none);
    }

    #[test]
    fn a_command_that_takes_configuration_gives_it() {
        let configured = Needs {
            config: vec![("num.partitions".to_owned(), "3".to_owned())],
            ..Needs::default()
        };
        assert_eq!(provides("exec:b {port} --set {config}", &configured), Ok(()));
        assert_eq!(provides("exec:b {port}", &configured), Err("configuration".to_owned()));
    }

    #[test]
    fn another_listener_is_given_by_what_is_told_where_it_is() {
        let listens_twice = Needs {
            brokers: 3,
            listeners: vec![("EXTRA".to_owned(), vec![0])],
            ..Needs::default()
        };
        let missing = Err("another listener".to_owned());
        for gives in ["reference:3", "jvm:4.3.1x3", "docker:apache/kafka:4.3.1x3"] {
            assert_eq!(provides(gives, &listens_twice), Ok(()), "{gives}");
        }
        let command = "exec:b {id} {roles} {port} {controller}";
        assert_eq!(provides(command, &listens_twice), missing);
        assert_eq!(
            provides(&format!("{command} --listen {{listener}}"), &listens_twice),
            Ok(())
        );
        assert_eq!(provides("localhost:1,localhost:2,localhost:3", &listens_twice), missing);
        let alone = Needs {
            brokers: 0,
            ..listens_twice
        };
        assert_eq!(provides("jvm:3.9.2-zk", &alone), missing);
    }

    #[test]
    fn whoever_can_be_killed_can_stand_still() {
        let pauses = Needs {
            brokers: 3,
            pause: true,
            ..Needs::default()
        };
        assert_eq!(provides("reference:3", &pauses), Ok(()));
        assert_eq!(provides("jvm:4.3.1x3", &pauses), Ok(()));
        let three = "localhost:1,localhost:2,localhost:3";
        assert_eq!(provides(three, &pauses), Err("pause".to_owned()));
    }
}
