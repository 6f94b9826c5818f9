//! A broker's properties as typed values: read once from Kafka's names, refused with a hint where a name or a value is wrong.

use super::cluster::{ClusterConfig, Roles, Voter};
use super::layers::{Layers, Overrides};
use super::table::{self, Update};
use super::{Assignor, Dynamic, GroupConfig, MigrationPolicy, ReplicaConfig};
use crate::log::compression::Codec;

/// A property that cannot be used.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct ConfigError(pub String);

fn codec(id: i32) -> Codec {
    u8::try_from(id).ok().and_then(Codec::from_id).unwrap_or(Codec::None)
}

/// What a broker is configured with at its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerConfig {
    /// `node.id`
    pub node_id: i32,
    /// `broker.rack`
    pub rack: Option<String>,
    /// `auto.create.topics.enable`
    pub auto_create_topics_enable: bool,
    /// Who else is in the cluster.
    pub cluster: ClusterConfig,
    /// `connections.max.idle.ms`
    pub connections_max_idle_ms: i64,
    /// `default.replication.factor`
    pub default_replication_factor: i16,
    /// `delete.topic.enable`
    pub delete_topic_enable: bool,
    /// `fetch.max.bytes`
    pub fetch_max_bytes: i32,
    /// `group.*` and `offsets.*`
    pub group: GroupConfig,
    /// `log.initial.task.delay.ms`
    pub initial_task_delay_ms: i64,
    /// `log.retention.check.interval.ms`
    pub retention_check_ms: i64,
    /// `log.flush.offset.checkpoint.interval.ms`
    pub checkpoint_ms: i64,
    /// What may change while the broker runs.
    pub dynamic: Dynamic,
    /// `max.incremental.fetch.session.cache.slots`
    pub fetch_session_slots: usize,
    /// `max.request.partition.size.limit`
    pub max_request_partitions: i32,
    /// `num.partitions`
    pub num_partitions: i32,
    /// `producer.id.expiration.check.interval.ms`
    pub producer_id_expiration_check_ms: i64,
    /// `offsets.commit.timeout.ms`
    pub offsets_commit_timeout_ms: i32,
    /// `replica.*`
    pub replica: ReplicaConfig,
    /// `socket.request.max.bytes`
    pub socket_request_max_bytes: i32,
    /// `transaction.abort.timed.out.transaction.cleanup.interval.ms`
    pub transaction_time_out_check_ms: i64,
    /// `transaction.max.timeout.ms`
    pub transaction_max_timeout_ms: i32,
    /// `transaction.remove.expired.transaction.cleanup.interval.ms`
    pub transactional_id_expiration_check_ms: i64,
    /// `transaction.two.phase.commit.enable`
    pub transaction_two_phase_commit_enable: bool,
    /// `transactional.id.expiration.ms`
    pub transactional_id_expiration_ms: i64,
    /// What was given, by name.
    pub fixed: Overrides,
}

/// The one selector of readers' replicas that is known here.
const RACK_AWARE: &str = "org.apache.kafka.common.replica.RackAwareReplicaSelector";

