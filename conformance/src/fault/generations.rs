//! Which generation, or member epoch, each client was told last. librdkafka does not say it; the answers that pass a proxy do.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use kafka_fixtures::value::Value;

/// By client id.
#[derive(Debug, Default)]
pub struct Generations(Mutex<HashMap<String, i32>>);

/// JoinGroup and ConsumerGroupHeartbeat.
pub(super) const KEYS: [i16; 2] = [11, 68];

impl Generations {
    /// What this client was told last.
    pub fn of(&self, client: &str) -> Option<i32> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(client)
            .copied()
    }

    /// Takes an answer to one of [`KEYS`].
    pub(super) fn hear(&self, client: &str, answer: &Value) {
        let number = |field| answer.get(field).and_then(Value::as_i64);
        let told = number("GenerationId").or_else(|| number("MemberEpoch"));
        let told = told.and_then(|told| i32::try_from(told).ok());
        if let (Some(0), Some(told @ 1..)) = (number("ErrorCode"), told) {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(client.to_owned(), told);
        }
    }
}
