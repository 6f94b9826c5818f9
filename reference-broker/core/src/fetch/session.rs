//! Incremental fetch sessions (KIP-227): a reader of many partitions sends only what changed and gets only what is new.
//!
//! As in Kafka the cache is split into shards that take turns; a full shard evicts who was long silent, then who is small and
//! old, and else makes no session at all.

use std::collections::{BTreeMap, HashMap};

use super::{FetchCommand, FetchOutcome, Fetched, Interest, Naming, PartitionKey};
use crate::mutant::{self, Mutant};
use crate::units::{Deadline, ErrorCode, Now, Offset, TopicName};

/// How many shards the cache has.
const SHARDS: usize = 8;
/// How many session ids belong to a shard.
const IDS_PER_SHARD: i32 = i32::MAX / SHARDS as i32;
/// After this silence a session may be evicted by any other.
const EVICTION_MS: i64 = 120_000;
/// All sessions together remember at most this many partitions; beyond it no session is made.
const MAX_PARTITIONS: usize = 300_000;

/// The sessions of one broker.
#[derive(Debug)]
pub struct Sessions {
    shards: Vec<HashMap<i32, Session>>,
    slots_per_shard: usize,
    next_shard: usize,
    partitions: usize,
}

#[derive(Debug)]
struct Session {
    naming: Naming,
    epoch: i32,
    created: Now,
    last_used: Now,
    order: BTreeMap<u64, Remembered>,
    places: HashMap<PartitionKey, u64>,
    next_place: u64,
}

/// A partition of a session: what was asked, what was last told.
#[derive(Debug, Clone)]
struct Remembered {
    key: PartitionKey,
    name: Option<TopicName>,
    interest: Interest,
    high_watermark: Offset,
    log_start: Offset,
}

/// One partition to be read.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// As the request names it.
    pub key: PartitionKey,
    /// Its topic's name, once known.
    pub name: Option<TopicName>,
    /// What is wanted of it.
    pub interest: Interest,
}

/// What kind of answer a request gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// All of it, and nothing is remembered.
    Sessionless,
    /// All of it, and a session begins.
    Full {
        /// How it names topics.
        naming: Naming,
        /// A random id.
        fresh_id: i32,
    },
    /// What is new.
    Incremental {
        /// The session.
        id: i32,
        /// Its epoch as the request begins to be answered.
        epoch: i32,
    },
}

impl Sessions {
    /// A cache of that many slots (`max.incremental.fetch.session.cache.slots`).
    pub fn new(slots: usize) -> Self {
        let shards = (0..SHARDS).map(|_| HashMap::new()).collect();
        Self {
            shards,
            slots_per_shard: slots / SHARDS,
            next_shard: 0,
            partitions: 0,
        }
    }

    /// Finds out what a request wants read. An error is one of the session, and the whole answer.
    pub fn begin(
        &mut self,
        command: &FetchCommand,
        resolve: &dyn Fn(&PartitionKey) -> Option<TopicName>,
        now: Now,
    ) -> Result<(Context, Vec<Wanted>), ErrorCode> {
        let request = command.session;
        if !matches!(request.epoch, 0 | -1) {
            return self.continued(command, resolve, now);
        }
        self.remove(request.id);
        let context = if request.epoch == -1 {
            Context::Sessionless
        } else {
            Context::Full {
                naming: command.naming,
                fresh_id: request.fresh_id,
            }
        };
        Ok((context, distinct(&command.partitions, resolve)))
    }

    /// Makes the answer, leaving out what the session's reader already knows.
    pub fn finish(
        &mut self,
        context: Context,
        interests: &[Wanted],
        partitions: Vec<Fetched>,
        now: Now,
    ) -> FetchOutcome {
        match context {
            Context::Sessionless => FetchOutcome {
                error: None,
                session_id: 0,
                partitions,
                leaders: Vec::new(),
            },
            Context::Full { naming, fresh_id } => {
                let session_id = self.make(naming, fresh_id, interests, &partitions, now);
                FetchOutcome {
                    error: None,
                    session_id,
                    partitions,
                    leaders: Vec::new(),
                }
            }
            Context::Incremental { id, epoch } => match self.shard_mut(id).get_mut(&id) {
                Some(session) if session.epoch == epoch => {
                    let partitions = session.news(partitions);
                    FetchOutcome {
                        error: None,
                        session_id: id,
                        partitions,
                        leaders: Vec::new(),
                    }
                }
                _ => {
                    let error = Some(ErrorCode::InvalidFetchSessionEpoch);
                    FetchOutcome {
                        error,
                        session_id: id,
                        partitions: Vec::new(),
                        leaders: Vec::new(),
                    }
                }
            },
        }
    }