/// What `config/server.properties` of Kafka's distribution says for a first broker, where nobody says otherwise.
const AS_SHIPPED: [(&str, &str); 8] = [
    ("controller.listener.names", "CONTROLLER"),
    ("node.id", "1"),
    ("offsets.topic.replication.factor", "1"),
    ("process.roles", "broker,controller"),
    ("share.coordinator.state.topic.min.isr", "1"),
    ("share.coordinator.state.topic.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("transaction.state.log.replication.factor", "1"),
];

impl Default for BrokerConfig {
    fn default() -> Self {
        Self::from_properties(&[]).expect("what Kafka ships is valid")
    }
}

impl BrokerConfig {
    /// Reads properties in Kafka's names.
    ///
    /// # Errors
    /// A name that Kafka does not have, with the nearest one that it has; a value that its key does not accept.
    pub fn from_properties(properties: &[(String, String)]) -> Result<Self, ConfigError> {
        let mut fixed: Overrides = AS_SHIPPED
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect();
        for (name, value) in properties {
            check(name, value)?;
            fixed.insert(name.clone(), value.clone());
        }
        let node_id = fixed.get("node.id").cloned().unwrap_or_default();
        fixed.entry("broker.id".into()).or_insert(node_id);
        let config = Self::typed(fixed)?;
        config.agree()?;
        Ok(config)
    }

    fn typed(fixed: Overrides) -> Result<Self, ConfigError> {
        let layers = Layers::at_start(&fixed);
        let text = |name: &str| layers.value(name).unwrap_or_default();
        let long = |name: &str| text(name).parse::<i64>().expect("checked by the catalogue");
        let int = |name: &str| text(name).parse::<i32>().expect("checked by the catalogue");
        let count = |name: &str| usize::try_from(int(name)).unwrap_or(0);
        let words = |name: &str| {
            text(name)
                .split(',')
                .map(|word| word.trim().to_owned())
                .collect::<Vec<_>>()
        };
        Ok(Self {
            node_id: int("node.id"),
            rack: layers.value("broker.rack"),
            auto_create_topics_enable: text("auto.create.topics.enable") == "true",
            cluster: ClusterConfig {
                roles: Roles::parse(&text("process.roles"))?,
                voter: Voter::parse(&text("controller.quorum.voters"))?,
                quorum_backoff_ms: int("controller.quorum.retry.backoff.ms").into(),
                heartbeat_interval_ms: int("broker.heartbeat.interval.ms").into(),
                session_timeout_ms: int("broker.session.timeout.ms").into(),
                registration_timeout_ms: int("initial.broker.registration.timeout.ms").into(),
            },
            connections_max_idle_ms: long("connections.max.idle.ms"),
            default_replication_factor: i16::try_from(int("default.replication.factor")).unwrap_or(i16::MAX),
            delete_topic_enable: text("delete.topic.enable") == "true",
            fetch_max_bytes: int("fetch.max.bytes"),
            group: GroupConfig {
                initial_rebalance_delay_ms: long("group.initial.rebalance.delay.ms"),
                min_session_timeout_ms: long("group.min.session.timeout.ms"),
                max_session_timeout_ms: long("group.max.session.timeout.ms"),
                max_size: count("group.max.size"),
                consumer_max_size: count("group.consumer.max.size"),
                consumer_assignors: words("group.consumer.assignors")
                    .iter()
                    .filter_map(|name| Assignor::of(name))
                    .collect(),
                migration: MigrationPolicy::of(&text("group.consumer.migration.policy")),
                offset_metadata_max_bytes: count("offset.metadata.max.bytes"),
                offsets_retention_minutes: long("offsets.retention.minutes"),
                offsets_retention_check_interval_ms: long("offsets.retention.check.interval.ms"),
                offsets_topic_num_partitions: int("offsets.topic.num.partitions"),
                offsets_topic_codec: codec(int("offsets.topic.compression.codec")),
            },
            initial_task_delay_ms: long("log.initial.task.delay.ms"),
            retention_check_ms: long("log.retention.check.interval.ms"),
            checkpoint_ms: int("log.flush.offset.checkpoint.interval.ms").into(),
            dynamic: Dynamic::of(layers),
            fetch_session_slots: count("max.incremental.fetch.session.cache.slots"),
            max_request_partitions: int("max.request.partition.size.limit"),
            num_partitions: int("num.partitions"),
            producer_id_expiration_check_ms: int("producer.id.expiration.check.interval.ms").into(),
            offsets_commit_timeout_ms: int("offsets.commit.timeout.ms"),
            replica: ReplicaConfig {
                lag_time_max_ms: long("replica.lag.time.max.ms"),
                fetch_wait_max_ms: int("replica.fetch.wait.max.ms"),
                fetch_min_bytes: int("replica.fetch.min.bytes"),
                fetch_max_bytes: int("replica.fetch.max.bytes"),
                fetch_response_max_bytes: int("replica.fetch.response.max.bytes"),
                fetch_backoff_ms: int("replica.fetch.backoff.ms").into(),
                selects_by_rack: text("replica.selector.class") == RACK_AWARE,
            },
            socket_request_max_bytes: int("socket.request.max.bytes"),
            transaction_max_timeout_ms: int("transaction.max.timeout.ms"),
            transaction_time_out_check_ms: int("transaction.abort.timed.out.transaction.cleanup.interval.ms").into(),
            transactional_id_expiration_check_ms: int("transaction.remove.expired.transaction.cleanup.interval.ms")
                .into(),
            transaction_two_phase_commit_enable: text("transaction.two.phase.commit.enable") == "true",
            transactional_id_expiration_ms: int("transactional.id.expiration.ms").into(),
            fixed,
        })
    }

    /// Notes a property that the start has settled, unless it was given.
    pub fn settle(&mut self, name: &str, value: String) {
        self.fixed.entry(name.into()).or_insert(value);
    }

    /// The value of any broker key as it was at the start, in Kafka's text form.
    pub fn value(&self, name: &str) -> Option<String> {
        Layers::at_start(&self.fixed).value(name)
    }

    fn agree(&self) -> Result<(), ConfigError> {
        if self.value("broker.id").as_deref() != Some(self.node_id.to_string().as_str()) {
            return Err(ConfigError("node.id and broker.id differ; give only node.id".into()));
        }
        if self.group.min_session_timeout_ms > self.group.max_session_timeout_ms {
            return Err(ConfigError(
                "group.min.session.timeout.ms is greater than group.max.session.timeout.ms".into(),
            ));
        }
        if !self.cluster.roles.has_controller() && self.cluster.voter.is_none() {
            return Err(ConfigError(
                "a broker alone needs a controller: say controller.quorum.voters=ID@HOST:PORT".into(),
            ));
        }
        self.agree_on_assignors()
    }

    /// Kafka would look for a class of that name, and does not start without any.
    fn agree_on_assignors(&self) -> Result<(), ConfigError> {
        let names = self.value("group.consumer.assignors").unwrap_or_default();
        let unknown = names
            .split(',')
            .map(str::trim)
            .find(|name| Assignor::of(name).is_none());
        match unknown {
            None => Ok(()),
            Some("") => Err(ConfigError("group.consumer.assignors names no assignor".into())),
            Some(name) => Err(ConfigError(format!(
                "group.consumer.assignors: class {name} cannot be found; there are uniform and range"
            ))),
        }
    }
}

fn check(name: &str, value: &str) -> Result<(), ConfigError> {
    let plain = without_listener(name);
    match table::broker().get(plain) {
        Some(key) => key.parse(value).map(drop).map_err(ConfigError),
        None => Err(ConfigError(match nearest(plain) {
            Some(known) => format!("unknown property '{name}'; did you mean '{known}'?"),
            None => format!("unknown property '{name}'; the names are those of Kafka's server.properties"),
        })),
    }
}

/// `listener.name.<name>.<key>` sets a key for one listener.
fn without_listener(name: &str) -> &str {
    name.strip_prefix("listener.name.")
        .and_then(|rest| rest.split_once('.'))
        .map_or(name, |(_, key)| key)
}

/// The listed name that takes the fewest changed letters, if it takes few enough to be meant.
fn nearest(name: &str) -> Option<&'static str> {
    if name.len() > 100 {
        return None;
    }
    let listed = table::broker().iter().filter(|key| key.update != Update::Internal);
    let (distance, found) = listed.map(|key| (distance(name, key.name), key.name)).min()?;
    (distance <= name.len() / 3 + 1).then_some(found)
}

