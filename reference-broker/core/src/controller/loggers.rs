//! The loggers of this process, as far as there are any: one, `root`. Their levels live as long as the process.

use super::Refusal;
use super::configs::{Op, Operation};
use crate::units::ErrorCode;

const LEVELS: [&str; 6] = ["DEBUG", "ERROR", "FATAL", "INFO", "TRACE", "WARN"];

/// The level of the root logger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loggers {
    root: String,
}

impl Default for Loggers {
    fn default() -> Self {
        Self { root: "INFO".into() }
    }
}

impl Loggers {
    /// Every logger with its level.
    pub fn levels(&self) -> [(&str, &str); 1] {
        [("root", &self.root)]
    }

    /// What the levels would be.
    pub fn altered(&self, operations: &[Operation]) -> Result<Self, Refusal> {
        let mut next = self.clone();
        for operation in operations {
            let invalid = |why: String| Err(Refusal::new(ErrorCode::InvalidRequest, why));
            let refuse = |why: String| Err(Refusal::new(ErrorCode::InvalidConfig, why));
            let (name, level) = (&operation.name, operation.value.as_deref().unwrap_or_default());
            match operation.op {
                Op::Append | Op::Subtract => {
                    let word = operation.op.word();
                    return invalid(format!(
                        "{word} operation is not allowed for the BROKER_LOGGER resource"
                    ));
                }
                Op::Set | Op::Delete if name != "root" => return refuse(format!("Logger {name} does not exist!")),
                Op::Delete => return invalid("Removing the log level of the root logger is not allowed".into()),
                Op::Set if LEVELS.contains(&level) => next.root = level.into(),
                Op::Set => {
                    let valid = LEVELS.join(", ");
                    return refuse(format!(
                        "Cannot set the log level of {name} to {level} as it is not a supported log level. Valid log levels are {valid}"
                    ));
                }
            }
        }
        Ok(next)
    }
}
