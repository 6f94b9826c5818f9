//! UpdateFeatures. v0 only upwards, whatever the request allows · v1 upgrade types, validation only (KIP-778) · v2 no result
//! for each feature.

use std::ops::RangeInclusive;

use broker_core::controller::Intent;
use broker_core::controller::features::{Direction, FeatureUpdate};
use kafka_protocol::messages::update_features_request::FeatureUpdateKey;
use kafka_protocol::messages::update_features_response::UpdatableFeatureResult;
use kafka_protocol::messages::{UpdateFeaturesRequest, UpdateFeaturesResponse};

use super::convert::{error, text};
use super::{Answer, Api, Call};

pub(super) struct UpdateFeatures;

const UPGRADE: i8 = 1;
const SAFE_DOWNGRADE: i8 = 2;
const UNSAFE_DOWNGRADE: i8 = 3;

impl Api for UpdateFeatures {
    type Request = UpdateFeaturesRequest;
    const KEY: i16 = 57;
    const NAME: &'static str = "UpdateFeatures";
    const VERSIONS: RangeInclusive<i16> = 0..=2;

    fn handle(request: UpdateFeaturesRequest, call: &mut Call<'_>) -> Answer {
        let chooses_direction = call.version >= 1;
        let tells_of_each = call.version <= 1;
        let intent = Intent::of(chooses_direction && request.validate_only);
        let wanted = |update: &FeatureUpdateKey| wanted(update, chooses_direction);
        let updates: Vec<FeatureUpdate> = request.feature_updates.iter().map(wanted).collect();
        let result = call.node.update_features(&updates, intent, call.now);
        let (code, message) = error(&result);
        let response = UpdateFeaturesResponse::default()
            .with_error_code(code)
            .with_error_message(message);
        call.reply(&match result {
            Ok(()) if tells_of_each => response.with_results(updates.iter().map(done).collect()),
            _ => response,
        })
    }
}

fn wanted(update: &FeatureUpdateKey, chooses_direction: bool) -> FeatureUpdate {
    FeatureUpdate {
        name: update.feature.to_string(),
        level: update.max_version_level,
        direction: match update.upgrade_type {
            _ if !chooses_direction => Direction::Up,
            UPGRADE => Direction::Up,
            SAFE_DOWNGRADE | UNSAFE_DOWNGRADE => Direction::Down,
            _ => Direction::Unknown,
        },
    }
}

/// Kafka names the error even where there is none.
fn done(update: &FeatureUpdate) -> UpdatableFeatureResult {
    UpdatableFeatureResult::default()
        .with_feature(text(&update.name))
        .with_error_message(Some(text("NONE")))
}