    fn continued(
        &mut self,
        command: &FetchCommand,
        resolve: &dyn Fn(&PartitionKey) -> Option<TopicName>,
        now: Now,
    ) -> Result<(Context, Vec<Wanted>), ErrorCode> {
        let id = command.session.id;
        let session = self
            .shard_mut(id)
            .get_mut(&id)
            .ok_or(ErrorCode::FetchSessionIdNotFound)?;
        if session.epoch != command.session.epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if session.naming != command.naming {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        let before = session.order.len();
        session.update(command, resolve);
        let after = session.order.len();
        if after == 0 {
            self.partitions = (self.partitions + after).saturating_sub(before);
            self.remove(id);
            return Ok((Context::Sessionless, distinct(&command.partitions, resolve)));
        }
        session.last_used = now;
        session.epoch = next_epoch(session.epoch);
        let context = Context::Incremental {
            id,
            epoch: session.epoch,
        };
        let wanted = session.wanted(resolve);
        self.partitions = (self.partitions + after).saturating_sub(before);
        Ok((context, wanted))
    }

    fn make(&mut self, naming: Naming, fresh_id: i32, wanted: &[Wanted], told: &[Fetched], now: Now) -> i32 {
        let shard = self.next_shard;
        self.next_shard = (shard + 1) % SHARDS;
        let room = self.shards[shard].len() < self.slots_per_shard || self.evict(shard, told.len(), now);
        if !room || self.partitions + told.len() > MAX_PARTITIONS {
            return 0;
        }
        let id = self.unused_id(shard, fresh_id);
        let session = Session::new(naming, wanted, told, now);
        self.partitions += session.order.len();
        self.shards[shard].insert(id, session);
        id
    }

    fn evict(&mut self, shard: usize, size: usize, now: Now) -> bool {
        let sessions = &self.shards[shard];
        let silent = sessions.iter().min_by_key(|(id, session)| (session.last_used, **id));
        let victim = match silent {
            Some((id, session)) if session.last_used.plus_ms(EVICTION_MS) < due(now) => Some(*id),
            _ => sessions
                .iter()
                .filter(|(_, session)| session.created.plus_ms(EVICTION_MS) < due(session.last_used))
                .min_by_key(|(id, session)| (session.order.len(), **id))
                .filter(|(_, session)| size >= session.order.len())
                .map(|(id, _)| *id),
        };
        victim.is_some_and(|id| self.remove(id))
    }

    fn remove(&mut self, id: i32) -> bool {
        let removed = self.shard_mut(id).remove(&id);
        self.partitions -= removed.as_ref().map_or(0, |session| session.order.len());
        removed.is_some()
    }

    fn unused_id(&self, shard: usize, fresh: i32) -> i32 {
        let first = shard as i32 * IDS_PER_SHARD;
        let mut id = first + (fresh & i32::MAX) % IDS_PER_SHARD;
        while id == 0 || self.shards[shard].contains_key(&id) {
            id = first + (id - first + 1) % IDS_PER_SHARD;
        }
        id
    }

    fn shard_mut(&mut self, id: i32) -> &mut HashMap<i32, Session> {
        let shard = usize::try_from(id / IDS_PER_SHARD).unwrap_or(0).min(SHARDS - 1);
        &mut self.shards[shard]
    }
}

impl Session {
    fn new(naming: Naming, wanted: &[Wanted], told: &[Fetched], now: Now) -> Self {
        let mut session = Self {
            naming,
            epoch: 1,
            created: now,
            last_used: now,
            order: BTreeMap::new(),
            places: HashMap::new(),
            next_place: 0,
        };
        let interests: HashMap<&PartitionKey, Interest> =
            wanted.iter().map(|wanted| (&wanted.key, wanted.interest)).collect();
        for told in told {
            if let Some(interest) = interests.get(&told.key) {
                session.add(Remembered {
                    key: told.key.clone(),
                    name: told.name.clone(),
                    interest: *interest,
                    high_watermark: told.high_watermark,
                    log_start: told.log_start,
                });
            }
        }
        session
    }

    fn add(&mut self, remembered: Remembered) {
        self.places.insert(remembered.key.clone(), self.next_place);
        self.order.insert(self.next_place, remembered);
        self.next_place += 1;
    }

    fn update(&mut self, command: &FetchCommand, resolve: &dyn Fn(&PartitionKey) -> Option<TopicName>) {
        for (key, interest) in &command.partitions {
            let known = self.places.get(key).and_then(|place| self.order.get_mut(place));
            match known {
                Some(remembered) if mutant::on(Mutant::FetchSessionStale) => {
                    remembered.interest = Interest {
                        offset: remembered.interest.offset,
                        ..*interest
                    };
                }
                Some(remembered) => remembered.interest = *interest,
                None => self.add(Remembered {
                    key: key.clone(),
                    name: resolve(key),
                    interest: *interest,
                    high_watermark: Offset(-1),
                    log_start: Offset(-1),
                }),
            }
        }
        for key in &command.forgotten {
            if let Some(place) = self.places.remove(key) {
                self.order.remove(&place);
            }
        }
    }

