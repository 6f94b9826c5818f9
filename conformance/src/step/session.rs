//! One run's standing with a target: its connections, its names and what it knows of the brokers.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kafka_fixtures::value::Value;

use super::lookup::CoordinatorOf;
use super::{Facts, Halt, Place};
use crate::case::{Arg, ArgError, Args, Cell, Names};
use crate::driver::wire::Connection;
use crate::observe::Symbols;
use crate::target::{Listener, Running};

/// How long a run waits.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For one reply.
    pub reply: Duration,
    /// For a step that repeats until its answer is the awaited one.
    pub step: Duration,
}

impl Limits {
    /// Where there are so many brokers: several take some sessions and elections to miss one, and longer to hear of what is new.
    pub fn of(brokers: usize) -> Self {
        let one = Self::default();
        match brokers {
            0 | 1 => one,
            _ => Self {
                step: one.step * 3,
                ..one
            },
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            reply: Duration::from_secs(10),
            step: Duration::from_secs(15),
        }
    }
}

/// One run of one case.
#[derive(Debug)]
pub struct Session {
    facts: Arc<Facts>,
    running: Arc<tokio::sync::Mutex<Running>>,
    cell: Cell,
    limits: Limits,
    symbols: Mutex<Symbols>,
    connections: tokio::sync::Mutex<HashMap<String, Arc<Connection>>>,
    /// Where each name was last asked on: of several brokers the one that led or coordinated.
    last: Mutex<HashMap<String, String>>,
    topic_ids: Mutex<HashMap<String, [u8; 16]>>,
    correlation: AtomicI32,
    /// Brokers that this run has killed, stopped or paused, by place.
    down: Mutex<BTreeSet<usize>>,
    is_of_several: bool,
}

impl Session {
    /// A run with names of its own, of a case that needs so many brokers.
    pub fn new(
        facts: Arc<Facts>,
        running: Arc<tokio::sync::Mutex<Running>>,
        cell: Cell,
        limits: Limits,
        prefix: &str,
        brokers: usize,
    ) -> Self {
        // What a record says is told from what a broker's clock says: by this run the clock has moved on.
        let start = clock_ms() - 1;
        let mut names = Names::new(prefix);
        if brokers > 1 {
            for (index, broker) in facts.brokers.iter().enumerate() {
                names.capture(&format!("b{index}"), Arg::Number(broker.id.into()));
            }
        }
        let listeners = facts
            .listeners
            .iter()
            .map(|listener| (listener.port, listener.name.clone()));
        let symbols = Symbols::new(names, facts.brokers.clone(), start).knowing_listeners(listeners.collect());
        let symbols = if brokers > 1 {
            symbols.telling_brokers_apart()
        } else {
            symbols
        };
        Self {
            facts,
            running,
            cell,
            limits,
            symbols: Mutex::new(symbols),
            connections: tokio::sync::Mutex::default(),
            last: Mutex::default(),
            topic_ids: Mutex::default(),
            correlation: AtomicI32::new(0),
            down: Mutex::default(),
            is_of_several: brokers > 1,
        }
    }

    /// Whether a case that says nothing of brokers meets several: what it means to happen in one place is then put there.
    pub(super) fn is_spread(&self) -> bool {
        !self.is_of_several && self.facts.brokers.len() > 1
    }

    /// What is known of the target.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// How long it waits.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The prefix of its names.
    pub fn prefix(&self) -> String {
        self.symbols().names.prefix().to_owned()
    }

    /// Control over the brokers.
    pub(super) fn running(&self) -> &tokio::sync::Mutex<Running> {
        &self.running
    }

