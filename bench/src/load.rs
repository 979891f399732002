//! The load generator `cloverleaf-bench`: many WAMP sessions on one thread, and what they found.
//!
//! It shares the protocol's codecs and frames (`cloverleaf-wamp`) with the router and nothing
//! else: no client library and no runtime, so that it is independent of what it measures and
//! cheaper than it. One thread waits for all sockets; what one read brought is answered with one
//! write; a message costs no task, no queue and no allocation.
//!
//! | room | what it is for |
//! |---|---|
//! | [`command`] | the command line |
//! | [`modes`] | which sessions a mode needs, and what it tells |
//! | [`target`] | where a router listens and how it is spoken to |
//! | [`connections`] | sockets, and the turns in which they are read and written |
//! | [`input`], [`output`] | the two directions of a connection |
//! | [`reading`], [`writing`] | the messages of the load |
//! | [`opening`] | sessions, and the requests that prepare them |
//! | [`course`] | warm-up, measurement and end of a load |
//! | [`rpc`], [`fanout`], [`storm`], [`idle`], [`churn`] | the loads, one for each mode |
//! | [`in_flight`], [`joining`] | what several loads have in common |
//! | [`histogram`], [`tally`], [`process`], [`report`] | what is counted and told |

pub mod churn;
pub mod command;
pub mod connections;
pub mod course;
pub mod fanout;
pub mod histogram;
pub mod idle;
pub mod in_flight;
pub mod input;
pub mod joining;
pub mod modes;
pub mod opening;
pub mod output;
pub mod process;
pub mod reading;
pub mod report;
pub mod rpc;
pub mod storm;
pub mod tally;
pub mod target;
pub mod writing;
