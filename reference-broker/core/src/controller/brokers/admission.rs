//! Who may register. The refusals are Kafka's, in Kafka's order.

use std::collections::BTreeSet;

use super::*;
use crate::controller::features::FEATURES;
use crate::controller::sessions::SessionStep;

/// Directory ids below this one are words.
const RESERVED_DIRECTORIES: u128 = 100;

impl Controller<'_> {
    /// BrokerRegistration: the broker's epoch. The same process that registers again keeps its epoch and its place.
    pub fn admit_broker(
        &self,
        registration: &Registration,
        cluster_id: &str,
        now: Now,
    ) -> SessionStep<Result<i64, Refusal>> {
        if let Err(refusal) = self.may_register(registration, cluster_id, now) {
            return SessionStep::answer(Err(refusal));
        }
        let known = self.image.broker(registration.id);
        if let Some(same) = known.filter(|broker| broker.incarnation == registration.incarnation) {
            return SessionStep {
                records: vec![amended(registration, same)],
                changes: Vec::new(),
                answer: Ok(same.epoch),
            };
        }
        let stopped_in_order = known.is_some_and(|broker| broker.epoch == registration.previous_epoch);
        let mut records = match stopped_in_order || !self.has_eligible_leaders() {
            true => self.leaders_without(registration.id),
            false => self.forget_data(registration.id),
        };
        let epoch = self.image.next_offset() + records.len() as i64;
        records.push(registered(registration, epoch));
        SessionStep {
            records,
            changes: vec![SessionChange::Gone(registration.id)],
            answer: Ok(epoch),
        }
    }

    /// The registration itself, fenced; its epoch is the offset at which it will stand.
    pub fn register_broker(&self, registration: &Registration) -> Vec<Change> {
        vec![registered(registration, self.image.next_offset())]
    }

    fn may_register(&self, registration: &Registration, cluster_id: &str, now: Now) -> Result<(), Refusal> {
        let refuse = |code, why: String| Err(Refusal::new(code, why));
        if registration.cluster_id != cluster_id {
            let theirs = &registration.cluster_id;
            let why = format!("Expected cluster ID {cluster_id}, but got cluster ID {theirs}");
            return refuse(ErrorCode::InconsistentClusterId, why);
        }
        let holder = self.image.broker(registration.id);
        let holder = holder.filter(|broker| broker.incarnation != registration.incarnation);
        if holder.is_some_and(|broker| self.sessions.is_live(broker.id, broker.epoch, now)) {
            let why = "Another broker is registered with that broker id. If the broker was recently restarted this should \
                       self-resolve once the heartbeat manager expires the broker's session.";
            return refuse(ErrorCode::DuplicateBrokerRegistration, why.into());
        }
        self.validate_directories(registration)?;
        self.validate_features(registration)
    }

    fn validate_directories(&self, registration: &Registration) -> Result<(), Refusal> {
        let refuse = |why: String| Err(Refusal::new(ErrorCode::InvalidRegistration, why));
        let dirs = &registration.log_dirs;
        if dirs.is_empty() {
            return refuse("No directories specified in request".into());
        }
        if dirs.iter().any(|dir| u128::from_be_bytes(*dir) < RESERVED_DIRECTORIES) {
            return refuse("Reserved directory ID in request".into());
        }
        let distinct: BTreeSet<_> = dirs.iter().collect();
        if distinct.len() != dirs.len() {
            return refuse("Duplicate directory ID in request".into());
        }
        let others = self.image.brokers().filter(|broker| broker.id != registration.id);
        for broker in others {
            if let Some(dir) = broker.log_dirs.iter().find(|dir| distinct.contains(dir)) {
                let (id, dir) = (broker.id, crate::units::TopicId(*dir));
                return refuse(format!("Broker {id} is already registered with directory {dir}"));
            }
        }
        Ok(())
    }

    /// What the cluster runs at, every broker must support.
    fn validate_features(&self, registration: &Registration) -> Result<(), Refusal> {
        let supported = &registration.features;
        for feature in supported {
            self.is_supported(feature)?;
        }
        if !supported.iter().any(|feature| feature.name == "metadata.version") {
            let why = "Request features do not contain 'metadata.version'";
            return Err(Refusal::new(ErrorCode::InvalidRegistration, why));
        }
        let unnamed = |name: &&String| !supported.iter().any(|feature| feature.name == **name);
        for name in self.image.features().keys().filter(unnamed) {
            self.is_supported(&FeatureRange {
                name: name.clone(),
                min: 0,
                max: 0,
            })?;
        }
        Ok(())
    }

    fn is_supported(&self, feature: &FeatureRange) -> Result<(), Refusal> {
        let FeatureRange { name, min, max } = feature;
        let level = self.image.features().get(name).copied().unwrap_or(0);
        match (*min..=*max).contains(&level) {
            true => Ok(()),
            false => Err(Refusal::new(
                ErrorCode::UnsupportedVersion,
                format!(
                    "Unable to register because the broker does not support finalized version {level} of {name}. The broker \
                     wants a version between {min} and {max}, inclusive."
                ),
            )),
        }
    }
}

impl Registration {
    /// The features of this release, as its own broker supports them.
    pub fn features_of_this_release() -> Vec<FeatureRange> {
        let range = |(name, min, max, _): &(&str, i16, i16, i16)| FeatureRange {
            name: (*name).into(),
            min: *min,
            max: *max,
        };
        FEATURES.iter().map(range).collect()
    }
}

fn registered(registration: &Registration, epoch: i64) -> Change {
    (record(registration, epoch).into(), REGISTER_BROKER)
}

fn amended(registration: &Registration, same: &BrokerImage) -> Change {
    let record = RegisterBrokerRecord {
        fenced: same.fenced,
        in_controlled_shutdown: same.in_controlled_shutdown,
        ..record(registration, same.epoch)
    };
    (record.into(), REGISTER_BROKER)
}

fn record(registration: &Registration, epoch: i64) -> RegisterBrokerRecord {
    let endpoint = |listener: &Listener| BrokerEndpoint {
        name: listener.name.clone(),
        host: listener.host.clone(),
        port: listener.port,
        security_protocol: listener.security_protocol,
    };
    let feature = |feature: &FeatureRange| BrokerFeature {
        name: feature.name.clone(),
        min_supported_version: feature.min,
        max_supported_version: feature.max,
    };
    RegisterBrokerRecord {
        broker_id: registration.id.0,
        incarnation_id: registration.incarnation,
        broker_epoch: epoch,
        end_points: registration.listeners.iter().map(endpoint).collect(),
        features: registration.features.iter().map(feature).collect(),
        rack: registration.rack.clone(),
        fenced: true,
        log_dirs: registration.log_dirs.clone(),
        ..Default::default()
    }
}