    /// The identities of this run; never held across an await.
    pub(crate) fn symbols(&self) -> MutexGuard<'_, Symbols> {
        let mut symbols = self.symbols.lock().unwrap_or_else(PoisonError::into_inner);
        symbols.tick(clock_ms());
        symbols
    }

    /// A number for the next request.
    pub(super) fn next_correlation(&self) -> i32 {
        self.correlation.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The version of an API in this run: the cell's, or the common one.
    pub(super) fn version(&self, api: &str) -> Result<i16, Halt> {
        self.cell
            .version_of(api)
            .or_else(|| self.facts.common_version(api))
            .ok_or_else(|| Halt::Broken(format!("the target does not advertise {api}; name it under apis:")))
    }

    /// The version of this run, where an API is its matrix.
    pub(super) fn matrix_version(&self, api: &str) -> Option<i16> {
        self.cell.version_of(api)
    }

    /// The arguments with every name and symbol bound; `$t.id` is asked of the target where no step captured it.
    pub(super) async fn bind(&self, args: &Args) -> Result<Args, ArgError> {
        for name in topic_id_symbols(args) {
            self.know_topic_id(&name).await;
        }
        let mut times = Vec::new();
        let mut symbols = self.symbols();
        let bound = symbols.names.bind_args(args, symbols.started_ms(), &mut times)?;
        for (time, written) in times {
            symbols.learn_time(time, &written);
        }
        Ok(bound)
    }

    async fn know_topic_id(&self, name: &str) {
        let symbol = format!("{name}.id");
        if self.symbols().names.captured(&symbol).is_some() {
            return;
        }
        let unique = self.symbols().names.unique(name);
        if let Some(id) = self.topic_id(&unique).await {
            self.symbols().names.capture(&symbol, Arg::Uuid(id));
        }
    }

    /// The id of a topic by its name on the broker, as Metadata says.
    pub(crate) async fn topic_id(&self, topic: &str) -> Option<[u8; 16]> {
        let known = self
            .topic_ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(topic)
            .copied();
        if known.is_some() {
            return known;
        }
        let metadata = self.metadata(topic).await?;
        let Some(Value::Uuid(id)) = metadata.get("TopicId") else {
            return None;
        };
        if *id == [0; 16] {
            return None;
        }
        self.topic_ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(topic.to_owned(), *id);
        self.symbols().learn_topic(topic, *id);
        Some(*id)
    }

    /// The name of a topic whose id was asked before.
    pub(super) fn known_topic(&self, id: [u8; 16]) -> Option<String> {
        let known = self.topic_ids.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .iter()
            .find(|(_, held)| **held == id)
            .map(|(name, _)| name.clone())
    }

    /// Whether the id of a topic was asked before.
    pub(super) fn knows_topic(&self, name: &str) -> bool {
        self.topic_ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(name)
    }

    /// Forgets a topic that may have been deleted or made anew.
    pub(super) fn forget_topic(&self, topic: &str) {
        self.topic_ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(topic);
    }

    /// The connection of a name at a place; opened on first use, and again after it ended.
    pub(super) async fn connection(&self, place: &Place, name: Option<&str>) -> Result<Arc<Connection>, Halt> {
        let address = self.address(place).await?;
        let name = name.unwrap_or("c1");
        let key = format!("{name}@{address}");
        if self.is_spread() {
            self.remember(name, &key);
        }
        let mut connections = self.connections.lock().await;
        if let Some(open) = connections.get(&key).filter(|connection| !connection.has_ended()) {
            return Ok(Arc::clone(open));
        }
        match Connection::open(&address, self.limits.reply).await {
            Ok(connection) => {
                let connection = Arc::new(connection);
                connections.insert(key, Arc::clone(&connection));
                Ok(connection)
            }
            Err(_) => Err(Halt::Closed),
        }
    }

    fn remember(&self, name: &str, key: &str) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.insert(name.to_owned(), key.to_owned());
    }

    /// What the connection of a name at a place is held by; where any broker will do, the one that was last asked on it.
    async fn key(&self, place: &Place, name: Option<&str>) -> Result<String, Halt> {
        let name = name.unwrap_or("c1");
        let last = self
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned();
        match last.filter(|_| self.is_spread() && *place == Place::Any) {
            Some(key) => Ok(key),
            None => Ok(format!("{name}@{}", self.address(place).await?)),
        }
    }

    /// The connection of a name at a place if it was opened, even if it ended since.
    pub(super) async fn opened(&self, place: &Place, name: Option<&str>) -> Result<Option<Arc<Connection>>, Halt> {
        let key = self.key(place, name).await?;
        Ok(self.connections.lock().await.get(&key).cloned())
    }

    /// The connections to a broker.
    pub(super) async fn connections_to(&self, broker: usize) -> Vec<Arc<Connection>> {
        let Ok(address) = self.address(&Place::Broker(broker)).await else {
            return Vec::new();
        };
        let more = self.facts.listeners.iter().filter(|listener| listener.broker == broker);
        let addresses: Vec<String> = more.map(Listener::address).chain([address]).collect();
        let is_its = |key: &str| addresses.iter().any(|address| key.ends_with(&format!("@{address}")));
        let connections = self.connections.lock().await;
        let to_it = connections.iter().filter(|(key, _)| is_its(key));
        to_it.map(|(_, connection)| Arc::clone(connection)).collect()
    }

    /// Drops a connection.
    pub(super) async fn disconnect(&self, place: &Place, name: Option<&str>) -> Result<(), Halt> {
        let key = self.key(place, name).await?;
        self.connections.lock().await.remove(&key);
        Ok(())
    }

    /// Says whether a broker is down by what this run did to it.
    pub(super) fn set_down(&self, broker: usize, is_down: bool) {
        let mut down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        match is_down {
            true => down.insert(broker),
            false => down.remove(&broker),
        };
    }

    /// A broker that this run has put out of service.
    pub(super) fn down(&self) -> Option<usize> {
        let down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        down.first().copied()
    }

    /// Whether this run has put a broker out of service.
    pub(super) fn is_down(&self, broker: usize) -> bool {
        let down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        down.contains(&broker)
    }

    async fn address(&self, place: &Place) -> Result<String, Halt> {
        if let Place::Listener(name, broker) = place {
            return self.address_of_listener(name, *broker);
        }
        if self.facts.brokers.len() <= 1 {
            return self.first_address();
        }
        let broker = self
            .place_of(place)
            .await?
            .and_then(|index| self.facts.brokers.get(index));
        broker.map_or_else(
            || self.first_address(),
            |broker| Ok(format!("{}:{}", broker.host, broker.port)),
        )
    }

    fn address_of_listener(&self, name: &str, broker: usize) -> Result<String, Halt> {
        let mut listeners = self.facts.listeners.iter();
        let found = listeners.find(|listener| listener.name == name && listener.broker == broker);
        let none = || {
            Halt::Broken(format!(
                "broker {broker} has no listener {name}: the case says what it needs"
            ))
        };
        found.map(Listener::address).ok_or_else(none)
    }

    /// Which broker of the list stands at a place; None where there is nobody, or anybody will do.
    pub(super) async fn place_of(&self, place: &Place) -> Result<Option<usize>, Halt> {
        let id = match place {
            Place::Any => None,
            Place::Broker(index) | Place::Listener(_, index) if *index < self.facts.brokers.len().max(1) => {
                return Ok(Some(*index));
            }
            Place::Broker(index) | Place::Listener(_, index) => {
                return Err(Halt::Broken(format!("there is no broker {index}")));
            }
            Place::Leader(topic, partition) => self.leader(topic, *partition).await,
            Place::Follower(topic, partition) => self.follower(topic, *partition).await,
            Place::Preferred(topic, partition) => self.preferred(topic, *partition).await,
            Place::Coordinator(group) => self.coordinator(group, CoordinatorOf::Group).await,
            Place::TxnCoordinator(id) => self.coordinator(id, CoordinatorOf::Transaction).await,
        };
        let mut brokers = self.facts.brokers.iter();
        Ok(id.and_then(|id| brokers.position(|broker| i64::from(broker.id) == id)))
    }

    /// The first broker that is not down.
    fn first_address(&self) -> Result<String, Halt> {
        let brokers = &self.facts.brokers;
        let up = (0..brokers.len()).find(|index| !self.is_down(*index));
        let address = match up.filter(|_| brokers.len() > 1).map(|index| &brokers[index]) {
            Some(broker) => Some(format!("{}:{}", broker.host, broker.port)),
            None => self.facts.bootstrap.first().cloned(),
        };
        address.ok_or_else(|| Halt::Broken("a target without an address".to_owned()))
    }
}

/// The topics whose `$t.id` stands somewhere in the arguments.
fn topic_id_symbols(args: &Args) -> Vec<String> {
    fn walk(value: &Arg, found: &mut Vec<String>) {
        match value {
            Arg::Symbol(name) => found.extend(name.strip_suffix(".id").map(str::to_owned)),
            Arg::List(items) | Arg::Call(_, items) => items.iter().for_each(|item| walk(item, found)),
            Arg::Record(fields) => fields.iter().for_each(|(_, value)| walk(value, found)),
            Arg::Null | Arg::Word(_) | Arg::Text(_) | Arg::Number(_) | Arg::Bytes(_) | Arg::Uuid(_) => {}
        }
    }
    let mut found = Vec::new();
    args.positional
        .iter()
        .chain(args.named.iter().map(|(_, value)| value))
        .for_each(|value| walk(value, &mut found));
    found
}

/// Milliseconds since 1970.
fn clock_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}
