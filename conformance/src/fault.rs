//! What is done to a target while a load runs: killed, paused, cut off. All of it is planned from a seed; what a target does not
//! let us do to its processes is left out, and connections are in our hands anywhere: clients come through proxies.

mod frame;
mod generations;
mod inject;
mod plan;
mod proxy;
mod rewrite;
mod session;

pub use generations::Generations;
pub use inject::{Kind, inject};
pub use plan::{Fault, Planned, Side, schedule};
pub use proxy::Proxies;
