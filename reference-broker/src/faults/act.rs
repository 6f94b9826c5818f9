//! What is done to a request, or to its answer.

use std::time::Duration;

use super::FaultError;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It goes on after this time.
    Delay(Moment, Duration),
    /// It is never answered. The connection stays, and its next request is served.
    Drop(Moment),
    /// The connection is closed.
    Close(Moment),
    /// It is not carried out, and answered with this error code at each place where Kafka would put it.
    Error(i16),
}

/// When in a request's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// As it came: it is not carried out, or not yet.
    Request,
    /// It was carried out, and its answer is about to leave.
    Answer,
}

/// No longer than anyone would wait.
const LONGEST: Duration = Duration::from_secs(600);

impl Act {
    /// The error code of a number, or of Kafka's name for it.
    pub(super) fn error(error: &str) -> Result<Self, FaultError> {
        let code = error.parse().ok().or_else(|| code_of(error));
        match code {
            None | Some(0) => Err(FaultError::Error(error.to_owned())),
            Some(code) => Ok(Self::Error(code)),
        }
    }

    pub(super) fn delay(by: Duration) -> Result<Self, FaultError> {
        if by > LONGEST {
            return Err(FaultError::TooLong(by, LONGEST));
        }
        Ok(Self::Delay(Moment::Request, by))
    }

    /// The same when the answer is about to leave.
    pub(super) fn at_answer(self) -> Result<Self, FaultError> {
        match self {
            Self::Delay(_, by) => Ok(Self::Delay(Moment::Answer, by)),
            Self::Drop(_) => Ok(Self::Drop(Moment::Answer)),
            Self::Close(_) => Ok(Self::Close(Moment::Answer)),
            Self::Error(_) => Err(FaultError::NoMoment),
        }
    }

    /// Kafka's name for an error code; the number where it has none.
    pub(crate) fn error_name(code: i16) -> String {
        let known = broker_core::units::ErrorCode::try_from_code(code);
        known.map_or_else(|| code.to_string(), |error| screaming(&format!("{error:?}")))
    }
}

fn code_of(name: &str) -> Option<i16> {
    let known = |code: &i16| broker_core::units::ErrorCode::try_from_code(*code).is_some();
    (-1..=i16::from(u8::MAX))
        .filter(known)
        .find(|code| Act::error_name(*code) == name)
}

/// `NotLeaderOrFollower` as Kafka writes it: `NOT_LEADER_OR_FOLLOWER`.
fn screaming(name: &str) -> String {
    let mut screaming = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !screaming.is_empty() {
            screaming.push('_');
        }
        screaming.push(letter.to_ascii_uppercase());
    }
    screaming
}

#[cfg(test)]
mod tests {
    use super::Act;

    #[test]
    fn an_error_is_named_as_kafka_names_it_or_by_its_number() {
        for (text, code) in [
            ("NOT_LEADER_OR_FOLLOWER", 6),
            ("UNKNOWN_SERVER_ERROR", -1),
            ("4711", 4711),
            ("-1", -1),
        ] {
            assert_eq!(Act::error(text), Ok(Act::Error(code)), "{text}");
        }
        for text in ["", "0", "NONE", "NotLeaderOrFollower", "99999", "-32769"] {
            assert!(Act::error(text).is_err(), "{text}");
        }
    }
}