/// How many letters must be put in, taken out or changed.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, a) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, b) in to.bytes().enumerate() {
            let above = row[column + 1];
            row[column + 1] = (diagonal + usize::from(a != b)).min(above + 1).min(row[column] + 1);
            diagonal = above;
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::layers::NOTHING;
    use crate::config::{TopicConfig, topic};

    /// What a log obeys whose topic overrides nothing.
    fn topic_defaults(config: &BrokerConfig) -> TopicConfig {
        topic::resolve(&NOTHING, Layers::at_start(&config.fixed))
    }

    fn read(name: &str, value: &str) -> Result<BrokerConfig, ConfigError> {
        BrokerConfig::from_properties(&[(name.into(), value.into())])
    }

    #[test]
    fn without_properties_a_broker_has_kafkas_defaults() {
        let config = BrokerConfig::default();
        assert_eq!(
            (config.node_id, config.num_partitions, config.default_replication_factor),
            (1, 1, 1)
        );
        assert_eq!(
            (
                config.fetch_max_bytes,
                config.fetch_session_slots,
                config.socket_request_max_bytes
            ),
            (57_671_680, 1_000, 104_857_600)
        );
        assert_eq!(
            (topic_defaults(&config), config.group),
            (TopicConfig::default(), GroupConfig::default())
        );
    }

    #[test]
    fn assignors_are_named_by_word_or_class_and_must_be_known() {
        let class = "org.apache.kafka.coordinator.group.assignor.RangeAssignor";
        let config = read("group.consumer.assignors", &format!("{class}, uniform")).expect("valid");
        assert_eq!(config.group.consumer_assignors, [Assignor::Range, Assignor::Uniform]);
        for refused in ["", "sticky", "range,,uniform"] {
            assert!(read("group.consumer.assignors", refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn groups_migrate_as_the_policy_says_in_any_case() {
        for (policy, upgrades, downgrades) in [
            ("DISABLED", false, false),
            ("upgrade", true, false),
            ("Downgrade", false, true),
            ("bidirectional", true, true),
        ] {
            let config = read("group.consumer.migration.policy", policy).expect("valid");
            let migration = config.group.migration;
            assert_eq!((migration.upgrades(), migration.downgrades()), (upgrades, downgrades));
        }
    }

    #[test]
    fn a_property_sets_what_it_names() {
        assert_eq!(read("num.partitions", " 3 ").expect("valid").num_partitions, 3);
        assert_eq!(
            topic_defaults(&read("log.segment.bytes", "1048576").expect("valid")).segment_bytes,
            1_048_576
        );
        assert_eq!(
            read("node.id", "7").expect("valid").value("broker.id").as_deref(),
            Some("7")
        );
    }

    #[test]
    fn a_misspelt_name_is_refused_with_the_nearest_one() {
        let error = read("num.partition", "3").expect_err("unknown");
        assert_eq!(
            error.0,
            "unknown property 'num.partition'; did you mean 'num.partitions'?"
        );
        assert!(
            read("entirely.other.thing.altogether", "3")
                .expect_err("unknown")
                .0
                .contains("server.properties")
        );
    }

    #[test]
    fn a_value_that_is_not_of_its_type_is_refused() {
        let error = read("num.partitions", "three").expect_err("not a number");
        assert_eq!(
            error.0,
            "Invalid value three for configuration num.partitions: Not a number of type INT"
        );
    }
}
