//! One fault: which requests meet it, what is done to them, and how often.

use std::time::Duration;

use kafka_fixtures::schema::Schemas;

use super::Act;
use super::act::Moment;
use super::refusal;

/// A fault that requests of one API meet.
///
/// ```
/// use reference_broker::Fault;
/// let fault = Fault::error("Produce", "NOT_LEADER_OR_FOLLOWER")?.times(2);
/// # Ok::<(), reference_broker::FaultError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub(super) key: i16,
    pub(super) client_id: Option<String>,
    pub(super) side: Option<Side>,
    pub(super) act: Act,
    pub(super) when: When,
}

/// Who sends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// A client.
    Clients,
    /// A broker, or a controller.
    Brokers,
}

/// How often a fault acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Until it is taken back.
    Always,
    /// So many times.
    Times(u32),
    /// Once, on the request of this number, counted from 1 when the fault is set.
    Nth(u32),
    /// Until a request of this API key is seen, whoever sends it.
    Until(i16),
}

/// Why there is no such fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// Nobody knows the API.
    #[error("'{0}' is no API that is served here; say its name, such as Produce, or its key")]
    Api(String),
    /// Nobody knows the error.
    #[error("'{0}' is no error; say Kafka's name, such as NOT_LEADER_OR_FOLLOWER, or a number other than 0")]
    Error(String),
    /// Kafka itself has no place for one error in such an answer, or this broker does not know it.
    #[error("{0} cannot be answered with an error here; drop, close or delay it")]
    Unanswerable(&'static str),
    /// It takes the place of an answer, so there is none that it could wait for.
    #[error("an error takes the place of the answer as it is; it has no moment of its own")]
    NoMoment,
    /// The count would let it never act.
    #[error("a count begins at 1")]
    Zero,
    /// It would end with the first request that it meets.
    #[error("until {0} ends with the first request that would meet it; say until another API")]
    UntilItself(&'static str),
    /// Nobody waits so long.
    #[error("{0:?} is too long; at most {1:?}")]
    TooLong(Duration, Duration),
    /// Nobody is there to stand still.
    #[error("the broker does not run")]
    Down,
    /// It has something else to do, such as to wait for a slow disk.
    #[error("the broker has not come to stand still within {0:?}; it goes on")]
    Busy(Duration),
    /// More than anyone sets on purpose.
    #[error("{0} faults are set already; clear some")]
    TooMany(usize),
}

impl Fault {
    fn new(api: &str, act: Act) -> Result<Self, FaultError> {
        Ok(Self {
            key: key_of(api)?,
            client_id: None,
            side: None,
            act,
            when: When::Always,
        })
    }

    /// Requests of an API, by Kafka's name or key, go on after this time.
    ///
    /// # Errors
    /// No such API, or too long a time.
    pub fn delay(api: &str, by: Duration) -> Result<Self, FaultError> {
        Self::new(api, Act::delay(by)?)
    }

    /// They are never answered.
    ///
    /// # Errors
    /// No such API.
    pub fn drop(api: &str) -> Result<Self, FaultError> {
        Self::new(api, Act::Drop(Moment::Request))
    }

    /// Their connection is closed.
    ///
    /// # Errors
    /// No such API.
    pub fn close(api: &str) -> Result<Self, FaultError> {
        Self::new(api, Act::Close(Moment::Request))
    }

    /// They are answered with this error, by Kafka's name or number, and not carried out.
    ///
    /// # Errors
    /// No such API or error, or the API has no place for it.
    pub fn error(api: &str, error: &str) -> Result<Self, FaultError> {
        let fault = Self::new(api, Act::error(error)?)?;
        match refusal::is_answerable(fault.key) {
            true => Ok(fault),
            false => Err(FaultError::Unanswerable(name_of(fault.key))),
        }
    }

    /// Kafka's key of the API.
    pub fn key(&self) -> i16 {
        self.key
    }

    /// The client id of the only requests that meet it, if there is one.
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// The side of the only requests that meet it, if there is one.
    pub fn side(&self) -> Option<Side> {
        self.side
    }

    /// What is done.
    pub fn act(&self) -> Act {
        self.act
    }

    /// How often.
    pub fn when(&self) -> When {
        self.when
    }

    /// The same once the request was carried out, when its answer is about to leave.
    ///
    /// # Errors
    /// It is an error, which is answered instead.
    pub fn at_answer(self) -> Result<Self, FaultError> {
        Ok(Self {
            act: self.act.at_answer()?,
            ..self
        })
    }

    /// Only for requests with this client id.
    #[must_use]
    pub fn of_client(self, client_id: &str) -> Self {
        Self {
            client_id: Some(client_id.to_owned()),
            ..self
        }
    }

    /// Only for requests from this side.
    #[must_use]
    pub fn from(self, side: Side) -> Self {
        Self {
            side: Some(side),
            ..self
        }
    }

    /// Once, on the next request.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// So many times; never for 0.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self {
            when: When::Times(times),
            ..self
        }
    }

    /// Once, on the request of this number, counted from 1.
    #[must_use]
    pub fn nth(self, nth: u32) -> Self {
        Self {
            when: When::Nth(nth),
            ..self
        }
    }

    /// Until a request of that API is seen, by Kafka's name or key.
    ///
    /// # Errors
    /// No such API, or the one that it is about.
    pub fn until(self, api: &str) -> Result<Self, FaultError> {
        match key_of(api)? {
            key if key == self.key => Err(FaultError::UntilItself(name_of(key))),
            key => Ok(Self {
                when: When::Until(key),
                ..self
            }),
        }
    }

    /// Could it ever act?
    pub(super) fn check(self) -> Result<Self, FaultError> {
        match self.when {
            When::Times(0) | When::Nth(0) => Err(FaultError::Zero),
            When::Always | When::Times(_) | When::Nth(_) | When::Until(_) => Ok(self),
        }
    }
}

/// The key of an API that some listener serves.
fn key_of(api: &str) -> Result<i16, FaultError> {
    let key = api.parse().ok().or_else(|| Schemas::latest().api_key(api));
    key.filter(|key| crate::api::is_served(*key))
        .ok_or_else(|| FaultError::Api(api.to_owned()))
}

/// Kafka's name of an API.
pub(crate) fn name_of(key: i16) -> &'static str {
    Schemas::latest().api_name(key).unwrap_or("?")
}
