//! A node's place in its cluster: what it is, who decides, and how often it shows that it is alive.

use super::broker::ConfigError;

/// `process.roles`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roles {
    /// All that there is to a cluster of one.
    Both,
    /// It keeps partitions, and follows the metadata of a controller elsewhere.
    Broker,
    /// It decides metadata, and keeps nothing else.
    Controller,
}

/// What a node knows of its cluster at its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterConfig {
    /// `process.roles`
    pub roles: Roles,
    /// `controller.quorum.voters`; of several, the first.
    pub voter: Option<Voter>,
    /// `controller.quorum.retry.backoff.ms`
    pub quorum_backoff_ms: i64,
    /// `broker.heartbeat.interval.ms`
    pub heartbeat_interval_ms: i64,
    /// `broker.session.timeout.ms`
    pub session_timeout_ms: i64,
    /// `initial.broker.registration.timeout.ms`
    pub registration_timeout_ms: i64,
}

/// A controller, and where it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voter {
    /// Its node id.
    pub id: i32,
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl Roles {
    /// Reads `process.roles`.
    pub(super) fn parse(text: &str) -> Result<Self, ConfigError> {
        let mut words: Vec<&str> = text.split(',').map(str::trim).collect();
        words.sort_unstable();
        match words[..] {
            ["broker", "controller"] => Ok(Self::Both),
            ["broker"] => Ok(Self::Broker),
            ["controller"] => Ok(Self::Controller),
            _ => Err(ConfigError(format!(
                "process.roles={text}: a node is a broker, a controller, or broker,controller"
            ))),
        }
    }

    /// Does it keep partitions?
    pub fn has_broker(self) -> bool {
        self != Self::Controller
    }

    /// Does it decide metadata?
    pub fn has_controller(self) -> bool {
        self != Self::Broker
    }
}

impl Voter {
    /// Reads the first of `controller.quorum.voters`: `0@host:9093`.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, ConfigError> {
        let first = text.split(',').next().unwrap_or_default().trim();
        if first.is_empty() {
            return Ok(None);
        }
        let voter = first.split_once('@').and_then(|(id, address)| {
            let (host, port) = address.rsplit_once(':')?;
            Some(Self {
                id: id.parse().ok()?,
                host: host.to_owned(),
                port: port.parse().ok()?,
            })
        });
        let malformed = || ConfigError(format!("controller.quorum.voters={first} is not ID@HOST:PORT"));
        voter.map(Some).ok_or_else(malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_in_any_order_and_nothing_else_is_one() {
        assert_eq!(Roles::parse(" controller, broker"), Ok(Roles::Both));
        assert_eq!(Roles::parse("broker"), Ok(Roles::Broker));
        assert_eq!(Roles::parse("controller"), Ok(Roles::Controller));
        for wrong in ["", "broker,broker", "zookeeper", "broker,controller,broker"] {
            assert!(Roles::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_first_voter_is_the_controller() {
        let voter = |text| Voter::parse(text).map(|voter| voter.map(|voter| (voter.id, voter.host, voter.port)));
        assert_eq!(voter("0@h:1, 1@h:2"), Ok(Some((0, "h".into(), 1))));
        assert_eq!(voter(""), Ok(None));
        for wrong in ["h:1", "0@h", "x@h:1", "0@h:70000"] {
            assert!(voter(wrong).is_err(), "{wrong}");
        }
    }
}
