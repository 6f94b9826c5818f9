//! What Kafka refuses in the overrides of brokers, groups and client metrics subscriptions. Topics have their rules in
//! [`crate::config::topic`].

use super::{Alteration, MIN_INSYNC, Op, Operation};
use crate::config::dynamic;
use crate::config::layers::Overrides;
use crate::config::table::{self, Update};
use crate::config::value;
use crate::controller::{Controller, Refusal};
use crate::units::ErrorCode;

impl Controller<'_> {
    /// Is it this broker, or all, and may these keys change while it runs?
    pub(super) fn preprocess_broker(&self, alteration: &Alteration) -> Result<(), Refusal> {
        let invalid = |why: String| Err(Refusal::new(ErrorCode::InvalidRequest, why));
        let name = alteration.name.as_str();
        let own = self.config.node_id;
        match name.parse::<i32>() {
            _ if name.is_empty() => {}
            Ok(id) if id == own => {}
            // A controller alone is asked by brokers, each for itself.
            Ok(_) if !self.config.cluster.roles.has_broker() => {}
            Ok(id) => return invalid(format!("Unexpected broker id, expected {own}, but received {id}")),
            Err(_) => return invalid(format!("Node id must be an integer, but it is: {name}")),
        }
        let Some(operations) = alteration.operations.as_deref() else {
            return invalid("Unknown operations type".into());
        };
        let set: Vec<&Operation> = operations
            .iter()
            .filter(|operation| operation.op != Op::Delete)
            .collect();
        let of = |update: &[Update]| {
            let is = |name: &str| {
                table::broker()
                    .get(name)
                    .is_some_and(|key| update.contains(&key.update))
            };
            let names: Vec<&str> = set
                .iter()
                .map(|operation| operation.name.as_str())
                .filter(|name| is(name))
                .collect();
            (!names.is_empty()).then(|| names.join(", "))
        };
        if let Some(names) = of(&[Update::ReadOnly, Update::Internal]) {
            return invalid(format!("Cannot update these configs dynamically: [{names}]"));
        }
        if let Some(names) = of(&[Update::PerListener]) {
            let why = "These security configs can be dynamically updated only per-listener using the listener prefix";
            return invalid(format!("{why}: [{names}]"));
        }
        if name.is_empty()
            && let Some(names) = of(&[Update::PerBroker])
        {
            let why = "Cannot update these configs at default cluster level, broker id must be specified";
            return invalid(format!("{why}: [{names}]"));
        }
        validate_broker_values(&set)?;
        for operation in &set {
            let value = operation.value.as_deref().unwrap_or_default();
            if matches!(operation.op, Op::Set)
                && let Err(why) = dynamic::validate(&operation.name, value, self.layers())
            {
                return invalid(why);
            }
        }
        Ok(())
    }

    pub(super) fn validate_min_insync(
        &self,
        broker: &str,
        next: &Overrides,
        operations: &[Operation],
    ) -> Result<(), Refusal> {
        let refuse = |why: &str| Err(Refusal::new(ErrorCode::InvalidConfig, why));
        let eligible_leaders = self
            .image
            .features()
            .get("eligible.leader.replicas.version")
            .is_some_and(|level| *level > 0);
        let touched = operations.iter().any(|operation| operation.name == MIN_INSYNC);
        match (
            eligible_leaders && touched,
            broker.is_empty(),
            next.contains_key(MIN_INSYNC),
        ) {
            (true, true, false) => refuse("Cluster-level min.insync.replicas cannot be removed while ELR is enabled."),
            (true, false, _) => refuse("Broker-level min.insync.replicas cannot be altered while ELR is enabled."),
            _ => Ok(()),
        }
    }

    /// Names, types, and the bounds that the broker sets to groups.
    pub(super) fn validate_group(&self, next: &Overrides) -> Result<(), Refusal> {
        let refuse = |why: String| Err(Refusal::new(ErrorCode::InvalidConfig, why));
        if let Some(unknown) = next.keys().find(|name| table::group().get(name).is_none()) {
            return refuse(format!("Unknown group config name: {unknown}"));
        }
        for (name, text) in next {
            let shown = match table::group().get(name).map(|key| key.parse(text)) {
                Some(Ok(shown)) => shown,
                Some(Err(why)) => return refuse(why),
                None => continue,
            };
            let Ok(number) = shown.parse::<i64>() else { continue };
            let bound = |which: &str| {
                let key = broker_bound(name, which)?;
                Some((self.layers().value(&key)?.parse::<i64>().ok()?, key))
            };
            if let Some((min, key)) = bound("min")
                && number < min
            {
                return refuse(format!("{name} must be greater than or equal to {key}"));
            }
            if let Some((max, key)) = bound("max")
                && number > max
            {
                return refuse(format!("{name} must be less than or equal to {key}"));
            }
        }
        self.validate_group_timeouts(next)
    }

    fn validate_group_timeouts(&self, next: &Overrides) -> Result<(), Refusal> {
        for kind in ["consumer", "share", "streams"] {
            let number = |what: &str| {
                let name = format!("{kind}.{what}.ms");
                let text = next
                    .get(&name)
                    .cloned()
                    .or_else(|| self.layers().value(&format!("group.{name}")));
                text.and_then(|text| text.trim().parse::<i64>().ok()).unwrap_or(0)
            };
            if number("session.timeout") <= number("heartbeat.interval") {
                let why = format!("{kind}.session.timeout.ms must be greater than {kind}.heartbeat.interval.ms");
                return Err(Refusal::new(ErrorCode::InvalidConfig, why));
            }
        }
        Ok(())
    }
}