    fn wanted(&mut self, resolve: &dyn Fn(&PartitionKey) -> Option<TopicName>) -> Vec<Wanted> {
        let remembered = self.order.values_mut();
        remembered
            .map(|remembered| {
                if remembered.name.is_none() {
                    remembered.name = resolve(&remembered.key);
                }
                let Remembered {
                    key, name, interest, ..
                } = remembered;
                Wanted {
                    key: key.clone(),
                    name: name.clone(),
                    interest: *interest,
                }
            })
            .collect()
    }

    /// What the reader does not know yet; a partition that gave records goes to the end of the line.
    fn news(&mut self, partitions: Vec<Fetched>) -> Vec<Fetched> {
        let mut news = Vec::new();
        for fetched in partitions {
            let Some(place) = self.places.get(&fetched.key).copied() else {
                continue;
            };
            let Some(remembered) = self.order.get_mut(&place) else {
                continue;
            };
            if !remembered.is_told_by(&fetched) {
                continue;
            }
            if fetched.size() > 0
                && let Some(remembered) = self.order.remove(&place)
            {
                self.add(remembered);
            }
            news.push(fetched);
        }
        news
    }
}

impl Remembered {
    /// Takes note of an answer; true when it says anything new.
    fn is_told_by(&mut self, fetched: &Fetched) -> bool {
        let news = fetched.size() > 0
            || fetched.high_watermark != self.high_watermark
            || fetched.log_start != self.log_start
            || fetched.error.is_some()
            || fetched.diverging.is_some()
            || fetched.preferred.is_some();
        // After an error the next good answer counts as news.
        self.high_watermark = if fetched.error.is_some() {
            Offset(-1)
        } else {
            fetched.high_watermark
        };
        self.log_start = fetched.log_start;
        news
    }
}

/// One entry a partition, the last word of the request about it in the place of the first.
fn distinct(
    partitions: &[(PartitionKey, Interest)],
    resolve: &dyn Fn(&PartitionKey) -> Option<TopicName>,
) -> Vec<Wanted> {
    let mut places = HashMap::with_capacity(partitions.len());
    let mut wanted: Vec<Wanted> = Vec::with_capacity(partitions.len());
    for (key, interest) in partitions {
        match places.get(key) {
            Some(place) => wanted[*place as usize].interest = *interest,
            None => {
                places.insert(key, wanted.len() as u64);
                wanted.push(Wanted {
                    key: key.clone(),
                    name: resolve(key),
                    interest: *interest,
                });
            }
        }
    }
    wanted
}

fn next_epoch(epoch: i32) -> i32 {
    if epoch == i32::MAX { 1 } else { epoch + 1 }
}

fn due(now: Now) -> Deadline {
    Deadline(now.monotonic_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::{Reader, SessionRequest};
    use crate::units::LeaderEpoch;

    fn begin(sessions: &mut Sessions, partitions: i32, now_ms: i64) -> i32 {
        let interest = Interest {
            offset: Offset(0),
            max_bytes: 1,
            leader_epoch: LeaderEpoch(-1),
            last_fetched_epoch: LeaderEpoch(-1),
            served: crate::fetch::Served::ByLeader,
            log_start: Offset(-1),
            high_watermark: Interest::ANY_HIGH_WATERMARK,
        };
        let key = |partition| PartitionKey {
            topic: crate::fetch::TopicKey::Name("t".into()),
            partition,
        };
        let command = FetchCommand {
            session: SessionRequest {
                id: 0,
                epoch: 0,
                fresh_id: 5,
            },
            naming: Naming::Names,
            reader: Reader::Uncommitted,
            rack: None,
            max_wait_ms: 0,
            min_bytes: 0,
            max_bytes: 1,
            partitions: (0..partitions).map(|partition| (key(partition), interest)).collect(),
            forgotten: Vec::new(),
        };
        let now = Now {
            unix_ms: 0,
            monotonic_ms: now_ms,
        };
        let (context, wanted) = sessions.begin(&command, &|_| None, now).expect("a new session");
        let told = wanted
            .iter()
            .map(|wanted| Fetched::failed(wanted.key.clone(), None, ErrorCode::UnknownTopicId));
        let told = told.collect();
        sessions.finish(context, &wanted, told, now).session_id
    }

    #[test]
    fn a_full_cache_makes_no_session_until_one_is_stale() {
        let mut sessions = Sessions::new(SHARDS);
        let ids: Vec<i32> = (0..SHARDS).map(|_| begin(&mut sessions, 2, 0)).collect();
        assert!(ids.iter().all(|id| *id > 0) && ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(begin(&mut sessions, 2, EVICTION_MS), 0);
        (0..SHARDS - 1).for_each(|_| assert_eq!(begin(&mut sessions, 2, EVICTION_MS), 0));
        assert!(begin(&mut sessions, 2, EVICTION_MS + 1) > 0);
        assert_eq!(sessions.partitions, 2 * SHARDS);
    }

    #[test]
    fn too_few_slots_for_every_shard_are_none_at_all() {
        assert_eq!(begin(&mut Sessions::new(SHARDS - 1), 1, 0), 0);
    }
}
