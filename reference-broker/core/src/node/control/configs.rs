//! Configs on this broker: altered by the controller, described from the image and from what the broker was started with.

use super::Node;
use crate::config::describe::{
    Entry, describe_broker, describe_client_metrics, describe_cluster_defaults, describe_group, describe_topic,
};
use crate::config::layers::Source;
use crate::controller::configs::{Alteration, Altered, Unnamed};
use crate::controller::{Intent, Refusal, validate_topic_name};
use crate::image::ResourceKind;
use crate::units::{ErrorCode, Now};

impl Node {
    /// IncrementalAlterConfigs and AlterConfigs. Levels of loggers are this process's own and change at once.
    ///
    /// # Errors
    /// The metadata log could not be written.
    pub fn alter_configs(
        &mut self,
        alterations: Vec<Alteration>,
        unnamed: Unnamed,
        intent: Intent,
        now: Now,
    ) -> Result<Altered, ErrorCode> {
        let is_logger =
            |alteration: &Alteration| alteration.kind == ResourceKind::BrokerLogger as i8 && unnamed == Unnamed::Keep;
        let (of_loggers, of_metadata): (Vec<_>, Vec<_>) = alterations.into_iter().partition(is_logger);
        let decided = self.controller().alter_configs(of_metadata, unnamed, intent);
        let mut answer = self.commit(decided, now)?;
        for alteration in of_loggers {
            let result = self.alter_loggers(&alteration, intent);
            answer.push(((alteration.kind, alteration.name), result));
        }
        Ok(answer)
    }

    fn alter_loggers(&mut self, alteration: &Alteration, intent: Intent) -> Result<(), Refusal> {
        let invalid = |why: String| Err(Refusal::new(ErrorCode::InvalidRequest, why));
        let own = self.broker_id().0;
        match alteration.name.parse::<i32>() {
            Ok(id) if id == own => {}
            Ok(id) => return invalid(format!("Unexpected broker id, expected {own}, but received {id}")),
            Err(_) => return invalid(format!("Node id must be an integer, but it is: {}", alteration.name)),
        }
        let Some(operations) = &alteration.operations else {
            return Err(Refusal::silent(ErrorCode::UnknownServerError));
        };
        let next = self.control.loggers.altered(operations)?;
        if intent == Intent::Commit {
            self.control.loggers = next;
        }
        Ok(())
    }

    /// The configs of a resource, sorted by name.
    ///
    /// # Errors
    /// There is no such resource here.
    pub fn describe_configs(&self, kind: ResourceKind, name: &str) -> Result<Vec<Entry>, Refusal> {
        let layers = self.image().layers(self.broker_id(), &self.config.fixed);
        let overrides = self.image().overrides(kind, name);
        let nameless = |why: &str| Err(Refusal::new(ErrorCode::InvalidRequest, why));
        match kind {
            ResourceKind::Topic => {
                validate_topic_name(name)?;
                match self.image().topic(name) {
                    Some(_) => Ok(describe_topic(overrides, layers)),
                    None => Err(Refusal::new(ErrorCode::UnknownTopicOrPartition, "")),
                }
            }
            ResourceKind::Broker if name.is_empty() => Ok(describe_cluster_defaults(overrides)),
            ResourceKind::Broker => self.own_id(name, " or empty string,").map(|()| describe_broker(layers)),
            ResourceKind::BrokerLogger if name.is_empty() => nameless("Broker id must not be empty"),
            ResourceKind::BrokerLogger => self.own_id(name, "").map(|()| self.logger_entries()),
            ResourceKind::ClientMetrics if name.is_empty() => {
                nameless("Client metrics subscription name must not be empty")
            }
            ResourceKind::ClientMetrics => Ok(describe_client_metrics(overrides)),
            ResourceKind::Group if name.is_empty() => nameless("Group name must not be empty"),
            ResourceKind::Group => Ok(describe_group(overrides, layers)),
        }
    }

    fn own_id(&self, name: &str, or: &str) -> Result<(), Refusal> {
        let own = self.broker_id().0;
        let why = match name.parse::<i32>() {
            Ok(id) if id == own => return Ok(()),
            Ok(_) => format!("Unexpected broker id, expected {own}{or} but received {name}"),
            Err(_) => format!("Broker id must be an integer, but it is: {name}"),
        };
        Err(Refusal::new(ErrorCode::InvalidRequest, why))
    }

    fn logger_entries(&self) -> Vec<Entry> {
        let entry = |(name, level): (&str, &str)| Entry {
            name: name.into(),
            value: Some(level.into()),
            read_only: false,
            source: Source::BrokerLogger,
            sensitive: false,
            synonyms: Vec::new(),
            ty: None,
        };
        self.control.loggers.levels().map(entry).into()
    }
}