fn validate_broker_values(set: &[&Operation]) -> Result<(), Refusal> {
    let invalid = |why: String| Err(Refusal::new(ErrorCode::InvalidRequest, why));
    for operation in set {
        let Some(key) = table::broker().get(&operation.name) else {
            continue;
        };
        if matches!(operation.op, Op::Append | Op::Subtract) {
            continue;
        }
        if let Err(why) = key.parse(operation.value.as_deref().unwrap_or_default()) {
            return invalid(why);
        }
        if operation.name == "listeners" {
            return invalid("this broker's listeners are fixed at its start".into());
        }
    }
    Ok(())
}

/// The broker's key that bounds a group's: `group.consumer.min.session.timeout.ms` for `consumer.session.timeout.ms`.
fn broker_bound(name: &str, which: &str) -> Option<String> {
    let (kind, rest) = name.split_once('.')?;
    let rest = rest.strip_prefix("num.").unwrap_or(rest);
    Some(format!("group.{kind}.{which}.{rest}"))
}

/// Names, the interval, and what a match may look at.
pub(super) fn client_metrics(next: &Overrides) -> Result<(), Refusal> {
    let invalid = |why: String| Err(Refusal::new(ErrorCode::InvalidRequest, why));
    for (name, text) in next {
        let Some(key) = table::client_metrics().get(name) else {
            return invalid(format!("Unknown client metrics configuration: {name}"));
        };
        let shown = match key.parse(text) {
            Ok(shown) => shown,
            Err(why) => return Err(Refusal::new(ErrorCode::InvalidConfig, why)),
        };
        match name.as_str() {
            "interval.ms" if !shown.parse::<i64>().is_ok_and(|ms| (100..=3_600_000).contains(&ms)) => {
                return invalid(format!(
                    "Invalid value {shown} for interval.ms, interval must be between 100 and 3600000 (1 hour)"
                ));
            }
            "match" => match value::list(&shown).into_iter().find(|pattern| !is_match(pattern)) {
                Some(pattern) => {
                    return Err(Refusal::new(
                        ErrorCode::InvalidConfig,
                        format!("Illegal client matching pattern: {pattern}"),
                    ));
                }
                None => continue,
            },
            _ => {}
        }
    }
    Ok(())
}

fn is_match(pattern: &str) -> bool {
    const KEYS: [&str; 6] = [
        "client_id",
        "client_instance_id",
        "client_software_name",
        "client_software_version",
        "client_source_address",
        "client_source_port",
    ];
    pattern
        .split_once('=')
        .is_some_and(|(key, _)| KEYS.contains(&key.trim()))
}
