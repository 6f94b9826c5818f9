//! Where the cases are put: one string names a broker, this room starts it, stops it and says what control it gives.

mod address;
mod docker;
mod exec;
mod jvm;
mod reference;

use std::time::Duration;

/// A parsed target string; see `product.md` for the language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `reference` or `reference:N`: in this process.
    Reference {
        /// How many brokers.
        brokers: usize,
    },
    /// `host:port[,host:port]`: started by someone else.
    Address(Vec<String>),
    /// `exec:CMD…` with `{port}` and `{data}` filled in.
    Exec(String),
    /// `docker:IMAGE[:TAG]`, through testcontainers.
    Docker {
        /// Image name.
        image: String,
        /// Image tag.
        tag: String,
    },
    /// `jvm:VERSION`: jars from Maven Central, cached.
    Jvm {
        /// Kafka release, `4.3.1`.
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
    /// How many brokers; 0 and 1 both mean one.
    pub brokers: usize,
    /// The case kills and restarts the broker.
    pub kill: bool,
    /// The case reads or writes files of the data directory.
    pub disk: bool,
}

/// Why a target did not come up, in words for the user: what happened and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(pub String);

/// Deadline for a target to answer its first ApiVersions request.
pub const STARTUP_TIMEOUT: Duration = Duration::from_secs(120);
