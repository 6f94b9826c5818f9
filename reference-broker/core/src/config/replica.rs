//! How this broker follows others, and how long it waits for those that follow it.

/// `replica.*`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaConfig {
    /// `replica.lag.time.max.ms`
    pub lag_time_max_ms: i64,
    /// `replica.fetch.wait.max.ms`
    pub fetch_wait_max_ms: i32,
    /// `replica.fetch.min.bytes`
    pub fetch_min_bytes: i32,
    /// `replica.fetch.max.bytes`
    pub fetch_max_bytes: i32,
    /// `replica.fetch.response.max.bytes`
    pub fetch_response_max_bytes: i32,
    /// `replica.fetch.backoff.ms`
    pub fetch_backoff_ms: i64,
    /// `replica.selector.class` is Kafka's `RackAwareReplicaSelector`.
    pub selects_by_rack: bool,
}
