//! Remote procedure calls of the advanced profile, one module for each feature.
//!
//! The basic profile is tested in `rpc`, `call_cancellation`, `timeout` and `shared_registration`
//! beside this folder; the conservation laws in `conservation`.

mod call_all;
mod call_memory;
mod call_queue;
mod call_request_ids;
mod call_times;
mod callee_choice;
mod concurrency;
mod disclosure;
mod error_precedence;
mod fixture;
mod passthru;
mod progressive_calls;
mod progressive_results;
mod registration_events;
mod registration_meta;
mod rerouting;
mod revocation;
mod sticky_keys;
mod validation;
