//! The load generator `cloverleaf-bench`: many WAMP sessions on one thread, with their figures.
//!
//! It shares only the codecs and frames of the protocol (`cloverleaf-wamp`) with the router. It has
//! no client library and no runtime, so it is independent of the measured code and cheaper. One
//! thread waits for all sockets. One write answers all messages of one read. A message needs no
//! task, no queue and no allocation.
//!
//! | module | purpose |
//! |---|---|
//! | [`command`], `options` | the command line |
//! | [`modes`] | the sessions and the report of each mode |
//! | [`target`] | the address and the format of a router |
//! | [`connections`] | sockets, read and written in turns |
//! | [`input`], [`output`] | the two directions of a connection |
//! | [`reading`], [`writing`] | the messages of the load |
//! | [`opening`] | sessions, and the requests that prepare them |
//! | [`course`] | warm-up, measurement and end of a load |
//! | [`rpc`], [`fanout`], [`storm`], [`idle`], [`churn`] | the loads, one for each mode |
//! | [`in_flight`], [`joining`] | shared by several loads |
//! | [`histogram`], [`tally`], [`usage`], [`process`] | figures |
//! | [`progress`], [`report`] | their output |

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
mod options;
pub mod output;
pub mod process;
pub mod progress;
pub mod reading;
pub mod report;
pub mod rpc;
pub mod storm;
pub mod tally;
pub mod target;
pub mod usage;
pub mod writing;
