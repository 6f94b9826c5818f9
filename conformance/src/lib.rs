//! The conformance suite: it drives a broker and a real Apache Kafka with the same cases and compares what they answer.
//!
//! Read in this order: [`case`] (a text file becomes steps), [`step`] (what a step does), [`driver`] (who speaks to the
//! broker), [`observe`] (an answer becomes canonical lines), [`run`] (cases × versions become a stream of events). What the
//! answers are compared with comes from [`oracle`]; whom they are asked of, from [`target`]; [`report`] only shows.

pub mod case;
pub mod check;
pub mod cli;
pub mod deliver;
pub mod driver;
pub mod fault;
mod held;
pub mod history;
pub mod observe;
pub mod oracle;
pub mod profile;
pub mod record;
pub mod records;
pub mod report;
pub mod run;
pub mod step;
pub mod target;
pub mod verdict;
pub mod workload;
