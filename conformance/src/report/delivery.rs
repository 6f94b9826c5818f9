//! What became of a delivery: the judgement on a history, for people and for CI servers.

mod junit;
mod text;

pub use junit::junit as delivery_junit;
pub use text::text as delivery_text;
