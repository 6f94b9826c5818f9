//! An answer becomes canonical lines: what may vary between two right answers is named instead of shown, the rest stands
//! as it came. It asks nothing and judges nothing.

mod compare;
mod errors;
mod files;
mod normalise;
mod print;
mod project;
mod records;
mod symbols;

pub use compare::{compare, same};
pub use errors::{error_code, error_name};
pub use files::{Records, file_lines};
pub(crate) use normalise::{ITS_OWN, is_of_the_place};
pub use print::lines_of;
pub use project::project;
pub use records::{batch_lines, record_lines};
pub use symbols::{BrokerSeen, Symbols, bytes_text, quote};
