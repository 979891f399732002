//! The advanced profile's remote procedure calls, a story for each feature.
//!
//! What the basic profile says is told in `rpc`, `canceling`, `timeout`, `shared_registration`
//! beside this folder; what holds whatever happens, in `conservation`.

mod call_numbers;
mod call_queue;
mod call_times;
mod calling_all;
mod choosing;
mod concurrency;
mod disclosure;
mod held_calls;
mod keeping_keys;
mod passthru;
mod progressive_calls;
mod progressive_results;
mod registration_events;
mod registration_meta;
mod rerouting;
mod revocation;
mod stage;
mod validation;
mod which_error;
