//! What a broker obeys that may change while it runs, and how far it may change at once. Topic settings have their own way:
//! they are resolved anew for each log.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::layers::Layers;

/// Typed values of keys that an operator changes without a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dynamic {
    /// `max.connections…`
    pub connections: ConnectionLimits,
    /// `log.cleaner.*`
    pub cleaner: CleanerConfig,
    /// `producer.id.expiration.ms`
    pub producer_id_expiration_ms: i64,
}

/// What the compaction of a broker's logs obeys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CleanerConfig {
    /// `log.cleaner.enable`
    pub enable: bool,
    /// `log.cleaner.backoff.ms`
    pub backoff_ms: i64,
    /// `log.cleaner.dedupe.buffer.size`
    pub dedupe_buffer_bytes: usize,
}

/// How many connections there may be at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// `max.connections`: the next one waits.
    pub total: usize,
    /// `max.connections.per.ip`: a further one is closed.
    pub per_ip: usize,
    /// `max.connections.per.ip.overrides`
    pub per_ip_overrides: BTreeMap<IpAddr, usize>,
}

impl ConnectionLimits {
    /// How many an address may have.
    pub fn of(&self, ip: IpAddr) -> usize {
        self.per_ip_overrides.get(&ip).copied().unwrap_or(self.per_ip)
    }
}

impl Dynamic {
    /// What the layers come to. Values have been validated when they were set.
    pub fn of(layers: Layers<'_>) -> Self {
        let text = |name: &str| layers.value(name).unwrap_or_default();
        let count = |name: &str| text(name).parse().unwrap_or(i32::MAX as usize);
        Self {
            connections: ConnectionLimits {
                total: count("max.connections"),
                per_ip: count("max.connections.per.ip"),
                per_ip_overrides: addresses(&text("max.connections.per.ip.overrides")).unwrap_or_default(),
            },
            cleaner: CleanerConfig {
                enable: text("log.cleaner.enable") == "true",
                backoff_ms: text("log.cleaner.backoff.ms").parse().unwrap_or(15_000),
                dedupe_buffer_bytes: text("log.cleaner.dedupe.buffer.size").parse().unwrap_or(128 << 20),
            },
            producer_id_expiration_ms: text("producer.id.expiration.ms").parse().unwrap_or(86_400_000),
        }
    }
}

/// May a key that runs with some value take this one? The refusal says what Kafka says.
///
/// # Errors
/// A pool that would grow or shrink too far at once, an address that is none, a retention of nothing, a buffer too small.
pub fn validate(name: &str, value: &str, layers: Layers<'_>) -> Result<(), String> {
    let number = value.trim().parse::<i64>().ok();
    match (name, number) {
        ("log.retention.ms", Some(0)) => {
            Err("log.retention.ms must be unlimited (-1) or, equal or greater than 1".into())
        }
        ("log.roll.ms", Some(..=0)) => Err("log.roll.ms must be greater than or equal to 1".into()),
        ("log.cleaner.dedupe.buffer.size", Some(size)) if size < 1 << 20 => {
            Err("log.cleaner.dedupe.buffer.size must be at least 1MiB per cleaner thread".into())
        }
        ("max.connections.per.ip.overrides", _) => addresses(value).map(drop),
        (
            "background.threads"
            | "log.cleaner.threads"
            | "num.io.threads"
            | "num.network.threads"
            | "num.recovery.threads.per.data.dir"
            | "num.replica.fetchers",
            Some(wanted),
        ) => resize(name, wanted, layers),
        _ => Ok(()),
    }
}

/// At most double, at least half.
fn resize(name: &str, wanted: i64, layers: Layers<'_>) -> Result<(), String> {
    let Some(present) = layers.value(name).and_then(|text| text.parse::<i64>().ok()) else {
        return Ok(());
    };
    let refuse = |why: &str| {
        Err(format!(
            "Dynamic thread count update validation failed for {name}: value should {why} {present}"
        ))
    };
    match wanted {
        _ if wanted > present.saturating_mul(2) => refuse("not be greater than double the current value"),
        _ if wanted < present / 2 => refuse("be at least half the current value"),
        _ => Ok(()),
    }
}

/// `127.0.0.1:5,10.0.0.1:6`. Kafka asks its resolver; this broker knows one name.
fn addresses(text: &str) -> Result<BTreeMap<IpAddr, usize>, String> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let address = |host: &str| match host {
        "localhost" => Some(IpAddr::from([127, 0, 0, 1])),
        host => host.trim_matches(['[', ']']).parse().ok(),
    };
    let pair = |pair: &str| {
        let (host, count) = pair.rsplit_once(':')?;
        Some((address(host.trim())?, count.trim().parse().ok()?))
    };
    pairs
        .map(|each| pair(each).ok_or_else(|| format!("'{each}' is not an address with a number of connections")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::layers::Overrides;

    #[test]
    fn an_address_has_its_own_limit_or_that_of_all() {
        let fixed = Overrides::from([
            ("max.connections.per.ip".to_owned(), "7".to_owned()),
            (
                "max.connections.per.ip.overrides".to_owned(),
                "127.0.0.1:2, ::1:3".to_owned(),
            ),
        ]);
        let limits = Dynamic::of(Layers::at_start(&fixed)).connections;
        let of = |text: &str| limits.of(text.parse().expect("an address"));
        assert_eq!((of("127.0.0.1"), of("::1"), of("10.0.0.1")), (2, 3, 7));
        assert!(addresses("nonsense").is_err() && addresses("127.0.0.1:many").is_err());
    }
}
